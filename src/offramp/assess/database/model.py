"""What can be said of a database without a superuser: its statements, indexes worth having, locks, health, and what was not seen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests the application served while the statements were counted, from router lines; ``seconds`` of wall time."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Options:
    """What makes advice worth giving. Costs are the planner's units.

    ``least_cost`` and ``least_saving`` are Dexter's defaults (min-cost 100, min-cost-savings-pct 50).
    """

    statements: int = 60
    """How many statements are planned, the most time first."""
    indexes: int = 8
    """How many indexes are advised at most."""
    least_cost: float = 100.0
    least_saving: float = 0.5
    calls_per_request: float = 10.0
    lookup_milliseconds: float = 2.0
    """A statement of less than this mean, called oftener than ``calls_per_request``, is taken for an N+1."""
    statement_seconds: float = 5.0
    """What one reading may take on the source before it is given up."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """Why a statement is taken for the N of an N+1.

    ``parent`` is the statement (id) whose rows are walked through; empty when only the calls per request say so.
    ``times`` is how often this one ran for each run of its parents, or for each request without a parent.
    """

    parent: str
    times: float
    because: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One normalised statement of pg_stat_statements, over the period of the reading. Times in milliseconds.

    ``share`` is its part of all statements' execution time (0 to 1); ``calls_per_request`` is None when requests were not counted.
    ``cost`` is the planner's for a generic plan on the source's statistics, None when it could not be planned: ``unplanned`` says why.
    """

    id: str
    text: str
    calls: int
    mean_ms: float
    total_ms: float
    rows: int
    share: float
    tables: tuple[str, ...] = ()
    calls_per_request: float | None = None
    repetition: Repetition | None = None
    cost: float | None = None
    unplanned: str = ""

    @property
    def n_plus_one(self) -> bool:
        return self.repetition is not None

    @property
    def rows_per_call(self) -> float:
        return self.rows / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Helped:
    """A statement that an index helps: its plan's cost without and with it. ``text`` is shortened for a table's cell."""

    statement: str
    text: str
    cost_before: float
    cost_after: float
    total_ms: float
    calls: int

    @property
    def saving(self) -> float:
        """Part of the cost that goes, 0 to 1."""
        return 1 - self.cost_after / self.cost_before if self.cost_before else 0.0

    @property
    def saved_ms(self) -> float:
        """Execution time that goes if time follows cost: an estimate, in milliseconds of the statement's ``total_ms``."""
        return self.saving * self.total_ms


@dataclass(frozen=True, slots=True)
class WriteCost:
    """What an index costs: ``bytes`` when built; index entries written per hour; updates that stop being HOT per hour.

    Rates are 0 and ``known`` is False when the statistics do not say since when they count.
    """

    bytes: int
    inserts_per_hour: float
    updates_per_hour: float
    hot_updates_lost_per_hour: float
    known: bool = True


@dataclass(frozen=True, slots=True)
class IndexAdvice:
    """An index worth building. ``gain`` is the part of all statements' execution time that it is expected to save, 0 to 1.

    ``ddl`` builds it without blocking writers; ``redundant`` are existing indexes that it makes superfluous, with ``drop_ddl`` for each.
    ``why`` is one sentence. ``statements`` is empty when the advice rests on a foreign key alone.
    """

    table: str
    columns: tuple[str, ...]
    method: str
    ddl: str
    why: str
    statements: tuple[Helped, ...]
    cost_before: float
    cost_after: float
    gain: float
    write: WriteCost
    redundant: tuple[str, ...]
    drop_ddl: tuple[str, ...]
    confidence: Confidence
    predicate: str = ""
    include: tuple[str, ...] = ()
    falsify: str = ""
    """How a person finds out that the advice is wrong."""


@dataclass(frozen=True, slots=True)
class IndexFinding:
    """An existing index that costs more than it gives: why, and what to do."""

    kind: Literal["unused", "duplicate", "redundant", "invalid", "foreign key without index"]
    table: str
    index: str
    bytes: int
    why: str
    mend: str


@dataclass(frozen=True, slots=True)
class Waiter:
    """A session in a tree of locks. ``blocked_by`` is the pid it waits for, None for the root. Literals are left out of ``activity``."""

    pid: int
    blocked_by: int | None
    depth: int
    application: str
    state: str
    wait: str
    lock: str
    relation: str
    seconds: float
    """How long this session has been waiting (or, at the root, in its transaction)."""
    activity: str


@dataclass(frozen=True, slots=True)
class Locks:
    """Who waits for whom at this moment, each root followed by those that it blocks, depth first."""

    waiters: tuple[Waiter, ...] = ()

    @property
    def blocked(self) -> int:
        return sum(waiter.depth > 0 for waiter in self.waiters)


@dataclass(frozen=True, slots=True)
class CacheHit:
    """Parts of block reads answered from shared buffers, 0 to 1; None where nothing was read."""

    tables: float | None
    indexes: float | None


@dataclass(frozen=True, slots=True)
class Connections:
    """Sessions at this moment; ``limit`` is the least of the role's, the database's and the server's."""

    used: int
    active: int
    idle: int
    idle_in_transaction: int
    limit: int

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit > 0 else 0.0


@dataclass(frozen=True, slots=True)
class IdleTransaction:
    pid: int
    application: str
    seconds: float
    activity: str


@dataclass(frozen=True, slots=True)
class Bloat:
    """A table's dead rows and, when its statistics allow an estimate, the bytes that hold nothing."""

    table: str
    bytes: int
    dead_rows: int
    dead_share: float
    wasted_bytes: int
    last_vacuum_hours: float | None


@dataclass(frozen=True, slots=True)
class SequenceUse:
    """A sequence; ``used`` is 0 to 1 of what its own and its column's type allow."""

    sequence: str
    column: str
    last_value: int
    limit: int
    used: float


@dataclass(frozen=True, slots=True)
class Health:
    """What the statistics say of the database beside its statements."""

    cache: CacheHit
    connections: Connections
    idle_transactions: tuple[IdleTransaction, ...]
    bloat: tuple[Bloat, ...]
    indexes: tuple[IndexFinding, ...]
    sequences: tuple[SequenceUse, ...]
    transaction_age: float
    """The oldest unfrozen transaction, as part of the 2^31 at which writes stop."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Something that could not be seen or carried, and what would mend it."""

    what: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseAdvice:
    """One database. ``seconds`` is the period of the statements' counts (None when it is not known since when they count)."""

    database: str
    server_version: int
    seconds: float | None
    requests: int | None
    statements: tuple[Statement, ...]
    indexes: tuple[IndexAdvice, ...]
    locks: Locks
    health: Health
    shortfalls: tuple[Shortfall, ...] = field(default=())
    scratch_major: int | None = None
    """Major version of the scratch server that planned; None when there was none, and so no index advice."""

    @property
    def repeated(self) -> tuple[Statement, ...]:
        """The statements taken for N+1, the most time first."""
        return tuple(statement for statement in self.statements if statement.n_plus_one)

    def to_json(self) -> str:
        """Return the advice as JSON, its keys as the fields here; no values of rows are in it."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)
