"""What is said of an index that is worth building: what it gains, what it costs to keep, what it makes superfluous, how sure that is?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from . import candidates as thinking
from . import ddl
from .candidates import Candidate, Key
from .facts import Facts, Index, Table
from .model import Confidence, Helped, IndexAdvice, Statement, WriteCost
from .readings import Reading
from .search import Choice, Planned

CELL = 160
_SET = re.compile(r"\bset\b(?P<list>.*?)(?:\bwhere\b|\breturning\b|\bfrom\b|\Z)", re.IGNORECASE | re.DOTALL)


def index_advice(
    choice: Choice, facts: Facts, planned: Sequence[Planned], reading: Reading, statements: Sequence[Statement]
) -> IndexAdvice:
    """Return the advice for one chosen index; ``statements`` are all that were read, for its share of their time."""
    candidate, table = choice.candidate, facts.tables[choice.candidate.table]
    helped = tuple(_helped(choice, planned))
    whole = sum(statement.total_ms for statement in statements) or 1.0
    redundant = [index for index in table.indexes if _superfluous(index, candidate)]
    before, after = sum(each.cost_before for each in helped), sum(each.cost_after for each in helped)
    return IndexAdvice(
        table=table.full_name,
        columns=tuple(str(key) for key in candidate.keys),
        method="btree",
        ddl=ddl.build(candidate, table),
        why=_why(candidate, table, helped),
        statements=helped,
        cost_before=before,
        cost_after=after,
        gain=min(1.0, choice.gain.saved_ms / whole),
        write=write_cost(choice, table, planned, reading),
        redundant=tuple(f"{index.schema}.{index.name}" for index in redundant),
        drop_ddl=tuple(ddl.drop(index) for index in redundant),
        confidence=_confidence(choice, helped),
        predicate=candidate.predicate,
        include=candidate.include,
        falsify=(
            "Build it on a fork or follower made writable, or on the replica before the cutover, and compare EXPLAIN (ANALYZE, BUFFERS) of "
            "the statements with real values: if the index is not used, or the time does not fall, the advice is wrong."
        ),
    )


def _helped(choice: Choice, planned: Sequence[Planned]) -> Iterator[Helped]:
    by_id = {each.statement.id: each.statement for each in planned}
    for key, before, after in choice.gain.costs:
        statement = by_id[key]
        text = " ".join(statement.text.split())[:CELL]
        yield Helped(key, text, before, after, statement.total_ms, statement.calls)


def _why(candidate: Candidate, table: Table, helped: Sequence[Helped]) -> str:
    names = ", ".join(key.column for key in candidate.keys)
    who = "A statement looks" if len(helped) == 1 else f"{len(helped)} statements look"
    return (
        f"{who} for rows of {table.full_name} by {names}, which no index serves; the table has {table.rows:,.0f} rows."
    )


def _superfluous(index: Index, candidate: Candidate) -> bool:
    """Whether the candidate does all that an existing index does: it begins with the same columns, over all rows."""
    if index.serves or index.special or index.covers or candidate.predicate or index.predicate:
        return False
    keys = tuple(Key(sql, sql, down) for sql, down in zip(index.keys, index.descending, strict=True))
    return thinking.covers(candidate, Candidate(candidate.table, keys))


def write_cost(choice: Choice, table: Table, planned: Sequence[Planned], reading: Reading) -> WriteCost:
    """Return what keeping the index costs, from the writing statements of the same period.

    An update that sets one of the index's columns writes to it, and is no longer HOT (heap-only) where it was before: it then writes
    to every other index of the table as well.
    """
    if not reading.seconds:
        return WriteCost(choice.bytes, 0.0, 0.0, 0.0, known=False)
    columns = {key.column for key in choice.candidate.keys} | set(choice.candidate.include)
    names = {leaf.full_name for leaf in table.leaves} | {table.name}
    inserts = updates = lost = 0.0
    for each in planned:
        for node in each.plan.walk():
            if not node.operation or (node.schema, node.relation) not in names:
                continue
            if node.operation == "Insert":
                inserts += each.statement.rows
            elif node.operation == "Update":
                hot = reading.hot.get(f"{node.schema}.{node.relation}", 0.0)
                sets = bool(columns & assigned(each.statement.text))
                updates += each.statement.rows * (1.0 if sets else 1 - hot)
                lost += each.statement.rows * hot if sets else 0.0
            break
    hours = reading.seconds / 3600
    return WriteCost(choice.bytes, inserts / hours, updates / hours, lost / hours)


def assigned(statement: str) -> frozenset[str]:
    """Return the columns that an update sets.

    >>> sorted(assigned('update t set a = $1, "B" = case when c = $2 then $3 end where d = $4'))
    ['B', 'a', 'c']
    """
    found = _SET.search(statement)
    if not found:
        return frozenset()
    # Too many (a comparison within an expression) only makes the cost look higher.
    names = re.findall(r'("(?:[^"]|"")+"|[a-z_][a-z0-9_]*)\s*=', found["list"], re.IGNORECASE)
    return frozenset(name.strip('"') for name in names)


def _confidence(choice: Choice, helped: Sequence[Helped]) -> Confidence:
    """High where equality alone makes the saving large; low where little stands behind it."""
    calls, saving = sum(each.calls for each in helped), max((each.saving for each in helped), default=0.0)
    if calls >= 100 and saving >= 0.9 and not choice.candidate.predicate:
        return "high"
    return "medium" if calls >= 10 else "low"
