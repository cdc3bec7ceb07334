"""The commands that change something: discover, design, run, decide, cutover, rollback."""

from __future__ import annotations

from datetime import datetime

import click

from .. import signpost
from ..engine.acting import Interrupt
from ..engine.report import Plan, RunReport
from ..migration import Migration
from ..signpost import Command
from . import hours, options, show
from .hours import Hours, Moment, Window
from .progress import listener
from .shell import Answer, Shell


def _answer(report: RunReport, following: Command | None) -> Answer:
    hint = report.stopped_at.hint if report.stopped_at else ""
    return Answer(report.to_json(), show.run(report), report.exit_status, following, hint)


@click.command()
@click.option("--diff", is_flag=True, help="Only say what changed since estate.json was written; write nothing.")
@options.as_json
@options.crash_at
@click.pass_obj
def discover(shell: Shell, diff: bool, interrupt: Interrupt) -> Answer:
    """Read Heroku and the databases into estate.json."""
    move = shell.migration()
    if diff:
        with listener(("discover",), as_json=shell.json) as tell:
            drift = move.changes(tell)
        return Answer(drift.to_json(), show.drift(drift), drift.exit_status, ("discover",) if drift.changes else None)
    with listener(("discover",), as_json=shell.json) as tell:
        report = move.discover(tell, interrupt)
    return _answer(report, ("design",) if report.ok else signpost.next_command(report.stopped_at))


@click.command()
@options.as_json
@options.crash_at
@click.pass_obj
def design(shell: Shell, interrupt: Interrupt) -> Answer:
    """Write blueprint.toml from the estate, for people to review."""
    move = shell.migration()
    with listener(("design",), as_json=shell.json) as tell:
        report = move.design(tell, interrupt)
    return _answer(report, ("run",) if report.ok else signpost.next_command(report.stopped_at))


@click.command()
@click.option("--until", metavar="STAGE", help="Stop once this stage is met.")
@options.yes
@options.as_json
@options.crash_at
@click.pass_obj
def run(shell: Shell, until: str | None, yes: bool, interrupt: Interrupt) -> Answer:
    """Go on with the journey until it ends or a person must decide."""
    move = shell.migration()
    if not yes:
        thought = _think_first(shell, move, until, interrupt)
        if thought is not None:
            return thought
    report = _run(shell, move, until, interrupt)
    return _answer(report, signpost.next_command(report.stopped_at))


def _run(shell: Shell, move: Migration, until: str | None, interrupt: Interrupt) -> RunReport:
    with listener(move.stages, as_json=shell.json) as tell:
        return move.run(until, tell, interrupt)


def _think_first(shell: Shell, move: Migration, until: str | None, interrupt: Interrupt) -> Answer | None:
    """Run the stages that only write files, then show what would change production and ask; None means go on."""
    planned = _within(move.plan(), until)
    first = planned.first_unmet
    if first is not None and not first.acts:
        thinking = [stage.name for stage in planned.stages if not stage.acts]
        report = _run(shell, move, thinking[-1], interrupt)
        if not report.ok or until in thinking:
            return _answer(report, signpost.next_command(report.stopped_at))
        planned = _within(move.plan(), until)
        first = planned.first_unmet
    if first is not None and first.verdict in ("do", "wait"):
        shell.agree(show.plan(planned), yes=False)
    return None


def _within(planned: Plan, until: str | None) -> Plan:
    names = [stage.name for stage in planned.stages]
    return Plan(planned.stages[: names.index(until) + 1]) if until in names else planned


@click.command()
@click.argument("name")
@click.argument("answer")
@click.option("--who", metavar="NAME", help="Who decides; the account's name if not given.")
@click.option("--why", default="", metavar="TEXT", help="The reason, for whoever reads the journal later.")
@options.as_json
@click.pass_obj
def decide(shell: Shell, name: str, answer: str, who: str | None, why: str) -> Answer:
    """Answer a question, say `design/blueprint approve`."""
    made = shell.migration().decide(name, answer, who, why)
    return Answer({"decision": made.to_json()}, show.decision(made), next=_after(name, answer))


