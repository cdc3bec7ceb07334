"""Where is a table cut into ranges of its key, so that each can be checked in milliseconds, and which range is a key in?

Any key that a btree index orders will do. Bounds come from a sample at the receiver and cost the origin nothing. Two servers may
order texts differently; equal digests over the ranges still prove equality as long as the bounds ascend on both sides, since each
side's ranges then part all its rows. Where bounds do not ascend, or an index cannot find them, the table stays in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection, Table
from . import digest, shape
from .digest import Digest
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/cutting.sql")
Bound = tuple[str, ...] | None
Range = tuple[Bound, Bound]
"""From and with the first key up to, but without, the second; None is without bound."""
EVERYTHING: Range = (None, None)
CHUNK_ROWS = 2000
# Finding the chunk of a key costs 0.3 us when keys have a fixed width, and 8 us among 2,000 bounds of texts or several columns.
MOST_CHUNKS, MOST_WIDE_CHUNKS = 2000, 400
SAMPLE_ABOVE, SAMPLED_PER_CHUNK = 200_000, 50
FIXED_TYPES = shape.PLAIN_TYPES | {"date", "timestamp without time zone", "timestamp with time zone"}


def chunk_rows(table: Table, rows: int) -> int:
    """Return how many rows a chunk should have in a table of ``rows`` rows."""
    most = MOST_CHUNKS if len(table.key) == 1 and table.key_columns[0].base in FIXED_TYPES else MOST_WIDE_CHUNKS
    return max(CHUNK_ROWS, rows // most)


def can_be_cut(table: Table) -> bool:
    """Whether there is a key, ordered by its type's own ``<``, on the table itself."""
    return bool(table.key) and table.kind != "p" and all(key.operator == "=" for key in table.key)


def within(table: Table, low: Bound, high: Bound) -> sql.Composable:
    """Return the condition of a range, in the form that the key's index answers."""
    mine = _names(table, "t")
    parts = [
        *([_compare(table, ">=", mine, _typed(table, low))] if low is not None else []),
        *([_compare(table, "<", mine, _typed(table, high))] if high is not None else []),
    ]
    return sql.SQL(" and ").join(parts) if parts else sql.SQL("true")


def digests(side: Connection, table: Table, ranges: Sequence[Range]) -> tuple[Digest, ...]:
    """Digest each of these ranges."""
    return ask(side, table, ranges)()


def ask(side: Connection, table: Table, ranges: Sequence[Range]) -> Callable[[], tuple[Digest, ...]]:
    """Send what digests these ranges and return what waits for the answers, so that a pipeline can hold many such questions.

    Ranges with both bounds go in one statement, whose planning does not grow with them.
    """
    closed = [(place, low, high) for place, (low, high) in enumerate(ranges) if low is not None and high is not None]
    together = side.execute(_of_closed(table, closed)) if len(closed) > 1 else None
    alone = {
        place: side.execute(digest.statement(table, within(table, *limits)))
        for place, limits in enumerate(ranges)
        if together is None or None in limits
    }

    def answers() -> tuple[Digest, ...]:
        found = {place: Digest(*row) for place, cursor in alone.items() for row in cursor}
        found |= {place: Digest(rows, total) for place, rows, total in together or ()}
        return tuple(found[place] for place in range(len(ranges)))

    return answers


def _of_closed(table: Table, ranges: Sequence[tuple[int, Sequence[str], Sequence[str]]]) -> sql.Composed:
    width = len(table.key)
    lows = [sql.Identifier("r", f"low{place}") for place in range(width)]
    highs = [sql.Identifier("r", f"high{place}") for place in range(width)]
    names = [f"{end}{place}" for end in ("low", "high") for place in range(width)]
    mine = _names(table, "t")
    values = shape.comma(
        sql.SQL("({}, {}, {})").format(
            sql.Literal(place), shape.comma(_typed(table, low)), shape.comma(_typed(table, high))
        )
        for place, low, high in ranges
    )
    condition = sql.SQL("{} and {}").format(_compare(table, ">=", mine, lows), _compare(table, "<", mine, highs))
    return digest.of_each(table, values, shape.comma(map(sql.Identifier, names)), condition)


