"""How is one slice after another proved equal at the same instant on both sides while batches run, and what if it is not?

A window is open at the origin and the receiver has just become equal to it: two connections beside the link's own take over these
snapshots in a millisecond and compare chunks from there while the batches go on, so there are no locks, no false alarms and no
waiting. Where a server grants no more connections, the link's own compare a few chunks between two batches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import psycopg

from ..errors import OfframpError
from ..postgres import Connection, Table
from . import footing, window
from .examining import Answer, Job, Pair
from .footing import Footing
from .model import Event
from .rounds import REPAIRS, Rounds
from .state import Ledger
from .window import Source, Window, sourced

# The share of time that checks may take of one core of each server: always, while something was never checked, and when asked for.
SHARE, HURRIED_SHARE, ASKED_SHARE = 0.03, 0.1, 0.8
# What is checked from one moment: long enough to be worth taking the snapshots, short enough to go unnoticed.
SLICE_SECONDS, ASKED_SLICE_SECONDS, INLINE_SLICE_SECONDS = 0.04, 0.25, 0.01
# The origin's snapshot may not be held longer: vacuum waits for it. Between two batches, these wait.
MOST_SECONDS, MOST_INLINE_SECONDS = 55.0, 1.0
# Who has not ended by then waits for a line that was swallowed.
LOST_SECONDS = 2 * MOST_SECONDS
FIRST_ROWS_PER_SECOND, LEAST_ROWS_PER_SECOND = 200_000.0, 10_000.0
OPEN_AGAIN_SECONDS, DISTURBED_SECONDS, ASK_SECONDS, PAUSE_SECONDS = 30.0, 5.0, 0.5, 0.02
SHOWN = 20
KEYS_AT_ONCE = 5000


def unlimited() -> float:
    return 1.0


def unwatched(pid: int) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass
class Inspector:
    """Checks what is due; ``reload`` makes a table be read again as a whole. ``close`` it with the session."""

    origin: Connection
    receiver: Connection
    ledger: Ledger
    rounds: Rounds
    report: Callable[[Event], None]
    reload: Callable[[int], None]
    watched: Callable[[int], AbstractContextManager[None]] = unwatched
    """Lets somebody cancel what a session of ours (by its pid) does at the origin, when it stands in another's way."""
    room: Callable[[], float] = unlimited
    """The part of the time that a busy source leaves us, of which the share above is a share."""
    _beside: Footing | None = None
    _opener: threading.Thread | None = None
    _open_at: float = 0.0
    _refused: str = ""
    _told: str = ""
    _worker: threading.Thread | None = None
    _job: Job | None = None
    _sent_at: float = 0.0
    _next_at: float = 0.0
    _ask_at: float = 0.0
    _asked: bool = False
    _rate: float = FIRST_ROWS_PER_SECOND
    _closed: threading.Event = field(default_factory=threading.Event)

    def inspect(self, opened: Window, live: Mapping[int, Source]) -> None:
        """Let the next slice of the tables that are live in this window be checked. Takes a millisecond or two."""
        now = time.monotonic()
        if self._job is not None:
            if self._worker is not None and self._worker.is_alive():
                if now - self._sent_at > LOST_SECONDS:
                    self._cut()
                return
            self._collect(self._job, live, now)
        if now < self._next_at or self._closed.is_set():
            return
        self._look_if_asked(now)
        tables = {relid: source.table for relid, source in live.items()}
        self.rounds.meet(tables)
        beside = self._ready(now)
        if self._opener is not None:
            return
        if job := self._take(tables, now, beside=beside is not None):
            self._job = job
            if beside is None:
                self._inline(opened, job, live)
            else:
                self._send(opened, beside, job)
        else:
            self._next_at = now + min(max(self.rounds.pause(now), PAUSE_SECONDS), ASK_SECONDS)

    def ready(self, now: float) -> bool:
        """Whether ``inspect`` has something to do at this monotonic moment: a slice to begin, or one's findings to collect."""
        if self._job is not None:
            return self._worker is None or not self._worker.is_alive()
        return now >= self._next_at or now >= self._ask_at

    def close(self) -> None:
        """End what runs and let the other connections go. Safe to repeat."""
        self._closed.set()
        if (beside := self._beside) is not None:
            if self._worker is not None and self._worker.is_alive():
                beside.interrupt()
                self._worker.join(5)
            beside.close()
            self._beside = None

    def _look_if_asked(self, now: float) -> None:
        if now >= self._ask_at:
            self._ask_at = now + ASK_SECONDS
            if (since := self.rounds.checks.asked()) > self.rounds.asked:
                self.rounds.ask(since)
                self._asked = True

    def _take(self, tables: Mapping[int, Table], now: float, *, beside: bool) -> Job | None:
        hurried = self.rounds.hurried
        self._asked = self._asked and hurried
        seconds = INLINE_SLICE_SECONDS if not beside else ASKED_SLICE_SECONDS if self._asked else SLICE_SECONDS
        share = ASKED_SHARE if self._asked else HURRIED_SHARE if hurried else SHARE
        groups = self.rounds.take(tables, now, max(int(self._rate * seconds), 1))
        return Job(groups, share * self.room()) if groups else None

    # Beside the batches.

    def _ready(self, now: float) -> Footing | None:
        """Return the connections beside ours; open them in the background when there are none."""
        if self._opener is not None and not self._opener.is_alive():
            self._opener = None
            if self._beside is None and self._refused != self._told:
                self._told = self._refused
                self.report(Event("verification goes between batches", {"because": self._refused}))
        if self._beside is not None and not self._beside.sound:
            self._beside.close()
            self._beside = None
        if self._beside is None and self._opener is None and now >= self._open_at:
            self._open_at = now + OPEN_AGAIN_SECONDS
            self._opener = threading.Thread(target=self._open, name="offramp-verify-open", daemon=True)
            self._opener.start()
        return self._beside

    def _open(self) -> None:
        try:
            found = footing.beside(self.origin, self.receiver)
        except (OfframpError, psycopg.Error) as error:
            self._refused = str(error).strip().splitlines()[0]
            return
        self._beside = found
        if self._closed.is_set():
            found.close()

    def _send(self, opened: Window, beside: Footing, job: Job) -> None:
        with sourced():
            snapshot = footing.export(opened.origin)
        self._worker = None
        try:
            beside.stand(snapshot)
        except footing.StalledError as error:
            job.trouble = error
            self._cut()
            return
        except psycopg.Error as error:
            job.trouble = error
            beside.leave()
            return
        self._sent_at = time.monotonic()
        self._worker = threading.Thread(target=self._work, args=(beside, job), name="offramp-verify", daemon=True)
        self._worker.start()

    def _work(self, beside: Footing, job: Job) -> None:
        try:
            with self.watched(beside.origin.info.backend_pid):
                job.run(Pair(beside.origin, beside.receiver, beside.at, MOST_SECONDS))
        finally:
            beside.leave()

    def _cut(self) -> None:
        """Give up lines that do not answer; others are opened in their stead."""
        if self._beside is not None:
            self._beside.cut(self.origin, self.receiver)
            self._beside = None

    # Between two batches.

    def _inline(self, opened: Window, job: Job, live: Mapping[int, Source]) -> None:
        self._worker = None
        with self.receiver.transaction():
            job.run(Pair(self.origin, self.receiver, footing.clock(self.receiver), MOST_INLINE_SECONDS))
        if isinstance(job.trouble, psycopg.Error):
            for side in (self.origin, self.receiver):
                if side.broken or side.closed:
                    raise job.trouble
        with sourced():
            self.origin.rollback()
        self._collect(job, live, time.monotonic())

    # What came of it.

    def _collect(self, job: Job, live: Mapping[int, Source], now: float) -> None:
        self._job = self._worker = None
        self._next_at = now + max(PAUSE_SECONDS, job.seconds * (1 / job.share - 1))
        for result in job.results:
            if isinstance(result, Answer):
                self._settle(result, live, now)
            else:
                self.rounds.cut(result.group, result.bounds, fits=result.fits)
        self._learn(job)
        if job.trouble is not None:
            self._give_up(job, now)

    def _learn(self, job: Job) -> None:
        """Take how fast the slower side is from a job that had nothing to do but sums."""
        if all(isinstance(result, Answer) and not result.found.differences for result in job.results):
            rows = sum(result.rows for result in job.results if isinstance(result, Answer))
            if rows > 0 and job.seconds > 0.001:
                self._rate = max(0.7 * self._rate + 0.3 * rows / job.seconds, LEAST_ROWS_PER_SECOND)

    def _give_up(self, job: Job, now: float) -> None:
        for group in job.left:
            self.rounds.given_up(group.turns, now, DISTURBED_SECONDS)
        because = str(job.trouble).strip().splitlines() or ["connection lost"]
        keys = {"table": job.left[0].table.full_name, "because": because[0]}
        self.report(Event("check given up for now", keys))

    def _settle(self, answer: Answer, live: Mapping[int, Source], now: float) -> None:
        turn, found = answer.turn, answer.found
        if not found.differences:
            settled = self.rounds.equal(turn, answer.rows, answer.at, now, answer.cost_seconds)
            if settled:
                self.report(Event("differences repaired", {"table": answer.table.full_name, "rows": settled}))
            return
        news = self.rounds.differs(answer.table, turn, found.differences, now)
        for one in news[:SHOWN]:
            self.report(Event("difference found", {"table": one.table, "key": one.key, "kind": one.kind}))
        if turn.attempts == REPAIRS + 1:
            self.report(Event("differences stand", {"table": answer.table.full_name, "rows": len(found.differences)}))
        if answer.table.oid in live:
            self._repair(live[answer.table.oid], answer)

    def _repair(self, source: Source, answer: Answer) -> None:
        """Enter the keys into the ordinary path, or have the table read again where there are none or far too many."""
        if answer.found.wholesale or not answer.found.keys:
            self.reload(source.table.oid)
            return
        keys = answer.found.keys
        with sourced():
            self.origin.rollback()
        for first in range(0, len(keys), KEYS_AT_ONCE):
            window.enter_keys(self.origin, source, keys[first : first + KEYS_AT_ONCE])
