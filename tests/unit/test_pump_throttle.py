"""Does the throttle keep its two limits, step back from a busy source and come back when it is calm?"""

from __future__ import annotations

import pytest

from offramp.pump.__main__ import size
from offramp.pump.throttle import LEAST_SHARE, LONGEST_PAUSE_SECONDS, SNAPSHOT_SECONDS, Throttle


class Hands:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def _copy(throttle: Throttle, clock: Hands, *, blocks: int, size: int, seconds: float) -> float:
    """Copy blocks that each take ``seconds`` to read; returns how long it all took."""
    began = clock.at
    for _ in range(blocks):
        clock.sleep(seconds)
        clock.sleep(throttle.admit(size))
    return clock.at - began


def test_without_limits_nothing_waits() -> None:
    clock = Hands()
    throttle = Throttle(clock)
    throttle.observed(1000.0)

    assert _copy(throttle, clock, blocks=50, size=1 << 20, seconds=0.01) == pytest.approx(0.5)
    assert throttle.block_bytes(1 << 30) == 1 << 30


def test_the_rate_is_kept_over_all_who_read() -> None:
    clock = Hands()
    throttle = Throttle(clock, rate_bytes=10_000_000)

    assert _copy(throttle, clock, blocks=200, size=1_000_000, seconds=0.01) == pytest.approx(20, rel=0.02)


def test_time_that_passed_unused_is_not_made_up_for() -> None:
    clock = Hands()
    throttle = Throttle(clock, rate_bytes=1_000_000)
    clock.sleep(3600)

    assert _copy(throttle, clock, blocks=10, size=1_000_000, seconds=0.0) >= 9.5


def test_a_block_too_big_for_one_pause_is_paid_for_in_several() -> None:
    clock = Hands()
    throttle = Throttle(clock, rate_bytes=1_000_000)

    assert throttle.admit(10_000_000) == LONGEST_PAUSE_SECONDS
    clock.sleep(LONGEST_PAUSE_SECONDS)
    assert throttle.admit(0) == LONGEST_PAUSE_SECONDS


def test_what_one_snapshot_reads_is_so_little_that_the_snapshot_stays_young() -> None:
    assert Throttle(Hands(), rate_bytes=1_000_000).block_bytes(1 << 30) == 1_000_000 * SNAPSHOT_SECONDS


def test_a_busy_source_gets_room_at_once_and_is_given_back_slowly() -> None:
    """H92: more busy sessions than allowed reduce our share of the time; it recovers when they are gone."""
    clock = Hands()
    throttle = Throttle(clock, source_load=4)
    full = _copy(throttle, clock, blocks=10, size=1, seconds=0.1)
    for _ in range(5):
        throttle.observed(9)
    busy = _copy(throttle, clock, blocks=10, size=1, seconds=0.1)
    for _ in range(50):
        throttle.observed(9)
    least = throttle.share
    for _ in range(30):
        throttle.observed(4)

    assert busy > 5 * full
    assert least == LEAST_SHARE
    assert throttle.share == 1.0


@pytest.mark.parametrize(("text", "expected"), [("512", 512), ("20MB", 20 << 20), ("10 g", 10 << 30), ("1.5k", 1536)])
def test_sizes_are_read_as_people_write_them(text: str, expected: int) -> None:
    assert size(text) == expected
