"""May Heroku go, and what is left to switch off? In this order: writers, backup, our objects, add-ons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ..design.model import Blueprint
from ..engine.stage import Decisions
from ..engine.verdict import Ask, Do, Fact, Finding, Met, Refuse, Verdict
from .model import Deed, DeleteAddon, RemoveCapture, ScaleToZero, Seen, TakeBackup


def judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    approved = decisions.get("retire") == "approve"
    permission = _permission(seen, approved)
    findings: list[Finding[Deed]] = [Finding("retire/decision", permission)]
    if approved and isinstance(permission, Met):
        findings.extend(_farewell(want, seen))
    return tuple(findings)


def _permission(seen: Seen, approved: bool) -> Verdict[Deed]:
    behind = [left.plan.name for left in seen.databases if left.primary == "heroku"]
    if behind:
        return Refuse(
            f"Heroku is still primary for {', '.join(behind)}",
            hint="Run `offramp cutover WAVE` first; retiring now would lose it.",
        )
    if seen.heroku_share:
        return Refuse(
            f"DNS still sends {seen.heroku_share} % of the traffic to Heroku",
            hint="Run `offramp run --until shift` first.",
        )
    if not approved:
        return Ask("retire", "AWS serves all traffic and holds all data; after this there is no way back to Heroku")
    return Met("it was decided to let go of Heroku")


def _farewell(want: Blueprint, seen: Seen) -> Iterator[Finding[Deed]]:
    yield Finding("retire/dynos", _dynos(seen))
    yield Finding("retire/backup", _backup(seen))
    yield Finding("retire/capture", _capture(want, seen), _left(seen))
    yield Finding("retire/addons", _addons(seen), _left(seen))


def _left(seen: Seen) -> tuple[tuple[str, Fact], ...]:
    return (
        ("dynos", sum(quantity for _, _, quantity in seen.running)),
        ("addons", len(seen.addons)),
        ("capture_objects", sum(len(left.on_heroku) + len(left.on_aws) for left in seen.databases)),
        ("monthly_cents", seen.monthly_cents),
    )


def _dynos(seen: Seen) -> Verdict[Deed]:
    if not seen.running:
        return Met("no dyno runs")
    deeds = tuple(
        ScaleToZero(app, tuple(process for _, process, _ in rows))
        for app, rows in groupby(sorted(seen.running), key=lambda row: row[0])
    )
    return Do(deeds, because="dynos still run, and nothing sends them traffic")


def _backup(seen: Seen) -> Verdict[Deed]:
    bare = tuple(left for left in seen.databases if left.heroku and not left.backed_up)
    if not bare:
        return Met("every database has a last backup")
    return Do(tuple(TakeBackup(left.plan) for left in bare), because="a last backup is cheaper than a regret")


def _capture(want: Blueprint, seen: Seen) -> Verdict[Deed]:
    marked = tuple(left for left in seen.databases if left.on_heroku or left.on_aws)
    if not marked:
        return Met("no object of ours is left in any database")
    count = sum(len(left.on_heroku) + len(left.on_aws) for left in marked)
    return Do(
        tuple(RemoveCapture(left.plan, want.name) for left in marked), because=f"{count} objects of ours are left"
    )


def _addons(seen: Seen) -> Verdict[Deed]:
    if not seen.addons:
        return Met("no add-on is left")
    cost = f"{seen.monthly_cents / 100:,.2f} USD a month"
    return Do(
        tuple(DeleteAddon(addon) for addon in seen.addons), because=f"{len(seen.addons)} add-ons still cost {cost}"
    )
