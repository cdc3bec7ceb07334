"""What does a link do from its first look at an empty target until it is told to stop?

Schema, copy, keys, catch-up, indexes, then batches for ever. All progress is in the receiving database, so that kill -9 is the normal
way to stop.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from .. import postgres
from ..errors import OutsideError, RefusedError, WaitingError
from ..kit.clock import Clock, SystemClock
from ..kit.secret import Secret
from ..postgres import Connection
from . import capture, schema, shape, standby, window
from .apply import Landing, RejectedError
from .batch import Batches, SupersededError
from .copying import Copier, ShapeChangedError
from .fencing import pass_through
from .model import Event, Link
from .rounds import Rounds
from .state import Ledger, LinkRow, Moved
from .window import RewrittenError, Source, SourceFailedError

# How long the server may take to notice that the runner before us was killed.
TAKEOVER_SECONDS = 3.0
BUSY_SECONDS, IDLE_SECONDS = 0.02, 0.1
BEAT_SECONDS, ADAPT_SECONDS, DISCOVER_SECONDS = 1.0, 3.0, 10.0
RETRY_SECONDS, RETRY_LIMIT_SECONDS = 0.2, 5.0
# A log this big is closed and, once it is consumed, emptied.
LOG_BYTES = 256 * 1024
# Windows are small: starting a worker or a compiler costs more than the whole query (measured 150 ms against 1).
ORIGIN_PINS = {"jit": "off", "max_parallel_workers_per_gather": "0"}
RECEIVER_PINS = {**ORIGIN_PINS, "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}


@dataclass(frozen=True, slots=True)
class Means:
    """What a link works with besides its two databases: the role that owns the tables, and where pg_dump is."""

    owner: str | None = None
    dump_tools: Path | None = None
    clock: Clock = field(default_factory=SystemClock)


def run(
    link: Link,
    source: Callable[[], Secret],
    target: Callable[[], Secret],
    *,
    stop: Callable[[], bool],
    report: Callable[[Event], None],
    means: Means | None = None,
) -> None:
    """Keep the receiving database equal to the origin until ``stop()`` is true.

    Connection failures are waited out: both URLs are asked for afresh each time, since credentials rotate and servers move.
    Raises RefusedError when the move must not begin or cannot go on.
    """
    means = means or Means()
    pause = RETRY_SECONDS
    while not stop():
        began = means.clock.monotonic()
        try:
            _session(link, source(), target(), stop, report, means)
            return
        except SupersededError:
            # Not the end: a switch that is undone gives the epoch back.
            report(Event("link superseded", {"epoch": link.epoch}))
        except (OutsideError, WaitingError) as error:
            report(Event("link interrupted", {"because": error.message}))
            if isinstance(error.__cause__, psycopg.errors.DiskFull):
                _tell_full(link, target, report)
        except psycopg.errors.DiskFull as error:
            report(Event("link interrupted", {"because": str(error).strip().splitlines()[0]}))
            _tell_full(link, target, report)
        except (psycopg.Error, SourceFailedError) as error:
            report(
                Event(
                    "link interrupted",
                    {"because": str(error).strip().splitlines()[0] if str(error) else "connection lost"},
                )
            )
        if means.clock.monotonic() - began > RETRY_LIMIT_SECONDS:
            pause = RETRY_SECONDS
        _rest(means.clock, pause * random.uniform(0.7, 1.3), stop)
        pause = min(pause * 2, RETRY_LIMIT_SECONDS)


FULL = (
    "the receiving database's disk is full; give it more storage (storage_gb in the blueprint, or the RDS console), "
    "and the link goes on by itself where it stopped"
)


def _tell_full(link: Link, target: Callable[[], Secret], report: Callable[[Event], None]) -> None:
    """Write the reason into the link's row, which has room in its own page; a server that cannot even do that stays silent."""
    try:
        with postgres.connect(target(), application_name=f"offramp-link-{link.name}-full") as receiver:
            Ledger(receiver, link).hold_because(FULL)
    except (OutsideError, psycopg.Error):
        report(Event("reason not kept", {"because": FULL}))


def _rest(clock: Clock, seconds: float, stop: Callable[[], bool]) -> None:
    until = clock.monotonic() + seconds
    while not stop() and (left := until - clock.monotonic()) > 0:
        clock.sleep(min(left, 0.1))


def _session(
    link: Link, source: Secret, target: Secret, stop: Callable[[], bool], report: Callable[[Event], None], means: Means
) -> None:
    name = f"offramp-link-{link.name}-{link.direction}-{link.epoch}"
    with (
        postgres.connect(source, application_name=name, pins=ORIGIN_PINS) as origin,
        postgres.connect(target, application_name=name, pins=RECEIVER_PINS) as receiver,
    ):
        Session(link, origin, receiver, source, stop, report, means).work()