def bounds(receiver: Connection, table: Table, chunk: Range) -> tuple[tuple[str, ...], ...]:
    """Return the keys at which a chunk that grew too big should be cut, in order; none when it need not be.

    A table that was never cut is sampled by its blocks; all else is counted exactly, along the key's index.
    """
    rows, blocks = _estimate(receiver, table)
    step = chunk_rows(table, rows)
    named = {
        "texts": shape.comma(sql.SQL("{}::text").format(name) for name in shape.key_aliases(table, "s")),
        "keys": shape.comma(shape.key_aliases(table, "s")),
        "keys_of_table": _aliased(table),
        "source": digest.source(table),
    }
    if chunk == EVERYTHING and rows > SAMPLE_ABOVE:
        method, percent = _sampling(rows, blocks, step)
        query = sql.SQL(_BOOK["sample_bounds"]).format(
            method=method, percent=sql.Literal(percent), step=sql.Literal(max(int(step * percent / 100), 1)), **named
        )
    else:
        query = sql.SQL(_BOOK["exact_bounds"]).format(within=within(table, *chunk), step=sql.Literal(step), **named)
    return tuple(tuple(bound) for (bound,) in receiver.execute(query))


def _sampling(rows: int, blocks: int, step: int) -> tuple[sql.SQL, float]:
    """Return how to sample and how many percent, for some ``SAMPLED_PER_CHUNK`` samples that are spread over each chunk.

    A block's rows are neighbours in most keys, so blocks are sampled only where a chunk has many of them; it is what spares a
    big table from being read.
    """
    blocks_per_chunk = blocks * step / rows
    if blocks_per_chunk > 10 * SAMPLED_PER_CHUNK:
        return sql.SQL("system"), 100.0 * SAMPLED_PER_CHUNK / blocks_per_chunk
    return sql.SQL("bernoulli"), 100.0 * SAMPLED_PER_CHUNK / step


def _estimate(side: Connection, table: Table) -> tuple[int, int]:
    """Return about how many rows and how many blocks the table has."""
    relation = sql.Literal(shape.name(table).as_string(side))
    row = side.execute(sql.SQL(_BOOK["estimate"]).format(relation=relation)).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def fit(side: Connection, table: Table, cuts: Sequence[tuple[str, ...]]) -> bool:
    """Whether these bounds ascend on this side, and the key's index finds what lies between two of them."""
    if not cuts:
        return True
    before = [sql.Identifier("x", f"before{place}") for place in range(len(table.key))]
    query = sql.SQL(_BOOK["in_order"]).format(
        bounds=_listed(table, cuts),
        lags=shape.comma(
            sql.SQL("lag({}) over w as {}").format(alias, sql.Identifier(f"before{place}"))
            for place, alias in enumerate(shape.key_aliases(table, "b"))
        ),
        has_before=sql.SQL("{} is not null").format(before[0]),
        ascends=_compare(table, "<", before, shape.key_aliases(table, "x")),
    )
    try:
        row = side.execute(query).fetchone()
        return bool(row and row[0]) and _found_by_index(side, table, (cuts[0], cuts[-1]))
    except (psycopg.errors.DataError, psycopg.errors.ProgrammingError):
        # A bound whose text this side does not read back, or a table that is another now.
        return False


def _found_by_index(side: Connection, table: Table, limits: Range) -> bool:
    row = side.execute(
        sql.SQL(_BOOK["range_plan"]).format(source=digest.source(table), within=within(table, *limits))
    ).fetchone()
    return row is not None and "Index Cond" in str(row[0])


