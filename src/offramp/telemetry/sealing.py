"""How do rows become a file that is small, quick to ask and either whole or not there? One batch, one pair of Parquet files."""

from __future__ import annotations

import gc
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..kit import sqlbook
from . import redact, routes
from .gathering import Gathering

SQL = sqlbook.load("offramp.telemetry", "sql/seal.sql")
ROUTER_COLUMNS = (
    "app", "time", "head", "code", "method", "path", "host", "request_id", "fwd", "process", "connect", "service", "status", "bytes", "tail",
    "route",
)  # fmt: skip
LINE_COLUMNS = ("app", "time", "kind", "source", "process", "request_id", "text")
SAMPLE_COLUMNS = ("app", "time", "kind", "source", "name", "value")
# Their places among a router row's fields, of which the first is its time.
PATH, FORWARDED = 4, 7
Columns = dict[str, NDArray[Any]]
NOBODY = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What a file holds of one app and kind."""

    app: str
    kind: str
    rows: int
    min_us: int
    max_us: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Something counted of one app while its lines were read."""

    app: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that was written, under a name that nobody reads yet."""

    path: str
    shape: str
    parts: tuple[Part, ...]
    tallies: tuple[Tally, ...]
    bytes: int
    sha256: str

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep Python from looking for cycles among a million rows that have none: a quarter of the time of reading them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def load(db: duckdb.DuckDBPyConnection, rows: Gathering, received_us: int) -> None:
    """Put rows into the tables ``sealed`` and ``sealed_samples`` of ``db``; lines without a readable time get ``received_us``."""
    with _registered(db, rows, received_us):
        db.execute(SQL["keep"])
        db.execute(SQL["keep_samples"])


@contextmanager
def _registered(db: duckdb.DuckDBPyConnection, rows: Gathering, received_us: int) -> Iterator[None]:
    """Let ``db`` read the rows where they are, each kind in the order of app and time: views, and no table between."""
    tables = {
        "router_rows": _routed(rows),
        "line_rows": _columns(LINE_COLUMNS, sorted(rows.lines, key=itemgetter(0, 1))),
        "sample_rows": _columns(SAMPLE_COLUMNS, rows.samples),
    }
    for name, columns in tables.items():
        db.register(name, columns)
    db.execute(SQL["received"], {"received_us": received_us})
    db.execute(SQL["lines"])
    db.execute(SQL["samples"])
    yield
    for name in tables:
        db.unregister(name)


def _routed(rows: Gathering) -> Columns:
    """Return router lines as columns. A value that comes often is redacted once."""
    found: dict[str, list[str]] = {column: [] for column in ROUTER_COLUMNS}
    for app in sorted(app for app, lines in rows.router.items() if lines):
        # They came nearly in order, which Python's sort makes use of.
        columns: list[Sequence[str]] = list(zip(*sorted(rows.router[app], key=itemgetter(0)), strict=True))
        found["app"] += [app] * len(columns[0])
        found["route"] += _each([path.partition("?")[0] for path in columns[PATH]], routes.template)
        if rows.redacting:
            columns[PATH] = [path if redact.is_plain_path(path) else redact.path(path) for path in columns[PATH]]
            columns[FORWARDED] = _each(columns[FORWARDED], redact.addresses)
        for column, values in zip(ROUTER_COLUMNS[1:-1], columns, strict=True):
            found[column] += values
    if not found["app"]:
        return _columns(ROUTER_COLUMNS, [])
    return {column: _array(values) for column, values in found.items()}


def _each(values: Sequence[str], change: Callable[[str], str]) -> list[str]:
    changed = {value: change(value) for value in set(values)}
    return [changed[value] for value in values]


def _columns(columns: Sequence[str], rows: Sequence[tuple[str | float, ...]]) -> Columns:
    # Without rows nothing would tell DuckDB the types: one row of nobody's, which the statements leave out.
    rows = rows or [tuple(0.0 if column == "value" else NOBODY for column in columns)]
    return {column: _array(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)}


def _array(values: Sequence[object]) -> NDArray[Any]:
    # Objects are the form from which DuckDB reads text without another copy.
    array: NDArray[Any] = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def write(rows: Gathering, stem: Path, received_us: int) -> tuple[Sealed, ...]:
    """Write rows to ``stem``.parquet and, where there are figures, ``stem``-samples.parquet; both are on disk when this returns."""
    rows.finish()
    found: list[Sealed] = []
    with duckdb.connect() as db:
        db.execute(SQL["settings"])
        db.execute(SQL["quiet"])
        with _registered(db, rows, received_us):
            path = stem.with_name(f"{stem.name}.parquet")
            _copy(db, SQL["write"], path)
            parts = db.execute(SQL["written"], {"path": str(path)}).fetchall()
            if rows.samples:
                figures = stem.with_name(f"{stem.name}-samples.parquet")
                _copy(db, SQL["write_samples"], figures)
                found.append(
                    _sealed(
                        figures, "samples", db.execute(SQL["written_samples"], {"path": str(figures)}).fetchall(), ()
                    )
                )
    tallies = Counter(rows.tallies)
    for app, _, _, _, _, untimed in parts:
        if untimed:
            tallies[app, "bad-time"] += untimed
    if not parts:
        path.unlink()
        return tuple(found)
    counted = tuple(Tally(app, name, count) for (app, name), count in sorted(tallies.items()))
    return (_sealed(path, "lines", [part[:5] for part in parts], counted), *found)


def _copy(db: duckdb.DuckDBPyConnection, statement: str, path: Path) -> None:
    # COPY takes no parameter for its file's name.
    quoted = str(path).replace("'", "''")
    db.execute(statement.replace("$path", quoted))


def _sealed(path: Path, shape: str, parts: Sequence[tuple[object, ...]], tallies: tuple[Tally, ...]) -> Sealed:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
        os.fsync(file.fileno())
        size = file.tell()
    held = tuple(Part(*part) for part in parts)  # type: ignore[arg-type]
    return Sealed(str(path), shape, held, tallies, size, digest.hexdigest())
