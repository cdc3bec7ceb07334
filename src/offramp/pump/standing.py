"""Which of two databases is the primary of a move alone, and which link feeds the other?

The target holds the answer, in the same record that a cutover writes: what was committed last is in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..errors import RefusedError
from ..postgres import Connection
from .model import Direction, Link, SwitchRecord
from .switch import read_switch

Primary = Literal["source", "target"]


@dataclass(frozen=True, slots=True)
class Standing:
    """``direction`` and ``epoch`` are those of the link in force; ``opened_at`` is when a switch began that has not ended."""

    name: str
    direction: Direction
    epoch: int
    opened_at: datetime | None = None
    committed_at: datetime | None = None

    @property
    def primary(self) -> Primary:
        return "source" if self.direction == "forward" else "target"

    @property
    def standby(self) -> Primary:
        return "target" if self.direction == "forward" else "source"

    @property
    def feeding(self) -> Link:
        """The link that is in force."""
        return Link(self.name, self.direction, self.epoch)

    @property
    def returning(self) -> Link:
        """The link that the next switch would put in its place."""
        return Link(self.name, "reverse" if self.direction == "forward" else "forward", self.epoch + 1)

    def record(self, state: Literal["open", "committed"], at: datetime) -> SwitchRecord:
        """Return the record of the next switch."""
        return SwitchRecord(self.name, self.name, self.epoch + 1, self.direction, state, at)


def standing(target_conn: Connection, name: str) -> Standing:
    """Read who is primary. Raises RefusedError when the target belongs to another move.

    Before the first switch that is the source, under epoch 0.
    """
    return judged(read_switch(target_conn), name)


def judged(record: SwitchRecord | None, name: str) -> Standing:
    """Return what a record means.

    >>> judged(None, "main").primary
    'source'
    """
    if record is None:
        return Standing(name, "forward", 0)
    if record.link_name != name:
        raise RefusedError(
            f"The target belongs to the move {record.link_name}, not to {name}.",
            hint=f"Say --name {record.link_name}, or use `offramp cutover` if it is a wave of an estate.",
        )
    other: Direction = "reverse" if record.direction == "forward" else "forward"
    if record.state == "committed":
        return Standing(name, other, record.epoch, committed_at=record.at)
    return Standing(name, record.direction, record.epoch - 1, opened_at=record.at)