def _after(name: str, answer: str) -> Command:
    if not name.startswith(signpost.WAVE_PREFIX):
        return ("run",)
    return ("cutover" if answer == "go" else "rollback", name.removeprefix(signpost.WAVE_PREFIX))


@click.command()
@click.argument("wave")
@click.option(
    "--dry-run", is_flag=True, help="Hold, fence, drain and compare, undo all of it, and say how long writers waited."
)
@click.option(
    "--at", metavar="TIME", type=Moment(), help="Wait until then: 02:30 (UTC, the next one) or 2026-11-23T02:30Z."
)
@click.option("--window", metavar="FROM-TO", type=Window(), help="Begin in these quiet hours only: 02:00-04:30 (UTC).")
@click.option(
    "--there-and-back/--one-way",
    default=None,
    help="Roll back once and switch again, to prove the way back; what a wave's first cutover outside of production does by itself.",
)
@options.yes
@options.as_json
@options.crash_at
@click.pass_obj
def cutover(
    shell: Shell,
    wave: str,
    dry_run: bool,
    at: datetime | None,
    window: Hours | None,
    there_and_back: bool | None,
    yes: bool,
    interrupt: Interrupt,
) -> Answer:
    """Make AWS primary for a wave of services and databases."""
    move = shell.migration()
    if dry_run:
        return _dry_run(shell, move, wave, yes, interrupt)
    plan = _switch_plan(move, wave, "AWS", "Heroku", f"offramp rollback {wave}")
    if there_and_back is None:
        there_and_back = move.rehearses_way_back(wave)
    if there_and_back:
        plan += (
            "\nThen it is rolled back once and switched again, which proves the way back; `--one-way` leaves that out."
        )
    shell.agree(plan, yes=yes)
    hours.wait(shell.say, at, window)
    with listener(("replicate", "cutover"), as_json=shell.json) as tell:
        report = move.cutover(wave, tell, interrupt)
        for again in (move.rollback, move.cutover) if there_and_back else ():
            if report.ok:
                report = again(wave, tell, interrupt)
    return _answer(report, ("run",) if report.ok else signpost.next_command(report.stopped_at))


@click.command()
@click.argument("wave")
@options.yes
@options.as_json
@options.crash_at
@click.pass_obj
def rollback(shell: Shell, wave: str, yes: bool, interrupt: Interrupt) -> Answer:
    """Make Heroku primary again for a wave, with every write made on AWS."""
    move = shell.migration()
    shell.agree(_switch_plan(move, wave, "Heroku", "AWS", f"offramp cutover {wave}"), yes=yes)
    with listener(("replicate", "cutover"), as_json=shell.json) as tell:
        report = move.rollback(wave, tell, interrupt)
    return _answer(report, ("status",) if report.ok else signpost.next_command(report.stopped_at))


def _dry_run(shell: Shell, move: Migration, wave: str, yes: bool, interrupt: Interrupt) -> Answer:
    databases = ", ".join(move.wave(wave).databases)
    shell.agree(
        f"A dry run on production: writers of {databases} are held, the primary is fenced and drained, both sides are compared,\n"
        "and all of it is undone. Nothing switches; clients wait for about as long as they would in the switch.",
        yes=yes,
    )
    with listener(("cutover",), as_json=shell.json) as tell:
        found = move.try_cutover(wave, tell, interrupt)
    return Answer({"dry_run": found.to_json()}, show.dry_run(found), next=("cutover", wave))


def _switch_plan(move: Migration, wave: str, to: str, other: str, back: str) -> str:
    """What a switch does, said before it is done. Raises UsageError for an unknown wave."""
    databases = ", ".join(move.wave(wave).databases)
    return (
        f"The wave {wave} ({databases}) is about to be switched to {to}. Writers are held for a moment, {other} is fenced and\n"
        f"drained, both sides are compared, and {to} becomes primary; if that takes too long, all of it is undone.\n"
        f"The way back stays open: {back}."
    )
