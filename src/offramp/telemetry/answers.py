"""What do lines of one kind amount to? Pure: from rows in the order of their time to events, runs and statements."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import router, statements
from .model import Event, Kind, Line, SchedulerRun, SharedRequests, Statement

EVENT_KINDS = (Kind.STATE, Kind.RUNTIME_ERROR, Kind.LOGPLEX, Kind.API)

_CODE = re.compile(r"Error ([RL]\d{1,3})")
_STATE = re.compile(r"State changed from (\w+) to (\w+)")
_EXIT = re.compile(r"Process exited with status (\d{1,5})")
_COMMAND = re.compile(r"Starting process with command `(.*)`", re.DOTALL)
_STATES: tuple[tuple[str, str], ...] = (
    ("Starting process", "start"), ("Process exited", "exit"), ("Cycling", "cycle"), ("Restarting", "cycle"), ("Stopping", "stop"),
    ("Process running mem", "memory"), ("Idling", "idle"), ("Unidling", "idle"),
)  # fmt: skip
_API: tuple[tuple[str, str], ...] = (
    ("Build ", "build"), ("Deploy ", "deploy"), ("Release ", "release"), ("Running release", "release"), ("Rollback", "rollback"),
    ("Set ", "config"), ("Remove ", "config"), ("Unset ", "config"), ("Scale", "scale"), ("Attach ", "addon"), ("Detach ", "addon"),
    ("Update ", "addon"), ("Create ", "addon"), ("Destroy ", "addon"), ("Starting process", "command"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """A line that is not a router's, as it is kept."""

    time_us: int
    app: str
    kind: str
    source: str
    process: str
    text: str


def event(row: Row) -> Event:
    """Return what happened by one line."""
    dyno = "" if row.kind in (Kind.API, Kind.LOGPLEX) else row.process
    kind, code = "other", ""
    if found := _CODE.match(row.text):
        kind, code = ("runtime-error" if found[1].startswith("R") else "log-loss"), found[1]
    elif row.kind == Kind.API:
        kind = next((kind for start, kind in _API if row.text.startswith(start)), "other")
    elif found := _STATE.match(row.text):
        kind, code = "state", found[2]
    else:
        kind = next((kind for start, kind in _STATES if row.text.startswith(start)), "other")
        if found := _EXIT.match(row.text):
            code = found[1]
    return Event(row.time_us, kind, dyno, code, row.text)


def scheduler_runs(rows: Iterable[Row]) -> tuple[SchedulerRun, ...]:
    """Return the runs that lines of ``scheduler.N`` tell of, by their beginning. A dyno's number comes again, so a new command is a new run."""
    open_: dict[str, SchedulerRun] = {}
    found: list[SchedulerRun] = []
    for row in sorted(rows, key=lambda row: row.time_us):
        run = open_.get(row.process)
        if command := _COMMAND.match(row.text):
            if run:
                found.append(run)
            open_[row.process] = SchedulerRun(row.process, command[1], row.time_us, None, None)
        elif run and (ended := _EXIT.match(row.text)):
            open_[row.process] = SchedulerRun(run.dyno, run.command, run.started_us, row.time_us, int(ended[1]))
        elif run and (state := _STATE.match(row.text)) and state[2] in ("complete", "crashed"):
            ended_us = run.ended_us if run.ended_us is not None else row.time_us
            found.append(SchedulerRun(run.dyno, run.command, run.started_us, ended_us, run.exit_status))
            del open_[row.process]
    return tuple(sorted((*found, *open_.values()), key=lambda run: (run.started_us, run.dyno)))


def slow_statements(rows: Iterable[Row]) -> tuple[Statement, ...]:
    """Return the statements that a server logged as slow, the one with most time first.

    ``p95_ms`` is the smallest duration that 95% of the runs did not exceed (nearest rank).
    """
    runs: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    texts: dict[str, str] = {}
    for row in rows:
        if slow := statements.slow(row.text):
            database, milliseconds, text = slow
            name = statements.fingerprint(text)
            texts.setdefault(name, text)
            runs[name, database].append((milliseconds, row.time_us))
    found = [_statement(name, texts[name], database, times) for (name, database), times in runs.items()]
    return tuple(sorted(found, key=lambda statement: (-statement.total_ms, statement.fingerprint)))


def _statement(name: str, text: str, database: str, runs: Sequence[tuple[float, int]]) -> Statement:
    spent = sorted(milliseconds for milliseconds, _ in runs)
    at = [time for _, time in runs]
    rank = -(-95 * len(spent) // 100)
    return Statement(
        name, text, database, len(spent), round(sum(spent), 3), spent[rank - 1], spent[-1], min(at), max(at)
    )


def shared(columns: Mapping[str, Sequence[Any]], named: Mapping[str, str]) -> tuple[SharedRequests, ...]:
    """Return who calls whom, most requests first; ``named`` tells whose a drain's token is, and nobody calls itself."""
    within: Counter[tuple[str, str]] = Counter()
    requests: Counter[tuple[str, str]] = Counter()
    rows = zip(*(columns[name] for name in ("caller", "callee", "within", "requests")), strict=True)
    for caller, callee, count, ids in rows:
        pair = named.get(caller, caller), named.get(callee, callee)
        if pair[0] != pair[1]:
            within[pair] += int(count)
            requests[pair] += int(ids)
    found = (SharedRequests(*pair, count, requests[pair]) for pair, count in within.items())
    return tuple(sorted(found, key=lambda pair: (-pair.count, pair.caller, pair.callee)))


def lines(columns: Mapping[str, Sequence[object]], named: Mapping[str, str]) -> tuple[Line, ...]:
    """Return lines as they were written, a router's put together again from its fields; ``named`` tells drains' tokens apart."""
    names = ("time_us", "app", "kind", "source", "process", "request_id", "text")
    fields = (
        "head",
        "code",
        "method",
        "path",
        "host",
        "request_id",
        "fwd",
        "process",
        "connect",
        "service",
        "status",
        "bytes",
        "tail",
    )
    found = []
    rows = zip(
        zip(*(columns[name] for name in names), strict=True),
        zip(*(columns[name] for name in fields), strict=True),
        strict=True,
    )
    for (time_us, app, kind, source, process, request_id, text), routed in rows:
        if kind == Kind.ROUTER:
            process, text = "router", router.write(tuple(str(field) for field in routed))  # type: ignore[arg-type]
        found.append(
            Line(
                int(str(time_us)),
                named.get(str(app), str(app)),
                str(kind),
                str(source),
                str(process),
                str(request_id),
                str(text),
            )
        )
    return tuple(found)
