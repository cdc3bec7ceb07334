"""Does the lease let exactly one controller act?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from offramp.engine import lease
from offramp.engine.journal import Journal
from offramp.errors import WaitingError


@dataclass
class SteppingClock:
    """A clock whose hands the test moves."""

    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def journal(tmp_path: Path, clock: SteppingClock) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db", clock) as opened:
        yield opened


ELSEWHERE = lease.Holder("ada@elsewhere (process 7)", "another machine", 7, 7)


def test_a_second_controller_is_told_who_holds_the_lease_and_since_when(journal: Journal, clock: SteppingClock) -> None:
    lease.take(journal, ELSEWHERE)
    clock.at += 12

    with pytest.raises(WaitingError, match=r"ada@elsewhere \(process 7\) holds this migration since 12 s") as caught:
        lease.take(journal, lease.this_process())
    assert "within 18 s" in caught.value.hint


def test_the_same_process_may_not_take_it_twice(journal: Journal) -> None:
    lease.take(journal, lease.this_process())

    with pytest.raises(WaitingError):
        lease.take(journal, lease.this_process())


def test_an_expired_lease_is_taken_over_with_a_larger_fence(journal: Journal, clock: SteppingClock) -> None:
    first = lease.take(journal, ELSEWHERE)
    clock.at += lease.LEASE_SECONDS

    second = lease.take(journal, lease.this_process())

    assert second.fence == first.fence + 1
    assert not lease.renew(journal, first)


def test_a_renewed_lease_does_not_expire(journal: Journal, clock: SteppingClock) -> None:
    first = lease.take(journal, ELSEWHERE)
    clock.at += lease.LEASE_SECONDS - 1
    assert lease.renew(journal, first)
    clock.at += lease.LEASE_SECONDS - 1

    with pytest.raises(WaitingError):
        lease.take(journal, lease.this_process())


def test_a_released_lease_is_free_and_its_number_is_not_used_again(journal: Journal) -> None:
    first = lease.take(journal, ELSEWHERE)
    lease.release(journal, first)

    assert lease.read(journal) is None
    assert lease.take(journal, ELSEWHERE).fence == first.fence + 1


def test_a_late_release_does_not_free_somebody_elses_lease(journal: Journal, clock: SteppingClock) -> None:
    first = lease.take(journal, ELSEWHERE)
    clock.at += lease.LEASE_SECONDS
    second = lease.take(journal, lease.this_process())

    lease.release(journal, first)

    assert lease.read(journal) == second


@pytest.mark.parametrize(
    ("change", "dead"),
    [
        ({}, False),
        ({"pid": 2**22 + 1}, True),  # larger than any pid: no such process
        ({"started": 1}, True),  # the pid is in use again, by a younger process
        ({"machine": "another boot"}, False),  # we cannot see its processes, so only time tells
    ],
)
def test_a_holder_that_died_on_this_machine_is_replaced_at_once(
    journal: Journal, change: dict[str, str], dead: bool
) -> None:
    lease.take(journal, replace(lease.this_process(), **change))  # type: ignore[arg-type]

    assert (lease.read(journal) is None) == dead
    if dead:
        assert lease.take(journal, lease.this_process()).fence == 2
    else:
        with pytest.raises(WaitingError):
            lease.take(journal, lease.this_process())


def test_of_many_takers_one_gets_it(tmp_path: Path, clock: SteppingClock) -> None:
    got: list[int] = []
    ready = threading.Barrier(6)

    def take() -> None:
        ready.wait()
        with Journal(tmp_path / "journal.db", clock) as journal:
            try:
                got.append(lease.take(journal, lease.this_process()).fence)
            except WaitingError:
                pass

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == [1]


def test_a_held_lease_is_given_back_when_its_block_fails(journal: Journal) -> None:
    with pytest.raises(KeyError), lease.held(journal, lease.this_process(), beat=lambda: None):
        assert lease.read(journal) is not None
        raise KeyError

    assert lease.read(journal) is None
