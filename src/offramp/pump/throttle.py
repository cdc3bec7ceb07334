"""How fast may we read from a source that has other work to do?

Two limits: bytes per second, and how many of the applications' own sessions may be busy at once. CPU and disk cannot be asked
for over SQL by an owner; the number of active sessions can: an owner sees all sessions of its own role, on Heroku those of the
application, and with pg_read_all_stats (Heroku's default credential has it) those of every role.
"""

from __future__ import annotations

import threading

from ..kit import sqlbook
from ..kit.clock import Clock
from ..postgres import Connection

_BOOK = sqlbook.load("offramp.pump", "sql/watching.sql")
LOOK_SECONDS = 0.5
# However busy the source is, a fiftieth of the time is ours: a copy that never ends helps nobody.
LEAST_SHARE = 0.02
# One pause, so that a snapshot that is open meanwhile stays young.
LONGEST_PAUSE_SECONDS = 2.0
SNAPSHOT_SECONDS = 20.0


class Throttle:
    """Shared by all who read in bulk, from any thread: each block is reported, and answered with how long to pause."""

    def __init__(self, clock: Clock, *, rate_bytes: int | None = None, source_load: float | None = None) -> None:
        """``rate_bytes`` is per second; ``source_load`` is the number of busy sessions above which we step back."""
        self._clock = clock
        self._rate, self._limit = rate_bytes, source_load
        self._lock = threading.Lock()
        self._share = 1.0
        self._free_at = self._worked_from = clock.monotonic()
        self._load = 0.0

    @property
    def share(self) -> float:
        """The part of the time that we may be at work, 1 when nothing limits us."""
        return self._share

    @property
    def load(self) -> float:
        """How many sessions were busy when last looked."""
        return self._load

    def admit(self, size: int) -> float:
        """Note that ``size`` bytes were read; returns how many seconds to pause before the next block."""
        with self._lock:
            now = self._clock.monotonic()
            pause = 0.0
            if self._rate:
                # Time that passed unused is lost: a burst after a pause would be what the limit is against.
                self._free_at = max(self._free_at, now - 0.1) + size / self._rate
                pause = self._free_at - now
            pause = max(pause, self._owed(now))
            # What is above the longest pause stays owed through ``_free_at``.
            pause = min(max(pause, 0.0), LONGEST_PAUSE_SECONDS)
            self._worked_from = now + pause
            return pause

    def _owed(self, now: float) -> float:
        worked = max(now - self._worked_from, 0.0)
        return worked * (1 / self._share - 1)

    def block_bytes(self, usual: int) -> int:
        """Return how much may be read under one snapshot so that it stays young at the present pace."""
        if not self._rate:
            return max(int(usual * self._share), 1)
        return max(min(int(usual * self._share), int(self._rate * SNAPSHOT_SECONDS)), 1)

    def observed(self, busy: float) -> None:
        """Take in how many sessions of others are busy: step back by a third at once, come back slowly."""
        with self._lock:
            self._load = busy
            if self._limit is None:
                return
            if busy > self._limit:
                self._share = max(self._share * 0.67, LEAST_SHARE)
            else:
                self._share = min(self._share * 1.2 + 0.01, 1.0)

    def look(self, control: Connection, pids: list[int]) -> None:
        """Count the busy sessions of others over ``control``; ``pids`` are ours."""
        if self._limit is None:
            return
        row = control.execute(_BOOK["busy"], {"pids": pids}).fetchone()
        self.observed(float(row[0]) if row else 0.0)
