"""Which few indexes are worth most? Each candidate is tried on the scratch server; the best is kept; the rest are tried beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg

from . import candidates as thinking
from . import ddl, plans
from .candidates import Candidate
from .facts import Facts, Table
from .model import Options, Statement
from .plans import Node
from .scratch import sizes
from .scratch.model import BLOCK
from .scratch.planner import Planner, Wanted

# Among candidates that save nearly the same, the smallest is the best: a column more must earn its place. One that only gives an
# order comes last: on a large table everything saves nearly all, and its own cost is a guess.
NEARLY = 0.98
MOST_CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement with its plan before any index."""

    statement: Statement
    text: str
    plan: Node

    @property
    def cost(self) -> float:
        return self.plan.total_cost


@dataclass(frozen=True, slots=True)
class Gain:
    """What one index does: statements (by id) with their cost before and after, and the execution time saved if time follows cost."""

    costs: tuple[tuple[str, float, float], ...]
    saved_ms: float


@dataclass(frozen=True, slots=True)
class Choice:
    candidate: Candidate
    bytes: int
    gain: Gain


def plan_all(planner: Planner, statements: Sequence[Statement]) -> tuple[tuple[Planned, ...], Mapping[str, str]]:
    """Plan every statement; those that cannot be planned are returned by id with the reason."""
    planned, failed = [], {}
    for statement in statements:
        if not plans.plannable(statement.text):
            failed[statement.id] = "it is not a statement that has a plan"
            continue
        text = plans.mended(statement.text, statement.rows_per_call)
        try:
            planned.append(Planned(statement, text, plans.explain(planner.session, text)))
        except psycopg.Error as error:
            failed[statement.id] = error.diag.message_primary or type(error).__name__
    return tuple(planned), failed


def search(planner: Planner, facts: Facts, planned: Sequence[Planned], options: Options) -> tuple[Choice, ...]:
    """Return the indexes worth building, the best first: each saves at least half of a statement that costs something.

    Greedy: the costs of every round are those with the indexes chosen before.
    """
    worth = [each for each in planned if each.cost >= options.least_cost]
    pool = _pool(worth, facts)
    costs = {each.statement.id: each.cost for each in worth}
    chosen: list[Choice] = []
    with ExitStack() as stack:
        while pool and len(chosen) < options.indexes:
            tried = [choice for candidate in pool if (choice := _try(planner, facts, candidate, worth, costs, options))]
            if not tried:
                break
            best = best_of(tried)
            chosen.append(best)
            stack.enter_context(planner.imagining(wanted(facts, best.candidate), f"offramp_chosen_{len(chosen)}"))
            costs |= {key: after for key, _, after in best.gain.costs}
            # What saved nothing alone is not tried again; what the chosen one begins with has nothing to add.
            pool = [each.candidate for each in tried if not thinking.covers(best.candidate, each.candidate)]
    return tuple(chosen)


def _pool(planned: Sequence[Planned], facts: Facts) -> list[Candidate]:
    found: dict[Candidate, float] = {}
    for each in planned:
        for candidate in thinking.candidates(each.plan, facts):
            found[candidate] = found.get(candidate, 0.0) + each.statement.total_ms
    return sorted(found, key=lambda candidate: -found[candidate])[:MOST_CANDIDATES]


def _try(
    planner: Planner, facts: Facts, candidate: Candidate, planned: Sequence[Planned], costs: Mapping[str, float], options: Options
) -> Choice | None:  # fmt: skip
    touched = [each for each in planned if _reads(each.plan, candidate, facts)]
    want = wanted(facts, candidate)
    try:
        with planner.imagining(want, "offramp_tried"):
            after = {each.statement.id: plans.explain(planner.session, each.text).total_cost for each in touched}
    except psycopg.Error:
        # An expression that may not be indexed, or a type without an order after all.
        return None
    helped = []
    saved = 0.0
    for each in touched:
        key = each.statement.id
        before, now = costs[key], after[key]
        if before >= options.least_cost and now <= before * (1 - options.least_saving):
            helped.append((key, before, now))
            saved += each.statement.total_ms * (before - now) / each.cost
    size = sum(pages for _, pages, _, _ in want.sizes) * BLOCK
    return Choice(candidate, size, Gain(tuple(helped), saved)) if helped else None


def best_of(tried: Sequence[Choice]) -> Choice:
    most = max(choice.gain.saved_ms for choice in tried)
    good = [choice for choice in tried if choice.gain.saved_ms >= NEARLY * most]
    return min(good, key=_rank)


def _rank(choice: Choice) -> tuple[bool, int, int, float]:
    return choice.candidate.walked, choice.bytes, len(choice.candidate.keys), -choice.gain.saved_ms


def _reads(plan: Node, candidate: Candidate, facts: Facts) -> bool:
    names = ((node.schema, node.relation) for node in plan.walk() if node.relation)
    return any(facts.roots.get(name, name) == candidate.table for name in names)


def wanted(facts: Facts, candidate: Candidate) -> Wanted:
    """Return the candidate with the size that it would have on every table that holds rows."""
    table = facts.tables[candidate.table]
    made = []
    for leaf in table.leaves:
        size = measure(table, candidate, max(0.0, leaf.reltuples))
        made.append((leaf.full_name, size.pages, size.height, max(0.0, leaf.reltuples) * _kept(table, candidate)))
    return Wanted(candidate.table, ddl.scratch(candidate), tuple(made))


def measure(table: Table, candidate: Candidate, rows: float) -> sizes.BTree:
    """Return the size of the candidate over ``rows`` rows of the table."""
    columns = [table.columns[key.column] for key in candidate.keys]
    included = [table.columns[name] for name in candidate.include]
    rows *= _kept(table, candidate)
    distinct = sizes.distinct_keys(rows, [column.distinct for column in columns])
    shares = not included and all(column.shares_keys for column in columns)
    return sizes.btree(rows, [column.key for column in (*columns, *included)], distinct, shares_keys=shares)


def _kept(table: Table, candidate: Candidate) -> float:
    if not candidate.predicate:
        return 1.0
    test = candidate.predicate
    column = next(name for name in table.columns if test.startswith((f"{name} is", f'"{name}" is')))
    return thinking.kept_by(table, column, test)
