"""What may be known beside router lines? All of it optional: each fact makes a part of the answer surer.

Moments are microseconds since 1970 UTC, shares between 0 and 1. Routes and dynos are named as in ``telemetry.columns.Router``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Restart:
    """A dyno's state changed to up: what it had accepted before is gone, and it was cold for a while."""

    dyno: str
    up_us: int
    because: str = ""
    """``cycling``, ``release v212``, ``crash``; empty where the lines do not say."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A dyno's memory at one moment: a ``sample#memory`` line, or an R14 with what it says. ``swap_mb`` is 0 where none is used."""

    dyno: str
    at_us: int
    total_mb: float
    swap_mb: float = 0.0
    quota_mb: float = 0.0
    over_quota: bool = False
    """An R14 or R15 line."""


@dataclass(frozen=True, slots=True)
class SlowStatement:
    """A statement from the database's own log, which holds those slower than 2 s. ``route`` and ``request`` where they were found.

    ``request`` is the position of its router line in ``Router``; -1 where unknown.
    """

    ended_us: int
    ms: float
    statement: str
    route: str = ""
    request: int = -1


@dataclass(frozen=True, slots=True)
class Statement:
    """A normalised statement of ``pg_stat_statements`` over the time of the trace, as one route issues it where ``route`` says which.

    ``known_by`` says how that is known.
    """

    statement: str
    calls: int
    mean_ms: float
    route: str = ""
    known_by: str = ""

    @property
    def total_ms(self) -> float:
        return self.calls * self.mean_ms


@dataclass(frozen=True, slots=True)
class RouteTimings:
    """What the application says of a route itself (spans, timing middleware): means per request, in milliseconds.

    ``slow_database_ms`` and ``slow_external_ms`` are the same of requests above the objective; -1 where unknown.
    ``statements`` is how many statements a request issues on average, -1 where unknown.
    """

    route: str
    requests: int
    total_ms: float
    database_ms: float
    external_ms: float = 0.0
    slow_total_ms: float = -1.0
    slow_database_ms: float = -1.0
    slow_external_ms: float = -1.0
    statements: float = -1.0
    external_host: str = ""


@dataclass(frozen=True, slots=True)
class RequestTiming:
    """What the application says of one request. ``request`` is the position of its router line in ``Router``."""

    request: int
    database_ms: float
    external_ms: float = 0.0
    statements: int = -1


@dataclass(frozen=True, slots=True)
class DatabaseSample:
    """A ``sample#`` line of the database. -1 where the line has none."""

    at_us: int
    load_avg: float = -1.0
    read_iops: float = -1.0
    index_cache_hit: float = -1.0
    active_connections: int = -1
    waiting_connections: int = -1
    connection_limit: int = -1


@dataclass(frozen=True, slots=True)
class MissingIndex:
    """An index that a planner found to help. ``saving`` is the share of the statement's cost that goes.

    ``route`` is one that issues the statement, where known, and ``known_by`` says how.
    """

    table: str
    ddl: str
    statement: str
    saving: float
    route: str = ""
    known_by: str = ""


@dataclass(frozen=True, slots=True)
class TaskSize:
    """A task size that may be used: ``cpu`` in ECS units, ``memory_mb`` in MiB; ``price`` orders them, in any unit per hour."""

    cpu: int
    memory_mb: int
    price: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known beside the router lines of one app's process; the empty one is a good start.

    ``declared_workers`` are those of one dyno as the Procfile or WEB_CONCURRENCY have them, 0 where unknown. ``coverage`` is the share of
    lines that reached the store, from what Logplex says it dropped. ``cpu_share`` is the share of service time on the processor, -1 where
    unknown: then all that is neither database nor external call counts as processor time, which is the safe side.
    """

    declared_workers: int = 0
    coverage: float = 1.0
    restarts: tuple[Restart, ...] = ()
    memory: tuple[Memory, ...] = ()
    slow_statements: tuple[SlowStatement, ...] = ()
    statements: tuple[Statement, ...] = ()
    route_timings: tuple[RouteTimings, ...] = ()
    request_timings: tuple[RequestTiming, ...] = ()
    database: tuple[DatabaseSample, ...] = ()
    missing_indexes: tuple[MissingIndex, ...] = ()
    cpu_share: float = -1.0
    cron_minutes: tuple[int, ...] = ()
    """Minutes of the hour at which scheduled jobs start, where known."""
