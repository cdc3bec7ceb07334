"""How do results read? Plain text made from the same values that ``--json`` prints; colour repeats what the words say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click

from ..answers import Drift, DryRun, Log, Status, Why
from ..engine.journal import Decision, Entry
from ..engine.lease import Lease
from ..engine.report import Goal, Plan, RunReport, StageView
from ..engine.verdict import Fact

COLOURS = {"met": "green", "do": "cyan", "wait": "cyan", "ask": "yellow", "refuse": "red", "unknown": "red"}
WIDTH = 11


def moment(at: float) -> str:
    """Seconds since the epoch as a date and time that everybody reads alike.

    >>> moment(0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plan(planned: Plan) -> str:
    """What would be done: titles in order, then the reason."""
    lines = [line for stage in planned.stages for line in _planned_stage(stage)]
    return "\n".join(lines)


def _planned_stage(stage: StageView) -> list[str]:
    lines = [_stage(stage, because=stage.verdict == "met" or not stage.goals)]
    for goal in stage.goals if not stage.met else ():
        if not goal.met:
            lines.extend(_goal(goal))
    return lines


def _goal(goal: Goal) -> Iterable[str]:
    yield f"  {goal.name}: {_word(goal.verdict)}{_tail(goal.because)}"
    for title in goal.deeds:
        yield f"    - {title}"
    if goal.decision:
        yield f"    decide {goal.decision}: {' or '.join(goal.answers)}"
    if goal.hint:
        yield f"    {goal.hint}"


def _tail(text: str) -> str:
    return f": {text}" if text else ""


def _word(verdict: str) -> str:
    return click.style(verdict, fg=COLOURS.get(verdict))


def _stage(stage: StageView, *, because: bool = True) -> str:
    word = click.style(f"{stage.verdict:{WIDTH}}", fg=COLOURS.get(stage.verdict))
    took = "" if stage.seconds is None else f"{stage.seconds:8.1f} s  "
    return f"{stage.name:{WIDTH}} {word} {took}{stage.because if because else ''}".rstrip()


def run(report: RunReport) -> str:
    """What came of a run: one line a stage, and what stopped it."""
    lines = [_stage(stage) for stage in report.stages]
    if report.stopped_at:
        lines.extend(_goal(report.stopped_at))
    return "\n".join(lines)


def status(seen: Status) -> str:
    """One screen: stages with the facts they give, what is next, the way back, the lease, the last lines of the journal."""
    lines = [f"{seen.name}, {moment(seen.at)}", ""]
    for stage in seen.stages:
        lines.append(_stage(stage))
        # The verdict's own line already says what the first unmet goal says.
        told = [goal for goal in stage.goals if goal.facts and goal is not stage.unmet]
        lines.extend(f"  {_fact(goal)}" for goal in told)
    back = seen.way_back
    lines += [
        "",
        f"Way back: {'yes' if back.open else 'no'}, {back.how} ({'until' if back.open else 'since'} {back.until}).",
    ]
    lines.append(f"Lease: {_lease(seen.holder, seen.at)}.")
    if seen.entries:
        lines += ["", *entries(seen.entries)]
    return "\n".join(lines)


def _fact(goal: Goal) -> str:
    primary = dict(goal.facts).get("primary")
    side = f"primary is {primary}; " if primary else ""
    return f"{goal.name}: {side}{goal.because}"


def _lease(holder: Lease | None, now: float) -> str:
    if holder is None:
        return "nobody holds it"
    return f"{holder.holder.who} holds number {holder.fence} since {now - holder.taken:.0f} s"


def drift(found: Drift) -> str:
    """One line a change."""
    if not found.changes:
        return "Nothing has changed on Heroku since estate.json was written."
    return "\n".join(text for _, text in found.changes)


def dry_run(found: DryRun) -> str:
    """How long writers waited in a dry run, and with what."""
    width = max(map(len, found.moves), default=0)
    to = "AWS" if found.to == "aws" else "Heroku"
    return "\n".join(
        [
            f"Nothing was switched. In the dry run of {found.wave} to {to} writers waited {found.held_ms:.0f} ms:",
            *(f"  {name:{width}} {spent:8.1f} ms" for name, spent in found.moves.items()),
            f"  {'undo':{width}} {found.undo_ms:8.1f} ms",
        ]
    )


def why(found: Why) -> str:
    """A goal's verdict with its facts, then what was decided and tried."""
    lines: list[str] = []
    for goal in found.goals:
        lines.extend(_goal(goal))
        lines.extend(f"    {name}: {_value(value)}" for name, value in goal.facts if value is not None)
    if found.decisions:
        lines += ["", "Decided:", *(decision(one) for one in found.decisions)]
    if found.entries:
        lines += ["", "Journal:", *entries(found.entries)]
    return "\n".join(lines) or f"{found.about} has no goals now."


def _value(value: Fact) -> str:
    """
    >>> _value(0.044157981872558594), _value(1002.8164), _value(True)
    ('0.044', '1002.816', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def log(found: Log) -> str:
    """Entries and decisions in one stream, oldest first."""
    merged = [(entry.at, entry.id, text) for entry, text in zip(found.entries, entries(found.entries), strict=True)]
    # Decisions older than the first line shown are left out, unless that line is the journal's first.
    since = found.entries[0].at if found.entries and found.entries[0].id > 1 else 0.0
    merged += [(one.at, 0, decision(one)) for one in found.decisions if one.at >= since]
    return "\n".join(text for _, _, text in sorted(merged)) or "The journal is empty."


def entries(found: Sequence[Entry]) -> list[str]:
    """One line an entry."""
    return [f"{moment(entry.at)}  {entry.goal}: {_kind(entry)}{_tail(entry.text)}" for entry in found]


def _kind(entry: Entry) -> str:
    keys = dict(entry.keys)
    match entry.kind:
        case "verdict":
            return str(keys.get("verdict", "verdict"))
        case "ended":
            return f"ended after {keys.get('seconds', 0)} s"
        case kind:
            return kind


def decision(one: Decision) -> str:
    """One line a decision."""
    because = f" ({one.why})" if one.why else ""
    return f"{moment(one.at)}  {one.who} decided {one.name}: {one.answer}{because}"
