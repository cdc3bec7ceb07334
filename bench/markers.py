"""Has a change arrived, how late, and is the target what the source is?"""

from __future__ import annotations

import threading
import time
from types import TracebackType

import psycopg

from .clusters import ADMIN, Side
from .stage import TABLES

BEAT_SECONDS, LOOK_SECONDS = 0.1, 0.02


def beat(origin: psycopg.Connection) -> float:
    """Write the heartbeat row; return its time by the source's clock, seconds since 1970."""
    row = origin.execute(
        "update heartbeat set ts = clock_timestamp() where id = 1 returning extract(epoch from ts)::float8"
    ).fetchone()
    assert row is not None
    return float(row[0])


def seen(receiver: psycopg.Connection) -> float:
    """The heartbeat as the target has it."""
    row = receiver.execute("select extract(epoch from ts)::float8 from heartbeat where id = 1").fetchone()
    return float(row[0]) if row else 0.0


def arrival(target: Side, marker: float, limit: float) -> float | None:
    """Seconds from now until the target shows a marker, None when it does not within ``limit``."""
    began = time.monotonic()
    with target.connect() as receiver:
        while (spent := time.monotonic() - began) < limit:
            if seen(receiver) >= marker:
                return time.monotonic() - began
            time.sleep(min(LOOK_SECONDS, max(0.0, limit - spent)))
    return None


def catch_up(source: Side, target: Side, limit: float) -> float | None:
    """Seconds until a row written now is on the target, None when it is not within ``limit``."""
    with source.connect() as origin:
        marker = beat(origin)
    return arrival(target, marker, limit)


class Probe:
    """Writes a heartbeat each 100 ms and reads it at the target each 20 ms, meanwhile.

    ``stale`` holds (moment, age of the row as read), ``first`` the age of each beat when it was first seen: seconds by one clock,
    since both clusters are on this machine. A perfect engine is stale by 50 ms in the median, 100 ms at most.
    """

    def __init__(self, source: Side, target: Side) -> None:
        self._source, self._target = source, target
        self._end = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read)]
        self.stale: list[tuple[float, float]] = []
        self.first: dict[float, tuple[float, float]] = {}

    def __enter__(self) -> Probe:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        with self._source.connect() as origin:
            due = time.monotonic()
            while not self._end.is_set():
                beat(origin)
                due += BEAT_SECONDS
                self._end.wait(max(0.0, due - time.monotonic()))

    def _read(self) -> None:
        query = "select extract(epoch from clock_timestamp() - ts)::float8, extract(epoch from ts)::float8 from heartbeat where id = 1"
        with self._target.connect() as receiver:
            while not self._end.is_set():
                row = receiver.execute(query).fetchone()
                if row:
                    now = time.monotonic()
                    self.stale.append((now, row[0]))
                    self.first.setdefault(row[1], (now, row[0]))
                self._end.wait(LOOK_SECONDS)

    def stale_since(self, moment: float, until: float | None = None) -> list[float]:
        return [age for at, age in self.stale if at > moment and (until is None or at <= until)]

    def first_since(self, moment: float) -> list[float]:
        return [age for at, age in self.first.values() if at > moment]


def unequal(source: Side, target: Side) -> tuple[str, ...]:
    """Tables whose rows are not the same on both sides. Both must be quiet and caught up."""
    found = []
    with source.named(role=ADMIN).connect() as origin, target.named(role=ADMIN).connect() as receiver:
        for side in (origin, receiver):
            side.execute("set timezone = 'UTC'; set extra_float_digits = 3")
        for table in TABLES:
            query = f'select count(*), sum(hashtextextended(t::text collate "C", 0)) from {table} t'
            if origin.execute(query).fetchone() != receiver.execute(query).fetchone():
                found.append(table)
    return tuple(found)


def verdict(source: Side, target: Side) -> str:
    """``same``, or which tables differ."""
    wrong = unequal(source, target)
    return f"DIFFERENT: {', '.join(wrong)}" if wrong else "same"
