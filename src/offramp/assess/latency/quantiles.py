"""How sure is a quantile? Its confidence interval by order statistics, and how many samples it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .model import Quantile, Quantiles

_Z95 = 1.96


def quantiles(values_ms: NDArray[np.float64]) -> Quantiles:
    """Return mean, p50, p95 and p99 with 95 % intervals.

    >>> few = quantiles(np.arange(100.0)); few.p99.bounded, few.p50.low_ms, few.p50.high_ms
    (False, 39.0, 60.0)
    """
    ordered = np.sort(values_ms)
    mean = float(ordered.mean()) if len(ordered) else 0.0
    return Quantiles(len(ordered), mean, _one(ordered, 0.5), _one(ordered, 0.95), _one(ordered, 0.99))


def _one(ordered: NDArray[np.float64], q: float) -> Quantile:
    size = len(ordered)
    if not size:
        return Quantile(q, 0.0, 0.0, 0.0, False)
    around = _Z95 * math.sqrt(size * q * (1 - q))
    low, high = math.floor(size * q - around) - 1, math.ceil(size * q + around)
    value = float(ordered[min(math.ceil(size * q), size) - 1])
    return Quantile(q, value, float(ordered[max(low, 0)]), float(ordered[min(high, size - 1)]), high < size)


def groups(keys: NDArray[np.int32], many: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each key that occurs with the positions that have it."""
    order = np.argsort(keys, kind="stable")
    ends = np.searchsorted(keys[order], np.arange(many + 1))
    for key in range(many):
        if ends[key] < ends[key + 1]:
            yield key, order[ends[key] : ends[key + 1]]
