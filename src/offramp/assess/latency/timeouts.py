"""Do requests end at round seconds? Then they waited for something outside that gave up at its time limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .quantiles import groups
from .trace import Trace

LIMITS_S = (1, 2, 3, 5, 10, 15, 20, 25, 60)
"""Time limits that clients have by habit. 30 s is left out: Heroku's router gives up at it too (H12)."""

_ENOUGH = 10
_CROWDED = 5.0


@dataclass(frozen=True, slots=True)
class Spike:
    """``its`` are the positions of requests of one route that ended just after ``seconds``; ``expected`` is how many would by chance."""

    route: int
    seconds: int
    its: NDArray[np.int64]
    expected: float


def spikes(trace: Trace, service_ms: NDArray[np.float64]) -> tuple[Spike, ...]:
    """Find routes with five times as many requests just after a limit as in its neighbourhood, ten at least."""
    found = []
    for number, its in groups(trace.route, len(trace.routes)):
        its = its[~trace.unfinished[its]]
        for seconds in LIMITS_S:
            at, expected = _spike(service_ms[its], seconds)
            if at.sum() >= _ENOUGH and at.sum() > _CROWDED * expected:
                found.append(Spike(number, seconds, its[at], expected))
    return tuple(found)


def _spike(service_ms: NDArray[np.float64], seconds: int) -> tuple[NDArray[np.bool_], float]:
    """A limit ends a call on time; what the request does besides comes on top, so the window is after it and a tenth wide."""
    limit = seconds * 1000.0
    width = min(0.1 * limit, 500.0)
    near = (service_ms >= limit - 3 * width) & (service_ms < limit + 4 * width)
    at = (service_ms >= limit - 2.0) & (service_ms < limit + width)
    return at, float((near & ~at).sum()) / 6
