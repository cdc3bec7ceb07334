"""Which statements cost the most? From ``pg_stat_statements``, without any value that somebody typed."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import sql

from ..kit import sqlbook
from .model import Statement, Statements

_SQL = sqlbook.load(__package__, "sql/readings.sql")
TOP = 40
LONGEST = 2000
# In one pass, as the server's own scanner reads: an apostrophe in a comment opens no constant, a comment in a constant is none.
_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|--[^\n]*)
      | (?P<constant>[eE]'(?:[^'\\]|''|\\.)*' | (?:\b[bBxXnN])?'(?:[^']|'')*' | \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$
            # A quote without its end: the server cuts texts off, and half a constant is one, too.
            | '.*
            | (?<![\w$.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)
      | (?P<name>"(?:[^"]|"")*")""",
    re.DOTALL | re.VERBOSE,
)
_SPACE = re.compile(r"\s+")


def read(connection: psycopg.Connection[Any], schema: str | None) -> Statements:
    """Read the statistics. ``schema`` is where the extension is, None without it. Raises psycopg.Error when the server fails."""
    if schema is None:
        return Statements(
            (), 0.0, 0, None, "pg_stat_statements is not installed: `create extension pg_stat_statements`."
        )
    place = sql.Identifier(schema)
    try:
        with connection.transaction():
            rows = connection.execute(sql.SQL(_SQL["statements"]).format(schema=place), {"top": TOP}).fetchall()
    except (
        psycopg.errors.ObjectNotInPrerequisiteState,
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
    ) as error:
        return Statements((), 0.0, 0, None, f"pg_stat_statements does not answer: {error.diag.message_primary}.")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled) as error:
        return Statements((), 0.0, 0, None, f"pg_stat_statements could not be read: {error.diag.message_primary}.")
    return Statements(
        top=tuple(
            Statement(str(id_), scrub(str(text)), int(calls), round(float(total), 3), round(float(mean), 4), int(count), int(hit), int(read_))
            for id_, text, calls, total, mean, count, hit, read_, _, _ in rows
        ),
        total_ms=round(float(rows[0][8]), 3) if rows else 0.0,
        calls=int(rows[0][9]) if rows else 0,
        since=_since(connection, place),
    )  # fmt: skip


def _since(connection: psycopg.Connection[Any], place: sql.Identifier) -> float | None:
    try:
        with connection.transaction():
            row = connection.execute(sql.SQL(_SQL["statements_since"]).format(schema=place)).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled):
        # The extension was installed by an older PostgreSQL and never updated.
        return None
    return float(row[0]) if row and row[0] is not None else None


def scrub(text: str) -> str:
    """Return a statement on one line, with every constant that PostgreSQL left in it replaced, and comments taken out.

    >>> scrub("select * from mentor /* user=ann */ where email = 'ann@example.org' and id = $1 and n1 > 42 -- why")
    'select * from mentor where email = ? and id = $1 and n1 > ?'
    """
    bare = _TOKEN.sub(lambda token: token["name"] or ("?" if token["constant"] else " "), text)
    return _SPACE.sub(" ", bare).strip()[:LONGEST]
