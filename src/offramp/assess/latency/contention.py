"""What can be said when a server does not take requests in turn (threads in several processes, event loops, streams)?

A request that finds the dyno idle shows how long its route takes by itself. The k-th slowest of all requests of a route is compared with
the k-th slowest of those: what it took longer is time in which requests waited for each other, wherever in the server that was.
This is right on average and in the tail of a route, not for each single request.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import effects, fifo
from .trace import Trace

ENOUGH_ALONE = 20
"""Requests of a route on an idle dyno below which its own time is only guessed."""
_FASTEST = 0.25


def shared_ms(trace: Trace) -> tuple[NDArray[np.float64], float]:
    """Return the time that each request waited for others, and the share of requests whose route was seen often enough alone.

    A route that hardly ever met an idle dyno is taken to need what its fastest quarter needs.
    """
    took = (trace.completion_us - trace.arrival_us) / 1000.0
    alone = fifo.in_flight(*trace.keyed()) == 0
    waited = np.zeros(len(trace))
    known = 0
    for number in np.unique(trace.route):
        its = np.flatnonzero(trace.route == number)
        by_itself = took[its][alone[its]]
        if len(by_itself) >= ENOUGH_ALONE:
            known += len(its)
            waited[its] = effects.beyond(took[its], np.sort(by_itself))
        else:
            waited[its] = np.maximum(took[its] - np.quantile(took[its], _FASTEST), 0.0)
    return waited, known / max(len(trace), 1)
