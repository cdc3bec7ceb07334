"""How do the rows that were there before the link get across? In ranges of pages, several at once, each with its own short snapshot.

Rows that nobody writes to stay where they are as long as the table keeps its file, so ranges of pages read in different snapshots
cover each of them exactly once. Rows that are written to may be read twice or not at all: their keys are in the log, so they are
taken out before the key is built and read again with the first batch. When the file changes (TRUNCATE, a rewrite) the table's copy
begins anew. A range's rows and its line in the ledger commit together, so kill -9 costs the ranges in flight.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from ..errors import OutsideError
from ..kit import sqlbook
from ..postgres import Table
from . import shape, stream, window
from .apply import OWN_FAULTS, RejectedError, rejected
from .bulk import Check, Into, Lane, OriginLaneError, Passed, ReceiverLaneError
from .model import Event
from .session import Session
from .state import Moved
from .window import RewrittenError, ShapeChangedError, Source, SourceFailedError, sourced

_BOOK = sqlbook.load("offramp.pump", "sql/copying.sql")
_BULK = sqlbook.load("offramp.pump", "sql/bulk.sql")
# Bytes of table and TOAST per range: a second or so, and what a kill -9 costs at most per lane.
RANGE_BYTES = 64 << 20
LEAST_PAGES = 16
# A table of this size or less enters the receiver in one transaction, frozen; a kill -9 then costs what of it was there.
WHOLE_BYTES = 4 << 30
PAGE_BYTES = 8192
# Statements that were cancelled because somebody waited behind them are tried again.
CANCELLED = ("57014",)
# Values that the origin itself cannot hand over: bytes that are no text, say.
UNREADABLE = "22"


@dataclass(frozen=True, slots=True)
class Range:
    """Pages ``low`` up to, not with, ``high`` of one table's file; None is without end."""

    source: Source
    low: int
    high: int | None
    file: int

    @property
    def condition(self) -> sql.Composable:
        low = sql.SQL("t.ctid >= {}::tid").format(sql.Literal(f"({self.low},0)"))
        if self.high is None:
            return low
        return sql.SQL("{} and t.ctid < {}::tid").format(low, sql.Literal(f"({self.high},0)"))


@dataclass(frozen=True, slots=True)
class Whole:
    """A table that one transaction at the receiver takes, and these ranges of pages that it is read in at the origin."""

    source: Source
    ranges: tuple[Range, ...]


