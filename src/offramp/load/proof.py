"""Is every acknowledged write on the final primary, exactly once and unchanged?

For each row that the generator made, the ledger leaves a set of states that the row may be in: one, after an acknowledged
write; more, after one in doubt. The database must show one of them. Rows with a token of the run that nobody wrote count as
changes too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from ..kit import sqlbook
from .ledger import Write
from .traffic import Action, Traffic
from .values import Json

SHOWN_EXAMPLES = 20
BOOK = sqlbook.load(__package__, "sql/proof.sql")

Connection = psycopg.Connection[tuple[Any, ...]]
# What a row holds, in the compared columns; None when there is no such row.
State = dict[str, Json] | None


@dataclass(frozen=True, slots=True)
class Writes:
    """The verdict over rows: how many writes were acknowledged, and how many rows are not as these promised."""

    acknowledged: int
    lost: int
    duplicated: int
    changed: int
    examples: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not (self.lost or self.duplicated or self.changed)


@dataclass(frozen=True, slots=True)
class Jobs:
    """The verdict over background work: each acknowledged create with a job leaves one trace. ``lost`` may still be under way."""

    enqueued: int
    done: int
    lost: int
    doubled: int
    examples: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled)


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that is not as it should be."""

    kind: str
    text: str
    rows: int = 1


def prove_writes(ledger: Sequence[Write], connections: Mapping[str, Connection], traffic: Traffic) -> Writes:
    """Compare the ledger with the databases, given by the names that the traffic file uses. Reads only.

    Raises KeyError when a database is missing, psycopg.Error when one cannot be read.
    """
    faults = [fault for action in traffic.creates for fault in _faults(action, ledger, connections)]
    total: Counter[str] = Counter()
    for fault in faults:
        total[fault.kind] += fault.rows
    return Writes(
        acknowledged=sum(write.outcome == "acknowledged" for write in ledger),
        lost=total["lost"],
        duplicated=total["duplicated"],
        changed=total["changed"],
        examples=tuple(fault.text for fault in faults[:SHOWN_EXAMPLES]),
    )


def prove_jobs(ledger: Sequence[Write], connections: Mapping[str, Connection], traffic: Traffic) -> Jobs:
    """Count how often the job of each acknowledged create was done. Reads only; call again while work is under way."""
    enqueued = done = lost = doubled = 0
    examples: list[str] = []
    for action in traffic.creates:
        if not (job := action.job):
            continue
        made = [w for w in ledger if w.kind == "create" and w.name == action.name and w.outcome == "acknowledged"]
        traces = dict(_ask("traces_of_run", connections[job.database], job.table, job.token, _runs(made)))
        for write in made:
            times = traces.get(write.row, 0)
            enqueued, done, lost, doubled = enqueued + 1, done + (times > 0), lost + (times == 0), doubled + (times > 1)
            if times != 1:
                examples.append(f"{action.name} {write.row}: its job was done {times} times")
    return Jobs(enqueued, done, lost, doubled, tuple(examples[:SHOWN_EXAMPLES]))


def _faults(action: Action, ledger: Sequence[Write], connections: Mapping[str, Connection]) -> Iterator[Fault]:
    assert action.stored
    stored = action.stored
    histories: dict[str, list[Write]] = defaultdict(list)
    for write in ledger:
        if write.create == action.name:
            histories[write.row].append(write)
    found: dict[str, list[dict[str, Json]]] = defaultdict(list)
    for token, row in _ask("rows_of_run", connections[stored.database], stored.table, stored.token, _runs(ledger)):
        found[token].append(row)
    for token, history in histories.items():
        yield from judge(f"{stored.table} {token}", allowed_states(history), found.pop(token, []))
    for token in found:
        yield Fault("changed", f"{stored.table} {token}: nobody wrote this row", len(found[token]))


def allowed_states(history: Iterable[Write]) -> tuple[State, ...]:
    """Return the states that a row may be in after its writes, oldest first; the last is what was last asked for."""
    states: list[State] = [None]
    for write in history:
        after: list[State]
        match write.kind:
            case "create":
                after = [write.content]
            case "update":
                after = [{**state, **write.content} for state in states if state is not None]
            case "delete":
                after = [None]
        states = after if write.outcome == "acknowledged" else [*states, *after]
    return tuple(states)


def judge(name: str, allowed: Sequence[State], rows: Sequence[Mapping[str, Json]]) -> Iterator[Fault]:
    """Say what is wrong with the rows that one token has in the database, if anything is."""
    if not rows:
        if None not in allowed:
            yield Fault("lost", f"{name}: acknowledged, and not there")
        return
    if len(rows) > 1:
        yield Fault("duplicated", f"{name}: there are {len(rows)}", len(rows) - 1)
    contents = [state for state in allowed if state is not None]
    for row in rows:
        if not contents:
            yield Fault("changed", f"{name}: its deletion was acknowledged, and it is there")
        elif not any(all(row.get(column) == value for column, value in state.items()) for state in contents):
            yield Fault("changed", f"{name}: {_differences(contents[-1], row)}")


def _differences(want: Mapping[str, Json], row: Mapping[str, Json]) -> str:
    return ", ".join(
        f"{column} is {row.get(column)!r} and should be {value!r}"
        for column, value in want.items()
        if row.get(column) != value
    )


def _runs(writes: Iterable[Write]) -> tuple[str, ...]:
    return tuple(sorted({write.run for write in writes}))


def _ask(name: str, connection: Connection, table: str, token: str, runs: Iterable[str]) -> list[tuple[Any, ...]]:
    statement: LiteralString = BOOK[name]
    query = sql.SQL(statement).format(table=sql.Identifier(*table.split(".")), token=sql.Identifier(token))
    answers: list[tuple[Any, ...]] = []
    with connection.transaction():
        connection.execute("set local time zone 'UTC'")
        for run in runs:
            bounds = {"first": f"{run}-0000-0000-0000-000000000000", "last": f"{run}-ffff-ffff-ffff-ffffffffffff"}
            answers += connection.execute(query, bounds).fetchall()
    return answers
