"""What may a rule ask? What is known, where the time went, and whether it would go if one thing were otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..model import Attribution, Confidence, MixShift, PartName
from ..scene import Scene
from ..serving import Spent
from ..trial import Trial, needed_ms

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """``trial`` replays the busiest stretch; shares from it are of that stretch."""

    scene: Scene
    spent: Spent
    attribution: Attribution
    trial: Trial
    mix_shift: MixShift | None

    def gone_without(self, part: PartName) -> float:
        """Return the share of the time above the objective that goes when no request spends time on this part.

        Never less than the part itself: what is rare may lie outside the stretch that is replayed.
        """
        itself = next(one.share for one in self.attribution.parts if one.name == part)
        return max(self.gone(self.spent.parts[part]), itself)

    def gone(self, saved_ms: Floats) -> float:
        """Return the share that goes when each request is served so much faster; waiting behind it shrinks too."""
        service = needed_ms(self.scene.trace, self.scene.times)
        return self.trial.gone(np.maximum(service - saved_ms, 0.0))

    def confidence(self) -> Confidence:
        """How far a replay of this trace is to be believed."""
        if self.trial.calibrated:
            return "low"
        near = abs(np.log((self.trial.replayed_p99_ms + 1) / (self.trial.measured_p99_ms + 1)))
        return self.scene.split.confidence if near < 0.1 else "low"

    def requests_of(self, route: str) -> NDArray[np.int64]:
        """Return the positions of a route's requests; none for a route that the lines do not have."""
        if route not in self.scene.trace.routes:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.scene.trace.route == self.scene.trace.routes.index(route))

    def saved_on(self, its: NDArray[np.int64], share: float) -> Floats:
        """Return what each request saves when these save this share of their service."""
        saved = np.zeros(len(self.scene.trace))
        saved[its] = self.scene.times.service[its] * min(max(share, 0.0), 1.0)
        return saved
