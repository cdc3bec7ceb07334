"""What do an app's logs say that rules can look at? From the store's own values to error codes, memory, websockets and jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from ...telemetry.columns import Router
from ...telemetry.model import Event, Samples, SchedulerRun
from .readings import CodeSeen, ConnectionsSeen, JobSeen, MemorySeen, TrafficSeen

_DAY_US = 86_400 * 1_000_000
# Heroku Scheduler's three intervals, in seconds, and how far the middle of the gaps may be from one.
_INTERVALS = ((600.0, "10 minutes"), (3600.0, "hour"), (86_400.0, "day"))
_OFF = 0.25
# A drop of a quarter is a restart; between two of them memory must be seen for six hours before it says anything about days.
_DROP, _LEAST_US = 0.75, 6 * 3600 * 1_000_000
_MIB = 1024.0**2


def codes(router: Router, events: Iterable[Event]) -> Iterator[CodeSeen]:
    """Yield H codes with the route that has most of them, and R codes by process type."""
    for number, code in enumerate(router.codes):
        if code and (count := int(np.count_nonzero(router.code == number))):
            routes = Counter(router.route[router.code == number].tolist())
            yield CodeSeen(router.app, code, count, None, router.routes[routes.most_common(1)[0][0]])
    counts = Counter((one.code, _type(one.dyno)) for one in events if one.kind == "runtime-error")
    yield from (CodeSeen(router.app, code, count, process) for (code, process), count in sorted(counts.items()))


def traffic(router: Router) -> TrafficSeen:
    return TrafficSeen(router.app, len(router), int(np.count_nonzero(router.status == 101)))


def memory(samples: Samples) -> Iterator[MemorySeen]:
    """Yield each process type's quota, its dynos' highest memory, and the median growth of its dynos between restarts."""
    by_type: dict[str, list[str]] = {}
    for source in samples.sources:
        if source:
            by_type.setdefault(_type(source), []).append(source)
    for process, dynos in sorted(by_type.items()):
        series = [samples.series(dyno, "memory_total") for dyno in dynos]
        quotas = [float(values.max()) for dyno in dynos if len(values := samples.series(dyno, "memory_quota")[1])]
        peaks = [float(values.max()) for _, values in series if len(values)]
        slopes = [slope for times, values in series for slope in growth(times, values)]
        if quotas and peaks:
            grown = median(slopes) / _MIB if slopes else None
            yield MemorySeen(samples.app, process, max(quotas) / _MIB, max(peaks) / _MIB, grown)


def growth(times: NDArray[np.int64], values: NDArray[np.float64]) -> Iterator[float]:
    """Yield the slope, in bytes a day, of every stretch of at least six hours without a restart (least squares)."""
    if len(times) < 2:
        return
    cuts = np.flatnonzero(values[1:] < values[:-1] * _DROP) + 1
    for begin, end in pairwise((0, *cuts.tolist(), len(times))):
        at, level = times[begin:end], values[begin:end]
        if len(at) > 2 and at[-1] - at[0] >= _LEAST_US:
            days = (at - at[0]) / _DAY_US
            yield float(np.polyfit(days, level, 1)[0])


def jobs(app: str, runs: Sequence[SchedulerRun]) -> Iterator[JobSeen]:
    """Yield every command that ran, and how often it does once three runs tell."""
    starts: dict[str, list[int]] = {}
    for run in runs:
        starts.setdefault(run.command, []).append(run.started_us)
    for command, times in sorted(starts.items()):
        yield JobSeen(app, command, len(times), every(times))


def every(starts_us: Sequence[int]) -> str | None:
    """Return Scheduler's interval that a job's starts fit, None for too few runs or none that fits.

    >>> every([0, 600_000_000, 1_210_000_000]), every([0, 600_000_000]), every([0, 1_000_000_000, 2_000_000_000])
    ('10 minutes', None, None)
    """
    gaps = [(after - before) / 1e6 for before, after in pairwise(sorted(starts_us))]
    if len(gaps) < 2:
        return None
    middle = median(gaps)
    return next((name for seconds, name in _INTERVALS if abs(middle - seconds) <= seconds * _OFF), None)


def connections(samples: Samples, addons: Iterable[tuple[str, str]]) -> Iterator[ConnectionsSeen]:
    """Yield the most connections of each database; ``addons`` are (source, add-on), as ``("DATABASE", "postgresql-flat-1")``."""
    for source, addon in addons:
        _, values = samples.series(source, "active_connections")
        if len(values):
            yield ConnectionsSeen(addon, int(values.max()))


def _type(dyno: str) -> str:
    """
    >>> _type("web.1"), _type("")
    ('web', '')
    """
    return dyno.partition(".")[0]
