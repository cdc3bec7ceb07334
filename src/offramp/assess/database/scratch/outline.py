"""What does the source look like to its planner? Read as the tables' owner, in one snapshot, without waiting for a lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from ....kit import sqlbook
from ....postgres import Connection
from ..model import Shortfall
from .model import ColumnStatistics, ExtendedStatistics, Origin, Outline, Relation, Step

_SQL = sqlbook.load(__package__, "sql/outline.sql")
# costs.startup of a B-tree: one comparison per bisection step, and 50 operators' worth per page on the way down (selfuncs.c).
PAGE_OPERATORS = 50


def calm(connection: Connection, statement_seconds: float = 5.0) -> None:
    """Make the session one that cannot write and waits for nobody; it stays so."""
    connection.execute(_SQL["calm"])
    connection.execute(_SQL["patience"], {"milliseconds": str(int(statement_seconds * 1000))})


def read(connection: Connection, *, statement_seconds: float = 5.0) -> Outline:
    """Read the source's outline. Nothing is written and no row is read; the session is left calm.

    Raises psycopg.errors.LockNotAvailable while a table is altered, psycopg.Error when the source does not answer.
    """
    calm(connection, statement_seconds)
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        origin = Origin(*_rows(connection, "server")[0])
        settings = tuple((str(name), str(value)) for name, value in _rows(connection, "settings") if value is not None)
        extended = _rows(connection, "extended" if origin.major >= 15 else "extended_14")
        found = Outline(
            origin=origin,
            settings=settings,
            extensions=tuple((str(name), str(schema)) for name, schema in _rows(connection, "extensions")),
            stand_ins=tuple((str(a), str(b), str(c)) for a, b, c in _rows(connection, "extension_types")),
            steps=tuple(Step(*row) for row in _rows(connection, "steps")),
            relations=_relations(connection),
            statistics=tuple(
                ColumnStatistics(*row)
                for row in _rows(connection, "statistics_17" if origin.major >= 17 else "statistics")
            ),
            extended=tuple(
                ExtendedStatistics(schema, name, inherited, distinct, dependencies, tuple(keys))
                for schema, name, inherited, distinct, dependencies, keys, _ in extended
            ),
            shortfalls=(*_shortfalls(connection, origin), *_unread(origin, extended)),
        )
    heights = _heights(connection, dict(settings))
    return replace(
        found, relations=tuple(replace(each, height=heights.get(each.full_name)) for each in found.relations)
    )


def _relations(connection: Connection) -> tuple[Relation, ...]:
    try:
        with connection.transaction():
            rows = _rows(connection, "relations")
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
        rows = _rows(connection, "relations_unlocked")
    return tuple(Relation(*row) for row in rows)


def _shortfalls(connection: Connection, origin: Origin) -> Iterator[Shortfall]:
    for (name,) in _rows(connection, "hidden"):
        yield Shortfall(f"The statistics of {name} may not be read by this role.", "Connect as its owner.")
    if origin.major < 17:
        for (name,) in _rows(connection, "ranges"):
            yield Shortfall(
                f"Before PostgreSQL 17 only a superuser may read how {name} is spread, so searches in it are guessed."
            )
    for kind, name in _rows(connection, "uncarried"):
        yield Shortfall(f"The {kind} {name} is not carried to the scratch server.")


def _unread(origin: Origin, extended: list[tuple[Any, ...]]) -> Iterator[Shortfall]:
    for schema, name, *_, lists in extended:
        if lists:
            yield Shortfall(f"The value lists of the extended statistics {schema}.{name} are not carried.")
    if origin.major < 15 and extended:
        yield Shortfall("PostgreSQL 14 does not tell inherited extended statistics from others; they count as own.")


def _heights(connection: Connection, settings: Mapping[str, str]) -> Mapping[tuple[str, str], int]:
    """Return how many levels each B-tree has above its leaves, from what the source's planner says it costs to begin.

    pageinspect, which reads it from the index, needs a superuser. An index that the planner does not choose is left out.
    """
    operator_cost = float(settings.get("cpu_operator_cost", "0.0025"))
    try:
        with connection.transaction():
            connection.execute(_SQL["depth_settings"])
            probes = _rows(connection, "depth_probes")
            with connection.pipeline():
                asked = [connection.execute(sql.SQL(text)) for _, _, text in probes]
                answers = [cursor.fetchone() for cursor in asked]
    except psycopg.Error:
        # One locked or broken index spoils the round; sizes then say how deep the trees are, nearly always rightly.
        return {}
    heights = {}
    for (schema, name, _), answer in zip(probes, answers, strict=True):
        assert answer is not None
        scan = _scan(answer[0][0]["Plan"])
        if scan.get("Index Name") == name and operator_cost:
            heights[str(schema), str(name)] = height_of(float(scan["Startup Cost"]), operator_cost)
    return heights


def _scan(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    while "Index Name" not in plan and plan.get("Plans"):
        plan = plan["Plans"][0]
    return plan


def height_of(startup_cost: float, operator_cost: float) -> int:
    """Return a B-tree's height from the startup cost of walking it: (ceil(log2 rows) + 50 * (height + 1)) operators.

    The first term is below 50 for any table there is, so that division settles it (btcostestimate in selfuncs.c).

    >>> height_of(0.29, 0.0025), height_of(0.42, 0.0025), height_of(0.13, 0.0025)
    (1, 2, 0)
    """
    return max(0, round(startup_cost / operator_cost) // PAGE_OPERATORS - 1)


def _rows(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    # Rows come from the catalogue with types that the queries fix; Any ends where an Outline is built.
    query: LiteralString = _SQL[name]
    return connection.execute(query).fetchall()
