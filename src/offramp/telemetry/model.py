"""What can be asked of the logs, and in which shapes do the answers come? Values only; big ones are arrays."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class Kind(StrEnum):
    """What a line is, by its source and process; never by its priority, which Heroku changes."""

    ROUTER = "router"
    STATE = "state"
    """A dyno's life: starting, up, exited, cycling."""
    DYNO_METRICS = "dyno-metrics"
    RUNTIME_ERROR = "runtime-error"
    """R codes."""
    POSTGRES_METRICS = "postgres-metrics"
    POSTGRES_LOG = "postgres-log"
    REDIS_METRICS = "redis-metrics"
    PGBOUNCER_METRICS = "pgbouncer-metrics"
    API = "api"
    """Builds, releases, config changes, scaling."""
    LOGPLEX = "logplex"
    """L codes: the log system speaks of itself."""
    APP = "app"
    MALFORMED = "malformed"
    """What could not be read as a line; kept as it came."""


class MetricKind(StrEnum):
    """Which part sends ``sample#`` figures."""

    DYNO = "dyno"
    POSTGRES = "postgres"
    REDIS = "redis"
    PGBOUNCER = "pgbouncer"


@dataclass(frozen=True, slots=True)
class Samples:
    """Figures that one kind of part of one app reported, by time. All arrays have the same length.

    ``source`` and ``name`` number the names in ``sources`` and ``names``.
    """

    app: str
    kind: MetricKind
    time_us: NDArray[np.int64]
    """Microseconds since 1970 UTC."""
    source: NDArray[np.int32]
    sources: tuple[str, ...]
    """``web.1`` of dynos; the attachment's name (``DATABASE``) of add-ons; the empty name where a line has none."""
    name: NDArray[np.int32]
    names: tuple[str, ...]
    """As Heroku spells them, with ``-`` as ``_``: ``memory_rss``, ``load_avg_1m``."""
    value: NDArray[np.float64]
    """Sizes are in bytes whatever unit the line had (Heroku's kB, MB and GB are powers of 1024); everything else is as written."""

    def __len__(self) -> int:
        return len(self.time_us)

    def series(self, source: str, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return times and values of one figure of one source, both empty when it never came."""
        if source not in self.sources or name not in self.names:
            return self.time_us[:0], self.value[:0]
        wanted = (self.source == self.sources.index(source)) & (self.name == self.names.index(name))
        return self.time_us[wanted], self.value[wanted]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that PostgreSQL logged as slow (Heroku: from 2 s), all its runs together."""

    fingerprint: str
    text: str
    """Normalised, every value replaced by ``?``."""
    database: str
    """The attachment's name on the log line: ``DATABASE`` or a colour."""
    count: int
    total_ms: float
    p95_ms: float
    max_ms: float
    first_us: int
    last_us: int

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an app: a state change, a release, an R or L code."""

    time_us: int
    kind: str
    """``state``, ``start``, ``exit``, ``cycle``, ``stop``, ``memory``, ``idle``, ``build``, ``deploy``, ``release``, ``rollback``, ``config``,
    ``scale``, ``addon``, ``command``, ``runtime-error``, ``log-loss``, or ``other``."""
    dyno: str
    """``web.1``; the empty name for events of the whole app."""
    code: str
    """``R14``, ``L10``, the new state for ``state``, the exit status for ``exit``; else empty."""
    text: str

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SchedulerRun:
    """One run of a Heroku Scheduler job, told from the lines of ``scheduler.N``."""

    dyno: str
    command: str
    started_us: int
    ended_us: int | None
    """None when its end was not logged."""
    exit_status: int | None

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SharedRequests:
    """Two apps whose routers logged the same request ids: the caller passed its own on."""

    caller: str
    callee: str
    count: int
    """Requests of the callee that lie within the caller's request of the same id."""
    requests: int
    """Request ids that both logged."""

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is shown."""

    time_us: int
    app: str
    kind: str
    source: str
    process: str
    request_id: str
    text: str

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.time_us / 1e6, UTC)
        who = f"{self.source}[{self.process}]" if self.source else "(not a line)"
        # Whoever can send a request can write into a log: nothing of it may steer the terminal that shows it.
        return _CONTROL.sub("\ufffd", f"{at:%Y-%m-%dT%H:%M:%S.%f}+00:00 {self.app} {who}: {self.text}")

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Count:
    """How many of what."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class AppCoverage:
    """What the store holds of one app."""

    app: str
    lines: int
    kinds: tuple[Count, ...]
    first_us: int
    last_us: int
    lost: int
    """Messages that Heroku says it dropped before they reached us (L10, L12 and L13)."""
    defects: tuple[Count, ...]
    """Lines that were not as they should be, by what was wrong; each was kept as far as it could be read."""
    wire_bytes: int
    """Bytes as they came in."""
    stored_bytes: int
    """Bytes on disk, its share of files that it has with other apps."""

    def to_json(self) -> dict[str, object]:
        whole = asdict(self)
        return {
            **whole,
            "kinds": {kind.name: kind.count for kind in self.kinds},
            "defects": {defect.name: defect.count for defect in self.defects},
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the store holds, by app in the order of their names."""

    apps: tuple[AppCoverage, ...]
    files: int
    stored_bytes: int
    waiting_bytes: int
    """Bytes taken in and not sealed yet; they are read all the same."""
    torn_bytes: int
    """Bytes of requests that were cut by a crash before they were acknowledged."""

    @property
    def lines(self) -> int:
        return sum(app.lines for app in self.apps)

    def of(self, app: str) -> AppCoverage | None:
        return next((found for found in self.apps if found.app == app), None)

    def to_json(self) -> dict[str, object]:
        return {
            "lines": self.lines,
            "files": self.files,
            "stored_bytes": self.stored_bytes,
            "waiting_bytes": self.waiting_bytes,
            "torn_bytes": self.torn_bytes,
            "apps": [app.to_json() for app in self.apps],
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one saved log file."""

    path: str
    form: str
    """``logplex``, ``heroku``, ``papertrail`` or ``papertrail-tsv``."""
    apps: tuple[str, ...]
    lines: int
    defects: tuple[Count, ...]
    already: bool
    """The same bytes had been imported before; nothing was added."""

    def to_json(self) -> dict[str, object]:
        return {
            "path": self.path,
            "form": self.form,
            "apps": list(self.apps),
            "lines": self.lines,
            "defects": {defect.name: defect.count for defect in self.defects},
            "already": self.already,
        }


@dataclass(frozen=True, slots=True)
class Retained:
    """What retention deleted."""

    files: int
    lines: int
    freed_bytes: int
    kept_bytes: int

    def to_json(self) -> dict[str, object]:
        return asdict(self)
