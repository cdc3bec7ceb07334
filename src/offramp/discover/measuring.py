"""How is one database doing just now? Counters, sessions, sequences and estimates, read within the census's snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from ..kit import sqlbook
from . import indexes, statements
from .indexes import ForeignKey, Index
from .model import Activity, NumberKey, Readings, TableUse, UnusualType, Waiting

_SQL = sqlbook.load(__package__, "sql/readings.sql")
LIMITS = {"smallint": 2**15 - 1, "integer": 2**31 - 1}
NEAR_SHARE = 0.25
"""A key that has used less of its range than this will not meet its end in the time of a move."""

Connection = psycopg.Connection[tuple[object, ...]]


def read(connection: Connection, connection_limit: int, statements_schema: str | None) -> Readings:
    """Read what moves by itself. Raises psycopg.Error when the server does not answer. Growth is not known from one look."""
    asked = _Asked(connection)
    row = _rows(connection, _SQL["counters"])[0]
    at, since, commits, rollbacks, deadlocks, temporary, heap, index, age, frozen = row
    found = [Index(s, t, n, tuple(c), *rest) for s, t, n, c, *rest in asked.rows("indexes")]
    keys = [ForeignKey(s, t, n, tuple(c)) for s, t, n, c in asked.rows("foreign_keys")]
    return Readings(
        at=float(at),
        counted_since=since,
        growth=None,
        statements=statements.read(connection, statements_schema),
        tables=tuple(TableUse(*row) for row in asked.rows("table_use")),
        indexes=indexes.worth_a_word(found, keys),
        index_bytes=sum(one.bytes for one in found),
        numbers=tuple(_numbers(asked, connection)),
        unusual=tuple(UnusualType(*row) for row in asked.rows("unusual_types")),
        activity=_activity(asked, connection_limit),
        heap_hit=heap,
        index_hit=index,
        oldest_xid_age=int(age or 0),
        frozen_limit=int(frozen),
        commits=int(commits),
        rollbacks=int(rollbacks),
        deadlocks=int(deadlocks),
        temporary_bytes=int(temporary),
        missing=tuple(asked.missing),
    )


class _Asked:
    """Queries whose failure costs their own part of the readings and no more."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.missing: list[str] = []

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        try:
            with self._connection.transaction():
                return _rows(self._connection, _SQL[name])
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
            self.missing.append(name.replace("_", " "))
            return []


def _numbers(asked: _Asked, connection: Connection) -> Iterator[NumberKey]:
    """Yield the sequences and integer keys that have used a quarter of their range or more."""
    seen: set[tuple[str, str]] = set()
    for schema, name, column, kind, last, limit in asked.rows("sequences"):
        seen.add((str(schema), str(column)))
        found = NumberKey(str(schema), str(name), str(column), str(kind), int(last), int(limit))
        if found.share >= NEAR_SHARE:
            yield found
    for schema, table, column, kind in asked.rows("small_keys"):
        if (str(schema), f"{table}.{column}") in seen:
            continue
        largest = _largest(connection, str(schema), str(table), str(column))
        found = NumberKey(str(schema), str(table), f"{table}.{column}", str(kind), largest, LIMITS[str(kind)])
        if found.share >= NEAR_SHARE:
            yield found


def _largest(connection: Connection, schema: str, table: str, column: str) -> int:
    query = sql.SQL(_SQL["largest"]).format(column=sql.Identifier(column), table=sql.Identifier(schema, table))
    try:
        with connection.transaction():
            return int(_rows(connection, query)[0][0] or 0)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
        # Somebody else's table, or one that is being altered.
        return 0


def _activity(asked: _Asked, limit: int) -> Activity:
    states: Counter[str] = Counter()
    applications: Counter[str] = Counter()
    for application, state, count in asked.rows("sessions"):
        states[str(state)] += int(count)
        applications[str(application)] += int(count)
    waiting = [
        Waiting(int(pid), str(app), str(state), str(verb), round(float(seconds), 1), str(lock), tuple(blockers))
        for pid, app, state, verb, seconds, lock, blockers in asked.rows("waiting")
    ]
    idle_inside = states["idle in transaction"] + states["idle in transaction (aborted)"]
    return Activity(
        used=states.total(),
        limit=limit,
        active=states["active"],
        idle=states["idle"],
        idle_in_transaction=idle_inside,
        by_application=tuple(f"{name}: {count}" for name, count in applications.most_common(20)),
        open_long=tuple(one for one in waiting if not one.waits_for),
        waiting=tuple(one for one in waiting if one.waits_for),
    )


# Rows come from the catalogue with types that the queries fix; Any ends where a reading is built.
def _rows(connection: Connection, query: sql.Composed | LiteralString) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()
