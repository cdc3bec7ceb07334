"""What do the rules look at? The lines, their split and the facts of one app, with what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .facts import Facts, RouteTimings
from .model import Split
from .splitting import Times
from .trace import Trace


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
