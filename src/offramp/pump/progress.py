"""How fast does a link go, and when will its copy be done? Told from one look after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from .model import LinkStatus, TableStatus

WINDOW_SECONDS = 10.0
COPYING = ("copy", "reload")


@dataclass(frozen=True, slots=True)
class Speed:
    """Rates over the last seconds; ``eta_seconds`` is None when nothing tells yet, 0 when nothing is left."""

    rows_per_second: float
    bytes_per_second: float
    eta_seconds: float | None


class Speedometer:
    """Remembers the last looks, ``WINDOW_SECONDS`` of them."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Mapping[str, tuple[int, int]]]] = deque()

    def see(self, link: LinkStatus, at: float) -> None:
        """Take in a look made ``at`` seconds of a clock that never goes back."""
        self._looks.append((at, {table.name: (table.rows_copied, table.bytes_copied) for table in link.tables}))
        while len(self._looks) > 2 and at - self._looks[1][0] > WINDOW_SECONDS:
            self._looks.popleft()

    def of(self, table: TableStatus) -> Speed:
        """Return how fast one table's copy goes; its mean since it began until two looks tell better."""
        rows, size = self._rate([table.name])
        rows, size = rows or table.rows_per_second, size or table.bytes_per_second
        left = max(table.rows_estimate - table.rows_copied, 0) if table.state in COPYING else 0
        return Speed(rows, size, _eta(left, rows))

    def total(self, link: LinkStatus) -> Speed:
        """Return how fast all tables together go."""
        rows, size = self._rate([table.name for table in link.tables])
        left = sum(max(table.rows_estimate - table.rows_copied, 0) for table in link.tables if table.state in COPYING)
        return Speed(rows, size, _eta(left, rows))

    def _rate(self, names: list[str]) -> tuple[float, float]:
        if len(self._looks) < 2:
            return 0.0, 0.0
        (began, first), (ended, last) = self._looks[0], self._looks[-1]
        spent = ended - began
        if spent <= 0:
            return 0.0, 0.0
        moved = [(first.get(name, (0, 0)), last.get(name, (0, 0))) for name in names]
        # A table that is read again starts over from nothing.
        rows = sum(max(now[0] - then[0], 0) for then, now in moved)
        size = sum(max(now[1] - then[1], 0) for then, now in moved)
        return rows / spent, size / spent


def _eta(left: int, rate: float) -> float | None:
    """Return the seconds that are left.

    >>> _eta(0, 0.0), _eta(100, 50.0), _eta(100, 0.0)
    (0.0, 2.0, None)
    """
    if left == 0:
        return 0.0
    return left / rate if rate > 0 else None