def touched(link: Link, table: Table, chunks: Sequence[tuple[int, Range]], stage: sql.Composable) -> sql.Composed:
    """Return the statement that marks the chunks which the staged keys are in as dirty, and returns their numbers.

    ``chunks`` are all chunks of the table in the order of their bounds. Where the two sides may sort differently, the chunks
    beside them are marked as well.
    """
    cuts = [low for _, (low, _) in chunks if low is not None]
    single = len(table.key) == 1
    aliases = shape.key_aliases(table, "s")
    cuts_based = _based(table, shape.key_aliases(table, "b"))
    same_order = all(column.type in shape.ORDERED_TYPES for column in table.key_columns)
    return sql.SQL(_BOOK["touched"]).format(
        link=sql.Literal(link.name),
        direction=sql.Literal(link.direction),
        relid=sql.Literal(table.oid),
        numbers=sql.Literal([number for number, _ in chunks]),
        staged=aliases[0] if single else sql.SQL("row({})").format(shape.comma(aliases)),
        bound=cuts_based[0] if single else sql.SQL("row({})").format(shape.comma(cuts_based)),
        bounds=_listed(table, cuts),
        stage=stage,
        steps=sql.Literal([0] if same_order else [-1, 0, 1]),
    )


def _names(table: Table, alias: str) -> list[sql.Composable]:
    return [sql.Identifier(alias, key.name) for key in table.key]


def _aliased(table: Table) -> sql.Composed:
    """Return the key's columns under names that no column of the statement around them has."""
    return shape.comma(
        sql.SQL("{} as {}").format(name, alias)
        for name, alias in zip(_names(table, "t"), shape.key_aliases(table), strict=True)
    )


def _based(table: Table, names: Sequence[sql.Composable]) -> list[sql.Composable]:
    return [
        name if column.base == column.type else sql.SQL("{}::{}").format(name, shape.type_of(column.base))
        for name, column in zip(names, table.key_columns, strict=True)
    ]


def _typed(table: Table, bound: Sequence[str]) -> list[sql.Composable]:
    return [
        sql.SQL("{}::{}").format(sql.Literal(value), shape.type_of(column.base))
        for value, column in zip(bound, table.key_columns, strict=True)
    ]


def _listed(table: Table, cuts: Sequence[Sequence[str]]) -> sql.Composed:
    return sql.SQL(_BOOK["bounds"]).format(
        keys_of_table=_aliased(table),
        source=digest.source(table),
        values=shape.comma(
            sql.SQL("({}, {})").format(sql.Literal(place), shape.comma(_typed(table, bound)))
            for place, bound in enumerate(cuts, 1)
        ),
    )


def _compare(
    table: Table, operator: LiteralString, left: Sequence[sql.Composable], right: Sequence[sql.Composable]
) -> sql.Composable:
    """Return ``left operator right`` for whole keys.

    A row comparison looks its operators up in the pinned search path, where an extension's are not found; those are spelt out.
    """
    if len(table.key) == 1 or any(key.schema != "pg_catalog" for key in table.key):
        return _spelt_out(table, operator, left, right)
    return sql.SQL("row({}) {} row({})").format(shape.comma(left), sql.SQL(operator), shape.comma(right))


def _spelt_out(
    table: Table, operator: LiteralString, left: Sequence[sql.Composable], right: Sequence[sql.Composable]
) -> sql.Composable:
    def one(place: int, sign: LiteralString) -> sql.Composable:
        return sql.SQL("{} operator({}.{}) {}").format(
            left[place], sql.Identifier(table.key[place].schema), sql.SQL(sign), right[place]
        )

    strict: LiteralString = ">" if operator.startswith(">") else "<"
    last = len(table.key) - 1
    condition = one(last, operator)
    for place in range(last - 1, -1, -1):
        condition = sql.SQL("({} or ({} and {}))").format(one(place, strict), one(place, "="), condition)
    # The first column alone is what an index can use.
    wide: LiteralString = ">=" if strict == ">" else "<="
    return sql.SQL("{} and {}").format(one(0, wide), condition) if last else condition
