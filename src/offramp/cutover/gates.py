"""What must be true before a switch, what is each of it now, and did the switch do harm?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..design.model import CutoverPlan
from ..replicate.model import LinkProgress
from .model import DatabaseSeen, Health, WaveSeen

# So few requests say nothing about errors.
REQUESTS_TO_JUDGE = 50
LEAST_FREE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of a switch with its present value; ``shut`` says in one sentence why it may not begin, or is empty."""

    name: str
    shows: str
    shut: str = ""


def gates(wave: WaveSeen, plan: CutoverPlan) -> tuple[Gate, ...]:
    """Return everything that a switch depends on, with its present value."""
    return (
        Gate("pooler", "answers") if wave.pooler_reachable else Gate("pooler", "silent", "the pooler does not answer"),
        *(gate for database in wave.databases for gate in _database_gates(database, plan)),
        # Requests that fail on AWS, a full disk or a missing index there, must never keep anybody from going back.
        *(gate for gate in _aws_gates(wave, plan) if wave.primary == "heroku"),
    )


def shut(found: Iterable[Gate]) -> tuple[str, ...]:
    """Return what still stands in the way, one sentence each; empty when a switch may begin."""
    return tuple(gate.shut for gate in found if gate.shut)


def _database_gates(database: DatabaseSeen, plan: CutoverPlan) -> Iterable[Gate]:
    name, progress = database.name, database.progress
    if progress is None or progress.phase != "live":
        yield Gate(f"{name} link", progress.phase if progress else "none", f"the link of {name} is not live")
    elif progress.beat_age_seconds > 5:
        because = f"the link of {name} has not reported for {progress.beat_age_seconds:.0f} s"
        yield Gate(f"{name} link", "silent", because)
    elif not database.runner:
        # A link that was just armed is live before anybody runs it, and would keep a hold waiting for its start.
        yield Gate(f"{name} link", "not running", f"nobody runs the link of {name} yet")
    else:
        yield Gate(f"{name} link", "live")
        yield from _progress_gates(name, progress, plan)
    waits = f"{database.longest} keeps a transaction open" if database.longest_seconds > plan.patience_seconds else ""
    yield Gate(f"{name} longest transaction", f"{database.longest_seconds:.1f} s, at most {plan.patience_seconds:g}",
               f"on {name}, {waits}" if waits else "")  # fmt: skip


def _progress_gates(name: str, progress: LinkProgress, plan: CutoverPlan) -> Iterable[Gate]:
    behind = f"{progress.lag_seconds:.1f} s"
    late = progress.lag_seconds > plan.max_lag_seconds
    yield Gate(f"{name} lag", f"{behind}, at most {plan.max_lag_seconds:g}",
               f"{name} is {behind} behind (at most {plan.max_lag_seconds:g})" if late else "")  # fmt: skip
    share = f"{progress.verified_share:.0%}"
    yield Gate(f"{name} verified", f"{share}, the oldest part {progress.verified_age_seconds:.0f} s ago",
               f"{name} is verified to {share} only" if progress.verified_share < 1 else "")  # fmt: skip
    if progress.held:
        yield Gate(f"{name} tables", f"{len(progress.held)} held", f"{name} is held: {progress.held[0]}")


def _aws_gates(wave: WaveSeen, plan: CutoverPlan) -> Iterable[Gate]:
    for database in wave.databases:
        if database.progress and (missing := database.progress.unfinished):
            # A link that ends now would leave them without it for good.
            because = f"{missing} tables of {database.name} on AWS still miss a constraint or an index that they have on Heroku"
            yield Gate(f"{database.name} schema", f"{missing} tables to be completed", because)
        if database.free_share is not None:
            full = database.free_share < LEAST_FREE_SHARE
            yield Gate(
                f"{database.name} free disk",
                f"{database.free_share:.0%}, at least {LEAST_FREE_SHARE:.0%}",
                f"only {database.free_share:.0%} of the storage of {database.name} on AWS is free" if full else "",
            )
        if database.sessions:
            yield Gate(f"{database.name} sessions", "; ".join(database.sessions))
    running = ", ".join(wave.heroku_jobs)
    yield Gate("jobs", running or "none on Heroku",
               f"jobs would run on both sides: {running} still runs on Heroku" if running else "")  # fmt: skip
    if (health := wave.health) is None:
        return
    bad = health.requests >= REQUESTS_TO_JUDGE and health.error_share > plan.max_error_share
    counts = f"{health.errors} of {health.requests} requests failed"
    yield Gate("error rate", f"{counts}, at most {plan.max_error_share:.1%}",
               f"{counts} in the last minutes, more than {plan.max_error_share:.1%}" if bad else "")  # fmt: skip


def breach(health: Health | None, plan: CutoverPlan) -> str:
    """Return what is worse since the switch than it may be, in one sentence; empty when all is well or nothing is known yet."""
    if health is None or health.requests < REQUESTS_TO_JUDGE:
        return ""
    if health.error_share > plan.max_error_share:
        return f"{health.errors} of {health.requests} requests ({health.error_share:.1%}) failed since the switch"
    if health.p99_ms and health.before_p99_ms and health.p99_ms > health.before_p99_ms * plan.max_slowdown:
        return f"p99 is {health.p99_ms:.0f} ms since the switch, {health.before_p99_ms:.0f} ms before it"
    return ""
