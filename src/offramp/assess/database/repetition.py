"""Which statements are the N of an N+1: one lookup for each row of a list, where one statement could have fetched all?

Two signs. With requests counted: a quick lookup that runs more than ten times for each. Without: a lookup by a reference that runs
oftener than the statements whose rows refer, and about as often as those returned rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .model import Options, Repetition, Statement
from .plans import Node

_LOOKUP = re.compile(r"[\w\"]\)?(?:::[a-z ]+)? = (?:\$\d+|\(\$\d+\)|\$\d+::)")
_SELECT = re.compile(r"\s*(/\*.*?\*/\s*)*select\b", re.IGNORECASE | re.DOTALL)
LIST_ROWS = 1.5
LEAST_CALLS = 20
# How often the lookup runs for each run of its parents, before it is a repetition.
LEAST_TIMES = 1.5
# How often it runs for each row that lists returned: others may look up too, and some rows be known already.
PER_ROW = (0.3, 1.6)


@dataclass(frozen=True, slots=True)
class Reads:
    """What a statement's plan says of it: its tables, and whether it finds rows by a constant that it was given."""

    tables: frozenset[str]
    lookup: bool


def reads(plan: Node) -> Reads:
    """Return what a plan reads. ``$1`` is a constant of the statement (an initplan's value has no number below it)."""
    tables = frozenset(f"{node.schema}.{node.relation}" for node in plan.walk() if node.relation)
    return Reads(tables, any(_LOOKUP.search(each) for node in plan.walk() for each in node.conditions))


def mark(
    statements: Sequence[Statement],
    reading: Mapping[str, Reads],
    links: frozenset[tuple[str, str]],
    options: Options,
) -> tuple[Statement, ...]:
    """Return the statements, each that is taken for the N of an N+1 with its repetition."""
    return tuple(replace(each, repetition=_judge(each, statements, reading, links, options)) for each in statements)


def _judge(
    statement: Statement,
    statements: Sequence[Statement],
    reading: Mapping[str, Reads],
    links: frozenset[tuple[str, str]],
    options: Options,
) -> Repetition | None:
    quick = statement.mean_ms < options.lookup_milliseconds
    if not quick or statement.calls < LEAST_CALLS or not _SELECT.match(statement.text):
        return None
    # One lookup that finds a list has done in one statement what N+1 does in many; what is looked for here comes singly.
    child = reading.get(statement.id)
    if child and child.lookup and (found := _of_lists(statement, child, statements, reading, links)):
        return found
    per_request = statement.calls_per_request
    if per_request is not None and per_request > options.calls_per_request:
        because = f"It runs {per_request:.1f} times for each request, {statement.mean_ms:.2f} ms each."
        return Repetition("", per_request, because)
    return None


def _of_lists(
    statement: Statement,
    child: Reads,
    statements: Sequence[Statement],
    reading: Mapping[str, Reads],
    links: frozenset[tuple[str, str]],
) -> Repetition | None:
    parents = [
        other
        for other in statements
        if other.id != statement.id
        and _SELECT.match(other.text)
        and (found := reading.get(other.id))
        and any(linked(a, b, links) for a in child.tables for b in found.tables - child.tables)
    ]
    lists = [parent for parent in parents if parent.rows_per_call >= LIST_ROWS]
    runs, rows = sum(each.calls for each in parents), sum(each.rows for each in lists)
    if not lists or not runs or statement.calls / runs < LEAST_TIMES:
        return None
    if not PER_ROW[0] <= statement.calls / rows <= PER_ROW[1]:
        return None
    widest = max(lists, key=lambda each: each.rows)
    times = statement.calls / runs
    because = (
        f"It ran {times:.1f} times for each run of the statements it follows, and {statement.calls / rows:.2f} times for each of the "
        f"{rows} rows that {_named(lists)} returned."
    )
    return Repetition(widest.id, times, because)


def _named(lists: Sequence[Statement]) -> str:
    return f"statement {lists[0].id}" if len(lists) == 1 else f"{len(lists)} lists"


def linked(one: str, other: str, links: frozenset[tuple[str, str]]) -> bool:
    """Whether one table refers to the other by a foreign key."""
    return (one, other) in links or (other, one) in links
