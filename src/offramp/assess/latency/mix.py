"""Are requests slower than before, or are slow requests asked for more often? Kitagawa's decomposition of a change of the mean."""

from __future__ import annotations

import numpy as np

from .model import MixRow, MixShift
from .splitting import Times
from .trace import Trace

_ENOUGH = 100
_WORTH = 0.1


def shift(trace: Trace, times: Times, split_at_us: int | None = None) -> MixShift | None:
    """Compare before and after a moment (the middle of the trace when none is given); None where one side is nearly empty.

    With shares p and means m of each route: between = sum of (p2 - p1)(m1 + m2)/2, within = sum of (m2 - m1)(p1 + p2)/2. A route
    that one side lacks has the other side's mean there: its change is all mix.
    """
    if not len(trace):
        return None
    when = trace.origin_us + trace.completion_us
    at = split_at_us if split_at_us is not None else (int(when.min()) + int(when.max())) // 2
    after = when >= at
    many = len(trace.routes)
    n1, n2 = (np.bincount(trace.route[side], minlength=many).astype(float) for side in (~after, after))
    if min(n1.sum(), n2.sum()) < _ENOUGH:
        return None
    m1 = np.bincount(trace.route[~after], times.total[~after], many) / np.maximum(n1, 1)
    m2 = np.bincount(trace.route[after], times.total[after], many) / np.maximum(n2, 1)
    m1, m2 = np.where(n1 > 0, m1, m2), np.where(n2 > 0, m2, m1)
    p1, p2 = n1 / n1.sum(), n2 / n2.sum()
    between, within = (p2 - p1) * (m1 + m2) / 2, (m2 - m1) * (p1 + p2) / 2
    rows = [
        MixRow(trace.routes[k], int(n1[k]), int(n2[k]), *(float(v[k]) for v in (m1, m2, between, within)))
        for k in np.argsort(-np.abs(between + within), kind="stable")
        if n1[k] + n2[k]
    ]
    before_ms, after_ms = float((p1 * m1).sum()), float((p2 * m2).sum())
    reading = _reading(before_ms, after_ms, float(between.sum()), float(within.sum()))
    return MixShift(at, before_ms, after_ms, float(between.sum()), float(within.sum()), reading, tuple(rows[:20]))


def _reading(before_ms: float, after_ms: float, between_ms: float, within_ms: float) -> str:
    change = after_ms - before_ms
    if abs(change) < _WORTH * max(before_ms, 1e-9):
        return f"The mean hardly changed: {before_ms:.0f} ms before, {after_ms:.0f} ms after."
    most = "other routes were asked for" if abs(between_ms) > abs(within_ms) else "the same routes took another time"
    return (
        f"The mean went from {before_ms:.0f} to {after_ms:.0f} ms, mostly because {most}: "
        f"{between_ms:+.0f} ms by the mix of routes, {within_ms:+.0f} ms within routes."
    )
