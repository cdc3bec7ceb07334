"""When did each request start, if ``c`` workers take requests in the order in which they arrive? Exactly, from the log alone.

The k-th request starts when it has arrived and all but ``c - 1`` of the earlier ones are completed: at the later of its arrival and
the c-th largest completion among the earlier ones. The running c-th largest is what falls through c running maxima, so numpy does a
million requests in milliseconds, for every number of workers up to ``c`` at once and for all dynos in one pass.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .trace import Ints, Trace

# Half the range, so that subtracting a moment from it does not wrap round.
_NEVER = np.iinfo(np.int64).min // 2


def waits(trace: Trace, workers: int, typical_ms: NDArray[np.float64] | None = None) -> Ints:
    """Return how long each request waited before it was served, in microseconds, when each dyno has ``workers``.

    ``typical_ms`` is the service time of each route: where given, a worker that was given up on (H12 and the like) stays busy until it
    has served that long, as it does on Heroku. Without it, a worker is free when the router's line was written.
    """
    arrival, completion = trace.keyed()
    free = completion if typical_ms is None else _worked_until(trace, workers, typical_ms)
    last = free
    for bound in worker_free(free, workers):
        last = bound
    waited: Ints = np.maximum(last - arrival, 0)
    return waited


def worker_free(completion: Ints, workers: int) -> Iterator[Ints]:
    """Yield, for 1, 2, ... ``workers`` workers, when the first of them is free of the requests before each request.

    ``completion`` is ordered by arrival. The arrays are reused: take what is needed before the next.
    """
    stream = completion.copy()
    bound = np.empty_like(stream)
    for _ in range(workers):
        if len(stream):
            bound[0] = _NEVER
            np.maximum.accumulate(stream[:-1], out=bound[1:])
        yield bound
        np.minimum(stream, bound, out=stream)


def in_flight(arrival: Ints, completion: Ints) -> Ints:
    """Return how many earlier requests were not completed when each arrived; both arrays keyed and ordered by arrival."""
    # A request of less than a millisecond is completed when it arrives, and is not ahead of itself.
    ahead: Ints = np.arange(len(arrival)) - np.searchsorted(np.sort(completion), arrival, side="right")
    return np.maximum(ahead, 0)


def _worked_until(trace: Trace, workers: int, typical_ms: NDArray[np.float64]) -> Ints:
    """Return keyed moments at which workers were free of each request, one life after the other where any was given up on."""
    arrival, completion = trace.keyed()
    if not trace.unfinished.any():
        return completion
    free = completion.copy()
    typical = (typical_ms * 1000).astype(np.int64)
    for life in np.unique(trace.life[trace.unfinished]):
        low, high = np.searchsorted(trace.life, (life, life + 1))
        free[low:high] = _one_life(
            arrival[low:high].tolist(),
            completion[low:high].tolist(),
            trace.unfinished[low:high].tolist(),
            typical[trace.route[low:high]].tolist(),
            workers,
        )
    return free


def _one_life(
    arrivals: list[int], completions: list[int], unfinished: list[bool], typical: list[int], workers: int
) -> list[int]:
    heap = [_NEVER] * workers
    free = []
    for arrival, completion, open_end, usual in zip(arrivals, completions, unfinished, typical, strict=True):
        if open_end:
            completion = max(completion, max(arrival, heap[0]) + usual)
        heapq.heappushpop(heap, completion)
        free.append(completion)
    return free
