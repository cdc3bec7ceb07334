"""Which tasks should a service start and stop now? Pure: ECS's rolling update from counts alone.

The rules are those of AWS's "How Amazon ECS deploys tasks": at least ``minimumHealthyPercent`` of the desired count stays
healthy (rounded up), at most ``maximumPercent`` exists (rounded down), new before old where there is room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Rules


@dataclass(frozen=True, slots=True)
class Member:
    """One task of the service, as the scheduler sees it."""

    id: str
    current: bool
    healthy: bool
    sick: bool
    age: float


@dataclass(frozen=True, slots=True)
class Steps:
    """How many tasks to start from the primary deployment, and which to stop, each with a reason."""

    start: int
    stop: tuple[str, ...]


def lower_bound(desired: int, rules: Rules) -> int:
    """
    >>> lower_bound(3, Rules(minimum_percent=50))
    2
    """
    return math.ceil(desired * rules.minimum_percent / 100)


def upper_bound(desired: int, rules: Rules) -> int:
    """
    >>> upper_bound(3, Rules(maximum_percent=150))
    4
    """
    return desired * rules.maximum_percent // 100


def steps(desired: int, rules: Rules, members: Sequence[Member], *, may_start: bool) -> Steps:
    """Decide for one moment; the scheduler asks again whenever something changed."""
    current = [each for each in members if each.current]
    old = sorted((each for each in members if not each.current), key=lambda each: (each.healthy, -each.age))
    well = [each for each in current if not each.sick]
    room = max(upper_bound(desired, rules) - len(members), 0)
    missing = max(desired - len(well), 0)
    start = min(missing, room) if may_start else 0
    stop = [each.id for each in _surplus(well, desired)]
    stop += _sick_to_stop(current, desired, crowded=missing > room)
    stop += _old_to_stop(old, desired, rules, members)
    return Steps(start, tuple(dict.fromkeys(stop)))


def _surplus(well: Sequence[Member], desired: int) -> Sequence[Member]:
    """Scaling in: those that are not healthy yet go first, then the youngest."""
    ordered = sorted(well, key=lambda each: (each.healthy, each.age))
    return ordered[: max(len(well) - desired, 0)]


def _sick_to_stop(current: Sequence[Member], desired: int, *, crowded: bool) -> list[str]:
    """An unhealthy task is replaced before it is stopped, if ``maximumPercent`` leaves room for both."""
    sick = [each for each in current if each.sick]
    replaced = sum(each.healthy for each in current) >= desired
    return [each.id for each in sick] if replaced or crowded else []


def _old_to_stop(old: Sequence[Member], desired: int, rules: Rules, members: Sequence[Member]) -> list[str]:
    """Old tasks go as far as enough healthy ones stay; those that are not healthy go at once."""
    spare = sum(each.healthy for each in members) - lower_bound(desired, rules)
    stop = []
    for each in old:
        if not each.healthy:
            stop.append(each.id)
        elif spare > 0:
            stop.append(each.id)
            spare -= 1
    return stop


def breaker_threshold(desired: int) -> int:
    """Failures after which the circuit breaker gives up: half the desired count, within 3 and 200.

    >>> breaker_threshold(1), breaker_threshold(20)
    (3, 10)
    """
    return min(max(math.ceil(desired / 2), 3), 200)


def pause_after(crashes: int) -> float:
    """Seconds before the next start after this many failures in a row.

    >>> [pause_after(n) for n in range(6)]
    [0, 0.1, 0.5, 2.0, 4.0, 8.0]
    """
    if crashes < 3:
        return (0, 0.1, 0.5)[crashes]
    return float(min(1 << (crashes - 2), 60))
