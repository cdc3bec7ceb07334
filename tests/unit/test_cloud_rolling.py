"""The scheduler's arithmetic, from counts alone."""

from __future__ import annotations

import pytest

from offramp.rehearsal.cloud.ecs.model import Rules
from offramp.rehearsal.cloud.ecs.rolling import Member, Steps, steps


def task(name: str, *, current: bool = True, healthy: bool = True, sick: bool = False, age: float = 60) -> Member:
    return Member(name, current, healthy, sick, age)


CASES: dict[str, tuple[int, Rules, tuple[Member, ...], Steps]] = {
    "an empty service starts what it should have": (2, Rules(), (), Steps(2, ())),
    "a steady service does nothing": (2, Rules(), (task("a"), task("b")), Steps(0, ())),
    "a lost task is replaced": (2, Rules(), (task("a"),), Steps(1, ())),
    "an update starts new tasks before it stops old ones": (
        2, Rules(100, 200), (task("a", current=False), task("b", current=False)), Steps(2, ()),
    ),
    "old tasks stay while new ones start": (
        1, Rules(100, 200), (task("a", current=False), task("n", healthy=False)), Steps(0, ()),
    ),
    "an old task goes when a new one is healthy": (
        2, Rules(100, 200),
        (task("a", current=False, age=9), task("b", current=False), task("n"), task("m", healthy=False)), Steps(0, ("b",)),
    ),
    "without surge the old task goes first": (1, Rules(0, 100), (task("a", current=False),), Steps(0, ("a",))),
    "half may go at once when half is enough": (
        2, Rules(50, 100), (task("a", current=False), task("b", current=False, age=9)), Steps(0, ("a",)),
    ),
    "an old task that is not healthy goes at once": (
        1, Rules(100, 200), (task("a", current=False, healthy=False), task("n", healthy=False)), Steps(0, ("a",)),
    ),
    "scaling in takes the youngest": (1, Rules(), (task("a"), task("b", age=5)), Steps(0, ("b",))),
    "scaling to nothing stops all": (0, Rules(), (task("a"),), Steps(0, ("a",))),
    "a sick task is replaced before it is stopped": (
        1, Rules(100, 200), (task("a", healthy=False, sick=True),), Steps(1, ()),
    ),
    "a sick task waits for its replacement": (
        1, Rules(100, 200), (task("a", healthy=False, sick=True), task("n", healthy=False)), Steps(0, ()),
    ),
    "a sick task of a new deployment goes when old tasks leave no room": (
        1, Rules(100, 200), (task("o", current=False), task("a", healthy=False, sick=True)), Steps(0, ("a",)),
    ),
    "a sick task goes when its replacement is healthy": (
        1, Rules(100, 200), (task("a", healthy=False, sick=True), task("n")), Steps(0, ("a",)),
    ),
    "a sick task goes first when there is no room for two": (
        1, Rules(0, 100), (task("a", healthy=False, sick=True),), Steps(0, ("a",)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("desired", "rules", "members", "expected"), CASES.values(), ids=CASES.keys())
def test_a_service_moves_by_its_percentages(
    desired: int, rules: Rules, members: tuple[Member, ...], expected: Steps
) -> None:
    assert expected == steps(desired, rules, members, may_start=True)


def test_nothing_starts_while_the_scheduler_backs_off() -> None:
    assert Steps(0, ()) == steps(2, Rules(), (), may_start=False)
