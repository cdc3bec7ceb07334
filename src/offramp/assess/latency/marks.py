"""Which requests came while their dyno was cold or swapped, as the facts have it?"""

from __future__ import annotations

import numpy as np

from .facts import Facts
from .trace import Flags, Trace

COLD_SECONDS = 60
"""After a restart a dyno is cold: imports, connections, caches."""
_SAMPLE_SECONDS = 30
"""Dynos say their memory every 20 s; R14 comes as often."""
_SWAPPING_MB = 1.0


def cold(trace: Trace, facts: Facts) -> Flags:
    """Requests that came to a dyno within a minute after it was up."""
    moments = tuple((restart.dyno, restart.up_us) for restart in facts.restarts)
    return _within(trace, moments, 0, COLD_SECONDS)


def swapping(trace: Trace, facts: Facts) -> Flags:
    """Requests that were served by a dyno while its memory was over its quota or swapped."""
    moments = tuple((one.dyno, one.at_us) for one in facts.memory if one.over_quota or one.swap_mb > _SWAPPING_MB)
    return _within(trace, moments, _SAMPLE_SECONDS, _SAMPLE_SECONDS)


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
