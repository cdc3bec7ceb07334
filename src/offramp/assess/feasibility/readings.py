"""What may be looked at besides the estate? Preflights, logs, sessions, source files, costs: each optional, each a plain value."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Concern:
    """What the pump's preflight said of one object; ``blocking`` when a link must not begin with it."""

    object: str
    why: str
    fix: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class Preflight:
    """What ``offramp pump check`` found for one database add-on.

    ``stand_in`` says that the target was a local server that stands for an RDS instance which is not there yet: what was said of
    the target itself is then left out.
    """

    addon: str
    concerns: tuple[Concern, ...]
    stand_in: bool = True


@dataclass(frozen=True, slots=True)
class CodeSeen:
    """A Heroku error code in an app's log: how often, in which process type, and one example (a path or a process)."""

    app: str
    code: str
    times: int
    process: str | None = None
    example: str | None = None


@dataclass(frozen=True, slots=True)
class MemorySeen:
    """Memory of one process type from log-runtime-metrics, in MB. ``growth_mb_per_day`` is the slope between restarts."""

    app: str
    process: str
    quota_mb: float
    peak_mb: float
    growth_mb_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class TrafficSeen:
    """An app's requests by its router lines. ``upgrades`` are answers with status 101, which are websockets.

    ``queries_per_request`` is the mean over the database's own statistics, where both are known.
    """

    app: str
    requests: int
    upgrades: int = 0
    queries_per_request: float | None = None


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A Heroku Scheduler job as the log shows it; ``every`` is ``10 minutes``, ``hour`` or ``day`` once it can be told."""

    app: str
    command: str
    runs: int
    every: str | None = None


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """Something kept in database sessions, with an example without literals, what becomes of it, and a way out."""

    addon: str
    kind: str
    example: str
    times: int
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class ConnectionsSeen:
    """The most connections that a database had at once."""

    addon: str
    peak: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A text file of an app's repository; ``path`` is relative to its root, with forward slashes."""

    app: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is planned on AWS, as far as it bears on the answer. ``pool_size`` is the pooler's server connections a database."""

    region: str | None = None
    engine_major: int = 18
    pool_size: int = 20


@dataclass(frozen=True, slots=True)
class Readings:
    """Everything that was looked at besides Heroku's API. ``log_days`` is the time the logs span; 0 when none were read."""

    log_days: float = 0.0
    codes: tuple[CodeSeen, ...] = ()
    memory: tuple[MemorySeen, ...] = ()
    traffic: tuple[TrafficSeen, ...] = ()
    jobs: tuple[JobSeen, ...] = ()
    sessions: tuple[SessionSeen, ...] = ()
    connections: tuple[ConnectionsSeen, ...] = ()
    files: tuple[SourceFile, ...] = ()
    target: Target = field(default_factory=Target)

    def of_app(self, app: str) -> tuple[SourceFile, ...]:
        return tuple(file for file in self.files if file.app == app)


@dataclass(frozen=True, slots=True)
class CostHint:
    """What one wave costs a month, in cents, on Heroku and in the cheapest design on AWS that fits it."""

    wave: str
    heroku_cents: int
    aws_cents: int
