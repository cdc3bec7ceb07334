"""Which Scheduler jobs run, as their log lines tell? Heroku has no API for them. Pure."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .model import Schedule, SeenJob

INTERVALS = {"10 minutes": 600.0, "hour": 3600.0, "day": 86400.0}
UNKNOWN = "unknown"
# Scheduler starts late and sometimes skips a run (Dev Center: runs are likely but not guaranteed).
TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a ``scheduler.N`` dyno; ``at`` in seconds since 1970."""

    app: str
    command: str
    at: float


def scheduled(runs: Iterable[Run], listed: Iterable[Schedule] = ()) -> tuple[SeenJob, ...]:
    """Return the jobs behind the runs. The interval is that of Scheduler's three which the median gap fits, else ``unknown``."""
    known = {(job.app, job.command) for job in listed}
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in runs:
        times[run.app, run.command].append(run.at)
    return tuple(
        SeenJob(app, command, every(sorted(found)), len(found), max(found), (app, command) in known)
        for (app, command), found in sorted(times.items())
    )


def every(times: Sequence[float]) -> str:
    """Name the interval of sorted times.

    >>> every([0, 601, 1199, 2400]), every([0, 86300]), every([0])
    ('10 minutes', 'day', 'unknown')
    """
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    if not gaps:
        return UNKNOWN
    gap = statistics.median(gaps)
    fits = (name for name, seconds in INTERVALS.items() if abs(gap - seconds) <= seconds * TOLERANCE)
    return next(fits, UNKNOWN)
