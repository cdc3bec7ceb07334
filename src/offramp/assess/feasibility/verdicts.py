"""May each app and each wave move, by what the rules find? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...discover import ties
from ...discover.model import Estate
from . import rules, worth
from .kinds import Case
from .model import Answer, Feasibility, Finding, Severity, Verdict, worst_first
from .readings import CostHint, Preflight, Readings


def judge(
    estate: Estate, preflights: tuple[Preflight, ...], readings: Readings, cost_hint: tuple[CostHint, ...] | None = None
) -> Feasibility:
    """Return what stands in the way of a move and what is worth knowing, with a verdict for every app and every wave.

    What was not looked at is said in ``unseen``: without a preflight, logs or source files, the rules that need them are silent.
    """
    case = Case(estate, preflights, readings, cost_hint or ())
    findings = worst_first(finding for rule in rules.RULES for finding in rule(case))
    groups = ties.groups(estate)
    return Feasibility(
        findings=findings,
        apps=tuple(_verdict(app.name, (app.name,), findings) for app in estate.apps),
        waves=tuple(_verdict(ties.name(group, len(groups)), group, findings) for group in groups),
        unseen=tuple(_unseen(case)),
    )


def _verdict(name: str, apps: tuple[str, ...], findings: Iterable[Finding]) -> Verdict:
    mine = [finding for finding in findings if set(finding.apps) & set(apps)]
    stay = [one for one in mine if one.severity is Severity.BLOCKS] + [one for one in mine if one.key in worth.STAY]
    first = [one for one in mine if one.severity is Severity.FIRST]
    if stay:
        return Verdict(name, apps, Answer.STAY, _keys(stay), tuple(_because(one, apps) for one in stay))
    if first:
        return Verdict(name, apps, Answer.MEND, _keys(first), tuple(_because(one, apps) for one in first))
    return Verdict(name, apps, Answer.MOVE)


def _keys(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.key for finding in findings))


def _because(finding: Finding, apps: tuple[str, ...]) -> str:
    """Return the finding's title with what it is about; of these apps, where it says so."""
    mine = [name for name in finding.objects if name.partition(" ")[0] in apps]
    named = [name for name in mine or finding.objects if name not in finding.title and name not in apps]
    shown = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    return f"{finding.title.rstrip('.')}{f' ({shown})' if shown else ''}"


def _unseen(case: Case) -> Iterator[str]:
    bare = [database.addon for database in case.estate.databases if case.preflight(database.addon) is None]
    if bare:
        yield f"The pump's preflight has not looked at {', '.join(bare)}: run `offramp pump check` for what it refuses or warns of."
    if not case.readings.log_days:
        yield "No logs were read: timeouts, crashes, memory and Scheduler jobs are judged by what Heroku's API says only."
    elif case.readings.log_days < 1:
        yield f"The logs span {case.readings.log_days * 24:.0f} h: what happens daily or weekly may not be in them."
    without = [app.name for app in case.estate.apps if not case.readings.of_app(app.name)]
    if without:
        yield (
            f"The source of {', '.join(without)} was not read: files written to disk, code that asks for DYNO, and settings in files are "
            "not known."
        )
    yield from case.estate.unread
