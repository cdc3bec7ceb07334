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
from . import capture, fingerprint, functions, shape
from .capture import Captured
from .logs import Logs

_BOOK = sqlbook.load("offramp.pump", "sql/window.sql")
# From this share of a table on, one pass over it is cheaper than searching each row.
DENSE_SHARE = 0.05
DENSE_KEYS = 2000


class SourceFailedError(Exception):
    """The origin refused a statement or was lost; the batch is abandoned and tried again."""


class UnreadableError(SourceFailedError):
    """The origin cannot hand over a value of its own: bytes that are no text in any encoding, say. Trying again does not help."""


class RewrittenError(Exception):
    """A table was truncated or rewritten while it was read, so what was read may be wrongly empty."""


class InTheWayError(RewrittenError):
    """Somebody holds a table exclusively, so the window is given up rather than kept waiting with its locks."""


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
    """What a window holds of one table. ``whole`` when it was truncated, so that everything must be read again.

    ``arrays``: some are arrays of keys; ``logs``: in which logs they are (None: look in all).
    """

    count: int
    whole: bool
    arrays: bool = True
    logs: tuple[int, ...] | None = None


EVERY = Entries(0, False)


@dataclass(frozen=True, slots=True)
class Look:
    """The window's far end, the origin's clock then, and the tables' fingerprints in that snapshot."""

    snapshot: str
    at: float
    received: float
    fingerprints: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class News:
    """One poll's answer: the snapshot B, the origin's clock, whether a fence stands, the WAL's end, and entries by table number."""

    snapshot: str
    at: float
    received: float
    fenced: bool
    lsn: str
    entries: Mapping[int, Entries]


class Window:
    """The open transaction at the origin. Its snapshot is B; ``position`` arguments are A."""

    def __init__(self, origin: Connection) -> None:
        self.origin = origin
        self._dense = False

    def look(self, oids: Sequence[int]) -> Look:
        row = self.origin.execute(
            "select pg_current_snapshot()::text, extract(epoch from clock_timestamp())::float8"
        ).fetchone()
        received = time.monotonic()
        assert row is not None
        return Look(row[0], row[1], received, fingerprint.read(self.origin, oids))

    def rows(self, source: Source, logs: Logs, position: str, entries: Entries) -> sql.Composed:
        """Return the COPY of the table's changed rows, keys and marks included."""
        table = source.table
        if entries.count > DENSE_KEYS and entries.count > table.rows * DENSE_SHARE:
            self.allow_scans()
            self.origin.execute(_BOOK["nested_loops_dear"])
            self._dense = True
        elif self._dense:
            self.origin.execute(_BOOK["nested_loops_allowed"])
            self._dense = False
        return sql.SQL(_BOOK["changed_rows"]).format(
            keys=changed_keys(source, logs, position, entries),
            aliases=shape.comma(shape.key_aliases(table, "k")),
            names=shape.comma(shape.key_aliases(table)),
            columns=shape.columns(shape.stored(table), "t"),
            table=shape.name(table),
            match=shape.match(table, "t", "k"),
        )

    def images(self, source: Source, logs: Logs, position: str, entries: Entries) -> sql.Composed:
        """Return the COPY of net changes of row images of a table without a key."""
        return sql.SQL(_BOOK["changed_images"]).format(unread=_unread(source, logs, position, entries))

    def whole(self, table: Table) -> sql.Composed:
        return sql.SQL(_BOOK["whole_table"]).format(
            columns=shape.columns(shape.stored(table), "t"), table=shape.name(table)
        )

    def demand_unrewritten(self, oids: Sequence[int]) -> None:
        """Raise RewrittenError when a table that was read has been truncated or rewritten since the snapshot."""
        if oids and (found := self.origin.execute(_BOOK["rewritten"], {"oids": list(oids)}).fetchall()):
            raise RewrittenError(str(found))

    def allow_scans(self) -> None:
        self._dense = True
        self.origin.execute(_BOOK["scans_allowed"])


