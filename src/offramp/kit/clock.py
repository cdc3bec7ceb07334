"""What time is it, and how do we wait? Passed as an argument, so that tests can hold the hands."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two real ones exist: the system's, and the tests' stepping clock."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clock on the wall."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
