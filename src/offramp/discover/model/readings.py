"""What was measured in a database at one moment? It moves by itself, so it never counts as a change of the estate.

Counters are the server's own since ``counted_since``; times are in seconds since 1970, spans in seconds, sizes in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes a day, from the first to the last of ``observations`` sizes that were taken ``days`` apart."""

    bytes_per_day: float
    days: float
    observations: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A normalised statement of ``pg_stat_statements``; constants are ``$1`` or ``?``, comments are gone. Times in milliseconds."""

    id: str
    text: str
    calls: int
    total_ms: float
    mean_ms: float
    rows: int
    blocks_hit: int
    blocks_read: int


@dataclass(frozen=True, slots=True)
class Statements:
    """The heaviest by time and by calls, or why there are none. ``total_ms`` and ``calls`` are of all statements of the database."""

    top: tuple[Statement, ...]
    total_ms: float
    calls: int
    since: float | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class TableUse:
    """How a table is used. ``loose_bytes`` is an estimate of its bloat (rows by their mean width against pages), None when unknown.

    ``growth`` compares this look with earlier ones; None until there are two at least an hour apart.
    """

    schema: str
    name: str
    sequential_scans: int
    sequential_rows: int
    index_scans: int
    inserted: int
    updated: int
    hot_updated: int
    deleted: int
    live: int
    dead: int
    loose_bytes: int | None
    vacuumed_at: float | None
    analyzed_at: float | None
    growth: Growth | None = None


@dataclass(frozen=True, slots=True)
class IndexUse:
    """An index that is worth a word. ``verdict`` is ``unused``, ``duplicate``, ``covered``, ``invalid`` or ``missing``.

    ``duplicate`` has the same definition as ``other``, ``covered`` is the beginning of it; ``missing`` is a foreign key (``name``) whose
    columns begin no index.
    """

    schema: str
    table: str
    name: str
    columns: tuple[str, ...]
    bytes: int
    scans: int
    verdict: str
    other: str = ""


@dataclass(frozen=True, slots=True)
class NumberKey:
    """A sequence or an integer key, and how much of its range is used. ``column`` is empty for a sequence that belongs to none."""

    schema: str
    name: str
    column: str
    type: str
    last: int
    limit: int

    @property
    def share(self) -> float:
        """How much of the range is used, 0 to 1."""
        return self.last / self.limit if self.limit else 0.0


@dataclass(frozen=True, slots=True)
class UnusualType:
    """A column type that not every tool carries, with how many columns have it and one of them."""

    type: str
    columns: int
    example: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction that is open for long, or waits for a lock. No statement is kept, only its first word."""

    pid: int
    application: str
    state: str
    verb: str
    open_seconds: float
    waits_for: str
    blocked_by: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """Sessions of the database at the moment of the look. ``by_application`` are ``(name, sessions)``."""

    used: int
    limit: int
    active: int
    idle: int
    idle_in_transaction: int
    by_application: tuple[str, ...]
    """``name: count``, most first."""
    open_long: tuple[Waiting, ...]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Readings:
    """One look into one database.

    ``heap_hit`` and ``index_hit`` are shares of blocks found in shared buffers, None before anything was read. ``oldest_xid_age`` counts
    transactions, of the 2^31 after which the server stops; ``frozen_limit`` is where autovacuum begins to force its way.
    """

    at: float
    counted_since: float | None
    growth: Growth | None
    statements: Statements
    tables: tuple[TableUse, ...]
    indexes: tuple[IndexUse, ...]
    index_bytes: int
    numbers: tuple[NumberKey, ...]
    unusual: tuple[UnusualType, ...]
    activity: Activity
    heap_hit: float | None
    index_hit: float | None
    oldest_xid_age: int
    frozen_limit: int
    commits: int
    rollbacks: int
    deadlocks: int
    temporary_bytes: int
    missing: tuple[str, ...] = ()
    """Parts that the server did not answer in time or did not permit, by name."""
