"""Which statements take the database's time? Read from pg_stat_statements, over all its counts or between two readings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ...kit import sqlbook
from ...postgres import Connection
from .model import Requests, Shortfall, Statement
from .plans import plannable

_SQL = sqlbook.load(__package__, "sql/readings.sql")
# Ours, the monitoring's and the drivers': catalogues are not the application's tables, nor does it ask for plans.
_CATALOGUE = re.compile(r"\b(pg_[a-z_]+|information_schema)\b|\A\s*explain\b", re.IGNORECASE)
_LEAST = (1, 8)
# BEGIN, SET and their like are shown when they take this part of the time: a slow COMMIT is news.
WORTH_SHOWING = 0.01


@dataclass(frozen=True, slots=True)
class Count:
    """One statement's counts; ``total_ms`` is execution alone."""

    text: str
    calls: int
    total_ms: float
    rows: int


@dataclass(frozen=True, slots=True)
class Reading:
    """All statements by queryid. ``at`` is the server's clock in seconds; ``seconds`` how long it has counted, None if unknown."""

    at: float
    seconds: float | None
    counts: Mapping[str, Count]
    hot: Mapping[str, float]
    shortfalls: tuple[Shortfall, ...] = ()


def read(connection: Connection) -> Reading:
    """Read the counts. What is missing is told in ``shortfalls``. Raises psycopg.Error when the server does not answer."""
    at = _one(connection, _SQL["now"])
    hot = {str(table): float(part) for table, part in connection.execute(_SQL["hot"])}
    row = connection.execute(_SQL["extension"]).fetchone()
    if row is None:
        return Reading(at, None, {}, hot, (Shortfall(
            "pg_stat_statements is not installed, so nobody knows which statements take the time.",
            "Run `create extension pg_stat_statements;` as the database's owner and come back after a day.",
        ),))  # fmt: skip
    version = tuple(int(part) for part in str(row[1]).split("."))
    if version < _LEAST:
        return Reading(at, None, {}, hot, (Shortfall(
            f"pg_stat_statements is version {row[1]}, which counts otherwise.", "Run `alter extension pg_stat_statements update;`.",
        ),))  # fmt: skip
    schema = sql.Identifier(str(row[0]))
    try:
        rows = connection.execute(sql.SQL(_SQL["statements"]).format(schema=schema)).fetchall()
    except psycopg.errors.ObjectNotInPrerequisiteState:
        return Reading(at, None, {}, hot, (Shortfall(
            "pg_stat_statements is installed, but the server has not loaded it.", "Add it to shared_preload_libraries and restart.",
        ),))  # fmt: skip
    seconds = _one(connection, sql.SQL(_SQL["since"]).format(schema=schema)) if version >= (1, 9) else None
    hidden = int(_one(connection, sql.SQL(_SQL["hidden"]).format(schema=schema)))
    counts = {row[0]: Count(*row[1:]) for row in rows if not _CATALOGUE.search(row[1])}
    return Reading(at, seconds, counts, hot, tuple(_unread(hidden)))


def _unread(hidden: int) -> Iterator[Shortfall]:
    if hidden:
        yield Shortfall(
            f"{hidden} statements of other roles can be counted but not read.",
            "Grant pg_read_all_stats, or connect as those roles too.",
        )


def between(first: Reading, second: Reading) -> Reading:
    """Return what happened between two readings. Counts that were reset in between count from their reset."""
    counts = {}
    for key, now in second.counts.items():
        then = first.counts.get(key)
        if then is None or then.calls > now.calls:
            counts[key] = now
        elif now.calls > then.calls:
            counts[key] = Count(now.text, now.calls - then.calls, now.total_ms - then.total_ms, now.rows - then.rows)
    return Reading(second.at, second.at - first.at, counts, second.hot, second.shortfalls)


def statements(reading: Reading, requests: Requests | None, most: int) -> tuple[Statement, ...]:
    """Return the statements that take the most time and those called the most, at most ``most`` of each, by time."""
    whole = sum(count.total_ms for count in reading.counts.values()) or 1.0
    by_time = sorted(reading.counts, key=lambda key: -reading.counts[key].total_ms)[:most]
    by_calls = sorted(reading.counts, key=lambda key: -reading.counts[key].calls)[:most]
    chosen = [
        key
        for key in dict.fromkeys((*by_time, *by_calls))
        if plannable(reading.counts[key].text) or reading.counts[key].total_ms >= WORTH_SHOWING * whole
    ]
    found = [
        Statement(
            id=key,
            text=count.text,
            calls=count.calls,
            mean_ms=count.total_ms / count.calls if count.calls else 0.0,
            total_ms=count.total_ms,
            rows=count.rows,
            share=count.total_ms / whole,
            calls_per_request=count.calls / requests.count if requests and requests.count else None,
        )
        for key in chosen
        for count in (reading.counts[key],)
    ]
    return tuple(sorted(found, key=lambda each: -each.total_ms))


def _one(connection: Connection, query: sql.Composed | str) -> float:
    row = connection.execute(query if isinstance(query, sql.Composed) else query.encode()).fetchone()
    assert row is not None
    return float(row[0])
