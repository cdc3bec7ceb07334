"""What do the kept log lines say of each app, beside its requests: what was lost, restarts, memory, the databases' load?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...telemetry.model import AppCoverage, Event, Kind, MetricKind, Samples, SchedulerRun, Statement
from ...telemetry.store import Store
from ..latency.facts import DatabaseSample, Facts, Memory, Restart, SlowStatement
from ..model import Coverage, Defect

MEBIBYTE = 1024 * 1024
_ABSENT = -1.0
# Heroku's words for the figures of a database, and where they go.
_DATABASE_FIGURES = {
    "load_avg_1m": "load_avg",
    "read_iops": "read_iops",
    "index_cache_hit_rate": "index_cache_hit",
    "active_connections": "active_connections",
    "waiting_connections": "waiting_connections",
}
_OVER_QUOTA = ("R14", "R15")


@dataclass(frozen=True, slots=True)
class Told:
    """What the lines of one app told beside its requests."""

    app: str
    events: tuple[Event, ...]
    statements: tuple[Statement, ...]
    dynos: Samples
    databases: Samples
    runs: tuple[SchedulerRun, ...]


def told(store: Store, app: str, since: float | None) -> Told:
    """Read everything of one app but its router lines, from ``since`` (seconds since 1970 UTC) on."""
    return Told(
        app,
        store.events(app, since),
        store.slow_statements(app, since),
        store.samples(app, MetricKind.DYNO, since),
        store.samples(app, MetricKind.POSTGRES, since),
        store.scheduler_runs(app, since),
    )


def coverage(found: AppCoverage) -> Coverage:
    """Return what was there of an app, with the share of lines believed to be there."""
    return Coverage(
        app=found.app,
        lines=found.lines,
        router_lines=router_lines(found),
        first_us=found.first_us,
        last_us=found.last_us,
        lost=found.lost,
        defects=tuple(Defect(defect.name, defect.count) for defect in found.defects),
        believed=found.lines / (found.lines + found.lost) if found.lines else 1.0,
    )


def router_lines(found: AppCoverage) -> int:
    return sum(kind.count for kind in found.kinds if kind.name == Kind.ROUTER)


def facts(found: Told, believed: float) -> Facts:
    """Return what the diagnosis may know beside router lines; the rest of ``Facts`` is for others to fill in."""
    return Facts(
        coverage=believed,
        restarts=tuple(_restarts(found.events)),
        memory=tuple(_memory(found)),
        slow_statements=tuple(SlowStatement(one.last_us, one.max_ms, one.text) for one in found.statements),
        database=tuple(_database(found.databases)),
        cron_minutes=tuple(sorted({one.started_us // 60_000_000 % 60 for one in found.runs})),
    )


def _restarts(events: tuple[Event, ...]) -> Iterator[Restart]:
    """Yield each dyno's coming up, with the reason that was logged before it."""
    because: dict[str, str] = {}
    for event in events:
        if event.kind in ("cycle", "exit", "memory"):
            because[event.dyno] = event.kind
        elif event.kind in ("release", "rollback", "config", "deploy"):
            because = dict.fromkeys((*because, event.dyno, ""), event.kind)
        elif event.kind == "state" and event.code == "up":
            yield Restart(event.dyno, event.time_us, because.pop(event.dyno, because.get("", "")))


def _memory(found: Told) -> Iterator[Memory]:
    """Yield the samples of memory, by dyno and moment, and each R14 and R15."""
    dynos = found.dynos
    for dyno in dynos.sources:
        figures = {name: dynos.series(dyno, name) for name in ("memory_total", "memory_swap", "memory_quota")}
        times, totals = figures["memory_total"]
        swaps, quotas = (_beside(times, *figures[name]) for name in ("memory_swap", "memory_quota"))
        for at, total, swap, quota in zip(times.tolist(), totals.tolist(), swaps, quotas, strict=True):
            yield Memory(dyno, at, total / MEBIBYTE, swap / MEBIBYTE, quota / MEBIBYTE)
    for event in found.events:
        if event.code in _OVER_QUOTA:
            yield Memory(event.dyno, event.time_us, 0.0, over_quota=True)


def _beside(times: np.ndarray[tuple[int, ...], np.dtype[np.int64]], at: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
            values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:  # fmt: skip
    """Return the value that stands at each time or last before it, 0 where there is none."""
    if not len(at):
        return [0.0] * len(times)
    places = np.searchsorted(at, times, side="right") - 1
    return [float(values[place]) if place >= 0 else 0.0 for place in places]


def _database(samples: Samples) -> Iterator[DatabaseSample]:
    for source in samples.sources:
        series = {field: samples.series(source, name) for name, field in _DATABASE_FIGURES.items()}
        moments = sorted({int(at) for times, _ in series.values() for at in times})
        found = {
            field: dict(zip(times.tolist(), values.tolist(), strict=True)) for field, (times, values) in series.items()
        }
        for at in moments:
            figure = {field: values.get(at, _ABSENT) for field, values in found.items()}
            yield DatabaseSample(
                at_us=at,
                load_avg=figure["load_avg"],
                read_iops=figure["read_iops"],
                index_cache_hit=figure["index_cache_hit"],
                active_connections=int(figure["active_connections"]),
                waiting_connections=int(figure["waiting_connections"]),
            )


def high_water_mb(found: Told, process: str) -> float | None:
    """Return the most memory that one dyno of a process type ever used, in MiB; None where no sample says."""
    marks = [
        float(values.max()) / MEBIBYTE
        for dyno in found.dynos.sources
        if dyno.partition(".")[0] == process
        for _, values in (found.dynos.series(dyno, "memory_total"),)
        if len(values)
    ]
    return max(marks, default=None)
