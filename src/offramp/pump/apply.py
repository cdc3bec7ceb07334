"""How does one table's batch enter the receiving side? Inside the caller's transaction, exactly, or with an exception.

Fast path: staging, then UPDATE what is there and INSERT what is not. When two rows swapped a unique value that fails, and the
careful path deletes everything that changed before it inserts everything that is present.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg import sql

from ..kit import sqlbook
from ..postgres import Column, Connection, Table
from . import shape, stream
from .model import Link
from .window import UnreadableError, Window

_BOOK = sqlbook.load("offramp.pump", "sql/apply.sql")
# Staging that lasts is made from a table's third batch on, for so many tables at most.
OFTEN, KEPT = 3, 32
# Rows that are staged and applied at once; the origin reads the next ones meanwhile.
PIECE_ROWS = 50_000
# Types whose values are never kept out of line.
FIXED_TYPES = (
    "smallint", "integer", "bigint", "boolean", "uuid", "oid", "real", "double precision", "date", "time", "interval", "money", "\"char\"",
)  # fmt: skip
# The table's own fault, not the server's or the line's: values, constraints, missing objects.
OWN_FAULTS = ("22", "23", "42", "54", "0A", "P0")


class RejectedError(Exception):
    """The receiving side does not take this table's rows."""

    def __init__(self, relid: int, reason: str, *, unique: bool) -> None:
        super().__init__(reason)
        self.relid = relid
        self.reason = reason
        self.unique = unique


class StrangeRowsError(Exception):
    """A row that must be taken out of a table without a key is not there: the table must be read again as a whole."""

    def __init__(self, relid: int) -> None:
        super().__init__(relid)
        self.relid = relid


