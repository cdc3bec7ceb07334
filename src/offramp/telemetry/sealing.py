"""How do rows become a file that is small, quick to ask and either whole or not there? One batch, one pair of Parquet files."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..kit import sqlbook
from .gathering import Gathering

SQL = sqlbook.load("offramp.telemetry", "sql/seal.sql")
ROUTER_COLUMNS = (
    "app", "time", "head", "code", "method", "path", "host", "request_id", "fwd", "process", "connect", "service", "status", "bytes", "tail",
    "route",
)  # fmt: skip
LINE_COLUMNS = ("app", "time", "kind", "source", "process", "request_id", "text")
SAMPLE_COLUMNS = ("app", "time", "kind", "source", "name", "value")


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


def load(db: duckdb.DuckDBPyConnection, rows: Gathering, received_us: int) -> None:
    """Put rows into the tables ``sealed`` and ``sealed_samples`` of ``db``; lines without a readable time get ``received_us``."""
    _register(db, "router_rows", ROUTER_COLUMNS, rows.router)
    _register(db, "line_rows", LINE_COLUMNS, rows.lines)
    _register(db, "sample_rows", SAMPLE_COLUMNS, rows.samples)
    db.execute(SQL["rows"], {"received_us": received_us})
    db.execute(SQL["samples"], {"received_us": received_us})
    for name in ("router_rows", "line_rows", "sample_rows"):
        db.unregister(name)


def _register(
    db: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str], rows: Sequence[tuple[str | float, ...]]
) -> None:
    # An array of objects is the form from which DuckDB reads text without another copy; an empty one would have no type.
    arrays: dict[str, NDArray[Any]]
    if rows:
        arrays = {column: _array(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)}
    else:
        arrays = {column: np.empty(0, dtype=np.float64 if column == "value" else "U1") for column in columns}
    db.register(name, arrays)


def _array(values: Sequence[object]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def write(rows: Gathering, stem: Path, received_us: int) -> tuple[Sealed, ...]:
    """Write rows to ``stem``.parquet and, where there are figures, ``stem``-samples.parquet; both are on disk when this returns."""
    rows.finish()
    found: list[Sealed] = []
    with duckdb.connect() as db:
        db.execute(SQL["settings"])
        load(db, rows, received_us)
        parts = db.execute(SQL["counts"]).fetchall()
        tallies = Counter(rows.tallies)
        for app, _, _, _, _, untimed in parts:
            if untimed:
                tallies[app, "bad-time"] += untimed
        counted = tuple(Tally(app, name, count) for (app, name), count in sorted(tallies.items()))
        if parts:
            path = stem.with_name(f"{stem.name}.parquet")
            _copy(db, SQL["write"], path)
            found.append(_sealed(path, "lines", [part[:5] for part in parts], counted))
        if figures := db.execute(SQL["sample_counts"]).fetchall():
            path = stem.with_name(f"{stem.name}-samples.parquet")
            _copy(db, SQL["write_samples"], path)
            found.append(_sealed(path, "samples", figures, ()))
    return tuple(found)


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
