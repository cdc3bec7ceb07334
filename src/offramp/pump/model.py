"""Which words does the pump share with those who use it? Links, marks, statuses, verifications, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Direction = Literal["forward", "reverse"]
"""``forward`` moves rows from Heroku to AWS, ``reverse`` from AWS to Heroku."""

Phase = Literal["schema", "copy", "index", "live", "paused", "dead"]
TableState = Literal["copy", "copied", "live", "reload", "paused"]


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of one database. ``epoch`` grows with every switch; a link of an older epoch never writes."""

    name: str
    direction: Direction
    epoch: int

    @property
    def program(self) -> str:
        """How the names of its own sessions begin, whatever the epoch."""
        return f"offramp-link-{self.name}-{self.direction}-"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as a short past-tense phrase and keys. Never a row's value, never a secret."""

    what: str
    keys: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that will not carry by itself; ``blocking`` when the move must not begin with it."""

    object: str
    why: str
    fix: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class FenceMark:
    """The transaction that closed a database to writers: whoever sees ``xid`` sees every write there ever was."""

    link: str
    epoch: int
    xid: int
    at: datetime
    stranded: bool = False
    """Whether sessions that came past the pooler have been dealt with, after the switch that this fence was for."""


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table of a link. Rates are means since its copy began; ``eta_seconds`` is None when nothing tells yet.

    ``remedy`` says what a person can do about ``held_because``.
    """

    name: str
    state: TableState
    rows_copied: int
    rows_estimate: int
    held_because: str | None
    bytes_copied: int = 0
    rows_per_second: float = 0.0
    bytes_per_second: float = 0.0
    eta_seconds: float | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class FoundDifference:
    """A row that a check found different, by key and never by value. ``found_at`` is in seconds since the epoch."""

    table: str
    key: str
    kind: str
    found_at: float


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How a link is doing, as the receiving database tells it.

    ``lag_seconds`` counts on while the link is silent; ``lag_p99_ms`` is from a source commit to the target commit, at worst
    (a write that just missed the batch before). ``verified_share`` is of rows, 0 to 1. ``lag_keys`` are changed keys that wait to be
    applied, ``log_bytes`` is what the origin's log of them holds; ``last_differences`` come newest first.
    """

    link: Link
    phase: Phase
    tables: tuple[TableStatus, ...]
    lag_seconds: float
    lag_p99_ms: float
    batches: int
    rows_applied: int
    verified_share: float
    verified_age_seconds: float
    differences: int
    repaired: int
    position: str
    beat_age_seconds: float
    server: str
    held_because: str | None = None
    lag_keys: int = 0
    log_bytes: int = 0
    last_differences: tuple[FoundDifference, ...] = ()
    tables_unfinished: int = 0
    """Tables that still miss a constraint, an index or a trigger that they have at the origin."""

    @property
    def rows_copied(self) -> int:
        return sum(table.rows_copied for table in self.tables)

    @property
    def rows_estimate(self) -> int:
        return sum(max(table.rows_estimate, table.rows_copied) for table in self.tables)

    @property
    def bytes_copied(self) -> int:
        return sum(table.bytes_copied for table in self.tables)


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same on both sides. ``key`` is the key's text, or what is known of a row without one."""

    table: str
    key: str
    kind: Literal["missing", "extra", "changed"]


@dataclass(frozen=True, slots=True)
class Verification:
    tables: int
    rows: int
    chunks: int
    differences: tuple[Difference, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running link has verified everything since it was asked to.

    ``share`` is of rows, 0 to 1; ``done`` when every row of every table was found equal since then, repaired ones included.
    ``differences`` were found since then, ``standing`` ones are not repaired yet: while there are any, it is not done.
    """

    share: float
    rows: int
    differences: int
    standing: int
    done: bool


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    """The durable point of no return, kept in the database on AWS.

    ``held_ms`` is how long writers were held, ``moves`` how long each move took, and ``notes`` what a person should know, once the
    switch has ended.
    """

    link_name: str
    wave: str
    epoch: int
    direction: Direction
    state: Literal["open", "committed"]
    at: datetime
    held_ms: float | None = None
    moves: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()
    reason: str = ""
    """Why it was made without a person's word."""