def news(origin: Connection, logs: Logs, position: str) -> News:
    """Ask what is new since ``position``: within a window of that window's snapshot, outside of one of this moment."""
    if logs.unread:
        unread = logs.rows(sql.SQL("not pg_visible_in_snapshot(l.xid, %(position)s::pg_snapshot)"), width=0, named=True)
        query, values = sql.SQL(_BOOK["news"]).format(unread=unread), {"position": position, **logs.values()}
        rows = origin.execute(query, values).fetchall()
    else:
        rows = origin.execute(_BOOK["no_news"]).fetchall()
    received = time.monotonic()
    snapshot, at, fenced, lsn = rows[0][:4]
    found = {
        number: Entries(count, whole, arrays, tuple(within))
        for *_, number, count, whole, arrays, within in rows
        if number is not None
    }
    return News(snapshot, at, received, fenced, lsn, found)


def _unread(source: Source, logs: Logs, position: str, entries: Entries, *, width: int = 1) -> sql.Composed:
    return logs.rows(
        sql.SQL("l.t = {} and not pg_visible_in_snapshot(l.xid, {}::pg_snapshot)").format(
            sql.Literal(source.captured.number), sql.Literal(position)
        ),
        width=width,
        only=entries.logs,
    )


def changed_keys(source: Source, logs: Logs, position: str, entries: Entries) -> sql.Composed:
    """Return the query of the table's keys that were logged after ``position``, each once, typed."""
    table = source.table
    names = [sql.Identifier(f"k{place}") for place in range(1, len(table.key) + 1)]
    aliases = shape.key_aliases(table)
    types = [shape.type_of(column.type) for column in table.key_columns]
    parts: dict[str, sql.Composable] = {
        "unread": _unread(source, logs, position, entries, width=len(names)),
        "names": shape.comma(aliases),
        "typed": shape.comma(
            sql.SQL("l.{}::{} as {}").format(name, type_, alias)
            for name, type_, alias in zip(names, types, aliases, strict=True)
        ),
        "unnested": shape.comma(
            sql.SQL("a.{}::{}").format(alias, type_) for alias, type_ in zip(aliases, types, strict=True)
        ),
        # An array of arrays would be taken for one of their elements, so keys that are arrays are parsed one by one.
        "arrays": shape.comma(
            sql.SQL("unnest(u.{}::{}[])").format(name, sql.SQL("text") if column.type.endswith("[]") else type_)
            for name, type_, column in zip(names, types, table.key_columns, strict=True)
        ),
    }
    if not entries.arrays:
        return sql.SQL(_BOOK["changed_keys"]).format(**parts)
    ranges: sql.Composable = sql.SQL("")
    if len(names) == 1:
        # The key may have been another type when they were logged, so the number goes by way of its text.
        whole = table.key_columns[0].type in functions.WHOLE_NUMBERS
        typed = sql.SQL("l.k1::{} as {}" if whole else "l.k1::text::{} as {}").format(types[0], aliases[0])
        ranges = sql.SQL(_BOOK["ranges"]).format(**{**parts, "typed": typed})
    return sql.SQL(_BOOK["changed_keys_with_arrays"]).format(ranges=ranges, **parts)


def only_keys(source: Source, logs: Logs, position: str) -> sql.Composed:
    """Return the COPY of those keys alone."""
    return sql.SQL(_BOOK["only_keys"]).format(keys=changed_keys(source, logs, position, EVERY))


@contextmanager
def opened(origin: Connection) -> Iterator[Window]:
    """Open the window's transaction and close it whatever happens; it never writes."""
    with sourced():
        origin.execute(_BOOK["begin"])
    try:
        yield Window(origin)
    except BaseException:
        if not origin.closed:
            with sourced():
                origin.rollback()
        raise
    # Not with ROLLBACK: psycopg forgets its prepared statements then, and planning costs more than running.
    with sourced():
        origin.commit()


@contextmanager
def sourced() -> Iterator[None]:
    """Mark psycopg's errors as the origin's."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise InTheWayError(error.diag.message_primary or "a table is locked") from error
    except psycopg.DataError as error:
        raise UnreadableError(f"{error.diag.message_primary or 'unreadable'} [{error.sqlstate}]") from error
    except psycopg.Error as error:
        raise SourceFailedError(error.diag.message_primary or str(error).strip()) from error


def enter_keys(origin: Connection, source: Source, keys: Sequence[Sequence[str]]) -> None:
    """Log these keys as if their rows had just changed."""
    with sourced():
        origin.execute(capture.enter(source.captured, keys))
