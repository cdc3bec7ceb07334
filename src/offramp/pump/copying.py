"""How do the rows that were there before the link get across? In key ranges, each with its own short snapshot.

A chunk's rows and its line in the ledger commit together, so kill -9 costs the chunk in flight. The tables' logs are not
consumed meanwhile; the first window after the copy reads again every key that was logged since it began.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection
from . import shape, stream
from .apply import rejected
from .model import Event
from .rounds import slice_rows
from .state import Ledger
from .window import RewrittenError, ShapeChangedError, Source, Window, opened

_BOOK = sqlbook.load("offramp.pump", "sql/apply.sql")
CHUNK_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Copier:
    origin: Connection
    receiver: Connection
    ledger: Ledger
    report: Callable[[Event], None]
    stop: Callable[[], bool]

    def copy_table(self, source: Source, fingerprint: str) -> bool:
        """Copy what is left of one table; True when it is complete, False when stopped between chunks.

        Raises ShapeChangedError, RejectedError and SourceFailedError.
        """
        while not self.stop():
            try:
                if self._next_chunk(source, fingerprint):
                    return True
            except RewrittenError:
                self.report(
                    Event("chunk abandoned", {"table": source.table.full_name, "because": "truncated or rewritten"})
                )
        return False

    def _next_chunk(self, source: Source, fingerprint: str) -> bool:
        table = source.table
        chunks = self.ledger.chunks(table.oid)
        if chunks and chunks[-1].high is None:
            self.ledger.set_table(table.oid, "copied")
            return True
        low = chunks[-1].high if chunks else None
        with opened(self.origin) as window, self.receiver.transaction():
            look = window.look([table.oid])
            if look.fingerprints.get(table.oid) != fingerprint:
                raise ShapeChangedError(table.oid)
            if shape.ordered(table):
                rows, last = self._range(window, source, low, len(chunks))
                since = None
            else:
                rows, last, since = self._all(window, source), True, look.snapshot
            window.demand_unrewritten([table.oid])
            self.ledger.copied(table.oid, rows)
            if last:
                # A keyed table reads again what was logged since the link began; images count from this very snapshot.
                self.ledger.set_table(table.oid, "copied", since=None if table.key else since)
        self.report(Event("range copied", {"table": table.full_name, "rows": rows, "last": last}))
        return last

    def _range(self, window: Window, source: Source, low: tuple[str, ...] | None, number: int) -> tuple[int, bool]:
        table = source.table
        bounds = window.bounds(table, low, None, limit=CHUNK_ROWS, step=slice_rows(table))
        last = not bounds or bounds[-1][1] < CHUNK_ROWS
        high = None if last else bounds[-1][0]
        rows = self._pass(window.range(table, low, high), source)
        before, below = 0, low
        for place, (bound, at) in enumerate(bounds[:-1]):
            self.ledger.add_chunk(table.oid, number + 1 + place, below, bound, at - before)
            before, below = at, bound
        self.ledger.add_chunk(table.oid, number + 1 + max(len(bounds) - 1, 0), below, high, rows - before)
        return rows, last

    def _all(self, window: Window, source: Source) -> int:
        window.allow_scans()
        rows = self._pass(window.whole(source.table), source)
        self.ledger.add_chunk(source.table.oid, 1, None, None, rows)
        return rows

    def _pass(self, out: sql.Composed, source: Source) -> int:
        table = source.table
        into = sql.SQL(_BOOK["fill"]).format(table=shape.name(table), columns=shape.columns(shape.stored(table)))
        with rejected(table):
            return stream.through(self.origin, out, self.receiver, into)
