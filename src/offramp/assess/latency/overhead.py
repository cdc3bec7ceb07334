"""What does a statement cost an application beyond its execution: the way there and back, the driver, the objects made of its rows?

The database does not see it, and of quick statements it is most of the cost: 0.5 ms in Django where PostgreSQL counts 0.03 ms.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .scene import Scene

_LEAST_REQUESTS = 20
_LEAST_ROUTES = 3
_APART = 5.0
"""Two routes tell something when one issues so many statements more."""


def of_a_statement(scene: Scene) -> float:
    """Return milliseconds for each statement, 0 where the routes do not tell.

    By how much routes that issue more statements are served longer, execution left out: the median slope over all pairs of routes
    (Theil and Sen), so that a route which is slow for a reason of its own counts little.
    """
    trace, service = scene.trace, scene.times.service
    points: list[tuple[float, float]] = []
    for number, route in enumerate(trace.routes):
        its = trace.route == number
        requests = int(its.sum())
        if requests >= _LEAST_REQUESTS:
            issued = [one for one in scene.facts.statements if one.route == route]
            executed = sum(one.total_ms for one in issued) / requests
            points.append((sum(one.calls for one in issued) / requests, float(service[its].mean()) - executed))
    slopes = [
        (more[1] - less[1]) / (more[0] - less[0])
        for less, more in combinations(sorted(points), 2)
        if more[0] - less[0] >= _APART
    ]
    return max(float(np.median(slopes)), 0.0) if len(points) >= _LEAST_ROUTES and slopes else 0.0
