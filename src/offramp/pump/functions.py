"""What do the functions of a table's triggers say? How a statement's keys become log entries, as text; ``capture`` installs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import LiteralString

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Column, Table
from . import guarding, shape, trees

_BOOK = sqlbook.load("offramp.pump", "sql/capture.sql")
OPERATIONS = ("insert", "update", "delete", "truncate")
# Keys of these types are logged as ranges where they lie close together.
WHOLE_NUMBERS = frozenset({"smallint", "integer", "bigint"})
# What makes text the same in every session. Each setting of a function costs its every call a microsecond, so only those that
# a table's types depend on are made; a type that is not named here gets all of them.
EXACT: Mapping[str, sql.SQL] = {
    "search_path": sql.SQL("set search_path = pg_catalog, pg_temp"),
    "extra_float_digits": sql.SQL("set extra_float_digits = 3"),
    "datestyle": sql.SQL("set datestyle = 'ISO, YMD'"),
    "intervalstyle": sql.SQL("set intervalstyle = 'iso_8601'"),
    "timezone": sql.SQL("set timezone = 'UTC'"),
    "bytea_output": sql.SQL("set bytea_output = 'hex'"),
    "lc_monetary": sql.SQL("set lc_monetary = 'C'"),
    "xmloption": sql.SQL("set xmloption = 'content'"),
}
PRINTED: Mapping[str, tuple[str, ...]] = {
    "smallint": (), "integer": (), "bigint": (), "boolean": (), "uuid": (), "oid": (), "numeric": (), "text": (), "citext": (),
    "public.citext": (), "character": (), "json": (), "inet": (), "cidr": (), "macaddr": (), "bit": (),
    "timestamp with time zone": ("datestyle", "timezone"), "timestamp(": ("datestyle", "timezone"),
    "timestamp without time zone": ("datestyle",), "date": ("datestyle",), "time": (), "interval": ("intervalstyle",),
    "real": ("extra_float_digits",), "double precision": ("extra_float_digits",), "bytea": ("bytea_output",),
    "money": ("lc_monetary",), "xml": ("xmloption",),
}  # fmt: skip


def log(number: int) -> sql.Identifier:
    return sql.Identifier("offramp", f"log_{number}")


def function(number: int, operation: str) -> sql.Identifier:
    return sql.Identifier("offramp", f"capture_{number}_{operation}")


def by_operation(number: int) -> dict[str, sql.Composable]:
    return {f"on_{operation}": function(number, operation) for operation in OPERATIONS}


def function_texts(table: Table, number: int, target: int, *, by_row: bool) -> sql.Composed:
    """Return the statements that make the table's trigger functions write to log ``target``; ``by_row``: they fire for each row."""
    guards = {
        operation: guarding.call(f"capture_{number}_{operation}", f"offramp.log_{target}") for operation in OPERATIONS
    }
    if by_row:
        return sql.SQL("\n").join(trees.row_functions(table, number, by_operation(number), log(target), guards))
    keyed = bool(table.key)
    blocks = (
        ("insert", "keyed_insert" if keyed else "bare_insert", "new_rows", "+"),
        ("update", "keyed_update" if keyed else "bare_update", "", ""),
        ("delete", "keyed_insert" if keyed else "bare_insert", "old_rows", "-"),
        ("truncate", "truncated", "", ""),
    )
    common = _fragments(table)
    return sql.SQL("\n").join(
        sql.SQL(_BOOK[block]).format(
            function=function(number, operation),
            number=sql.Literal(number),
            log=log(target),
            rows=sql.SQL(rows),
            one_range=_ranges(table, common, "one_extent", number, target, rows),
            both_ranges=_ranges(table, common, "both_extents", number, target, "new_rows"),
            sign=sql.Literal(sign),
            guard=guards[operation],
            **common,
        )
        for operation, block, rows, sign in blocks
    )


def _ranges(
    table: Table, common: dict[str, sql.Composable], extent: str, number: int, target: int, rows: LiteralString
) -> sql.Composable:
    """Return the part that logs a bulk statement's keys as ranges, or nothing where the key is not one whole number."""
    if len(table.key) != 1 or table.key_columns[0].type not in WHOLE_NUMBERS:
        return sql.SQL("")
    place = [column.name for column in table.columns].index(table.key[0].name) + 1
    parts = {**common, "key": sql.Identifier(f"{shape.unique(table, 'offramp_')}{place}"), "rows": sql.SQL(rows)}
    return sql.SQL(_BOOK["whole_numbers"]).format(
        extent=sql.SQL(_BOOK[extent]).format(**parts), log=log(target), number=sql.Literal(number), **parts
    )


def settings(columns: Iterable[Column]) -> sql.Composable:
    """Return the settings of a trigger function that make these columns print as the other side reads them, and no others."""
    wanted: set[str] = set()
    for column in columns:
        base = column.base.removesuffix("[]")
        known = next((names for prefix, names in PRINTED.items() if _is(base, prefix)), None)
        wanted |= set(EXACT) if known is None else set(known)
    return sql.SQL("\n").join(EXACT[name] for name in EXACT if name in wanted)


def _is(base: str, prefix: str) -> bool:
    """Whether a type is of this kind: those of the server may have a length or a precision behind their name."""
    return base == prefix or ("." not in prefix and base.startswith(prefix))


def _fragments(table: Table) -> dict[str, sql.Composable]:
    """Return the parts of a trigger function that depend on the table's columns, by position only."""
    names = [column.name for column in table.columns]
    positions = [names.index(key.name) + 1 for key in table.key]
    width = max(positions, default=len(names)) or 1
    word = shape.unique(table, "offramp_")
    aliases = [sql.Identifier(f"{word}{place}") for place in range(1, width + 1)]
    texts = [sql.SQL("n.{}::pg_catalog.text").format(aliases[place - 1]) for place in positions]
    keys = [sql.Identifier(f"k{at}") for at in range(1, len(positions) + 1)]
    whole = texts[0] if len(texts) == 1 else sql.SQL("row({})::pg_catalog.text").format(shape.comma(texts))
    return {
        "settings": settings(table.key_columns if table.key else shape.stored(table)),
        "wait_long": sql.SQL(_BOOK["wait_long"]),
        "wait_as_before": sql.SQL(_BOOK["wait_as_before"]),
        "names": shape.comma(keys),
        "keys": shape.comma(texts),
        "named_keys": shape.comma(
            sql.SQL("{} as {}").format(text, key) for text, key in zip(texts, keys, strict=True)
        ),
        "arrays": shape.comma(
            sql.SQL("pg_catalog.array_agg(s.{})::pg_catalog.text").format(key) for key in keys
        ),
        "hashed": sql.SQL('{} collate pg_catalog."C"').format(whole),
        "all": shape.comma(sql.SQL("n.{}").format(alias) for alias in aliases),
        # The first column needs no pad: a table whose every column was dropped still yields the null for c1.
        "pads": sql.SQL("").join(
            [sql.SQL(", null::pg_catalog.text")] * (0 if table.key and width == 1 else width)
        ),
        "aliases": shape.comma(aliases),
    }  # fmt: skip
