"""What is a switch? One wave of databases changing sides together, once per epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..design.model import Blueprint
from ..replicate.model import Direction, LinkProgress, Side


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """One database of a wave as found."""

    name: str
    pooled_side: str | None
    """Where the pooler sends its clients; None when the pooler does not answer."""
    heroku_fenced: bool
    aws_fenced: bool
    progress: LinkProgress | None
    runner: str = ""
    """The session on the receiving side that runs the link; empty when nobody does."""
    stragglers: tuple[str, ...] = ()
    """Who is connected to the side that is not primary, past the pooler, once a switch has closed it."""
    stranded: bool = True
    """Whether the side that a switch left has been made read-only for whoever comes past the pooler."""
    longest: str = ""
    """The session on the primary whose transaction has been open longest, in words."""
    longest_seconds: float = 0.0
    free_share: float | None = None
    """The part of the storage on AWS that is free; None while nothing is known."""
    sessions: tuple[str, ...] = ()
    """What applications keep in their sessions that pooling by transaction breaks, one sentence each."""


@dataclass(frozen=True, slots=True)
class WaveSeen:
    """A wave as found. ``epoch`` and ``primary`` come from the last committed switch; ``open_epoch`` from one that began."""

    wave: str
    primary: Side
    epoch: int
    open_epoch: int | None
    open_direction: Direction | None
    held: bool
    """Whether the pooler holds its clients."""
    databases: tuple[DatabaseSeen, ...]
    cache_side: Side = "heroku"
    cache_users: tuple[str, ...] = ()
    """Who still works with a cache on Heroku after the services were pointed at those on AWS."""
    caches_carried: bool = False
    hold: HoldReport | None = None
    pooler_reachable: bool = True
    health: Health | None = None
    heroku_jobs: tuple[str, ...] = ()
    """Processes without requests that still run on Heroku: ``worker.1 of mentors-api``."""
    reason: str = ""
    """Why the last committed switch was made when no person asked for it: what its bake time showed."""


@dataclass(frozen=True, slots=True)
class HoldReport:
    """How long the last committed switch held writers, and how each move's time adds up, in milliseconds."""

    epoch: int
    held_ms: float
    moves: tuple[tuple[str, float], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """What the load balancer saw. ``since`` is when the last committed switch began, in seconds since the epoch; 0 without one.

    Counts are from then on, or of the last minutes where there was no switch; ``before`` is p99 in the minutes before it.
    """

    now: float
    since: float
    requests: int
    errors: int
    p99_ms: float | None = None
    before_p99_ms: float | None = None

    @property
    def error_share(self) -> float:
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    waves: tuple[WaveSeen, ...]


@dataclass(frozen=True, slots=True)
class SwitchWave:
    """Switch ``wave`` in ``direction``, making ``epoch`` the present one."""

    wave: str
    direction: Direction
    epoch: int
    blueprint: Blueprint = field(repr=False)
    reason: str = ""
    """Why it is made without a person's word."""

    @property
    def title(self) -> str:
        to = "AWS" if self.direction == "forward" else "Heroku"
        return f"switch the wave {self.wave} to {to}, epoch {self.epoch}"


@dataclass(frozen=True, slots=True)
class SettleWave:
    """Bring an unfinished switch to one of its two ends."""

    wave: str
    direction: Direction
    epoch: int
    blueprint: Blueprint = field(repr=False)

    @property
    def title(self) -> str:
        return f"settle the unfinished switch of the wave {self.wave}, epoch {self.epoch}"


@dataclass(frozen=True, slots=True)
class MoveCaches:
    """Let the wave's applications use the caches on AWS, which start cold."""

    wave: str
    blueprint: Blueprint = field(repr=False)

    @property
    def title(self) -> str:
        return f"point the wave {self.wave} at its caches on AWS"


@dataclass(frozen=True, slots=True)
class CarryCaches:
    """Carry what the caches on Heroku hold over to those on AWS, now that nobody uses the old ones."""

    wave: str
    blueprint: Blueprint = field(repr=False)

    @property
    def title(self) -> str:
        return f"carry queued jobs and sessions of the wave {self.wave} over to its caches on AWS"


Deed = SwitchWave | SettleWave | MoveCaches | CarryCaches


def destination(direction: Direction) -> Side:
    """
    >>> destination("forward")
    'aws'
    """
    return "aws" if direction == "forward" else "heroku"


def hold_order(want: Blueprint, names: Iterable[str]) -> tuple[str, ...]:
    """Return databases in the order in which their writers are to be held: those of callers before those of the called.

    A transaction that calls another service over HTTP ends only if that service still answers. Held the other way round, the
    caller's transaction would wait for the called service, and the hold for the transaction. In a ring any order is as good.
    """
    hosts = {domain.hostname: domain.app for domain in want.domains}
    calls: dict[str, set[str]] = {}
    for service in want.services:
        called = {app for _, value in service.env for host, app in hosts.items() if host in value}
        calls.setdefault(service.app, set()).update(called - {service.app})

    def depth(app: str, above: frozenset[str]) -> int:
        below = [depth(callee, above | {app}) for callee in calls.get(app, ()) if callee not in above | {app}]
        return 1 + max(below, default=0)

    return tuple(sorted(names, key=lambda name: (-depth(want.database(name).app, frozenset()), name)))
