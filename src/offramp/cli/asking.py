"""The commands that only look: plan, status, why, log."""

from __future__ import annotations

import click

from .. import signpost
from . import options, show
from .shell import Answer, Shell


@click.command()
@options.as_json
@click.pass_obj
def plan(shell: Shell) -> Answer:
    """Say what would be done now, and touch nothing."""
    planned = shell.migration().plan()
    first = planned.first_unmet
    following = signpost.next_command(first.unmet) if first and first.unmet else None
    return Answer(planned.to_json(), show.plan(planned), planned.exit_status, following)


@click.command()
@options.as_json
@click.pass_obj
def status(shell: Shell) -> Answer:
    """Say what is true, what is next, and whether we can still go back."""
    seen = shell.migration().status()
    return Answer(seen.to_json(), show.status(seen), next=seen.next, hint=seen.hint)


@click.command()
@click.argument("goal")
@options.as_json
@click.pass_obj
def why(shell: Shell, goal: str) -> Answer:
    """Explain a goal (say provision/network) or a stage: what is seen, what was decided, what was tried."""
    found = shell.migration().why(goal)
    return Answer(found.to_json(), show.why(found))


@click.command()
@click.option("--last", default=50, show_default=True, type=click.IntRange(min=1), help="How many lines.")
@click.option("--goal", metavar="GOAL", help="Only this goal and the goals under it.")
@options.as_json
@click.pass_obj
def log(shell: Shell, last: int, goal: str | None) -> Answer:
    """Print the journal: deeds, verdicts and decisions, oldest first."""
    found = shell.migration().log(last, goal)
    return Answer(found.to_json(), show.log(found))
