"""How are members of partition and inheritance trees captured? By row-level triggers on each relation that holds rows.

A parent's statement trigger is silent when a child is named, a child's when the parent is, and neither says in which member a
row lies. Row-level triggers fire on the member itself, whatever statement moved the row. The form of their functions is the one
that survives every change of the table, chosen by measurement: ``docs/decisions/0003-row-capture-in-trees.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Column, Table
from . import shape

_BOOK = sqlbook.load("offramp.pump", "sql/trees.sql")
ROWS = "/rows "
# A statement can have 1,664 columns, a table 1,600.
PADS = 64
# Their default text follows DateStyle and TimeZone, their JSON text is ISO 8601 with the zone's offset.
TIMES = ("date", "timestamp", "time")


def by_row(definition: str) -> bool:
    """Whether a register's definition is of row-level capture."""
    return ROWS in definition


def definition(table: Table) -> str:
    """Return what the register says of a table: what its triggers depend on, and of a member of a tree the index that its functions rely on."""
    return _by_row(table) if table.in_tree else shape.footprint(shape.outline(table))


def _by_row(table: Table) -> str:
    return f"{shape.footprint(shape.outline(table))}{ROWS}{table.key_index}"


def fits(table: Table, known: str) -> bool:
    """Whether capture that was made under the definition ``known`` is right for the table as it is.

    A table that left its tree keeps its row-level capture, which is right everywhere; one that joins a tree needs it.
    """
    return known in (definition(table), _by_row(table))


def row_functions(
    table: Table,
    number: int,
    functions: Mapping[str, sql.Composable],
    log: sql.Identifier,
    guards: Mapping[str, sql.Composable],
) -> tuple[sql.Composed, ...]:
    """Return the statements that make a member's trigger functions, ``on_insert`` and so on by name; they write to ``log``.

    ``guards`` are statements that they end with, by operation.
    """
    named = _keyed(table, number, log) if table.key else _bare(number, log)
    rows = ("row_came", "row_changed", "row_went") if table.key else ("image_came", "image_changed", "image_went")
    operations = ("insert", "update", "delete", "truncate")
    return tuple(
        sql.SQL(_BOOK[block]).format(function=functions[f"on_{operation}"], guard=guards[operation], **named)
        for block, operation in zip((*rows, "emptied"), operations, strict=True)
    )


def _bare(number: int, log: sql.Identifier) -> dict[str, sql.Composable]:
    named: dict[str, sql.Composable] = {"log": log, "number": sql.Literal(number)}
    return {
        **named,
        "settings": sql.SQL(_BOOK["exact_settings"]),
        "marker": sql.SQL(_BOOK["marker"]).format(**named),
    }


def _keyed(table: Table, number: int, log: sql.Identifier) -> dict[str, sql.Composable]:
    width = max(_positions(table))
    named: dict[str, sql.Composable] = {
        "log": log,
        "number": sql.Literal(number),
        "names": shape.comma(sql.SQL("k{}").format(sql.Literal(place)) for place in range(1, len(table.key) + 1)),
        # The first column needs no pad: a table whose every column was dropped still yields a null for it.
        "pads": sql.SQL("").join([sql.SQL(", null::pg_catalog.text")] * (0 if width == 1 else min(width, PADS))),
        "aliases": shape.comma(_alias(table, place) for place in range(1, width + 1)),
        "new_keys": shape.comma(_keys(table, "n")),
        "old_keys": shape.comma(_keys(table, "o")),
    }
    return {
        **named,
        "settings": _settings(table),
        "changed": sql.SQL(" or ").join(_changed(table)),
        "standing": sql.SQL(_BOOK["standing"]).format(index=sql.Literal(table.key_index)),
        "small": sql.SQL(_BOOK["small"]),
        "marker": sql.SQL(_BOOK["marker"]).format(**named),
        "one": _quoted("one_row", named),
        "both": _quoted("both_rows", named),
    }


def _positions(table: Table) -> tuple[int, ...]:
    places = {column.name: place for place, column in enumerate(table.columns, 1)}
    return tuple(places[key.name] for key in table.key)


def _keys(table: Table, row: LiteralString) -> list[sql.Composed]:
    return [
        sql.SQL(_text_of(column)).format(sql.SQL("{}.{}").format(sql.SQL(row), _alias(table, place)))
        for place, column in zip(_positions(table), table.key_columns, strict=True)
    ]


def _alias(table: Table, place: int) -> sql.Identifier:
    return sql.Identifier(f"{shape.unique(table, 'offramp_')}{place}")


def _text_of(column: Column) -> LiteralString:
    if column.base.startswith(TIMES):
        return "(pg_catalog.to_jsonb({}) operator(pg_catalog.#>>) '{{}}')"
    return "{}::pg_catalog.text"


def _changed(table: Table) -> list[sql.Composed]:
    return [
        sql.SQL('{} operator(pg_catalog.<>) {} collate pg_catalog."C"').format(old, new)
        for old, new in zip(_keys(table, "o"), _keys(table, "n"), strict=True)
    ]


def _settings(table: Table) -> sql.SQL:
    """Return what the functions set, which costs 1 us a row for one setting and 3 us or more for all."""
    if not all(_steady(column) for column in table.key_columns):
        return sql.SQL(_BOOK["exact_settings"])
    if not all(_narrow(column) for column in table.columns):
        return sql.SQL(_BOOK["generic_plan"])
    return sql.SQL("")


def _steady(column: Column) -> bool:
    """Whether the key prints alike under every setting of the session."""
    return column.base in shape.STEADY_TYPES or column.base.startswith((*TIMES, "character varying", "numeric"))


def _narrow(column: Column) -> bool:
    """Whether the column's values are never big."""
    return column.base in shape.PLAIN_TYPES or column.base.startswith((*TIMES, "numeric", "real", "double", "interval"))


def _quoted(block: str, named: dict[str, sql.Composable]) -> sql.Literal:
    return sql.Literal(sql.SQL(_BOOK[block]).format(**named).as_string(None))