class Landing:
    """Staging tables of one session at the receiver, made when first needed and emptied by every commit."""

    def __init__(self, receiver: Connection, link: Link) -> None:
        self._receiver = receiver
        self._link = link
        # Those with lasting staging, the least recently used first.
        self._kept: dict[int, Table] = {}
        self._uses: dict[int, int] = {}
        self._toasted: dict[int, bool] = {}
        self._statements: dict[int, dict[str, bytes]] = {}
        # Tables to which the last batch only added rows: the next one begins with the insert.
        self._growing: set[int] = set()

    def prepare(self, table: Table) -> None:
        """Make the staging of a table that changes often; outside the batch's transaction, which may be rolled back.

        A server empties each such table with each commit, so there are few: the others' staging lasts for one batch.
        """
        self._uses[table.oid] = self._uses.get(table.oid, 0) + 1
        if table.oid in self._kept:
            self._kept[table.oid] = self._kept.pop(table.oid)
        elif self._uses[table.oid] >= OFTEN:
            while len(self._kept) >= KEPT:
                self._drop(self._kept.pop(next(iter(self._kept))))
            self._make(table, "delete rows")
            self._kept[table.oid] = table

    def _make(self, table: Table, at_commit: LiteralString) -> None:
        with rejected(table):
            for block in ("stage",) if table.key else ("image_type", "delta"):
                self._receiver.execute(_render(block, table, at_commit=at_commit))
            if table.oid not in self._toasted:
                row = self._receiver.execute(_render("toasted", table)).fetchone()
                self._toasted[table.oid] = bool(row and row[0])

    def _drop(self, table: Table) -> None:
        for place in (stage(table), _images(table), _delta(table)):
            self._receiver.execute(sql.SQL("drop table if exists {}").format(place))

    def forget(self, table: Table) -> None:
        """Drop the table's staging, since its shape has changed."""
        for known in (self._kept, self._statements, self._toasted, self._uses):
            known.pop(table.oid, None)
        self._drop(table)

    def change(
        self,
        origin: Connection,
        out: sql.Composed,
        table: Table,
        *,
        many: bool,
        careful: bool,
        staged: Callable[[int], None],
    ) -> int:
        """Let the changed rows that ``out`` yields take effect; returns how many rows were written.

        ``many`` rows are read ahead and applied in pieces. ``staged`` is called after each piece, while its keys lie in
        ``stage(table)``.
        """
        if table.oid not in self._kept:
            self._make(table, "drop")
        if not table.key:
            with rejected(table):
                staged(stream.through(origin, out, self._receiver, _render("fill_delta", table)))
                return self._apply_images(table)
        # All that goes must go before anything comes, so the careful path takes everything at once.
        careful = careful or _bound_identity(table)
        if not many:
            with rejected(table):
                count = stream.through(origin, out, self._receiver, self._statement("fill_stage", table))
                written = self._apply_careful(table) if careful else self._apply(table, count)
                staged(count)
                return written
        written = 0
        with rejected(table), stream.ahead(origin, out, 0 if careful else PIECE_ROWS) as pieces:
            for place, piece in enumerate(pieces):
                if place:
                    self._run("empty_stage", table)
                count = stream.write(self._receiver, self._statement("fill_stage", table), piece)
                written += self._apply_careful(table) if careful else self._apply(table, count)
                staged(count)
        return written

    def whole(self, window: Window, table: Table) -> int:
        """Replace the table's rows with all rows of the window's snapshot."""
        with rejected(table):
            self._receiver.execute(_render("clear", table))
            return stream.through(window.origin, window.whole(table), self._receiver, _render("fill", table))

    def _apply(self, table: Table, staged: int) -> int:
        """Update what is there, delete what is gone, insert what is missing; each only as long as rows are left over."""
        written = done = 0
        if table.oid in self._growing:
            written = done = self._run("insert_missing", table)
            if done == staged:
                return written
            # What was just inserted is found by the update too.
            self._growing.discard(table.oid)
            done = 0
        if _settable(table):
            done += self._run("update_present", table)
            written += done
        for block in ("delete_gone", "insert_missing"):
            if done < staged:
                count = self._run(block, table)
                done, written = done + count, written + count
                if count == staged and block == "insert_missing":
                    self._growing.add(table.oid)
        return written

    def _apply_careful(self, table: Table) -> int:
        gone = self._run("delete_changed", table)
        return gone + self._run("insert_all", table)

    def _apply_images(self, table: Table) -> int:
        row = self._receiver.execute(_render("count_taken", table)).fetchone()
        wanted = int(row[0]) if row else 0
        taken = self._run("take_images", table) if wanted else 0
        if taken != wanted:
            raise StrangeRowsError(table.oid)
        return taken + self._run("give_images", table)

    def _run(self, block: str, table: Table) -> int:
        return self._receiver.execute(self._statement(block, table)).rowcount

    def _statement(self, block: str, table: Table) -> bytes:
        """Return the statement as it goes over the line; composing it takes longer than running it."""
        known = self._statements.setdefault(table.oid, {})
        if block not in known:
            known[block] = _render(block, table, toasted=self._toasted[table.oid]).as_bytes(self._receiver)
        return known[block]


def remove_logged(origin: Connection, receiver: Connection, table: Table, keys: sql.Composed) -> int:
    """Take the rows of these keys out of a table that has no index yet; returns how many there were."""
    with rejected(table), receiver.transaction():
        receiver.execute(_render("stage_keys", table))
        if not stream.through(origin, keys, receiver, _render("fill_keys", table)):
            receiver.execute(sql.SQL("drop table {}").format(stage(table)))
            return 0
        receiver.execute("set local enable_seqscan = on; set local enable_hashjoin = on")
        receiver.execute(sql.SQL("analyze {}").format(stage(table)))
        removed = receiver.execute(_render("delete_changed", table)).rowcount
        receiver.execute(sql.SQL("drop table {}").format(stage(table)))
        return removed


