"""How many more calls may this account make? A bucket of 4,500 tokens that refills 75 a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

PER_MINUTE = 75


@dataclass
class Bucket:
    """``monotonic`` tells the time in seconds."""

    capacity: int
    monotonic: Callable[[], float]
    _tokens: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens, self._at = float(self.capacity), self.monotonic()

    @property
    def remaining(self) -> int:
        self._refill()
        return int(self._tokens)

    def take(self) -> bool:
        """Spend one token; False when there is none."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self) -> None:
        at = self.monotonic()
        self._tokens = min(self.capacity, self._tokens + (at - self._at) * PER_MINUTE / 60)
        self._at = at
