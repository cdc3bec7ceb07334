"""How is the database beside its statements? Locks, connections, cache, bloat, indexes nobody needs, sequences near their end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from ...kit import sqlbook
from ...postgres import Connection
from . import ddl
from .model import (
    Bloat,
    CacheHit,
    Connections,
    Health,
    IdleTransaction,
    IndexFinding,
    Locks,
    SequenceUse,
    Waiter,
)

_SQL = sqlbook.load(__package__, "sql/health.sql")
_LITERAL = re.compile(r"'(?:[^']|'')*'|\$([a-z_]*)\$.*?\$\1\$|\b\d+(?:\.\d+)?\b", re.IGNORECASE | re.DOTALL)
SEQUENCE_SHARE = 0.5
LEAST_UNUSED_BYTES = 1024 * 1024
# Before this, an index without a scan may only have had no occasion: a monthly report, a quiet weekend.
UNUSED_HOURS = 24 * 7
SHOWN = 120


def read(connection: Connection) -> Health:
    """Read the statistics. Raises psycopg.Error when the server does not answer."""
    return Health(
        cache=CacheHit(*_rows(connection, "cache")[0]),
        connections=Connections(*_rows(connection, "connections")[0]),
        idle_transactions=tuple(
            IdleTransaction(pid, name, seconds, without_literals(query))
            for pid, name, seconds, query in _rows(connection, "idle_transactions")
        ),
        bloat=tuple(Bloat(*row) for row in _rows(connection, "bloat") if row[3] > 0.2 or row[4] > 0.3 * row[1]),
        indexes=_indexes(connection),
        sequences=tuple(
            SequenceUse(name, column, last, limit, last / limit)
            for name, column, last, limit in _rows(connection, "sequences")
            if limit and last / limit >= SEQUENCE_SHARE
        ),
        transaction_age=float(_rows(connection, "age")[0][0]),
    )


def _indexes(connection: Connection) -> tuple[IndexFinding, ...]:
    try:
        found = tuple(ExistingIndex(*row) for row in _rows(connection, "indexes"))
    except psycopg.errors.LockNotAvailable:
        # A table is being altered, and an index's expression cannot be told meanwhile.
        return ()
    bare = (_bare(row) for row in _rows(connection, "bare_foreign_keys"))
    return (*judge(found, _hours(connection)), *bare)


def locks(connection: Connection) -> Locks:
    """Read who waits for whom at this moment. Other roles' activity is not shown to a role without pg_read_all_stats."""
    return tree(tuple(Session(*row) for row in _rows(connection, "locks")))


@dataclass(frozen=True, slots=True)
class Session:
    """A session that waits or is waited for; ``blockers`` are pids."""

    pid: int
    blockers: Sequence[int]
    application: str
    state: str
    wait: str
    lock: str
    relation: str
    seconds: float | None
    activity: str


def tree(sessions: Sequence[Session]) -> Locks:
    """Return the sessions as a tree, each under the first that it waits for; a circle begins at its lowest pid."""
    by_pid = {session.pid: session for session in sessions}
    under: dict[int, list[int]] = {}
    for session in sessions:
        if known := [pid for pid in session.blockers if pid in by_pid]:
            under.setdefault(min(known), []).append(session.pid)
    placed: set[int] = set()

    def grow(pid: int, parent: int | None, depth: int) -> Iterator[Waiter]:
        if pid in placed:
            return
        placed.add(pid)
        at = by_pid[pid]
        yield Waiter(
            pid, parent, depth, at.application, at.state, at.wait, at.lock, at.relation, at.seconds or 0.0, without_literals(at.activity)
        )  # fmt: skip
        for below in sorted(under.get(pid, ())):
            yield from grow(below, pid, depth + 1)

    roots = [session.pid for session in sessions if not any(pid in by_pid for pid in session.blockers)]
    return Locks(tuple(each for pid in (*sorted(roots), *sorted(by_pid)) for each in grow(pid, None, 0)))


def without_literals(query: str) -> str:
    """Return the beginning of a running statement, values left out: they are the customer's.

    >>> without_literals("update  t set a = 'it''s secret' where b = 17")
    "update t set a = '?' where b = ?"
    """
    plain = _LITERAL.sub(lambda found: "'?'" if found[0].startswith("'") else "?", query)
    return " ".join(plain.split())[:SHOWN]


@dataclass(frozen=True, slots=True)
class ExistingIndex:
    """One index, oldest first. ``columns`` say what each key column is and how it is ordered; ``more`` its expressions, predicate, includes."""

    table: str
    name: str
    bytes: int
    valid: bool
    serves: bool
    scans: int
    method: str
    columns: Sequence[str]
    more: str
    in_tree: bool


def judge(indexes: Sequence[ExistingIndex], hours: float | None) -> Iterator[IndexFinding]:
    """Say which indexes are not needed; ``hours`` is how long scans have been counted, None when nobody knows."""
    for at, index in enumerate(indexes):
        if index.in_tree or (index.valid and index.serves):
            continue
        if why := _needless(index, at, indexes, hours):
            kind, because = why
            drop = f"drop index concurrently {index.name};"
            yield IndexFinding(kind, index.table, index.name, index.bytes, because, drop)


def _needless(
    index: ExistingIndex, at: int, indexes: Sequence[ExistingIndex], hours: float | None
) -> tuple[Literal["invalid", "duplicate", "redundant", "unused"], str] | None:
    if not index.valid:
        return "invalid", "It was left behind by a build that failed: it is kept up to date and never used."
    beside = [
        (n, o)
        for n, o in enumerate(indexes)
        if n != at and o.valid and o.table == index.table and o.method == index.method
    ]
    # Of two alike, the one that serves a constraint stays, else the older.
    for n, other in beside:
        if (list(other.columns), other.more) == (list(index.columns), index.more) and (other.serves or n < at):
            return "duplicate", f"It is the same as {other.name}."
    for _, other in beside:
        if index.method == "btree" and not (index.more or other.more) and _begins(other.columns, index.columns):
            return "redundant", f"{other.name} begins with the same columns."
    if index.scans == 0 and index.bytes >= LEAST_UNUSED_BYTES and hours is not None and hours >= UNUSED_HOURS:
        return "unused", f"No statement has used it in {hours / 24:.0f} days. Look at the followers too before it goes."
    return None


def _begins(longer: Sequence[str], shorter: Sequence[str]) -> bool:
    return len(longer) > len(shorter) and list(longer[: len(shorter)]) == list(shorter)


def _bare(row: tuple[Any, ...]) -> IndexFinding:
    table, constraint, other, columns, size, deletes = row
    names = ", ".join(ddl.quoted(column) for column in columns)
    seen = f"; {deletes} rows were deleted there" if deletes else ""
    why = f"No index begins with {names}: whoever takes a row out of {other} reads the whole table{seen}."
    return IndexFinding(
        "foreign key without index", table, constraint, size, why, f"create index concurrently on {table} ({names});"
    )


def _hours(connection: Connection) -> float | None:
    value = _rows(connection, "statistics_age")[0][0]
    return None if value is None else float(value)


def _rows(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(_SQL[name]).fetchall()
