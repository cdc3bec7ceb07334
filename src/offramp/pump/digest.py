"""How is a set of rows summed up, so that equal sums mean equal rows?

What counts as different is what PostgreSQL prints under the pinned settings: 1.0 and 1.00 of an unbounded numeric differ, so do
-0 and 0 of a float, the case of a citext, and the spaces inside a json; a jsonb has one text whatever its keys' order was, and a
timestamptz one instant whatever zone it was written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NewType

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Column, Connection, Table
from . import shape

_BOOK = sqlbook.load("offramp.pump", "sql/digest.sql")
# Types whose hash sees every byte that their text shows, alike on every major version: measured three times as fast as text.
# Not among them: numeric, whose hash leaves the sign out (seen: -0.001 and 0.001 alike) and makes NaN look like NULL; float, interval,
# inet, arrays and jsonb, which have equal values that print apart.
EXACT = re.compile(
    r"smallint|integer|bigint|oid|uuid|boolean|date|text|bytea|character varying(\(\d+\))?|character\(\d+\)"
    r"|(timestamp|time)(\(\d\))? without time zone|timestamp(\(\d\))? with time zone"
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
    exchanged a column's values; the second hash makes them notice.
    """
    exact = [column for column in table.columns if EXACT.fullmatch(column.base)]
    if not exact:
        return sql.SQL('hashtextextended({} collate "C", 0)').format(shape.image(table, "t"))
    others = [column for column in table.columns if column not in exact]
    parts: list[sql.Composable] = [_plainly(column) for column in exact]
    if others:
        parts.append(sql.SQL("row({})::text").format(shape.columns(others, "t")))
    return sql.SQL("hashint8extended(hash_record_extended(row({}), 0), 0)").format(shape.comma(parts))


def _plainly(column: Column) -> sql.Composable:
    name = sql.Identifier("t", column.name)
    return name if column.base == column.type else sql.SQL("{}::{}").format(name, shape.type_of(column.base))


def source(table: Table) -> sql.Composable:
    """Return the rows of this very table; a partitioned one has none of its own, so its partitions' then."""
    name = shape.name(table)
    return name if table.kind == "p" else sql.SQL("only {}").format(name)


def of(side: Connection, table: Table, within: sql.Composable | None = None) -> Digest:
    """Digest the rows of ``table`` that fit the condition, columns in the order that ``table`` names them."""
    row = side.execute(statement(table, within)).fetchone()
    assert row is not None
    return Digest(row[0], row[1])


def statement(table: Table, within: sql.Composable | None = None) -> sql.Composed:
    return sql.SQL(_BOOK["digest"]).format(hash=hashed(table), source=source(table), within=within or sql.SQL("true"))


def of_each(
    side: Connection, table: Table, ranges: sql.Composable, names: sql.Composable, within: sql.Composable
) -> dict[int, Digest]:
    """Digest many ranges, given as values with their names, in one statement; by their place."""
    query = sql.SQL(_BOOK["digest_ranges"]).format(
        ranges=ranges, names=names, hash=hashed(table), source=source(table), within=within
    )
    return {place: Digest(rows, total) for place, rows, total in side.execute(query)}


def pieces(side: Connection, table: Table) -> Iterator[sql.Composable]:
    """Return conditions that part the table by its blocks on this side, each the work of some ten milliseconds.

    The blocks of the two sides have nothing to do with each other; only the sums over all pieces can be compared.
    """
    if table.kind == "p":
        yield sql.SQL("true")
        return
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


def buckets(side: Connection, table: Table, mask: int, within: Iterable[sql.Composable]) -> dict[Bucket, Digest]:
    """Digest the rows in ``mask + 1`` buckets by their hash; ``within`` are the pieces to read."""
    found: dict[Bucket, Digest] = {}
    for piece in within:
        query = sql.SQL(_BOOK["buckets"]).format(
            hash=hashed(table), mask=sql.Literal(mask), source=source(table), within=piece
        )
        for bucket, rows, total in side.execute(query):
            found[bucket] = found.get(bucket, NOTHING) + Digest(rows, total)
    return found


def in_buckets(table: Table, mask: int, wanted: Sequence[Bucket]) -> sql.Composed:
    return sql.SQL(_BOOK["in_bucket"]).format(
        hash=hashed(table), mask=sql.Literal(mask), buckets=sql.Literal([int(bucket) for bucket in wanted])
    )


def book(block: str) -> str:
    """Return a block of this module's book, for those who list rows instead of summing them up."""
    return _BOOK[block]
