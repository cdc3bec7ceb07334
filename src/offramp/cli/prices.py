"""The commands about AWS's prices: which books are used and how old they are, and how to make one new."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from ..assess.prices import book, desk
from ..assess.prices.desk import Shelf
from ..settings import FILENAME, Settings
from . import options
from .shell import Answer, Shell


@click.group(invoke_without_command=True)
@options.as_json
@click.pass_context
def prices(context: click.Context) -> Answer | None:
    """Show the price books that costs are computed with, and their age."""
    if context.invoked_subcommand is not None:
        return None
    shell: Shell = context.obj
    found = desk.shelves(shell.directory, _today())
    warned = [said for shelf in found if (said := desk.warning(shelf))]
    return Answer({"books": [shelf.to_json() for shelf in found]}, table(found), hint="\n".join(warned))


@prices.command()
@click.option("--region", help="The region to read; that of offramp.toml when left out.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The migration's directory, below which prices/REGION.json is written; that of --dir when left out.",
)
@options.as_json
@click.pass_obj
def refresh(shell: Shell, region: str | None, folder: Path | None) -> Answer:
    """Read the prices of a region from AWS into prices/REGION.json, which wins over the book of the program."""
    directory = folder or shell.directory
    aws = Settings.load(directory).aws if (directory / FILENAME).exists() else None
    wanted = region or (aws.region if aws else book.REGIONS[0])
    done = desk.refresh(
        directory,
        wanted,
        _today(),
        shell.say,
        profile=aws.profile if aws else None,
        endpoint_url=aws.endpoint_url if aws else None,
    )
    text = f"{done.read} prices of {wanted} were read and written to {book.FOLDER}/{wanted}.json."
    if done.kept:
        text += f"\n{len(done.kept)} stay as they were:\n" + "\n".join(f"  {said}" for said in done.kept)
    return Answer(done.to_json(), text, next=("assess",))


def table(found: tuple[Shelf, ...]) -> str:
    """Return one line a book."""
    head = f"{'REGION':15} {'FROM':10} {'PRICES':>6} {'ESTIMATES':>9} {'OLD':>4}  {'OLDEST':10}  {'NEWEST':10}"
    lines = [
        f"{one.region:15} {one.origin:10} {one.prices:6} {one.estimated:9} {one.stale:4}  {one.oldest}  {one.newest}"
        for one in found
    ]
    return "\n".join((head, *lines))


def _today() -> date:
    return datetime.now(UTC).date()
