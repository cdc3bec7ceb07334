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
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_QUOTED = re.compile(r"[eEbBxXnN]?'(?:[^'\\]|''|\\.)*'|\$([A-Za-z_]*)\$.*?\$\1\$", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w$.\"])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b")
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
            since = connection.execute(sql.SQL(_SQL["statements_since"]).format(schema=place)).fetchone()
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
        since=float(since[0]) if since and since[0] is not None else None,
    )  # fmt: skip


def scrub(text: str) -> str:
    """Return a statement on one line, with every constant that PostgreSQL left in it replaced, and comments taken out.

    >>> scrub("select * from mentor /* user=ann */ where email = 'ann@example.org' and id = $1 and n1 > 42 -- why")
    'select * from mentor where email = ? and id = $1 and n1 > ?'
    """
    bare = _COMMENT.sub(" ", _QUOTED.sub("?", text))
    # A quote without its end: the server cuts texts off, and half a constant is one, too.
    bare = re.sub(r"'.*$", "?", bare, flags=re.DOTALL)
    return _SPACE.sub(" ", _NUMBER.sub("?", bare)).strip()[:LONGEST]
