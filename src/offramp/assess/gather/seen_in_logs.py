"""What do an app's log lines say that bears on whether it can move: error codes, memory, websockets, jobs?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ...telemetry.columns import Router
from ...telemetry.model import SchedulerRun
from ..feasibility.readings import CodeSeen, JobSeen, MemorySeen, TrafficSeen
from .logs import MEBIBYTE, Told

_SWITCHED_PROTOCOLS = 101
DAY_SECONDS = 86_400
# Heroku Scheduler's three intervals, and how far a run may be from them; seconds.
_INTERVALS = (("10 minutes", 600, 120), ("hour", 3600, 600), ("day", DAY_SECONDS, 7200))


def codes(found: Told, router: Router) -> Iterator[CodeSeen]:
    """Yield Heroku's error codes of one app: H codes by route, R codes by process type, the most frequent example of each."""
    counts = np.bincount(router.code, minlength=len(router.codes)) if len(router) else np.zeros(0, dtype=np.int64)
    for number, code in enumerate(router.codes):
        if code and counts[number]:
            routes = Counter(router.route[router.code == number].tolist())
            (place, _), *_ = routes.most_common(1)
            yield CodeSeen(found.app, code, int(counts[number]), "web", router.routes[place])
    runtime = Counter(
        (event.code, event.dyno.partition(".")[0])
        for event in found.events
        if event.kind == "runtime-error" and event.code
    )
    for (code, process), times in sorted(runtime.items()):
        yield CodeSeen(found.app, code, times, process or None)


def traffic(router: Router) -> TrafficSeen:
    """Return an app's requests, and how many of them became websockets."""
    return TrafficSeen(router.app, len(router), int((router.status == _SWITCHED_PROTOCOLS).sum()))


def memory(found: Told) -> Iterator[MemorySeen]:
    """Yield the most memory and the quota of each process type, and how much it grows a day between restarts."""
    processes: dict[str, list[str]] = {}
    for dyno in found.dynos.sources:
        processes.setdefault(dyno.partition(".")[0], []).append(dyno)
    for process, dynos in sorted(processes.items()):
        peaks, quotas, slopes = [], [], []
        for dyno in dynos:
            times, totals = found.dynos.series(dyno, "memory_total")
            if not len(totals):
                continue
            _, limits = found.dynos.series(dyno, "memory_quota")
            peaks.append(float(totals.max()) / MEBIBYTE)
            quotas.append(float(limits.max()) / MEBIBYTE if len(limits) else 0.0)
            slopes += _slopes(
                times / 1e6,
                totals / MEBIBYTE,
                [one.time_us / 1e6 for one in found.events if one.dyno == dyno and one.code == "up"],
            )
        if peaks:
            yield MemorySeen(found.app, process, max(quotas), max(peaks), float(np.median(slopes)) if slopes else None)


def _slopes(
    seconds: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    megabytes: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    restarts: list[float],
) -> list[float]:
    """Return MB a day of each life that was measured for at least six hours."""
    bounds = [-np.inf, *sorted(restarts), np.inf]
    found = []
    for begin, end in pairwise(bounds):
        within = (seconds >= begin) & (seconds < end)
        if within.sum() >= 12 and np.ptp(seconds[within]) >= 6 * 3600:
            slope, _ = np.polyfit((seconds[within] - seconds[within][0]) / DAY_SECONDS, megabytes[within], 1)
            found.append(float(slope))
    return found


def jobs(app: str, runs: tuple[SchedulerRun, ...]) -> Iterator[JobSeen]:
    """Yield the Scheduler jobs of one app, with their interval once the runs tell it."""
    commands: dict[str, list[int]] = {}
    for run in runs:
        commands.setdefault(run.command, []).append(run.started_us)
    for command, starts in sorted(commands.items()):
        yield JobSeen(app, command, len(starts), _interval(starts))


def _interval(starts: list[int]) -> str | None:
    """
    >>> _interval([0, 600_000_000, 1_200_000_000]), _interval([0])
    ('10 minutes', None)
    """
    if len(starts) < 3:
        return None
    middle = float(np.median(np.diff(sorted(starts)))) / 1e6
    return next((name for name, seconds, slack in _INTERVALS if abs(middle - seconds) <= slack), None)