@contextmanager
def rejected(table: Table) -> Iterator[None]:
    """Tell the table's own faults from the server's."""
    try:
        yield
    except UnreadableError as error:
        raise RejectedError(table.oid, f"the origin cannot read a row of its own: {error}", unique=False) from error
    except psycopg.Error as error:
        state = error.sqlstate or ""
        if not state.startswith(OWN_FAULTS):
            raise
        unique = isinstance(error, psycopg.errors.UniqueViolation | psycopg.errors.ExclusionViolation)
        raise RejectedError(table.oid, _reason(error), unique=unique) from error


def _reason(error: psycopg.Error) -> str:
    said = error.diag.message_primary or "rejected"
    # Details of unique violations name the key; other details quote whole rows, which are the customer's data.
    if isinstance(error, psycopg.errors.UniqueViolation) and error.diag.message_detail:
        said = f"{said}: {error.diag.message_detail}"
    if error.diag.constraint_name and error.diag.constraint_name not in said:
        said = f"{said} (constraint {error.diag.constraint_name})"
    return f"{said} [{error.sqlstate}]"


def stage(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"offramp_stage_{table.oid}")


def _images(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"offramp_images_{table.oid}")


def _delta(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"offramp_delta_{table.oid}")


def _settable(table: Table) -> tuple[Column, ...]:
    """Columns an update sets. A key whose equal values may differ in bytes (citext) is set too, unless it is an identity."""
    keys = {key.name for key in table.key}
    exact = shape.plain_key(table)
    return tuple(
        column for column in shape.stored(table) if column.identity != "a" and (column.name not in keys or not exact)
    )


def _bound_identity(table: Table) -> bool:
    """Whether a column outside the key can only be set by an insert."""
    keys = {key.name for key in table.key}
    return any(column.identity == "a" and column.name not in keys for column in table.columns)


def _assignment(column: Column, *, toasted: bool) -> sql.Composed:
    """Keep a value that is the same: a big one would be written anew, and its index entries with it."""
    name = sql.Identifier(column.name)
    if toasted and not column.base.startswith(FIXED_TYPES):
        return sql.SQL(
            "{0} = case when row(t.{0}) operator(pg_catalog.*=) row(s.{0}) then t.{0} else s.{0} end"
        ).format(name)
    return sql.SQL("{0} = s.{0}").format(name)


def _laid_down(column: Column, alias: sql.Identifier) -> sql.Composed:
    if column.base == column.type:
        return sql.SQL("t.{} as {}").format(sql.Identifier(column.name), alias)
    return sql.SQL("t.{}::{} as {}").format(sql.Identifier(column.name), shape.type_of(column.base), alias)


def _render(
    block: str, table: Table, *, toasted: bool = False, at_commit: LiteralString = "delete rows"
) -> sql.Composed:
    stored, settable = shape.stored(table), _settable(table)
    return sql.SQL(_BOOK[block]).format(
        table=sql.Literal(shape.name(table).as_string(None)) if block == "toasted" else shape.name(table),
        stage=stage(table),
        at_commit=sql.SQL(at_commit),
        gone=sql.Identifier(shape.unique(table, "offramp_gone")),
        listed=shape.listed(stored),
        mine=shape.columns(settable, "t"),
        theirs=shape.columns(settable, "s"),
        images=_images(table),
        delta=_delta(table),
        all=shape.columns(table.columns, "t"),
        image=shape.image(table, "t"),
        parsed=shape.comma(sql.SQL("(i.r).{}").format(sql.Identifier(column.name)) for column in stored),
        keys=shape.comma(
            _laid_down(column, alias) for column, alias in zip(table.key_columns, shape.key_aliases(table), strict=True)
        ),
        columns=shape.comma(_laid_down(column, sql.Identifier(column.name)) for column in stored)
        if block == "stage"
        else shape.columns(stored),
        staged=shape.columns(stored, "s"),
        aliases=shape.comma(shape.key_aliases(table, "" if block in ("fill_stage", "fill_keys") else "s")),
        match=shape.match(table, "t", "s"),
        assignments=shape.comma(_assignment(column, toasted=toasted) for column in settable),
    )
