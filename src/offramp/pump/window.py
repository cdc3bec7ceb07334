"""What changed at the origin between the last snapshot and this one, and what do those rows look like now?

One REPEATABLE READ transaction reads the logs and the rows, so both are of the very same instant.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection, Table
from . import capture, shape
from .capture import Captured

_BOOK = sqlbook.load("offramp.pump", "sql/window.sql")


class SourceFailedError(Exception):
    """The origin refused a statement or was lost; the batch is abandoned and tried again."""


class RewrittenError(Exception):
    """A table was truncated or rewritten while it was read, so what was read may be wrongly empty."""


class ShapeChangedError(Exception):
    """The table's columns, key or triggers are not what they were when the link began."""

    def __init__(self, relid: int) -> None:
        super().__init__(relid)
        self.relid = relid


@dataclass(frozen=True, slots=True)
class Source:
    """A captured table with its place in the register."""

    table: Table
    captured: Captured

    @property
    def relid(self) -> int:
        return self.table.oid


@dataclass(frozen=True, slots=True)
class Entries:
    """What a window holds of one table. ``whole`` when it was truncated, so that everything must be read again."""

    count: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Look:
    """The window's far end, the origin's clock then, and the tables' fingerprints in that snapshot."""

    snapshot: str
    at: float
    received: float
    fingerprints: Mapping[int, str]


class Window:
    """The open transaction at the origin. Its snapshot is B; ``position`` arguments are A."""

    def __init__(self, origin: Connection) -> None:
        self.origin = origin

    def look(self, oids: Sequence[int]) -> Look:
        row = self.origin.execute(_BOOK["clock"]).fetchone()
        received = time.monotonic()
        assert row is not None
        found = self.origin.execute(_BOOK["fingerprints"], {"oids": list(oids)}).fetchall()
        return Look(row[0], row[1], received, {oid: fingerprint for oid, _, fingerprint in found})

    def entries(self, sources: Sequence[tuple[Source, str]]) -> Mapping[int, Entries]:
        """Return what the logs hold after each source's position; tables without an entry are left out."""
        if not sources:
            return {}
        query = sql.SQL(" union all ").join(_entries_of(source) for source, _ in sources)
        values = {f"p{source.captured.number}": position for source, position in sources}
        rows = self.origin.execute(query, values).fetchall()
        return {relid: Entries(count, whole) for relid, count, whole in rows if count}

    def rows(self, source: Source, position: str) -> sql.Composed:
        """Return the COPY of the table's changed rows, keys and marks included."""
        table = source.table
        typed = shape.comma(
            sql.SQL("l.{}::{} as {}").format(sql.Identifier(f"k{place}"), shape.type_of(column.type), alias)
            for place, (column, alias) in enumerate(zip(table.key_columns, shape.key_aliases(table), strict=True), 1)
        )
        return sql.SQL(_BOOK["changed_rows"]).format(
            typed=typed,
            aliases=shape.comma(shape.key_aliases(table, "k")),
            columns=shape.columns(shape.stored(table), "t"),
            table=shape.name(table),
            match=shape.match(table, "t", "k"),
            **_logs(source, position),
        )

    def images(self, source: Source, position: str) -> sql.Composed:
        """Return the COPY of net changes of row images of a table without a key."""
        return sql.SQL(_BOOK["changed_images"]).format(**_logs(source, position))

    def whole(self, table: Table) -> sql.Composed:
        return sql.SQL(_BOOK["whole_table"]).format(
            columns=shape.columns(shape.stored(table), "t"), table=shape.name(table)
        )

    def range(self, table: Table, low: Sequence[str] | None, high: Sequence[str] | None) -> sql.Composed:
        return sql.SQL(_BOOK["range_rows"]).format(
            columns=shape.columns(shape.stored(table), "t"),
            table=shape.name(table),
            within=shape.within(table, low, high),
            key=shape.columns(table.key_columns, "t"),
        )

    def bounds(
        self, table: Table, low: Sequence[str] | None, high: Sequence[str] | None, *, limit: int, step: int
    ) -> tuple[tuple[tuple[str, ...], int], ...]:
        """Return (key, place) of every ``step``-th row of the next ``limit`` rows of a range, and of the last of them."""
        query = sql.SQL(_BOOK["bounds"]).format(
            texts=shape.comma(sql.SQL("t.{}::text").format(sql.Identifier(key.name)) for key in table.key),
            key=shape.columns(table.key_columns, "t"),
            table=shape.name(table),
            within=shape.within(table, low, high),
            limit=sql.Literal(limit),
            step=sql.Literal(step),
        )
        with sourced():
            return tuple((tuple(bound), place) for bound, place in self.origin.execute(query))

    def demand_unrewritten(self, oids: Sequence[int]) -> None:
        """Raise RewrittenError when a table that was read has been truncated or rewritten since the snapshot."""
        if oids and (found := self.origin.execute(_BOOK["rewritten"], {"oids": list(oids)}).fetchall()):
            raise RewrittenError(str(found))

    def allow_scans(self) -> None:
        self.origin.execute(_BOOK["scans_allowed"])


def _logs(source: Source, position: str) -> dict[str, sql.Composable]:
    number = source.captured.number
    return {
        "log_a": capture.log(number, "a"),
        "log_b": capture.log(number, "b"),
        "position": sql.Literal(position),
    }


def _entries_of(source: Source) -> sql.Composed:
    number = source.captured.number
    return sql.SQL(_BOOK["entries"]).format(
        relid=sql.Literal(source.relid),
        first=sql.Identifier("k1" if source.table.key else "image"),
        log_a=capture.log(number, "a"),
        log_b=capture.log(number, "b"),
        position=sql.Placeholder(f"p{number}"),
    )


@contextmanager
def opened(origin: Connection) -> Iterator[Window]:
    """Open the window's transaction and close it whatever happens; it never writes."""
    with sourced():
        origin.execute(_BOOK["begin"])
    try:
        yield Window(origin)
    finally:
        if not origin.closed:
            with sourced():
                origin.rollback()


@contextmanager
def sourced() -> Iterator[None]:
    """Mark psycopg's errors as the origin's."""
    try:
        yield
    except psycopg.Error as error:
        raise SourceFailedError(error.diag.message_primary or str(error).strip()) from error


def enter_keys(origin: Connection, source: Source, keys: Sequence[Sequence[str]]) -> None:
    """Log these keys as if their rows had just changed."""
    width = len(source.table.key)
    query = sql.SQL(_BOOK["enter_keys"]).format(
        log=capture.log(source.captured.number, source.captured.active),
        names=shape.comma(sql.Identifier(f"k{place}") for place in range(1, width + 1)),
        arrays=shape.comma(sql.SQL("{}::text[]").format(sql.Literal([key[at] for key in keys])) for at in range(width)),
    )
    with sourced():
        origin.execute(query)
