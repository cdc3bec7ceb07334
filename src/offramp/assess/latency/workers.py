"""How many workers has a dyno? The number under which a route takes as long on a busy dyno as on an idle one.

With too few workers assumed, requests end before they start, or take less time when the dyno is busy. With too many, waiting is taken for
service, and requests take longer when the dyno is busy. How busy a request finds the dyno depends on the past alone, so for the true
number the two groups of one route have the same service times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import fifo
from .model import Candidate
from .trace import Flags, Ints, Trace

Floats = NDArray[np.float64]

MOST_WORKERS = 40
SAMPLE = 100_000
# Lives with timeouts take a Python loop per candidate.
SAMPLE_WITH_TIMEOUTS = 40_000
ENOUGH = 30
"""Requests on a busy dyno below which nothing can be said of a number of workers."""

_LOG_FLOOR_MS = 5.0
"""Added before logarithms are taken: a router's milliseconds are no news below it."""
_EARLY_MS = 3.0
"""How much before its start a request may end: rounding of the two lines, and the answer's way to the router."""
_PER_ROUTE = 5
_IMPOSSIBLE = 0.02
"""Time before the start, as a share of all service time, that jitter explains; one worker too few gives 4 % and more."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """The best number of workers, the range that explains the lines about as well, and what was tried.

    ``crowd`` is the largest number of requests that met at least that many others often enough to tell: beyond it all numbers of
    workers look the same. 0 when the dyno was hardly ever busy.
    """

    workers: int
    low: int
    high: int
    crowd: int
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> Candidate | None:
        return next((candidate for candidate in self.candidates if candidate.workers == self.workers), None)


def infer(trace: Trace, most: int = MOST_WORKERS) -> Inferred:
    """Try every number of workers up to one more than requests were ever there at once; ``most`` at most."""
    sample = busiest(trace, SAMPLE_WITH_TIMEOUTS if trace.unfinished.any() else SAMPLE)
    arrival, completion = sample.keyed()
    ahead = fifo.in_flight(arrival, completion)
    crowd = _crowd(ahead)
    if not crowd:
        return Inferred(0, 0, 0, 0, ())
    tried = min(int(ahead.max()) + 1, most)
    alone_ms = typical_alone(sample, ahead)
    candidates = tuple(
        _weigh(sample, ahead, min(workers, crowd), workers, fifo_waits)
        for workers, fifo_waits in _every_wait(sample, tried, alone_ms)
    )
    return _choose(candidates, crowd)


def busiest(trace: Trace, size: int) -> Trace:
    """Return the stretch of time with ``size`` requests in a row and the most work in it, or all of a smaller trace."""
    return trace if len(trace) <= size else trace.only(busiest_stretch(trace, size))


def busiest_stretch(trace: Trace, size: int) -> Flags:
    """Mark that stretch: requests in a row by arrival."""
    if len(trace) <= size:
        return np.ones(len(trace), dtype=np.bool_)
    order = np.argsort(trace.arrival_us, kind="stable")
    work = np.cumsum((trace.completion_us - trace.arrival_us)[order])
    end = size + int(np.argmax(work[size:] - work[:-size]))
    first, last = trace.arrival_us[order[end - size]], trace.arrival_us[order[end]]
    stretch: Flags = (trace.arrival_us > first) & (trace.arrival_us <= last)
    return stretch


def typical_alone(trace: Trace, ahead: Ints) -> Floats:
    """Return, for each route, the median time in ms of requests that met an idle dyno; of all its requests where none did."""
    took = (trace.completion_us - trace.arrival_us) / 1000.0
    typical = np.zeros(len(trace.routes))
    finished = ~trace.unfinished
    for number in np.unique(trace.route):
        its = (trace.route == number) & finished
        alone = its & (ahead == 0)
        if its.any():
            typical[number] = np.median(took[alone if alone.any() else its])
    return typical


def _crowd(ahead: Ints) -> int:
    counts = np.bincount(np.minimum(ahead, MOST_WORKERS))
    at_least = counts[::-1].cumsum()[::-1]
    return int(np.flatnonzero(at_least >= ENOUGH)[-1]) if len(counts) else 0


def _every_wait(trace: Trace, most: int, alone_ms: Floats) -> list[tuple[int, Floats]]:
    arrival, completion = trace.keyed()
    if trace.unfinished.any():
        return [(workers, fifo.waits(trace, workers, alone_ms) / 1000.0) for workers in range(1, most + 1)]
    bounds = fifo.worker_free(completion, most)
    return [(number, np.maximum(bound - arrival, 0) / 1000.0) for number, bound in enumerate(bounds, 1)]


def _weigh(trace: Trace, ahead: Ints, busy_from: int, workers: int, waited_ms: Floats) -> Candidate:
    service = (trace.completion_us - trace.arrival_us) / 1000.0 - waited_ms
    finished = ~trace.unfinished
    early = np.maximum(-service[finished] - _EARLY_MS, 0.0)
    impossible = float(early.sum() / max(np.maximum(service[finished], 0.0).sum(), 1.0))
    idle_below = _idle_below(ahead, busy_from)
    busy = finished & (ahead >= busy_from)
    idle = finished & (ahead < idle_below)
    between = finished & (ahead >= idle_below) & (ahead < busy_from)
    log_ms = np.log(np.maximum(service, 0.0) + _LOG_FLOOR_MS)
    drift, error, misfit = _compare(log_ms, trace.route, busy, idle, len(trace.routes))
    # Requests that found some company but a free worker must not be slower either, or the workers are no workers.
    _, _, beside = _compare(log_ms, trace.route, between, idle, len(trace.routes))
    misfit = max(misfit, beside) if np.isfinite(beside) else misfit
    return Candidate(workers, drift, error, misfit, impossible, int(busy.sum()))


def _idle_below(ahead: Ints, busy_from: int) -> int:
    """The least busy dyno that was met often enough: mostly an idle one."""
    counts = np.bincount(np.minimum(ahead, busy_from), minlength=busy_from + 1).cumsum()
    wanted = max(200, len(ahead) // 20)
    return min(int(np.searchsorted(counts, wanted)) + 1, busy_from)


def _compare(
    log_ms: Floats, route: NDArray[np.int32], busy: Flags, idle: Flags, routes: int
) -> tuple[float, float, float]:
    """Return the weighted mean over routes of the log ratio busy against idle, its standard error, and the mean of its size."""
    busy_n, busy_mean, busy_variance = _moments(log_ms[busy], route[busy], routes)
    idle_n, idle_mean, idle_variance = _moments(log_ms[idle], route[idle], routes)
    both = (busy_n >= _PER_ROUTE) & (idle_n >= _PER_ROUTE)
    if not both.any():
        return float("inf"), float("inf"), float("inf")
    busy_n, idle_n = busy_n[both], idle_n[both]
    weight = busy_n * idle_n / (busy_n + idle_n)
    weight = weight / weight.sum()
    ratio = busy_mean[both] - idle_mean[both]
    variance = busy_variance[both] / busy_n + idle_variance[both] / idle_n
    # What chance alone gives to the size of a ratio is taken off, so that many thin routes do not look like a bad fit.
    size = np.sqrt(np.maximum(ratio**2 - variance, 0.0))
    return float((weight * ratio).sum()), float(np.sqrt((weight**2 * variance).sum())), float((weight * size).sum())


def _moments(values: Floats, route: NDArray[np.int32], routes: int) -> tuple[Floats, Floats, Floats]:
    count = np.bincount(route, minlength=routes).astype(float)
    least = np.maximum(count, 1)
    mean = np.bincount(route, values, routes) / least
    variance = np.maximum(np.bincount(route, values**2, routes) / least - mean**2, 0.0)
    return count, mean, variance


def _choose(candidates: tuple[Candidate, ...], crowd: int) -> Inferred:
    least = min(candidate.impossible_share for candidate in candidates)
    sound = [candidate for candidate in candidates if candidate.impossible_share <= max(_IMPOSSIBLE, least)]
    best = min(sound, key=lambda candidate: (abs(candidate.drift), candidate.workers))
    alike = [c.workers for c in sound if abs(c.drift) <= abs(best.drift) + 2 * max(c.drift_error, best.drift_error)]
    low = high = best.workers
    while low - 1 in alike:
        low -= 1
    while high + 1 in alike:
        high += 1
    return Inferred(best.workers, low, high, crowd, candidates)
