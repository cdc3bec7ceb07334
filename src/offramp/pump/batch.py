"""How does one window of changes become one commit at the receiver, and how is a slice proved equal at the same instant?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field

from ..postgres import Connection, Table
from . import verify, window
from .apply import Landing, RejectedError, StrangeRowsError
from .copying import ShapeChangedError
from .model import Difference, Event
from .rounds import Rounds, Turn, slice_rows
from .state import Chunk, Ledger, Moved
from .verify import Digest
from .window import Entries, Look, Source, Window, sourced


class SupersededError(Exception):
    """A later epoch owns the receiver now; this link must not write any more."""


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
                self._inspect(opened, active)
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

    def _inspect(self, opened: Window, active: Mapping[int, Moved]) -> None:
        """Check one chunk: the window is still open and the receiver has just become equal to it."""
        live = {relid: self.sources[relid].table for relid in active if self.moved[relid].state == "live"}
        began = time.monotonic()
        if (due := self.rounds.due(live, began)) is None:
            return
        table, turn = due
        if self.rounds.too_big(table, turn.chunk):
            self._cut(opened, table, turn.chunk)
            return
        here, there = verify.both(
            lambda: self._ask_origin(opened, table, turn.chunk), lambda: self._ask_receiver(table, turn.chunk)
        )
        with sourced():
            opened.demand_unrewritten([table.oid])
        now = time.monotonic()
        if here == there:
            if settled := self.rounds.checked(table, turn, here.rows, now, now - began):
                self.ledger.repaired(settled)
                self.report(Event("differences repaired", {"table": table.full_name, "rows": settled}))
        else:
            self._repair(opened, table, turn, now - began)

    def _ask_origin(self, opened: Window, table: Table, chunk: Chunk) -> Digest:
        with sourced():
            if not chunk.ranged:
                opened.allow_scans()
            return verify.digest(self.origin, table, ((chunk.low, chunk.high),))

    def _ask_receiver(self, table: Table, chunk: Chunk) -> Digest:
        if chunk.ranged:
            return verify.digest(self.receiver, table, ((chunk.low, chunk.high),))
        with self.receiver.transaction():
            self.receiver.execute("set local enable_seqscan = on")
            return verify.digest(self.receiver, table, ((chunk.low, chunk.high),))

    def _cut(self, opened: Window, table: Table, chunk: Chunk) -> None:
        """Cut a chunk that has grown too big where the origin's key order says."""
        step, most = slice_rows(table), 100
        bounds = opened.bounds(table, chunk.low, chunk.high, limit=most * step, step=step)
        # The last bound is the range's end, unless there is more behind it.
        more = bool(bounds) and bounds[-1][1] == most * step
        cuts = [bound for bound, _ in (bounds if more else bounds[:-1])]
        edges = [chunk.low, *cuts]
        counted = bounds[-1][1] if bounds else 0
        with self.receiver.transaction():
            if not cuts:
                self.ledger.narrow_chunk(table.oid, chunk.number, chunk.high, counted)
            else:
                self.ledger.narrow_chunk(table.oid, chunk.number, cuts[0], step)
                for low, high in zip(edges[1:], cuts[1:], strict=False):
                    self.ledger.new_chunk(table.oid, low, high, step)
                left = max(chunk.rows - counted, step) if more else counted - step * len(cuts)
                self.ledger.new_chunk(table.oid, cuts[-1], chunk.high, left)
        self.rounds.load((table,))

    def _repair(self, opened: Window, table: Table, turn: Turn, cost: float) -> None:
        """Find the rows that differ, show them, and enter their keys into the ordinary path."""
        keys: list[tuple[str, ...]] = []
        limits = ((turn.chunk.low, turn.chunk.high),)
        with sourced():
            if table.key:
                here = verify.keyed_rows(self.origin, table, limits)
            else:
                bare = verify.bare_rows(self.origin, table)
        differences: tuple[Difference, ...]
        if table.key:
            pairs = verify.compare_keyed(table, here, verify.keyed_rows(self.receiver, table, limits))
            keys, differences = [key for key, _ in pairs], tuple(difference for _, difference in pairs)
        else:
            differences = verify.compare_bare(table, bare, verify.bare_rows(self.receiver, table))
        if self.rounds.differed(turn, len(differences), time.monotonic(), cost):
            self.ledger.found(differences)
            for difference in differences[:20]:
                self.report(
                    Event(
                        "difference found", {"table": difference.table, "key": difference.key, "kind": difference.kind}
                    )
                )
        with sourced():
            self.origin.rollback()
        if table.key and keys:
            window.enter_keys(self.origin, self.sources[table.oid], keys)
        elif differences:
            self._hold(table.oid, "reload")