class Copier:
    """Copies what is left of all tables in the state ``copy``."""

    def __init__(self, session: Session, sources: dict[int, Source]) -> None:
        self.session, self.sources = session, sources
        self._work: deque[Range | Whole] = deque()
        self._left: dict[int, int] = {}
        self._failed: dict[int, Exception] = {}
        self._trouble: list[Exception] = []
        self._lock = threading.Lock()

    def copy(self, tables: Sequence[Moved]) -> tuple[tuple[Moved, Exception], ...]:
        """Copy these tables; returns those that could not be, with the reason: ShapeChangedError, RejectedError, RewrittenError.

        Raises SourceFailedError and psycopg errors of the receiver; returns early when the session is told to stop.
        """
        for moved in tables:
            try:
                self._plan(moved)
            except (ShapeChangedError, RejectedError) as error:
                self._failed[moved.relid] = error
        self._run()
        return tuple((moved, self._failed[moved.relid]) for moved in tables if moved.relid in self._failed)

    def _plan(self, moved: Moved) -> None:
        if moved.relid not in self.sources:
            raise ShapeChangedError(moved.relid)
        source = self.sources[moved.relid]
        with sourced():
            found = self.session.origin.execute(_BOOK["size"], {"oid": moved.relid}).fetchone()
        if (
            found is None
            or found[1] is None
            or self.session.fingerprints([moved.relid]).get(moved.relid) != moved.fingerprint
        ):
            raise ShapeChangedError(moved.relid)
        if not source.table.key:
            self._copy_bare(source)
            return
        pages, file, toast = found
        done = self.session.ledger.ranges(moved.relid)
        if any(was != file for *_, was in done):
            self._begin_anew(source)
            done = ()
        step = range_pages(pages, toast, self.session.throttle.block_bytes(RANGE_BYTES))
        planned = plan(pages, step, [(low, high) for low, high, _ in done])
        ranges = tuple(Range(source, low, high, file) for low, high in planned)
        self._left[moved.relid] = len(planned)
        if ranges and not done and pages * PAGE_BYTES + toast <= WHOLE_BYTES:
            self._work.append(Whole(source, ranges))
        else:
            self._work.extend(ranges)
        if not planned:
            self.session.ledger.set_table(moved.relid, "copied")

    def _begin_anew(self, source: Source) -> None:
        table = source.table
        self.session.report(Event("copy begins anew", {"table": table.full_name, "because": "truncated or rewritten"}))
        with self.session.receiver.transaction(), rejected(table):
            self.session.receiver.execute(sql.SQL(_BOOK["clear"]).format(table=shape.name(table)))
            self.session.ledger.forget_ranges(table.oid)
            self.session.ledger.reset_copied(table.oid)

    def _copy_bare(self, source: Source) -> None:
        """A table without a key counts images from its copy's very snapshot on, so it is read in one."""
        session, table = self.session, source.table
        while not session.stop():
            began = time.monotonic()
            try:
                with window.opened(session.origin) as opened, session.receiver.transaction():
                    look = opened.look([table.oid])
                    opened.allow_scans()
                    with rejected(table):
                        rows = stream.through(
                            session.origin, opened.whole(table), session.receiver, _fill(table), self._pace
                        )
                    opened.demand_unrewritten([table.oid])
                    session.ledger.copied(table.oid, rows, seconds=time.monotonic() - began)
                    session.ledger.set_table(table.oid, "copied", since=look.snapshot)
                session.report(Event("table copied", {"table": table.full_name, "rows": rows}))
                return
            except RewrittenError:
                self._say_abandoned(table)

    def _run(self) -> None:
        """Let lanes of their own work off the ranges; this thread joins in over the link's own connections when there are none."""
        with ExitStack() as opened:
            lanes = [opened.enter_context(lane) for lane in self._lanes()]
            pids = [opened.enter_context(self.session.watched(lane.origin_pid)) for lane in lanes]
            threads = [
                threading.Thread(target=self._drive, args=(lane,), name=f"offramp-copy-{at}", daemon=True)
                for at, lane in enumerate(lanes)
            ]
            for thread in threads:
                thread.start()
            if not pids:
                self._drive(None)
            for thread in threads:
                thread.join()
        if self._trouble:
            raise self._trouble[0]

    def _lanes(self) -> Iterable[Lane]:
        """Open as many lanes as are wanted and granted, and no more than there are ranges."""
        session = self.session
        if not self._work:
            return
        for _ in range(min(session.means.jobs, len(self._work))):
            try:
                lane = Lane(session.origin, session.receiver, session.throttle.admit)
            except OutsideError as error:
                session.report(Event("copy goes with fewer connections", {"because": error.message}))
                return
            lane.prepare_receiver(replica=session.replica)
            yield lane

    def _drive(self, lane: Lane | None) -> None:
        try:
            while not self.session.stop() and not self._trouble and (todo := self._next()) is not None:
                self._one(lane, todo)
        except Exception as error:
            self._trouble.append(error)

    def _next(self) -> Range | Whole | None:
        with self._lock:
            while self._work:
                todo = self._work.popleft()
                if todo.source.relid not in self._failed:
                    return todo
        return None

    def _one(self, lane: Lane | None, todo: Range | Whole) -> None:
        table, began = todo.source.table, time.monotonic()
        if isinstance(todo, Whole) and lane is None:
            self._in_ranges(todo)
            return
        try:
            if isinstance(todo, Whole):
                assert lane is not None
                passed = self._as_one(lane, todo, began)
            else:
                passed = self._by_lane(lane, todo, began) if lane else self._by_session(todo, began)
        except (RewrittenError, ShapeChangedError, RejectedError) as error:
            self._failed.setdefault(table.oid, error)
            return
        except OriginLaneError as error:
            self._after_origin(error, todo)
            return
        except ReceiverLaneError as error:
            if not error.sqlstate.startswith(OWN_FAULTS):
                raise _as_psycopg(error) from error
            reason = f"{error} [{error.sqlstate}]"
            self._failed.setdefault(table.oid, RejectedError(table.oid, reason, unique=False))
            return
        count = len(todo.ranges) if isinstance(todo, Whole) else 1
        self.session.report(
            Event("range copied", {"table": table.full_name, "rows": passed.rows, "bytes": passed.size})
        )
        with self._lock:
            self._left[table.oid] -= count
            last = self._left[table.oid] == 0
        if last:
            self.session.ledger.set_table(table.oid, "copied")
            self.session.report(Event("table copied", {"table": table.full_name}))

    def _in_ranges(self, todo: Whole) -> None:
        """Take the table in ranges after all, each of which is less to lose."""
        self.session.ledger.reset_copied(todo.source.relid)
        with self._lock:
            self._work.extend(todo.ranges)

    def _after_origin(self, error: OriginLaneError, todo: Range | Whole) -> None:
        if error.sqlstate in CANCELLED:
            self._say_abandoned(todo.source.table)
            if isinstance(todo, Whole):
                self._in_ranges(todo)
            else:
                with self._lock:
                    self._work.append(todo)
        elif error.sqlstate.startswith(UNREADABLE):
            reason = f"the origin cannot read a row of its own: {error} [{error.sqlstate}]"
            self._failed.setdefault(todo.source.relid, RejectedError(todo.source.relid, reason, unique=False))
        elif error.sqlstate.startswith("42"):
            self._failed.setdefault(todo.source.relid, ShapeChangedError(todo.source.relid))
        else:
            raise SourceFailedError(str(error)) from error

    def _as_one(self, lane: Lane, todo: Whole, began: float) -> Passed:
        """Fill an empty table in one transaction; what has come so far is told as it comes, over another connection."""
        session, table = self.session, todo.source.table
        link = (session.link.name, session.link.direction)
        counts: list[int] = []
        session.ledger.reset_copied(table.oid)

        def progress(passed: Passed) -> None:
            nonlocal began
            now = time.monotonic()
            counts.append(passed.rows)
            session.ledger.copied(table.oid, passed.rows, size=passed.size, seconds=now - began)
            began = now

        def keep(passed: Passed) -> Sequence[tuple[str, Sequence[Any]]]:
            return [
                (_BULK["range_copied"], (*link, table.oid, one.low, one.high, one.file, rows))
                for one, rows in zip(todo.ranges, counts, strict=True)
            ]

        outs = [_pages(one).as_string(None) for one in todo.ranges]
        return lane.copy(outs, _into(table, anew=True), _unrewritten(table, todo.ranges[0].file), keep, progress)

    def _by_lane(self, lane: Lane, todo: Range, began: float) -> Passed:
        session, table = self.session, todo.source.table
        link = (session.link.name, session.link.direction)

        def keep(passed: Passed) -> Sequence[tuple[str, Sequence[Any]]]:
            seconds = time.monotonic() - began
            return (
                (_BULK["range_copied"], (*link, table.oid, todo.low, todo.high, todo.file, passed.rows)),
                (_BULK["rows_copied"], (*link, table.oid, passed.rows, passed.size, seconds)),
                (_BULK["touched"], link),
            )

        return lane.copy([_pages(todo).as_string(None)], _into(table), _unrewritten(table, todo.file), keep)

    def _by_session(self, todo: Range, began: float) -> Passed:
        session, table = self.session, todo.source.table
        out = sql.SQL(_BOOK["copy_out"]).format(query=_pages(todo))
        with session.receiver.transaction():
            with rejected(table):
                rows = stream.through(session.origin, out, session.receiver, _fill(table), self._pace)
            with sourced():
                found = session.origin.execute(_BOOK["filenode"], {"oid": table.oid}).fetchone()
            if found is None or found[0] != todo.file:
                raise RewrittenError(table.full_name)
            session.ledger.add_range(table.oid, todo.low, todo.high, todo.file, rows)
            session.ledger.copied(table.oid, rows, seconds=time.monotonic() - began)
        return Passed(rows, 0)

    def _pace(self, size: int) -> None:
        if (pause := self.session.throttle.admit(size)) > 0:
            self.session.clock.sleep(pause)

    def _say_abandoned(self, table: Table) -> None:
        self.session.report(Event("range abandoned", {"table": table.full_name}))


