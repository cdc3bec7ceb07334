"""How is a set of rows summed up, so that equal sums mean equal rows?

What counts as different is what PostgreSQL prints under the pinned settings: 1.0 and 1.00 of an unbounded numeric differ, so do
-0 and 0 of a float, the case of a citext, and the spaces inside a json; a jsonb has one text whatever its keys' order was, and a
timestamptz one instant whatever zone it was written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString, NewType

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Column, Connection, Table
from . import shape

_BOOK = sqlbook.load("offramp.pump", "sql/digest.sql")
# Types whose own hash sees every byte of a value, alike on every major version: measured twice as fast as the row's text.
HASHED = re.compile(r"smallint|integer|oid|uuid|boolean|date|text|bytea|character varying(\(\d+\))?|character\(\d+\)")
# Types whose hash does not: a bigint's and a timestamp's folds eight bytes into four, a numeric's leaves out the sign and the scale
# (seen: -0.001 and 0.001 alike, NaN and NULL alike), a float's takes -0 for 0, an interval's a day for 24 hours. Their binary form has it all.
SENT: tuple[tuple[re.Pattern[str], LiteralString], ...] = (
    (re.compile(r"bigint"), "int8send"),
    (re.compile(r"timestamp(\(\d\))? without time zone"), "timestamp_send"),
    (re.compile(r"timestamp(\(\d\))? with time zone"), "timestamptz_send"),
    (re.compile(r"time(\(\d\))? without time zone"), "time_send"),
    (re.compile(r"numeric(\(\d+,-?\d+\))?"), "numeric_send"),
    (re.compile(r"double precision"), "float8send"),
    (re.compile(r"real"), "float4send"),
    (re.compile(r"interval"), "interval_send"),
)
# Eight megabytes: tens of milliseconds of work.
PIECE_BLOCKS = 1000
Bucket = NewType("Bucket", int)


@dataclass(frozen=True, slots=True)
class Digest:
    """What one side says of some rows: equal digests are equal rows."""

    rows: int
    hash: str

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, str(int(self.hash) + int(other.hash)))


NOTHING = Digest(0, "0")


def hashed(table: Table) -> sql.Composable:
    """Return the 64-bit hash of a row.

    ``hash_record_extended`` adds its columns' hashes up with fixed factors, so sums over rows would not notice two rows that
    exchanged a column's values; the second hash, over all eight bytes, makes them notice.
    """
    parts: list[sql.Composable] = []
    others: list[Column] = []
    for column in table.columns:
        if (part := binary(column)) is None:
            others.append(column)
        else:
            parts.append(part)
    if not parts:
        return sql.SQL('hashtextextended({} collate "C", 0)').format(shape.image(table, "t"))
    if others:
        parts.append(sql.SQL("row({})::text").format(shape.columns(others, "t")))
    return sql.SQL("hash_record_extended(row(int8send(hash_record_extended(row({}), 0))), 0)").format(
        shape.comma(parts)
    )


def binary(column: Column) -> sql.Composable | None:
    """Return what stands for a column's value in its row's hash, or None when only its text does."""
    name: sql.Composable = sql.Identifier("t", column.name)
    if column.base != column.type:
        name = sql.SQL("{}::{}").format(name, shape.type_of(column.base))
    if HASHED.fullmatch(column.base):
        return name
    for kind, send in SENT:
        if kind.fullmatch(column.base):
            return sql.SQL("{}({})").format(sql.SQL(send), name)
    return None


def source(table: Table) -> sql.Composable:
    """Return the rows of this very table: members of a tree are checked each for itself."""
    return sql.SQL("only {}").format(shape.name(table))


def of(side: Connection, table: Table, within: sql.Composable | None = None) -> Digest:
    """Digest the rows of ``table`` that fit the condition, columns in the order that ``table`` names them."""
    row = side.execute(statement(table, within)).fetchone()
    assert row is not None
    return Digest(row[0], row[1])


def statement(table: Table, within: sql.Composable | None = None) -> sql.Composed:
    return sql.SQL(_BOOK["digest"]).format(hash=hashed(table), source=source(table), within=within or sql.SQL("true"))


def of_each(table: Table, ranges: sql.Composable, names: sql.Composable, within: sql.Composable) -> sql.Composed:
    """Return the statement that digests many ranges, given as values with their names: place, rows and hash of each."""
    return sql.SQL(_BOOK["digest_ranges"]).format(
        ranges=ranges, names=names, hash=hashed(table), source=source(table), within=within
    )


def pieces(side: Connection, table: Table) -> Iterator[sql.Composable]:
    """Return conditions that part the table by its blocks on this side, each the work of some ten milliseconds.

    The blocks of the two sides have nothing to do with each other; only the sums over all pieces can be compared.
    """
    relation = sql.Literal(shape.name(table).as_string(side))
    row = side.execute(sql.SQL(_BOOK["blocks"]).format(relation=relation)).fetchone()
    last = (int(row[0]) if row else 0) // PIECE_BLOCKS
    for place in range(last):
        yield sql.SQL(_BOOK["in_piece"]).format(first=_tid(place), past=_tid(place + 1))
    yield sql.SQL(_BOOK["in_last_piece"]).format(first=_tid(last)) if last else sql.SQL("true")


def _tid(place: int) -> sql.Composed:
    return sql.SQL("{}::tid").format(sql.Literal(f"({place * PIECE_BLOCKS},0)"))


def allow_scans(side: Connection, allowed: bool) -> None:
    """Let the transaction read whole tables, or keep it to indexes."""
    side.execute(_BOOK["scans_on" if allowed else "scans_off"])


def buckets(side: Connection, table: Table, mask: int) -> dict[Bucket, Digest]:
    """Digest the rows in ``mask + 1`` buckets by their hash."""
    query = sql.SQL(_BOOK["buckets"]).format(hash=hashed(table), mask=sql.Literal(mask), source=source(table))
    return {bucket: Digest(rows, total) for bucket, rows, total in side.execute(query)}


def in_buckets(table: Table, mask: int, wanted: Sequence[Bucket]) -> sql.Composed:
    return sql.SQL(_BOOK["in_bucket"]).format(
        hash=hashed(table), mask=sql.Literal(mask), buckets=sql.Literal([int(bucket) for bucket in wanted])
    )


def book(block: str) -> str:
    """Return a block of this module's book, for those who list rows instead of summing them up."""
    return _BOOK[block]
