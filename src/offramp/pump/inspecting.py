"""How is a slice proved equal at the same instant on both sides, between two batches, and what if it is not?

The window at the origin is still open and the receiver has just become equal to it, so both look at the very same moment: no locks,
no false alarms.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..postgres import Connection, Table
from . import verify, window
from .model import Difference, Event
from .rounds import Rounds, Turn, slice_rows
from .state import Chunk, Ledger
from .verify import Digest
from .window import Source, Window, sourced


@dataclass
class Inspector:
    """Checks one chunk at a time; ``reload`` makes a table be read again as a whole."""

    origin: Connection
    receiver: Connection
    ledger: Ledger
    rounds: Rounds
    report: Callable[[Event], None]
    reload: Callable[[int], None]

    def inspect(self, opened: Window, live: Mapping[int, Source]) -> None:
        """Check the chunk that is due, if any, of the tables that are live in this window."""
        began = time.monotonic()
        if (due := self.rounds.due({relid: source.table for relid, source in live.items()}, began)) is None:
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
            self._repair(live[table.oid], turn, now - began)

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

    def _repair(self, source: Source, turn: Turn, cost: float) -> None:
        """Find the rows that differ, show them, and enter their keys into the ordinary path."""
        table = source.table
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
            window.enter_keys(self.origin, source, keys)
        elif differences:
            self.reload(table.oid)
