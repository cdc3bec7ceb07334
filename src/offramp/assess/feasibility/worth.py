"""Is it better to stay? By its costs where they are known, else by being too small to pay for a network of its own."""

from __future__ import annotations

from collections.abc import Iterator

from ...discover import ties
from ...discover.model import App
from .kinds import Case, Kind, Rule
from .model import Finding, Severity, Source, Steps, Subject

DEARER = Kind(
    "dearer-on-aws", Subject.WORTH, Severity.KNOW, "A bill that would be higher on AWS",
    "What a wave needs at the least (a load balancer, a NAT gateway, a database instance) costs more than all of it does on Heroku.",
    Source("offramp assess: the cost part, with its price book's date", "2026-11"),
)  # fmt: skip
SMALL = Kind(
    "too-small-to-move", Subject.WORTH, Severity.KNOW, "Too small to be worth a move of its own",
    "A load balancer and a NAT gateway alone cost about $50 a month, before the first task and database. Together with larger apps, which "
    "pay for these anyway, it may still be worth it.",
    Source("AWS price list, us-east-1: ALB $16.43 and NAT gateway $32.85 for 730 h; Heroku's plans", "2026-11"),
)  # fmt: skip
KINDS = (DEARER, SMALL)
STAY = (DEARER.key, SMALL.key)
"""Findings that say: it could move, but it should not."""

_SMALL_SIZES = ("eco", "basic")
_SMALL_PLANS = (":essential-0", ":essential-1", ":mini", ":basic", ":hobby-dev", ":hobby-basic")


def costs(case: Case) -> Iterator[Finding]:
    """By the cost part's figures, for the waves that it names."""
    groups = ties.groups(case.estate)
    for hint in case.cost:
        group = next((group for group in groups if ties.name(group, len(groups)) == hint.wave), None)
        if group and hint.aws_cents > hint.heroku_cents:
            yield DEARER.found(
                group,
                [hint.wave],
                [f"{hint.wave}: ${hint.heroku_cents / 100:,.0f} a month on Heroku, ${hint.aws_cents / 100:,.0f} in the cheapest design on AWS "
                 "that fits it."],
                Steps(("Stay, unless it is for something else than the bill.",)),
            )  # fmt: skip


def small(case: Case) -> Iterator[Finding]:
    """Waves of nothing but Eco and Basic dynos and the smallest data plans; not where costs are known, and not beside larger apps."""
    if case.cost:
        return
    groups = ties.groups(case.estate)
    tiny = [group for group in groups if all(_tiny(case, case.estate.app(name)) for name in group)]
    # Where something larger moves, it pays for load balancer and NAT gateway, and the small ones may come along.
    for group in tiny if len(tiny) == len(groups) else ():
        yield SMALL.found(
            group,
            group,
            [f"{name}: {_dynos(case.estate.app(name))}." for name in group],
            Steps(("Stay on Heroku as long as it is offered; see the cost part for figures.",)),
        )


def _tiny(case: Case, app: App) -> bool:
    running = [process for process in app.processes if process.quantity]
    plans = [database.plan for database in case.estate.databases if database.app == app.name]
    plans += [cache.plan for cache in case.estate.caches if cache.app == app.name]
    return (
        bool(running)
        and sum(process.quantity for process in running) <= 3
        and all(process.size.casefold() in _SMALL_SIZES for process in running)
        and all(plan.endswith(_SMALL_PLANS) for plan in plans)
    )


def _dynos(app: App) -> str:
    return ", ".join(
        f"{process.quantity} x {process.size} ({process.type})" for process in app.processes if process.quantity
    )


RULES: tuple[Rule, ...] = (costs, small)
