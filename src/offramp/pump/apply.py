"""How does one table's batch enter the receiving side? Inside the caller's transaction, exactly, or with an exception.

Fast path: staging, then INSERT .. ON CONFLICT DO UPDATE where a byte differs. When two rows swapped a unique value that fails,
and the careful path deletes everything that changed before it inserts everything that is present.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from ..kit import sqlbook
from ..postgres import Column, Connection, Table
from . import shape, stream
from .model import Link
from .window import Source, Window

_BOOK = sqlbook.load("offramp.pump", "sql/apply.sql")
# Above this many keys it is cheaper to call every chunk of the table dirty than to find out which.
DIRTY_KEYS = 5000
# The table's own fault, not the server's or the line's: values, constraints, missing objects.
OWN_FAULTS = ("22", "23", "42", "0A", "P0")


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
        self._made: set[int] = set()

    def prepare(self, table: Table) -> None:
        """Make the table's staging; outside the batch's transaction, which may be rolled back."""
        if table.oid in self._made:
            return
        with rejected(table):
            for block in ("stage",) if table.key else ("image_type", "delta"):
                self._receiver.execute(_render(block, table))
        self._made.add(table.oid)

    def forget(self, table: Table) -> None:
        """Drop the table's staging, since its shape has changed."""
        self._made.discard(table.oid)
        for place in (_stage(table), _images(table), _delta(table)):
            self._receiver.execute(sql.SQL("drop table if exists {}").format(place))

    def changed(self, window: Window, source: Source, position: str) -> int:
        """Stage the window's changed rows or images; returns how many."""
        table = source.table
        with rejected(table):
            if table.key:
                return stream.through(
                    window.origin, window.rows(source, position), self._receiver, _render("fill_stage", table)
                )
            return stream.through(
                window.origin, window.images(source, position), self._receiver, _render("fill_delta", table)
            )

    def whole(self, window: Window, table: Table) -> int:
        """Replace the table's rows with all rows of the window's snapshot."""
        with rejected(table):
            self._receiver.execute(_render("clear", table))
            return stream.through(window.origin, window.whole(table), self._receiver, _render("fill", table))

    def apply(self, table: Table, *, careful: bool) -> int:
        """Let staged rows take effect; returns how many rows were written."""
        with rejected(table):
            if not table.key:
                return self._apply_images(table)
            if careful:
                gone = self._run("delete_changed", table)
                return gone + self._run("insert_all", table)
            gone = self._run("delete_gone", table)
            return gone + self._run("upsert" if _settable(table) else "insert_new", table)

    def mark_dirty(self, table: Table, staged: int) -> tuple[int, ...] | None:
        """Mark the clean chunks that staged keys fall into and return them; None when the whole table should be called dirty."""
        if not shape.ordered(table) or staged > DIRTY_KEYS:
            return None
        found = self._receiver.execute(
            sql.SQL(_BOOK["mark_dirty"]).format(
                link=sql.Literal(self._link.name),
                direction=sql.Literal(self._link.direction),
                relid=sql.Literal(table.oid),
                stage=_stage(table),
                aliases=shape.comma(shape.key_aliases(table, "s")),
                low=_bound(table, "low"),
                high=_bound(table, "high"),
            )
        )
        return tuple(row[0] for row in found)

    def _apply_images(self, table: Table) -> int:
        row = self._receiver.execute(_render("count_taken", table)).fetchone()
        wanted = int(row[0]) if row else 0
        taken = self._run("take_images", table) if wanted else 0
        if taken != wanted:
            raise StrangeRowsError(table.oid)
        return taken + self._run("give_images", table)

    def _run(self, block: str, table: Table) -> int:
        return self._receiver.execute(_render(block, table)).rowcount


@contextmanager
def rejected(table: Table) -> Iterator[None]:
    """Tell the table's own faults from the server's."""
    try:
        yield
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


def _stage(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"offramp_stage_{table.oid}")


def _images(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"offramp_images_{table.oid}")


def _delta(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"offramp_delta_{table.oid}")


def _settable(table: Table) -> tuple[Column, ...]:
    """Columns an upsert may set. A key whose equal values may differ in bytes (citext) is set too, unless it is an identity."""
    keys = {key.name for key in table.key}
    exact = shape.plain_key(table)
    return tuple(
        column for column in shape.stored(table) if column.identity != "a" and (column.name not in keys or not exact)
    )


def _bound(table: Table, side: str) -> sql.Composed:
    return shape.comma(
        sql.SQL("(c.{})[{}]::{}").format(sql.Identifier(side), sql.Literal(place), shape.type_of(column.type))
        for place, column in enumerate(table.key_columns, 1)
    )


def _laid_down(column: Column, alias: sql.Identifier) -> sql.Composed:
    if column.base == column.type:
        return sql.SQL("t.{} as {}").format(sql.Identifier(column.name), alias)
    return sql.SQL("t.{}::{} as {}").format(sql.Identifier(column.name), shape.type_of(column.base), alias)


def _render(block: str, table: Table) -> sql.Composed:
    stored, settable = shape.stored(table), _settable(table)
    return sql.SQL(_BOOK[block]).format(
        table=shape.name(table),
        stage=_stage(table),
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
        aliases=shape.comma(shape.key_aliases(table, "s" if block != "fill_stage" else "")),
        key=shape.columns(table.key_columns),
        match=shape.match(table, "t", "s"),
        assignments=shape.comma(
            sql.SQL("{} = excluded.{}").format(sql.Identifier(column.name), sql.Identifier(column.name))
            for column in settable
        ),
        mine=shape.columns(settable, "t"),
        theirs=shape.columns(settable, "excluded"),
    )
