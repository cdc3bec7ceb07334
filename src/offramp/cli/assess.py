"""The command that answers three questions: why is it slow, can it move, what will it cost?"""

from __future__ import annotations

from pathlib import Path

import click

from .. import signpost
from ..engine.acting import Interrupt
from . import options, show
from .duration import Duration
from .progress import listener
from .shell import Answer, Shell


@click.command()
@click.option(
    "--objective",
    "objective_ms",
    metavar="MS",
    type=click.FloatRange(min=1, max=600_000),
    help="What p99 should stay within, in milliseconds; `assess.objective_ms` if not given.",
)
@click.option(
    "--logs",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the log lines are kept; `assess.logs` if not given.",
)
@click.option("--region", metavar="REGION", help="Whose prices to reckon with; `aws.region` if not given.")
@click.option(
    "--what-if", "what_if", metavar="NAME=VALUE", multiple=True, help="Reckon otherwise, say traffic=3; repeatable."
)
@click.option(
    "--watch",
    "watch_seconds",
    metavar="DURATION",
    type=Duration(1, 24 * 3600),
    default=0.0,
    help="Watch the databases' statements so long first, say 3m, to tell which route issues them; log lines must come in meanwhile.",
)
@click.option("--open", "opens", is_flag=True, help="Show the page in a browser.")
@options.as_json
@options.crash_at
@click.pass_obj
def assess(
    shell: Shell,
    objective_ms: float | None,
    logs: Path | None,
    region: str | None,
    what_if: tuple[str, ...],
    watch_seconds: float,
    opens: bool,
    interrupt: Interrupt,
) -> Answer:
    """Say why it is slow, whether it can move, and what it will cost, in a page and on this screen."""
    move = shell.migration()
    with listener(("assess",), as_json=shell.json) as tell:
        made = move.assess(
            tell,
            interrupt,
            objective_ms=objective_ms,
            logs=logs.absolute() if logs else None,
            region=region,
            what_if=what_if,
            watch_seconds=watch_seconds,
        )
    if made.page is None:
        hint = made.report.stopped_at.hint if made.report.stopped_at else ""
        following = signpost.next_command(made.report.stopped_at)
        return Answer(made.to_json(), show.run(made.report), made.report.exit_status, following, hint)
    if opens:
        click.launch(str(made.page))
    return Answer(made.to_json(), f"{made.text}\n\nThe page: {made.page}", next=("design",))