class Session:
    """One pair of connections, from opening to the first trouble."""

    def __init__(
        self,
        link: Link,
        origin: Connection,
        receiver: Connection,
        source: Secret,
        stop: Callable[[], bool],
        report: Callable[[Event], None],
        means: Means,
    ) -> None:
        self.link, self.origin, self.receiver = link, origin, receiver
        self.stop, self.report, self.means = stop, report, means
        self.ledger = Ledger(receiver, link)
        self.dumper = schema.Dumper(source, means.dump_tools)
        self.server = postgres.server(origin)
        self.replica = False
        self.unvalidated = False
        self.lags: deque[float] = deque(maxlen=1000)

    def work(self) -> None:
        """Bring the link as far as it goes, then keep it there."""
        self._own_the_receiver()
        if (row := self._begin()) is None:
            return
        self._demand_same_origin(row)
        if row.phase == "copy" and not self._copy():
            return
        if (row := self.ledger.link()) is not None and row.phase == "index":
            self._index(row)
        if not self.stop():
            self._live()

    def _own_the_receiver(self) -> None:
        until = self.means.clock.monotonic() + TAKEOVER_SECONDS
        while not self.ledger.lock():
            if self.stop() or self.means.clock.monotonic() > until:
                raise WaitingError(f"Another process runs the link {self.link.name}; this one waits.")
            self.means.clock.sleep(0.1)
        try:
            self.receiver.execute("set session_replication_role = replica")
            self.replica = True
        except psycopg.errors.InsufficientPrivilege:
            if self.link.direction == "forward":
                raise RefusedError(
                    "The receiving role may not set session_replication_role, so triggers and foreign keys would alter rows.",
                    hint="On RDS use the master user (rds_superuser), or `grant set on parameter session_replication_role`.",
                ) from None
            pass_through(self.receiver)

    def _begin(self) -> LinkRow | None:
        """Return the link's row, after making it when this is a first start; None when stopped before that."""
        while not self.stop():
            row = self.ledger.link()
            if row is None and self.link.direction == "reverse":
                self._wait("the reverse link is not armed yet")
            elif row is None:
                return self._start()
            elif row.epoch > self.link.epoch:
                self._wait("a later epoch owns the receiving side")
            elif row.epoch < self.link.epoch:
                self._wait(f"epoch {self.link.epoch} is not armed yet")
            elif self._would_be_captured():
                self._wait("the receiving side still captures what this link would apply; disarm it first")
            else:
                return row
        return None

    def _would_be_captured(self) -> bool:
        """Reverse capture, installed ahead of a switch, does not fire for a replica-role session; all other capture does."""
        return any(
            captured.direction == "forward" or not self.replica for captured in capture.register(self.receiver).values()
        )

    def _wait(self, because: str) -> None:
        self.report(Event("link waits", {"because": because}))
        _rest(self.means.clock, 1.0, self.stop)

    def _start(self) -> LinkRow:
        """Install capture, then make the tables and the link's row in one transaction."""
        self.dumper.demand(self.server)
        schema.demand_empty(self.receiver)
        tables = tuple(table for table in postgres.tables(self.origin) if not table.in_tree)
        installed = capture.install(self.origin, self.link, tables, stop=self.stop, clock=self.means.clock)
        self.report(Event("capture installed", {"tables": len(tables), "new": len(installed)}))
        tables = postgres.tables(self.origin, [table.oid for table in tables])
        with window.opened(self.origin) as opened:
            look = opened.look([table.oid for table in tables])
        text = self.dumper.text("pre-data", schema.carried(schema.own_triggers(self.origin)))
        schema.prepare_database(self.receiver, self.origin, self.means.owner)
        with self.receiver.transaction():
            schema.restore(self.receiver, text, self.means.owner)
            self.ledger.create()
            self.ledger.start("copy", look.snapshot, self.server.identity, indexed=False)
            for table in tables:
                self.ledger.add(table, "copy", look.fingerprints[table.oid])
        self.report(Event("schema carried over", {"tables": len(tables)}))
        row = self.ledger.link()
        assert row is not None
        return row

    def _demand_same_origin(self, row: LinkRow) -> None:
        """A promoted standby or a restored copy may lack transactions and log entries that we have seen: read all again."""
        if row.origin == self.server.identity:
            return
        self.report(Event("origin changed", {"was": row.origin, "is": self.server.identity}))
        with window.opened(self.origin) as opened:
            look = opened.look([])
        with self.receiver.transaction():
            self.ledger.new_origin(self.server.identity, look.snapshot)
            self.ledger.reload_all()

    def _sources(self) -> dict[int, Source]:
        captured = capture.register(self.origin)
        known = [moved.relid for moved in self.ledger.tables()]
        return {
            table.oid: Source(table, captured[table.oid])
            for table in postgres.tables(self.origin, known)
            if table.oid in captured
        }

    def _copy(self) -> bool:
        """Copy every table that is not copied yet, biggest first; False when stopped."""
        copier = Copier(self.origin, self.receiver, self.ledger, self.report, self.stop)
        sources = self._sources()
        for moved in sorted(self.ledger.tables(), key=lambda moved: -moved.rows_estimate):
            if moved.state != "copy":
                continue
            try:
                if moved.relid not in sources:
                    raise ShapeChangedError(moved.relid)
                if not copier.copy_table(sources[moved.relid], moved.fingerprint):
                    return False
            except ShapeChangedError:
                self._adapt(moved)
            except RejectedError as error:
                self.report(Event("table held", {"table": moved.full_name, "because": error.reason}))
                self.ledger.set_table(moved.relid, "paused", because=f"Rejected: {error.reason}")
        self.ledger.set_phase("index")
        return True

    def _index(self, row: LinkRow) -> None:
        """Build what the copy left out, unless an earlier process did, and open the link."""
        sources = self._sources()
        if not row.indexed and not self._build(sources):
            return
        schema.analyze(self.receiver, (source.table for source in sources.values()))
        self.ledger.set_phase("live")
        self.report(Event("link live", {"tables": len(sources)}))

    def _build(self, sources: dict[int, Source]) -> bool:
        """Keys, then one batch that makes the receiver equal a moment of the origin, then all that depends on that."""
        schema.build_keys(self.receiver, (source.table for source in sources.values()))
        self.report(Event("keys built", {"tables": len(sources)}))
        batches = self._batches()
        # A table that was rejected or changed shape needs another round or two.
        while not self.stop():
            self._one(batches, settle=True)
            if all(moved.state in ("live", "paused") for moved in batches.moved.values()):
                break
        if self.stop():
            return False
        self._restore_rest(sources)
        return True

    def _restore_rest(self, sources: dict[int, Source]) -> None:
        taken = [
            (schema.CONSTRAINTS, source.table.key_constraint)
            if source.table.key_constraint
            else (schema.RELATIONS, source.table.key_index)
            for source in sources.values()
            if source.table.key
        ]
        made = schema.depending_on(self.origin, self.receiver).union(taken)
        text = self.dumper.text("post-data", schema.carried(schema.own_triggers(self.origin), made))
        with self.receiver.transaction():
            schema.restore(self.receiver, text, self.means.owner)
            schema.refresh_views(self.receiver, self.origin)
            self.ledger.set_indexed()
        self.report(Event("indexes and constraints built", {"tables": len(sources)}))

    def _batches(self) -> Batches:
        row = self.ledger.link()
        assert row is not None
        rounds = Rounds(self.ledger)
        batches = Batches(
            self.origin,
            self.receiver,
            self.ledger,
            Landing(self.receiver, self.link),
            rounds,
            self.report,
            row.position,
        )
        self._refresh(batches)
        rounds.load([source.table for source in batches.sources.values()])
        return batches

    def _refresh(self, batches: Batches) -> None:
        """Take the tables' states from the ledger and their shapes from the origin."""
        sources = self._sources()
        moved = {moved.relid: moved for moved in self.ledger.tables()}
        for relid, old in list(batches.sources.items()):
            if relid not in sources or shape.outline(sources[relid].table) != shape.outline(old.table):
                batches.landing.forget(old.table)
        batches.sources, batches.moved = sources, moved
        for relid, entry in moved.items():
            if relid not in sources and entry.state != "paused":
                self._adapt(entry)
                batches.moved = {moved.relid: moved for moved in self.ledger.tables()}

    def _one(self, batches: Batches, *, settle: bool = False) -> bool:
        """Run one batch; True when it moved something. Changes of shape are dealt with on the way."""
        try:
            outcome = batches.next(settle=settle)
        except RewrittenError:
            return True
        except ShapeChangedError as error:
            self._adapt(batches.moved[error.relid])
            self._refresh(batches)
            return True
        if outcome.lag_ms is not None:
            self.lags.append(outcome.lag_ms)
        return outcome.changes > 0

    def _live(self) -> None:
        batches = self._batches()
        self.unvalidated = self.link.direction == "forward"
        clock, rest = self.means.clock, BUSY_SECONDS
        beat_at = adapt_at = discover_at = clock.monotonic()
        while not self.stop():
            began = clock.monotonic()
            rest = BUSY_SECONDS if self._one(batches) else min(rest * 1.3, IDLE_SECONDS)
            now = clock.monotonic()
            if now >= beat_at:
                beat_at = now + BEAT_SECONDS
                self._beat(batches)
            if now >= adapt_at:
                adapt_at = now + ADAPT_SECONDS
                self._resume_held(batches)
            if now >= discover_at:
                discover_at = now + DISCOVER_SECONDS
                self._discover(batches)
            if (left := rest - (clock.monotonic() - began)) > 0:
                clock.sleep(left)

    def _beat(self, batches: Batches) -> None:
        ordered = sorted(self.lags)
        p99 = ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)] if ordered else 0.0
        batches.rounds.flush()
        batches.rounds.flushed()
        self.ledger.beat(lag_ms=batches.gap_ms, lag_p99_ms=p99)
        states = {moved.relid: moved.state for moved in self.ledger.tables()}
        if any(states.get(relid) != moved.state for relid, moved in batches.moved.items()):
            self._refresh(batches)
        self._rotate(batches)
        if self.unvalidated:
            self._validate()

    def _validate(self) -> None:
        """After a rollback the origin's foreign keys stand unvalidated; validate one per beat, which blocks no writer."""
        try:
            name = standby.validate_next(self.origin)
        except OutsideError as error:
            self.report(Event("constraint not validated", {"because": error.message}))
            name = None
        self.unvalidated = name is not None
        if name is not None:
            self.report(Event("constraint validated", {"constraint": name}))

    def _rotate(self, batches: Batches) -> None:
        """Close logs that have grown, and empty closed ones that the stored position has seen to the end."""
        sizes = capture.log_sizes(self.origin)
        for relid, source in list(batches.sources.items()):
            captured = source.captured
            a, b = sizes.get(captured.number, (0, 0))
            active, closed = (a, b) if captured.active == "a" else (b, a)
            other = "b" if captured.active == "a" else "a"
            if closed:
                capture.truncate_log(self.origin, captured.number, other, batches.position)
            elif active > LOG_BYTES:
                with self._still_ours():
                    letter = capture.switch_log(self.origin, source.table, captured)
                batches.sources[relid] = Source(source.table, replace(captured, active=letter))

    @contextmanager
    def _still_ours(self) -> Iterator[None]:
        """Keep a switch from closing this link meanwhile: capture that is touched after its end would come back to life.

        Raises SupersededError when the link has been closed already.
        """
        with self.receiver.transaction():
            if not self.ledger.hold():
                raise SupersededError
            yield

    def _adapt(self, moved: Moved) -> None:
        """A table's shape or triggers changed: go on when both sides fit, else hold the one table and say what to do."""
        found = postgres.tables(self.origin, [moved.relid])
        if not found:
            self._hold(moved, "the table was dropped at the origin")
            return
        table = found[0]
        there = {(other.schema, other.name): other for other in postgres.tables(self.receiver)}
        if (table.schema, table.name) not in there:
            self._hold(
                moved,
                f"table {table.full_name} does not exist on the receiving side; make it there, or rename it alike",
            )
            return
        if said := shape.differences(table, there[table.schema, table.name]):
            self._hold(
                moved, f"{'; '.join(said)}; make the same change on the receiving side and the link goes on by itself"
            )
            return
        with self._still_ours():
            capture.install(self.origin, self.link, (table,), stop=self.stop, clock=self.means.clock)
        with window.opened(self.origin) as opened:
            fingerprint = opened.look([table.oid]).fingerprints[table.oid]
        same = (
            shape.outline(table) == moved.outline
            and fingerprint.partition("/")[2] == moved.fingerprint.partition("/")[2]
        )
        with self.receiver.transaction():
            self.ledger.set_shape(table, fingerprint)
            if not same or moved.state == "paused":
                self.ledger.set_table(table.oid, "reload")
        self.report(Event("table adapted", {"table": table.full_name, "reload": not same}))

    def _hold(self, moved: Moved, because: str) -> None:
        if moved.held_because != f"Changed: {because}":
            self.report(Event("table held", {"table": moved.full_name, "because": because}))
        self.ledger.set_table(moved.relid, "paused", because=f"Changed: {because}")

    def _resume_held(self, batches: Batches) -> None:
        held = [
            m for m in batches.moved.values() if m.state == "paused" and (m.held_because or "").startswith("Changed:")
        ]
        for moved in held:
            self._adapt(moved)
        if held:
            self._refresh(batches)

    def _discover(self, batches: Batches) -> None:
        """Tables that came after the link began are held until the receiving side has them, then joined."""
        for table in postgres.tables(self.origin):
            if table.oid in batches.moved or table.in_tree:
                continue
            self.ledger.add(table, "paused", because="Changed: new")
            moved = next((m for m in self.ledger.tables() if m.relid == table.oid), None)
            if moved is not None:
                self._adapt(moved)
            self._refresh(batches)
