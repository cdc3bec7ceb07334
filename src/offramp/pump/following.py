"""What does a live link do all day? Batches, a beat each second, and what has to be looked after now and then."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from psycopg import sql

from ..errors import OutsideError
from . import capture, incarnation, shape, standby
from .adapting import adapt, discover, retry_held
from .apply import Landing
from .batch import Batches
from .fencing import FENCED
from .model import Event
from .rounds import Rounds
from .session import Session
from .window import RewrittenError, ShapeChangedError, Source, sourced

# Between two batches: at least BUSY, the longer the more there is to do, since a window costs the same for one change or many.
# From some 400 changed rows a second on that is the longest one, which saves the source most of what reading costs it.
BUSY_SECONDS, IDLE_SECONDS, LONGEST_SECONDS = 0.02, 0.05, 0.3
SECONDS_PER_CHANGE = 0.0005
BEAT_SECONDS, ADAPT_SECONDS, DISCOVER_SECONDS = 1.0, 3.0, 1.0
# A log is closed, and emptied once it is consumed, when it is this big, or when so much of it must be looked at with each poll.
LOG_BYTES, TAIL_PAGES, TAIL_PLACES, LOGS = 64 << 20, 128, 200, 8
# How fast the share of time that batches take is learnt and forgotten, a batch at a time; what is left to checks at least.
BUSY_MEMORY, LEAST_ROOM = 0.1, 0.1
# Pointing functions at another log makes every session compile them again.
ROTATE_SECONDS = 2.0


class Following:
    """The live part of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        row = session.ledger.link()
        assert row is not None
        rounds = Rounds(session.ledger)
        self.batches = Batches(
            session.origin,
            session.receiver,
            session.ledger,
            Landing(session.receiver, session.link),
            rounds,
            session.report,
            row.position,
            inspected=session.means.verify,
            watched=session.watched,
            room=self._room,
        )
        self._busy = 0.0
        # A fence wakes us: while it stands nobody can write, and everybody waits for us.
        with sourced():
            session.origin.execute(sql.SQL("listen {}").format(sql.Identifier(FENCED)))
        self._lags: deque[float] = deque(maxlen=1000)
        self._unvalidated = session.link.direction == "forward"
        self._rotated_at = 0.0
        self.refresh()
        rounds.load([source.table for source in self.batches.sources.values()])

    def settle(self) -> bool:
        """Apply until every copied table is live or held; False when stopped."""
        # A table that was rejected or changed shape needs another round or two.
        while not self.session.stop():
            self.one(settle=True)
            if all(moved.state in ("live", "paused") for moved in self.batches.moved.values()):
                return True
        return False

    def live(self) -> None:
        """Follow the origin until told to stop."""
        session, clock, rest = self.session, self.session.clock, BUSY_SECONDS
        beat_at = adapt_at = discover_at = clock.monotonic()
        while not session.stop():
            began = clock.monotonic()
            changes = self.one()
            rest = self._pause(changes) if changes else min(rest * 1.3, IDLE_SECONDS)
            now = clock.monotonic()
            if now >= beat_at:
                beat_at = now + BEAT_SECONDS
                self._beat()
            if now >= adapt_at:
                adapt_at = now + ADAPT_SECONDS
                if retry_held(session):
                    self.refresh()
            if now >= discover_at:
                discover_at = now + DISCOVER_SECONDS
                if discover(session):
                    self.refresh()
            worked = clock.monotonic() - began
            self._busy += (worked / max(worked, rest) - self._busy) * BUSY_MEMORY
            if (left := rest - worked) > 0:
                self._rest(left)

    def _rest(self, seconds: float) -> None:
        with sourced():
            for _ in self.session.origin.notifies(timeout=seconds, stop_after=1):
                return

    def _room(self) -> float:
        """The part of the time that checks may take of theirs: little of it while the batches themselves keep the servers busy."""
        return self.session.throttle.share * max(1 - self._busy, LEAST_ROOM)

    @staticmethod
    def _pause(changes: int) -> float:
        return min(max(BUSY_SECONDS, changes * SECONDS_PER_CHANGE), LONGEST_SECONDS)

    def one(self, *, settle: bool = False) -> int:
        """Run one batch; returns how many changes it moved. Changes of shape are dealt with on the way."""
        try:
            outcome = self.batches.next(settle=settle)
        except RewrittenError:
            return 1
        except ShapeChangedError as error:
            adapt(self.session, self.batches.moved[error.relid])
            self.refresh()
            return 1
        if outcome.lag_ms is not None:
            self._lags.append(outcome.lag_ms)
        return outcome.changes

    def refresh(self) -> None:
        """Take the tables' states from the ledger and their shapes from the origin."""
        session, batches = self.session, self.batches
        sources = session.sources()
        moved = {moved.relid: moved for moved in session.ledger.tables()}
        for relid, old in list(batches.sources.items()):
            if relid not in sources or shape.outline(sources[relid].table) != shape.outline(old.table):
                batches.landing.forget(old.table)
        if lost := [entry for relid, entry in moved.items() if relid not in sources and entry.state != "paused"]:
            adapt(session, lost[0])
            sources = session.sources()
            moved = {moved.relid: moved for moved in session.ledger.tables()}
        batches.sources = sources
        batches.moved = {relid: entry for relid, entry in moved.items() if relid in sources or entry.state == "paused"}

    def _beat(self) -> None:
        ordered = sorted(self._lags)
        p99 = ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)] if ordered else 0.0
        self.batches.rounds.flush()
        self.batches.rounds.flushed()
        self.session.ledger.beat(
            lag_ms=self.batches.gap_ms, lag_p99_ms=p99, lag_keys=self.batches.pending, log_bytes=self.batches.logs.size
        )
        incarnation.beat(self.session)
        states = {moved.relid: moved.state for moved in self.session.ledger.tables()}
        if any(states.get(relid) != moved.state for relid, moved in self.batches.moved.items()):
            self.refresh()
        self._rotate()
        if self._unvalidated:
            self._validate()

    def _validate(self) -> None:
        """After a rollback the origin's foreign keys stand unvalidated; validate one per beat, which blocks no writer."""
        try:
            name = standby.validate_next(self.session.origin)
        except OutsideError as error:
            self.session.report(Event("constraint not validated", {"because": error.message}))
            name = None
        self._unvalidated = name is not None
        if name is not None:
            self.session.report(Event("constraint validated", {"constraint": name}))

    def _rotate(self) -> None:
        """Close a log that has grown, and empty closed ones that the stored position has seen to the end."""
        logs, origin = self.batches.logs, self.session.origin
        logs.refresh()
        for number, unread in list(logs.unread.items()):
            closed = not unread.log.active and unread.log.size
            if closed and capture.truncate_log(origin, number, unread.condition(), self.batches.position):
                # Tables that have not been turned yet go on writing to it, from its first page on.
                logs.refresh()
        active, now = logs.active, self.session.clock.monotonic()
        if now - self._rotated_at <= ROTATE_SECONDS:
            return
        grown = active.log.size > LOG_BYTES or active.tail_pages > TAIL_PAGES or len(active.places) > TAIL_PLACES
        if grown and (target := self._spare(active.log.width)) is not None:
            self._rotated_at = now
            self._switch(target)
        elif self._behind():
            self._rotated_at = now
            self._switch(active.log.number)

    def _behind(self) -> bool:
        """Whether a table that is being written to still writes to a closed log that is not empty, which its rows keep so."""
        batches, unread = self.batches, self.batches.logs.unread
        logs = {source.captured.log for relid, source in batches.sources.items() if relid in batches.wrote}
        return any(log in unread and not unread[log].log.active and unread[log].log.size for log in logs)

    def _spare(self, width: int) -> int | None:
        """Return an empty log that nobody writes to, a new one if there are not too many; None when they are all pinned."""
        unread = self.batches.logs.unread
        for number, one in unread.items():
            if not one.log.active and not one.log.size and one.log.width >= width:
                return number
        return capture.make_log(self.session.origin, width) if len(unread) < LOGS else None

    def _switch(self, target: int) -> None:
        """Point the functions of tables that were written to at this log; the others go with a later turn."""
        batches = self.batches
        turned = {
            relid: source
            for relid, source in batches.sources.items()
            if relid in batches.wrote and source.captured.log != target
        }
        with self.session.still_ours():
            capture.switch_log(
                self.session.origin, ((source.table, source.captured) for source in turned.values()), target
            )
        for relid, source in turned.items():
            batches.sources[relid] = Source(source.table, replace(source.captured, log=target))
        batches.wrote.clear()
        batches.logs.refresh()
