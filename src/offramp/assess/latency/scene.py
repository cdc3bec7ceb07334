"""What do the rules look at? The lines, their split and the facts of one app, with the moments that the facts mark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .facts import Facts, RouteTimings
from .model import Split
from .splitting import Times
from .trace import Flags, Trace

COLD_SECONDS = 60
"""After a restart a dyno is cold: imports, connections, caches."""
_SAMPLE_SECONDS = 30
"""Dynos say their memory every 20 s; R14 comes as often."""
_SWAPPING_MB = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """All arrays are as long as the trace."""

    trace: Trace
    times: Times
    split: Split
    facts: Facts
    objective_ms: float

    @property
    def above_ms(self) -> NDArray[np.float64]:
        """Of each request, the milliseconds beyond the objective."""
        return np.maximum(self.times.total - self.objective_ms, 0.0)

    def timings(self) -> dict[int, RouteTimings]:
        """What the application says of each route, by the route's number."""
        numbers = {name: number for number, name in enumerate(self.trace.routes)}
        return {numbers[one.route]: one for one in self.facts.route_timings if one.route in numbers}

    def cold(self) -> Flags:
        """Requests that came to a dyno within a minute after it was up."""
        moments = tuple((restart.dyno, restart.up_us) for restart in self.facts.restarts)
        return _within(self.trace, moments, 0, COLD_SECONDS)

    def swapping(self) -> Flags:
        """Requests that were served by a dyno while its memory was over its quota or swapped."""
        moments = tuple(
            (one.dyno, one.at_us) for one in self.facts.memory if one.over_quota or one.swap_mb > _SWAPPING_MB
        )
        return _within(self.trace, moments, _SAMPLE_SECONDS, _SAMPLE_SECONDS)


def _within(trace: Trace, moments: tuple[tuple[str, int], ...], before_s: int, after_s: int) -> Flags:
    """Mark requests whose arrival at the named dyno is within so many seconds of one of its moments."""
    marked = np.zeros(len(trace), dtype=np.bool_)
    for name in {name for name, _ in moments}:
        if name not in trace.dynos:
            continue
        at = np.sort(np.array([us for dyno, us in moments if dyno == name], dtype=np.int64)) - trace.origin_us
        its = np.flatnonzero(trace.dyno == trace.dynos.index(name))
        arrival = trace.arrival_us[its]
        first = np.searchsorted(at, arrival - after_s * 1_000_000)
        marked[its] = first < np.searchsorted(at, arrival + before_s * 1_000_000, side="right")
    return marked
