"""Is a group of requests slower than the others of the same routes, and by how much each?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .quantiles import groups
from .trace import Flags

Floats = NDArray[np.float64]

_ENOUGH = 10
_LOG_FLOOR_MS = 5.0
_SURE = 3.0
_WORTH = 1.1


@dataclass(frozen=True, slots=True)
class Effect:
    """``ratio`` is how many times as long the marked requests took as others of their routes, ``sigmas`` how sure that is.

    ``extra_ms`` is what each marked request took longer than the unmarked one of the same rank in its route; 0 for the rest.
    """

    marked: int
    ratio: float
    sigmas: float
    extra_ms: Floats

    @property
    def real(self) -> bool:
        """Whether the difference is worth naming and not by chance."""
        return self.marked >= _ENOUGH and self.ratio >= _WORTH and self.sigmas >= _SURE


def slower(values_ms: Floats, marked: Flags, route: NDArray[np.int32], routes: int) -> Effect:
    """Compare marked with unmarked requests route by route."""
    extra = np.zeros(len(values_ms))
    log_ms = np.log(np.maximum(values_ms, 0.0) + _LOG_FLOOR_MS)
    weights, ratios, variances = [], [], []
    for _, its in groups(route, routes) if marked.any() else ():
        inside, outside = its[marked[its]], its[~marked[its]]
        if not len(inside) or len(outside) < _ENOUGH:
            continue
        extra[inside] = beyond(values_ms[inside], np.sort(values_ms[outside]))
        weights.append(len(inside) * len(outside) / len(its))
        ratios.append(float(log_ms[inside].mean() - log_ms[outside].mean()))
        spread = float(log_ms[outside].var())
        variances.append(max(float(log_ms[inside].var()), spread) / len(inside) + spread / len(outside))
    if not weights:
        return Effect(int(marked.sum()), 1.0, 0.0, extra)
    weight = np.array(weights) / sum(weights)
    ratio = float((weight * ratios).sum())
    error = float(np.sqrt((weight**2 * variances).sum()))
    return Effect(int(marked.sum()), float(np.exp(ratio)), ratio / max(error, 1e-9), extra)


def beyond(took: Floats, usual: Floats) -> Floats:
    """Return how much longer each took than the usual one of the same rank; ``usual`` is sorted."""
    rank = np.empty(len(took))
    rank[np.argsort(took, kind="stable")] = (np.arange(len(took)) + 0.5) / len(took)
    return np.maximum(took - np.interp(rank, (np.arange(len(usual)) + 0.5) / len(usual), usual), 0.0)
