"""What would these requests have met with other dynos, workers or routing? They are sent again, each with its own service time.

Arrivals come as they came and each request needs what it needed, so bursts, mixes and outliers are the team's own. What a replay cannot
know: whether service itself changes when more requests share a processor or a database.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .model import Routing

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_COPY_SHIFT_US = 137_000_000
"""How far copies of a trace are moved apart: long enough that they do not burst together, short enough for the same time of day."""


@dataclass(frozen=True, slots=True)
class Work:
    """Requests to replay, ordered by arrival: when each arrives and how long it is served, in microseconds; ``place`` is where it went."""

    arrival_us: Ints
    service_us: Ints
    route: NDArray[np.int32]
    place: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.arrival_us)

    @property
    def span_us(self) -> int:
        return max(int(self.arrival_us[-1] - self.arrival_us[0]), 1) if len(self) else 1

    def only(self, its: slice) -> Work:
        """Requests in a row."""
        return Work(self.arrival_us[its], self.service_us[its], self.route[its], self.place[its])

    def served(self, service_us: Ints) -> Work:
        """The same requests with other service times."""
        return replace(self, service_us=service_us)


@dataclass(frozen=True, slots=True)
class Fleet:
    """What serves: equal dynos or tasks, and how requests are dealt to them."""

    dynos: int
    workers: int
    routing: Routing


def as_it_was(work: Work, workers: int) -> Floats:
    """Return each request's total time in ms when it goes where it went."""
    return _dealt(work, work.place, workers)


def run(work: Work, fleet: Fleet, seed: int = 1) -> Floats:
    """Return each request's total time in ms. The same seed deals the same way."""
    if fleet.routing == "least outstanding":
        return _least_outstanding(work, fleet)
    if fleet.routing == "round robin":
        return _dealt(work, (np.arange(len(work)) % fleet.dynos).astype(np.int32), fleet.workers)
    places = np.random.default_rng(seed).integers(0, fleet.dynos, len(work)).astype(np.int32)
    return _dealt(work, places, fleet.workers)


def thicker(work: Work, times: int) -> Work:
    """Return ``times`` as many requests in the same time: copies of the trace, each moved by some minutes and wrapped round.

    More users make independent requests, so the copies must not burst together; speeding the trace up instead would shorten its quiet
    times and its bursts, and repeating each request at once would make every burst three times as sharp. Moved by minutes, the copies keep
    the time of day. Where growth comes as sharper bursts (one event that draws all), this is too kind.
    """
    if not len(work):
        return work
    first, span = work.arrival_us[0], work.span_us + 1
    arrivals = np.concatenate([(work.arrival_us - first + n * _COPY_SHIFT_US) % span + first for n in range(times)])
    order = np.argsort(arrivals, kind="stable")
    return Work(
        arrivals[order],
        np.tile(work.service_us, times)[order],
        np.tile(work.route, times)[order],
        np.tile(work.place, times)[order],
    )


def _dealt(work: Work, places: NDArray[np.int32], workers: int) -> Floats:
    """Requests that are dealt without looking: each place is a queue of its own."""
    wait = np.zeros(len(work), dtype=np.int64)
    order = np.argsort(places, kind="stable")
    ends = np.flatnonzero(np.diff(places[order], append=-1)) + 1
    begin = 0
    for end in ends.tolist():
        its = order[begin:end]
        wait[its] = _queue(work.arrival_us[its].tolist(), work.service_us[its].tolist(), workers)
        begin = end
    return (wait + work.service_us) / 1000.0


def _queue(arrivals: list[int], services: list[int], workers: int) -> list[int]:
    free = [0] * workers
    waits = []
    for arrival, service in zip(arrivals, services, strict=True):
        start = free[0]
        if start < arrival:
            start = arrival
        waits.append(start - arrival)
        heapq.heapreplace(free, start + service)
    return waits


def _least_outstanding(work: Work, fleet: Fleet) -> Floats:
    """Each request goes to the place with the fewest that it has not answered; of equals to the one used longest ago."""
    tick = 1e-9
    keys = [place * tick for place in range(fleet.dynos)]
    free = [[0] * fleet.workers for _ in range(fleet.dynos)]
    leaving: list[tuple[int, int]] = []
    waits = []
    turn = fleet.dynos * tick
    for arrival, service in zip(work.arrival_us.tolist(), work.service_us.tolist(), strict=True):
        while leaving and leaving[0][0] <= arrival:
            keys[heapq.heappop(leaving)[1]] -= 1.0
        place = keys.index(min(keys))
        queue = free[place]
        start = max(queue[0], arrival)
        waits.append(start - arrival)
        heapq.heapreplace(queue, start + service)
        heapq.heappush(leaving, (start + service, place))
        turn += tick
        keys[place] = round(keys[place]) + 1.0 + turn
    return (np.array(waits, dtype=np.int64) + work.service_us) / 1000.0