def _into(table: Table, *, anew: bool = False) -> Into:
    names = tuple(column.name for column in shape.stored(table))
    return Into(table.schema, table.name, names, "binary" if shape.binary(table) else "text", anew)


def _unrewritten(table: Table, file: int) -> Check:
    """Return the question whether the table still has the file whose pages were read."""

    async def ask(origin: Any) -> None:
        if await origin.fetchval(_BULK["filenode"], table.oid) != file:
            raise RewrittenError(table.full_name)

    return ask


def plan(pages: int, step: int, done: Sequence[tuple[int, int | None]]) -> tuple[tuple[int, int | None], ...]:
    """Return the page ranges that are left to copy, the last one open-ended.

    >>> plan(100, 40, [])
    ((0, 40), (40, 80), (80, None))
    >>> plan(100, 40, [(40, 80)])
    ((0, 40), (80, None))
    >>> plan(100, 30, [(0, 40), (80, None)])
    ((40, 70), (70, 80))
    """
    left: list[tuple[int, int | None]] = []
    at: int | None = 0
    for low, high in [*sorted(done), (None, None)]:
        while at is not None and (low is None or at < low):
            until = at + step if (at + step < pages if low is None else at + step < low) else low
            left.append((at, until))
            at = until
        at = high if low is not None else at
    return tuple(left)


def range_pages(pages: int, toast_bytes: int, range_bytes: int = RANGE_BYTES) -> int:
    """Return how many pages make a range of about ``range_bytes``, values out of line included.

    >>> range_pages(100_000, 0)
    8192
    >>> range_pages(1000, 100 * 1000 * 8192)
    81
    """
    per_page = PAGE_BYTES + toast_bytes // max(pages, 1)
    return max(range_bytes // per_page, LEAST_PAGES)


def _as_psycopg(error: ReceiverLaneError) -> Exception:
    """Return the error as the link's own connections would have raised it."""
    if not error.sqlstate:
        return psycopg.OperationalError(str(error))
    return psycopg.errors.lookup(error.sqlstate)(str(error))


def _pages(todo: Range) -> sql.Composed:
    table = todo.source.table
    return sql.SQL(_BOOK["pages"]).format(
        columns=shape.columns(shape.stored(table), "t"), table=shape.name(table), pages=todo.condition
    )


def _fill(table: Table) -> sql.Composed:
    return sql.SQL(_BOOK["fill"]).format(table=shape.name(table), listed=shape.listed(shape.stored(table)))
