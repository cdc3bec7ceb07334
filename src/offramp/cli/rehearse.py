"""The command that moves a living example on this machine, and prints the proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from ..rehearsal.options import FAULTS, RehearsalOptions
from . import options
from .shell import Answer, Shell

DEFAULT = RehearsalOptions()


@click.command()
@click.option("--estate", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The estate to move.")
@click.option("--rate", default=DEFAULT.rate, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Requests per second.")  # fmt: skip
@click.option("--rows", default=DEFAULT.rows, show_default=True, type=click.IntRange(min=0),
              help="Rows to fill in, over all databases.")  # fmt: skip
@click.option("--with-rollback", is_flag=True, help="Cut over, go back to Heroku, and cut over again.")
@click.option(
    "--fault", "faults", multiple=True, type=click.Choice(FAULTS), help="Break something on the way; repeatable."
)
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave everything running in this directory."
)
@click.option("--seed", default=DEFAULT.seed, show_default=True, help="The seed of rows and traffic.")
@options.as_json
@click.pass_obj
def rehearse(
    shell: Shell,
    estate: Path | None,
    rate: float,
    rows: int,
    with_rollback: bool,
    faults: tuple[str, ...],
    keep: Path | None,
    seed: int,
) -> Answer:
    """Move a living example from a simulated Heroku to an emulated AWS, here, and prove that nothing was lost."""
    # The doubles and their servers are no part of an ordinary command, so they are imported here.
    from ..rehearsal import driver
    from . import proof

    asked = RehearsalOptions(DEFAULT.estate, rate, rows, with_rollback, faults, keep, seed)
    with proof.listener(as_json=shell.json) as tell:
        report = driver.rehearse(replace(asked, estate=estate) if estate else asked, tell)
    return Answer(report.to_json(), proof.text(report), 0 if report.ok else 1)
