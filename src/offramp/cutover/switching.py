"""What does a switch hold in its hands while it is made: connections, clock, deadline, marks, notes?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import psycopg

from .. import pump
from ..design.model import Blueprint, DatabasePlan, Wave
from ..errors import WaitingError
from ..kit.clock import Clock
from ..pooler.client import Door
from ..postgres import pooler as pgbouncer
from ..pump import FenceMark, Link, SwitchRecord
from ..replicate.model import Direction

Connection = psycopg.Connection[tuple[object, ...]]
# How long a statement that was cancelled at the deadline may take to end.
CANCEL_SECONDS = 1.0


@dataclass
class Pair:
    """One database on both sides of the switch: ``origin`` is primary before it, ``receiver`` after it."""

    plan: DatabasePlan
    origin: Connection
    receiver: Connection
    feeding: Link
    """The link that feeds the receiver until the switch."""
    returning: Link
    """The link that will feed the origin after it."""


@dataclass
class Switching:
    """Everything a move may use, open for the time of one switch."""

    blueprint: Blueprint
    wave: Wave
    direction: Direction
    epoch: int
    pairs: tuple[Pair, ...]
    console: pgbouncer.Console
    door: Door
    point_pooler: Callable[[], str]
    """Writes the pooler's secret for this direction and returns the document's digest."""
    mark_held: Callable[[bool], None]
    """Notes in the pooler's secret that a switch has begun, or ended without one: for a pooler that starts meanwhile."""
    clock: Clock
    deadline: float
    """When it must have been committed, on the monotonic clock; it counts from the hold on."""
    reason: str = ""
    """Why it is made without a person's word; kept with the record."""
    marks: dict[str, FenceMark] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a person should know of how it went, one sentence each."""
    timings: dict[str, float] = field(default_factory=dict)
    let_go_at: float | None = None
    """When the pooler's clients were let go, on the monotonic clock."""

    @property
    def records(self) -> tuple[Connection, ...]:
        """Where switch records stand: the databases on AWS, in the order of their names. The first decides."""
        return tuple(pair.receiver if self.direction == "forward" else pair.origin for pair in self.pairs)

    def record(self, state: Literal["open", "committed"], at: datetime | None = None) -> SwitchRecord:
        """Return this switch's record; ``at`` is when the hold began, or now."""
        return SwitchRecord(
            link_name=self.wave.name,
            wave=self.wave.name,
            epoch=self.epoch,
            direction=self.direction,
            state=state,
            at=at or datetime.fromtimestamp(self.clock.now(), UTC),
            reason=self.reason,
        )

    def standing(self) -> SwitchRecord | None:
        """Return the deciding record as it stands."""
        return pump.read_switch(self.records[0])

    def left(self) -> float:
        """Seconds until the deadline. Raises WaitingError when it has passed."""
        remaining = self.deadline - self.clock.monotonic()
        if remaining <= 0:
            raise WaitingError(
                f"The switch of {self.wave.name} did not end within {self.blueprint.cutover.deadline_seconds:g} s, so it was undone.",
                hint="Nothing changed for the applications. Look at `offramp log`, then try again.",
            )
        return remaining


def side_by_side(switch: Switching, step: Callable[[Pair], object], *, bounded: bool = False) -> None:
    """Do one step for every database of the wave at once: writers are held, and each database has connections of its own.

    Waits for all of them, then raises what the first one raised. A ``bounded`` step is cancelled at the deadline: only steps that
    can be undone may be, for writers are held and a statement that hangs would hold them for ever.
    """
    with ThreadPoolExecutor(len(switch.pairs), thread_name_prefix="switch") as pool:
        running = [pool.submit(step, pair) for pair in switch.pairs]
        if bounded and wait(running, max(switch.deadline - switch.clock.monotonic(), 0)).not_done:
            for side in (side for pair in switch.pairs for side in (pair.origin, pair.receiver)):
                with suppress(psycopg.Error):
                    side.cancel_safe(timeout=CANCEL_SECONDS)
            wait(running, CANCEL_SECONDS)
            switch.left()
        for done in running:
            done.result()
