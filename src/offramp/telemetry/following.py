"""Which lines come in right now? The end of the newest segment, read again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb

from . import segments
from .gathering import Gathering
from .sealing import load
from .snapshot import BEGINNING_US, END_US, SQL, Arrays


def follow(
    folder: Path, redacting: bool, names: Sequence[str], wait: Callable[[], bool]
) -> Iterator[dict[str, list[object]]]:
    """Yield the columns of lines that come in from now on, those of ``names`` if there are any, until ``wait`` returns false."""
    reached = {path.name: path.stat().st_size for path in segments.listed(folder)}
    while True:
        rows, received_us = Gathering(redacting), 0
        for path in segments.listed(folder):
            for record in _fresh(path, reached.get(path.name, 0)):
                received_us = record.received_us
                rows.body(record.token, record.body)
                reached[path.name] = record.end
        if rows.router or rows.lines:
            found = _columns(rows, names, received_us)
            yield {name: column.tolist() for name, column in found.items()}
        elif not wait():
            return


def _fresh(path: Path, offset: int) -> Iterator[segments.Record]:
    try:
        yield from segments.records(path, offset)
    except FileNotFoundError:
        # Sealed meanwhile, which happens to segments that were read to their end long ago.
        return


def _columns(rows: Gathering, names: Sequence[str], received_us: int) -> Arrays:
    rows.finish()
    with duckdb.connect() as db:
        load(db, rows, received_us)
        db.execute(SQL["lines_without_files"])
        values = {"since_us": BEGINNING_US, "until_us": END_US, "apps": list(names), "every": not names, "most": END_US}
        return db.execute(SQL["lines"], values).fetchnumpy()
