"""Which SQL fragments say "this table, these columns, this key"? Built from the catalogue, never from text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from psycopg import sql

from ..postgres import Column, Table

# Types whose text form no session setting changes and whose equality is equality of bytes.
PLAIN_TYPES = frozenset({"smallint", "integer", "bigint", "uuid", "boolean", "oid"})
# Types that sort alike on every server, whatever its collations: their tables are cut in key ranges.
ORDERED_TYPES = PLAIN_TYPES | {"date", "timestamp without time zone", "timestamp with time zone", "bytea"}
# Types that print alike under every session setting, though two texts may be equal values.
STEADY_TYPES = PLAIN_TYPES | {"text", "numeric", "citext", "public.citext"}

# PostgreSQL's MaxHeapAttributeNumber.
MOST_COLUMNS = 1600

# Types whose binary form is the same in all versions that we move between: their tables are copied in COPY's binary format.
BINARY_TYPES = PLAIN_TYPES | {
    "text", "bytea", "date", "timestamp without time zone", "timestamp with time zone", "time without time zone",
    "real", "double precision", "json", "jsonb", '"char"',
}  # fmt: skip
BINARY_PREFIXES = ("character varying", "character(", "numeric", "timestamp(")


def binary(table: Table) -> bool:
    """Whether every value has the same binary form on both sides."""
    return all(
        column.type in BINARY_TYPES or (column.type.startswith(BINARY_PREFIXES) and not column.type.endswith("[]"))
        for column in stored(table)
    )


def name(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def holds_rows(table: Table) -> bool:
    """Whether rows lie in the table itself: a partitioned one keeps them all in its partitions."""
    return table.kind != "p"


def comma(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def type_of(printed: str) -> sql.SQL:
    """Return a type as the server printed it, ready to stand in a statement: ``format_type`` quotes what needs quotes."""
    return sql.SQL(printed)  # From the catalogue, through format_type.


def stored(table: Table) -> tuple[Column, ...]:
    """Return the columns that hold values of their own: those that are not generated."""
    return tuple(column for column in table.columns if not column.generated)


def columns(of: Sequence[Column], prefix: str = "") -> sql.Composed:
    """Return a list of column names, each after ``prefix`` (a table's alias) when there is one."""
    return comma(sql.Identifier(prefix, column.name) if prefix else sql.Identifier(column.name) for column in of)


def can_be_staged(table: Table) -> bool:
    """Whether a staging table has room for a row beside its key and one flag. A table without key is not staged."""
    return not table.key or len(stored(table)) + len(table.key) < MOST_COLUMNS


def unique(table: Table, word: str) -> str:
    """Return a name that no column of this table begins with: ``word``, made longer where it must be."""
    while any(column.name.startswith(word) for column in table.columns):
        word += "_"
    return word


def listed(of: Sequence[Column]) -> sql.Composable:
    """Return a list of columns in parentheses, or nothing for a table without any."""
    return sql.SQL("({})").format(columns(of)) if of else sql.SQL("")


def key_aliases(table: Table, prefix: str = "") -> tuple[sql.Identifier, ...]:
    """Return the names under which key columns travel: ``offramp_k1`` and so on."""
    word = unique(table, "offramp_k")
    names = [f"{word}{place}" for place in range(1, len(table.key) + 1)]
    return tuple(sql.Identifier(prefix, alias) if prefix else sql.Identifier(alias) for alias in names)


def match(table: Table, left: str, right: str) -> sql.Composed:
    """Return ``left.id = right.offramp_k1 and ..`` with the operators of the key's own index."""
    return sql.SQL(" and ").join(
        sql.SQL("{} operator({}.{}) {}").format(
            sql.Identifier(left, key.name), sql.Identifier(key.schema), type_of(key.operator), alias
        )
        for key, alias in zip(table.key, key_aliases(table, right), strict=True)
    )


def image(table: Table, prefix: str) -> sql.Composed:
    """Return the text of a whole row, columns named in the origin's order so that both sides print alike."""
    return sql.SQL("row({})::text").format(columns(table.columns, prefix))


def plain_key(table: Table) -> bool:
    """Whether equal keys are the same bytes, so that an update never needs to set the key."""
    return all(column.type in PLAIN_TYPES for column in table.key_columns)


def _steady(printed: str) -> bool:
    """Whether a type's text is the same under every session setting."""
    return printed in STEADY_TYPES or printed.startswith(("character varying", "numeric"))


def outline(table: Table) -> str:
    """Return a text that is equal for two tables exactly when the pump may treat them alike.

    Order counts for the origin's positional capture, so it is kept; statistics and oids are left out.
    """
    return json.dumps(
        [
            [[c.name, c.type, c.not_null, c.identity, c.generated] for c in table.columns],
            [[k.name, k.schema, k.operator] for k in table.key],
        ]
    )


def footprint(printed: str) -> str:
    """Return what an outline says that capture's triggers depend on: tables alike in this need no other triggers.

    Keys are logged by their place among the columns, so names and types do not matter unless a type prints as the session likes.
    """
    columns, key = json.loads(printed)
    if not key:
        return json.dumps([[column[1], column[4]] for column in columns])
    place = {column[0]: at for at, column in enumerate(columns, 1)}
    types = {column[0]: "" if _steady(column[1]) else column[1] for column in columns}
    return json.dumps([[place[part[0]], types[part[0]]] for part in key])


def key_names(printed: str) -> tuple[str, ...]:
    """Return the key's columns as an outline names them."""
    return tuple(part[0] for part in json.loads(printed)[1])


def differences(origin: Table, receiver: Table) -> tuple[str, ...]:
    """Return plain sentences on how the receiver's table differs in what rows need; empty when rows fit."""
    there = {column.name: column for column in receiver.columns}
    here = {column.name for column in origin.columns}
    said: list[str] = []
    for column in origin.columns:
        other = there.get(column.name)
        if other is None:
            said.append(f"column {column.name} ({column.type}) is missing on the receiving side")
        elif other.type != column.type:
            said.append(f"column {column.name} is {column.type} here and {other.type} on the receiving side")
        elif bool(other.generated) != bool(column.generated):
            said.append(f"column {column.name} is generated on one side only")
    said.extend(f"column {name} exists on the receiving side only" for name in there if name not in here)
    return tuple(said)
