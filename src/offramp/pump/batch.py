"""How does one window of changes become one commit at the receiver?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field

from ..postgres import Connection
from . import window
from .apply import Landing, RejectedError, StrangeRowsError
from .inspecting import Inspector
from .model import Event
from .rounds import Rounds
from .session import SupersededError
from .state import Ledger, Moved
from .window import Entries, Look, ShapeChangedError, Source, Window, sourced


@dataclass(frozen=True, slots=True)
class Outcome:
    """``lag_ms`` is from the origin's commit to ours at worst, for batches that moved something."""

    changes: int
    rows: int
    lag_ms: float | None


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
    sources: MutableMapping[int, Source] = field(default_factory=dict)
    moved: MutableMapping[int, Moved] = field(default_factory=dict)
    _careful: set[int] = field(default_factory=set)
    _reloaded: set[int] = field(default_factory=set)
    gap_ms: float = 0.0
    """How long the last poll came after the one before it, by the origin's clock: the lag of an idle link."""
    _last_look_at: float | None = None

    def __post_init__(self) -> None:
        self._inspector = Inspector(
            self.origin, self.receiver, self.ledger, self.rounds, self.report, lambda relid: self._hold(relid, "reload")
        )

    def next(self, *, settle: bool = False, inspect: bool = True) -> Outcome:
        """Read one window and commit it. ``settle`` makes tables whose copy has ended live in the same commit.

        Raises ShapeChangedError, SourceFailedError, RewrittenError, SupersededError and psycopg errors of the receiver.
        """
        try:
            return self._next(settle=settle, inspect=inspect)
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
        return Outcome(0, 0, None)

    def _next(self, *, settle: bool, inspect: bool) -> Outcome:
        active = {relid: moved for relid, moved in self.moved.items() if moved.state != "paused"}
        with window.opened(self.origin) as opened:
            with sourced():
                look = opened.look(list(active))
                for relid, moved in active.items():
                    if look.fingerprints.get(relid) != moved.fingerprint:
                        raise ShapeChangedError(relid)
                entries = opened.entries(
                    [(self.sources[relid], moved.since or self.position) for relid, moved in active.items()]
                )
            reloads = {
                relid for relid, moved in active.items()
                if moved.state == "reload" or (relid in entries and entries[relid].whole)
            }  # fmt: skip
            outcome = self._commit(opened, look, entries, reloads, settle=settle)
            if self._last_look_at is not None:
                self.gap_ms = (look.at - self._last_look_at) * 1000
            self._last_look_at = look.at
            if inspect and not settle:
                live = {relid: self.sources[relid] for relid in active if self.moved[relid].state == "live"}
                self._inspector.inspect(opened, live)
        return outcome

    def _commit(
        self, opened: Window, look: Look, entries: Mapping[int, Entries], reloads: set[int], *, settle: bool
    ) -> Outcome:
        touched = [self.sources[relid] for relid in self.sources if relid in entries or relid in reloads]
        if not touched and not settle:
            if look.snapshot != self.position:
                self._advance(look, 0, 0)
                self.position = look.snapshot
            return Outcome(0, 0, None)
        for source in touched:
            self.landing.prepare(source.table)
        rows = 0
        with self.receiver.transaction():
            self.rounds.flush()
            for source in touched:
                rows += self._reload(opened, source) if source.relid in reloads else self._change(opened, source)
            with sourced():
                opened.demand_unrewritten([source.relid for source in touched])
            lag = self._advance(look, 1, rows)
            if settle:
                self.ledger.all_live("copied", "reload", "live")
            else:
                for relid in reloads:
                    self.ledger.set_table(relid, "live")
        self.position = look.snapshot
        self.rounds.flushed()
        self._careful.clear()
        self._reloaded.difference_update(source.relid for source in touched)
        for relid in reloads if not settle else list(self.moved):
            self._note(relid, "live")
        return Outcome(sum(entry.count for entry in entries.values()), rows, lag)

    def _advance(self, look: Look, batches: int, rows: int) -> float | None:
        lag = None
        if self._last_look_at is not None:
            lag = (look.at - self._last_look_at + time.monotonic() - look.received) * 1000
        if not self.ledger.advance(look.snapshot, lag_ms=lag or 0.0, batches=batches, rows=rows):
            raise SupersededError
        return lag

    def _change(self, opened: Window, source: Source) -> int:
        moved = self.moved[source.relid]
        staged = self.landing.changed(opened, source, moved.since or self.position)
        rows = self.landing.apply(source.table, careful=source.relid in self._careful)
        marked = self.landing.mark_dirty(source.table, staged)
        if marked is None:
            self.ledger.dirty_table(source.relid)
        self.rounds.changed(source.relid, marked)
        return rows

    def _reload(self, opened: Window, source: Source) -> int:
        with sourced():
            opened.allow_scans()
        rows = self.landing.whole(opened, source.table)
        self.ledger.dirty_table(source.relid)
        self.rounds.changed(source.relid, None)
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
