"""How often was each statement called between two looks? pg_stat_statements' counters, without texts, cheap enough for every few seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from ...errors import RefusedError
from ...kit import sqlbook
from ...postgres import Connection

_SQL = sqlbook.load(__package__, "sql/counters.sql")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counters:
    """All counters at one moment of the server's clock (seconds since 1970), by queryid."""

    at: float
    calls: Mapping[str, float] = field(default_factory=dict)
    ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deltas:
    """What was counted between looks. ``at`` are the looks' moments, one more than there are rows; a column is a statement."""

    at: Floats
    statements: tuple[str, ...]
    calls: Floats
    ms: Floats


def schema(connection: Connection) -> str:
    """Return where the counters are. Raises RefusedError where there are none."""
    row = connection.execute(_SQL["extension"]).fetchone()
    if row is None:
        raise RefusedError(
            "pg_stat_statements is not there, or is too old, so nobody counts statements.",
            hint="Run `create extension pg_stat_statements;` as the database's owner, or `alter extension pg_stat_statements update;`.",
        )
    return str(row[0])


def read(connection: Connection, where: str) -> Counters | None:
    """Read the counters; None before the first statement was counted. Raises psycopg.Error when the server does not answer."""
    query = sql.SQL(_SQL["counters"]).format(schema=sql.Identifier(where))
    rows = [(float(at), str(key), float(calls), float(ms)) for at, key, calls, ms in connection.execute(query)]
    if not rows:
        return None
    return Counters(rows[0][0], {key: calls for _, key, calls, _ in rows}, {key: ms for _, key, _, ms in rows})


def between(looks: Sequence[Counters]) -> Deltas:
    """Return the differences. A counter that fell was reset, or dropped and begun anew: it counts from there."""
    statements = tuple(sorted({key for look in looks for key in look.calls}))
    rows = [[_since(then, now, key) for key in statements] for then, now in pairwise(looks)]
    found = np.array(rows, dtype=np.float64).reshape(len(rows), len(statements), 2)
    return Deltas(np.array([look.at for look in looks]), statements, found[:, :, 0], found[:, :, 1])


def _since(then: Counters, now: Counters, key: str) -> tuple[float, float]:
    calls, ms = now.calls.get(key, 0.0), now.ms.get(key, 0.0)
    before = then.calls.get(key, 0.0)
    return (calls, ms) if before > calls else (calls - before, max(ms - then.ms.get(key, 0.0), 0.0))
