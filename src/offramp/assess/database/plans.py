"""What does the planner say of a statement whose constants nobody knows? One plan for all of them, with its costs.

Statements come normalised from pg_stat_statements: ``$1`` where a constant was. From 16 on EXPLAIN plans such text; before, a prepared
statement with a generic plan does the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from ...kit import sqlbook
from ...postgres import Connection

_SQL = sqlbook.load(__package__, "sql/plans.sql")
_PARAMETER = re.compile(r"\$(\d+)")
# pg_stat_statements turns interval '1 day' into interval $1, which is not SQL any more.
_TYPED = re.compile(r"\b(interval|date|time|timestamp|timestamptz|uuid|json|jsonb)\s+(\$\d+)", re.IGNORECASE)
_LIMIT = re.compile(r"\blimit\s+\$\d+", re.IGNORECASE)
_OFFSET = re.compile(r"\boffset\s+\$\d+", re.IGNORECASE)
_READS = re.compile(
    r"\s*(?:/\*.*?\*/\s*|--[^\n]*\n\s*)*\(?\s*(select|with|insert|update|delete|merge|values)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a plan. Costs are the planner's; expressions are as EXPLAIN VERBOSE prints them, columns with their alias."""

    type: str
    schema: str
    relation: str
    alias: str
    index: str
    startup_cost: float
    total_cost: float
    rows: float
    conditions: tuple[str, ...]
    sort_keys: tuple[str, ...]
    group_keys: tuple[str, ...]
    output: tuple[str, ...]
    operation: str
    """What a ModifyTable does: Insert, Update, Delete or Merge."""
    plans: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        yield self
        for plan in self.plans:
            yield from plan.walk()


def plannable(statement: str) -> bool:
    """Whether the planner has anything to say of it.

    >>> plannable("SELECT 1"), plannable("BEGIN"), plannable("/* hello */ with a as (select 1) select * from a")
    (True, False, True)
    """
    return bool(_READS.match(statement))


def mended(statement: str, rows_per_call: float) -> str:
    """Return the statement as EXPLAIN takes it: typed literals as casts, and LIMIT as what the statement was seen to return.

    A generic plan takes an unknown LIMIT for a tenth of all rows, which would hide every index that serves a page of results.

    >>> mended("select a from t where b > now() - interval $1 order by a limit $2 offset $3", 4.5)
    'select a from t where b > now() - $1::interval order by a limit 5 offset 0'
    """
    statement = _TYPED.sub(r"\2::\1", statement)
    if _LIMIT.search(statement):
        statement = _OFFSET.sub("offset 0", statement)
    return _renumbered(_LIMIT.sub(f"limit {max(1, math.ceil(rows_per_call))}", statement))


def _renumbered(statement: str) -> str:
    """Close the gaps that removed parameters left: the server wants to know the type of every number below the highest."""
    numbers = sorted({int(number) for number in _PARAMETER.findall(statement)})
    place = {number: at for at, number in enumerate(numbers, 1)}
    return _PARAMETER.sub(lambda found: f"${place[int(found[1])]}", statement)


def explain(connection: Connection, statement: str) -> Node:
    """Plan the statement, which is not run. Raises psycopg.Error when it cannot be planned."""
    count = max((int(number) for number in _PARAMETER.findall(statement)), default=0)
    if not count:
        return _node(_ask(connection, sql.SQL(_SQL["explain"]) + sql.SQL(" ") + sql.SQL(statement)))
    if connection.info.server_version >= 160000:
        return _node(_ask(connection, sql.SQL(_SQL["explain_generic"]) + sql.SQL(" ") + sql.SQL(statement)))
    with _prepared(connection, statement):
        values = sql.SQL(", ").join([sql.SQL("null")] * count)
        return _node(_ask(connection, sql.SQL(_SQL["explain_prepared"]).format(values=values)))


@contextmanager
def _prepared(connection: Connection, statement: str) -> Iterator[None]:
    connection.execute(_SQL["generic"])
    connection.execute(sql.SQL(_SQL["prepare"]) + sql.SQL(" ") + sql.SQL(statement))
    try:
        yield
    finally:
        connection.execute(_SQL["deallocate"])


def _ask(connection: Connection, query: sql.Composed) -> Mapping[str, Any]:
    # A statement that the driver prepares would be asked for values of its parameters.
    row = connection.execute(query, prepare=False).fetchone()
    if row is None:
        raise psycopg.DataError("EXPLAIN gave no plan")
    plan: Mapping[str, Any] = row[0][0]["Plan"]
    return plan


_CONDITIONS = (
    "Filter", "Index Cond", "Recheck Cond", "Join Filter", "Hash Cond", "Merge Cond", "TID Cond", "One-Time Filter",
)  # fmt: skip


def _node(plan: Mapping[str, Any]) -> Node:
    return Node(
        type=plan["Node Type"],
        schema=plan.get("Schema", ""),
        relation=plan.get("Relation Name", ""),
        alias=plan.get("Alias", ""),
        index=plan.get("Index Name", ""),
        startup_cost=float(plan["Startup Cost"]),
        total_cost=float(plan["Total Cost"]),
        rows=float(plan["Plan Rows"]),
        conditions=tuple(str(plan[name]) for name in _CONDITIONS if name in plan),
        sort_keys=tuple(plan.get("Sort Key", ())),
        group_keys=tuple(plan.get("Group Key", ())),
        output=tuple(plan.get("Output", ())),
        operation=plan.get("Operation", ""),
        plans=tuple(_node(each) for each in plan.get("Plans", ())),
    )
