"""How does one window of changes become one commit at the receiver?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from psycopg import sql

from ..postgres import Connection
from . import fingerprint, shape, window
from .apply import Landing, RejectedError, StrangeRowsError, stage
from .inspecting import Inspector, unlimited, unwatched
from .logs import Logs
from .model import Event
from .rounds import Rounds
from .session import SupersededError
from .state import Ledger, Moved
from .window import EVERY, Entries, News, ShapeChangedError, Source, Window, sourced

# All tables are looked at this often; those that a batch touches, and all while a fence stands, in every batch.
LOOK_SECONDS = 2.0
# A position that moves without any change of ours is stored this often.
IDLE_ADVANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """``lag_ms`` is from the origin's commit to ours at worst, for batches that moved something."""

    changes: int
    rows: int
    lag_ms: float | None


# So many changes of one table are read ahead while the receiver applies what came before.
MANY = 5000
NOTHING = Outcome(0, 0, None)


@dataclass
class Batches:
    """The live part of a link: everything between two snapshots, again and again."""

    origin: Connection
    receiver: Connection
    ledger: Ledger
    landing: Landing
    rounds: Rounds
    report: Callable[[Event], None]
    position: str
    inspected: bool = True
    watched: Callable[[int], AbstractContextManager[None]] = unwatched
    room: Callable[[], float] = unlimited
    sources: MutableMapping[int, Source] = field(default_factory=dict)
    moved: MutableMapping[int, Moved] = field(default_factory=dict)
    wrote: set[int] = field(default_factory=set)
    """Tables that were written to since the active log became active."""
    _careful: set[int] = field(default_factory=set)
    _reloaded: set[int] = field(default_factory=set)
    gap_ms: float = 0.0
    """How long the last poll came after the one before it, by the origin's clock: the lag of an idle link."""
    pending: int = 0
    """Changes that the last window held: what a link that keeps up has to move between two batches."""
    _last_look_at: float | None = None
    _quiet: bool = False
    _looked_at: float = 0.0
    _advanced_at: float = 0.0

    def __post_init__(self) -> None:
        self.logs = Logs(self.origin)
        self.logs.refresh()
        self._inspector = Inspector(
            self.origin,
            self.receiver,
            self.ledger,
            self.rounds,
            self.report,
            lambda relid: self._hold(relid, "reload"),
            self.watched,
            self.room,
        )

    def close(self) -> None:
        """End what runs beside the batches."""
        self._inspector.close()

    def next(self, *, settle: bool = False) -> Outcome:
        """Read one window and commit it. ``settle`` makes tables whose copy has ended live in the same commit.

        Raises ShapeChangedError, SourceFailedError, RewrittenError, SupersededError and psycopg errors of the receiver.
        """
        try:
            if self._quiet and not settle and (found := self._peek()) is not None:
                return found
            return self._next(settle=settle)
        except RejectedError as error:
            self._rejected(error)
        except StrangeRowsError as error:
            self.report(
                Event(
                    "table is read again",
                    {"table": self.moved[error.relid].full_name, "because": "a row to remove was not there"},
                )
            )
            self._hold(error.relid, "reload")
        return NOTHING

    def _peek(self) -> Outcome | None:
        """Ask outside of a window whether there is anything to do: most polls of a quiet link end here."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS or self._reloads() or (self.inspected and self._inspector.ready(now)):
            return None
        with sourced():
            news = window.news(self.origin, self.logs, self.position)
        if news.entries or news.fenced or now - self._advanced_at >= IDLE_ADVANCE_SECONDS:
            return None
        self._timed(news)
        return NOTHING

    def _next(self, *, settle: bool) -> Outcome:
        active = {relid: moved for relid, moved in self.moved.items() if moved.state != "paused"}
        with window.opened(self.origin) as opened:
            with sourced():
                news = window.news(self.origin, self.logs, self.position)
                entries = self._by_table(news, active)
                self._demand_same_shapes(news, active, entries, settle=settle)
            reloads = {
                relid for relid, moved in active.items()
                if moved.state == "reload"
                or (relid in entries and (entries[relid].whole or not shape.can_be_staged(self.sources[relid].table)))
            }  # fmt: skip
            outcome = self._commit(opened, news, entries, reloads, settle=settle)
            self._quiet = not outcome.changes
            self._timed(news)
            with sourced():
                self.logs.settle()
            if self.inspected and not settle:
                live = {relid: self.sources[relid] for relid in active if self.moved[relid].state == "live"}
                self._inspector.inspect(opened, live)
        return outcome

    def _timed(self, news: News) -> None:
        self.pending = sum(entry.count for entry in news.entries.values())
        if self._last_look_at is not None:
            self.gap_ms = (news.at - self._last_look_at) * 1000
        self._last_look_at = news.at

    def _reloads(self) -> bool:
        return any(moved.state == "reload" for moved in self.moved.values())

    def _by_table(self, news: News, active: Mapping[int, Moved]) -> Mapping[int, Entries]:
        numbers = {source.captured.number: relid for relid, source in self.sources.items()}
        found = {numbers[number]: entry for number, entry in news.entries.items() if number in numbers}
        self.wrote.update(found)
        return {relid: entry for relid, entry in found.items() if relid in active}

    def _demand_same_shapes(
        self, news: News, active: Mapping[int, Moved], entries: Mapping[int, Entries], *, settle: bool
    ) -> None:
        """Raise ShapeChangedError for a table that is no longer what it was. Must see the window's own snapshot."""
        everything = settle or news.fenced or time.monotonic() - self._looked_at >= LOOK_SECONDS
        asked = list(active) if everything else [r for r in active if r in entries or active[r].state == "reload"]
        seen = fingerprint.read(self.origin, asked)
        for relid in asked:
            if seen.get(relid) != active[relid].fingerprint:
                raise ShapeChangedError(relid)
        if everything:
            self._looked_at = time.monotonic()

    def _commit(
        self, opened: Window, news: News, entries: Mapping[int, Entries], reloads: set[int], *, settle: bool
    ) -> Outcome:
        touched = [self.sources[relid] for relid in self.sources if relid in entries or relid in reloads]
        if not touched and not settle:
            self._idle(news)
            return NOTHING
        for source in touched:
            if source.relid not in reloads:
                self.landing.prepare(source.table)
        rows = 0
        with self.receiver.transaction():
            self.rounds.flush()
            for source in touched:
                if source.relid in reloads:
                    rows += self._reload(opened, source)
                else:
                    rows += self._change(opened, source, entries.get(source.relid, EVERY))
            with sourced():
                opened.demand_unrewritten([source.relid for source in touched])
            lag = self._advance(news, 1, rows)
            if settle:
                self.ledger.all_live("copied", "reload", "live")
            else:
                for relid in reloads:
                    self.ledger.set_table(relid, "live")
        self.position = news.snapshot
        self.rounds.flushed()
        self._careful.clear()
        self._reloaded.difference_update(source.relid for source in touched)
        for relid in reloads if not settle else list(self.moved):
            self._note(relid, "live")
        return Outcome(sum(entry.count for entry in entries.values()), rows, lag)

    def _idle(self, news: News) -> None:
        """Store a position that has moved on without a change of ours: at once while a fence stands, else now and then."""
        now = time.monotonic()
        if news.snapshot == self.position or not (news.fenced or now - self._advanced_at >= IDLE_ADVANCE_SECONDS):
            return
        self._advance(news, 0, 0)
        self.position = news.snapshot

    def _advance(self, news: News, batches: int, rows: int) -> float | None:
        lag = None
        if self._last_look_at is not None:
            lag = (news.at - self._last_look_at + time.monotonic() - news.received) * 1000
        if not self.ledger.advance(news.snapshot, lag_ms=lag or 0.0, batches=batches, rows=rows, lsn=news.lsn):
            raise SupersededError
        self._advanced_at = time.monotonic()
        return lag

    def _change(self, opened: Window, source: Source, entries: Entries) -> int:
        moved, table = self.moved[source.relid], source.table
        position = moved.since or self.position
        with sourced():
            out: sql.Composed = (
                opened.rows(source, self.logs, position, entries)
                if table.key
                else opened.images(source, self.logs, position, entries)
            )

        def staged(count: int) -> None:
            if table.key:
                self.rounds.touched(self.receiver, table, stage(table), count)
            else:
                self.rounds.changed_table(table.oid)

        return self.landing.change(
            opened.origin, out, table, many=entries.count > MANY, careful=source.relid in self._careful, staged=staged
        )

    def _reload(self, opened: Window, source: Source) -> int:
        with sourced():
            opened.allow_scans()
        rows = self.landing.whole(opened, source.table)
        self.rounds.changed_table(source.relid)
        self.report(Event("table read as a whole", {"table": source.table.full_name, "rows": rows}))
        return rows

    def _rejected(self, error: RejectedError) -> None:
        """Try the careful path, then the whole table; when that is refused too, hold the table and say why."""
        relid, name = error.relid, self.moved[error.relid].full_name
        if error.unique and relid not in self._careful:
            self._careful.add(relid)
        elif relid not in self._reloaded:
            self._reloaded.add(relid)
            self.report(Event("table is read again", {"table": name, "because": error.reason}))
            self._hold(relid, "reload")
        else:
            self._reloaded.discard(relid)
            self.report(Event("table held", {"table": name, "because": error.reason}))
            self._hold(relid, "paused", f"Rejected: {error.reason}")

    def _hold(self, relid: int, state: str, because: str | None = None) -> None:
        assert state in ("reload", "paused")
        self.ledger.set_table(relid, "reload" if state == "reload" else "paused", because=because)
        self._note(relid, state)

    def _note(self, relid: int, state: str) -> None:
        old = self.moved[relid]
        if old.state == "paused" and state == "live":
            return
        self.moved[relid] = Moved(
            old.schema, old.name, old.relid, state, None, old.outline, old.fingerprint,  # type: ignore[arg-type]
            old.rows_copied, old.rows_estimate, None,
        )  # fmt: skip
