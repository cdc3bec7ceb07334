"""How are repeated measurements told in one cell?"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some measurements with the lowest and the highest."""

    median: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 2) -> str:
        """
        >>> spread([3, 1, 2]).text(1)
        '2.0 [1.0 - 3.0]'
        >>> spread([1234.5]).text(0)
        '1,234'
        """
        middle = f"{self.median:,.{digits}f}"
        return middle if self.count == 1 else f"{middle} [{self.low:,.{digits}f} - {self.high:,.{digits}f}]"


def spread(values: Iterable[float]) -> Spread:
    """Raises ValueError when there is nothing to summarise."""
    found = sorted(values)
    if not found:
        raise ValueError("there is no measurement to summarise")
    return Spread(statistics.median(found), found[0], found[-1], len(found))


def cell(values: Sequence[float], digits: int = 2) -> str:
    """The spread as text, or a dash when nothing was measured."""
    return spread(values).text(digits) if values else "-"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """One ratio per round: neighbours in time share the machine's mood."""
    return [mine / other for mine, other in zip(ours, theirs, strict=False)]


def percentile(values: Iterable[float], share: float) -> float:
    """
    >>> percentile(range(100), 0.99)
    99
    """
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
