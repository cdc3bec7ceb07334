"""Which chunk is to be checked next, and which are known to be equal?

The ledger at the receiver is the truth; this is its copy in memory, with what has been found out since the last commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..postgres import Table
from . import shape
from .state import Chunk, Ledger

# Chunks are small, so that a check delays no batch, but a table never has many more than this.
CHUNKS_PER_TABLE = 300
SLICE_ROWS = 1000
PAUSE_SECONDS, SETTLE_SECONDS, AGAIN_SECONDS = 0.02, 0.5, 10.0
# A chunk that takes long to check is checked so rarely that its delays are no more than a quarter of a percent of the time.
COST_SHARE = 400


def slice_rows(table: Table) -> int:
    """Return how many rows a chunk of this table should have."""
    return max(SLICE_ROWS, table.rows // CHUNKS_PER_TABLE)


@dataclass(slots=True)
class Turn:
    """What is known of one chunk: when it was last found equal, what that cost, and whether rows have changed since."""

    chunk: Chunk
    checked_at: float = -1.0
    cost_seconds: float = 0.0
    dirty: bool = True
    repairing: int = 0

    def due_at(self) -> float:
        """Monotonic seconds from which it may be checked. Never checked ones and repairs come first."""
        if self.repairing:
            return -2.0
        if self.checked_at < 0:
            return -1.0
        pause = SETTLE_SECONDS if self.dirty else AGAIN_SECONDS
        return self.checked_at + max(pause, COST_SHARE * self.cost_seconds)


class Rounds:
    """The continuous check's order: repairs, then what was never checked, then what changed, then what was checked long ago."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turns: dict[int, dict[int, Turn]] = {}
        self._equal: dict[tuple[int, int], int] = {}
        self._next_at = 0.0

    def load(self, tables: Iterable[Table]) -> None:
        """Read the ledger; give a table without chunks one that spans it."""
        for table in tables:
            if not (chunks := self._ledger.chunks(table.oid)):
                self._ledger.new_chunk(table.oid, None, None, table.rows)
                chunks = self._ledger.chunks(table.oid)
            known = self._turns.get(table.oid, {})
            self._turns[table.oid] = {
                chunk.number: replace(turn, chunk=chunk)
                if (turn := known.get(chunk.number)) and (turn.chunk.low, turn.chunk.high) == (chunk.low, chunk.high)
                else Turn(chunk)
                for chunk in chunks
            }

    def due(self, live: Mapping[int, Table], now: float) -> tuple[Table, Turn] | None:
        """Return the chunk to check now, if any; ``now`` is monotonic seconds."""
        if now < self._next_at:
            return None
        turns = (
            (turn.due_at(), not turn.dirty, relid, number)
            for relid in live
            for number, turn in self._turns.get(relid, {}).items()
        )
        best = min(turns, default=None)
        if best is None or best[0] > now:
            return None
        return live[best[2]], self._turns[best[2]][best[3]]

    def too_big(self, table: Table, chunk: Chunk) -> bool:
        return shape.ordered(table) and chunk.rows > 2 * slice_rows(table)

    def changed(self, relid: int, numbers: Sequence[int] | None) -> None:
        """Note that rows of these chunks (None: of all) have changed."""
        turns = self._turns.get(relid, {})
        for number in turns if numbers is None else numbers:
            if number in turns:
                turns[number].dirty = True
                self._equal.pop((relid, number), None)

    def checked(self, table: Table, turn: Turn, rows: int, now: float, cost_seconds: float) -> int:
        """Note that a chunk was found equal; returns how many differences that settles."""
        settled, turn.repairing = turn.repairing, 0
        turn.checked_at, turn.cost_seconds, turn.dirty = now, cost_seconds, False
        turn.chunk = replace(turn.chunk, rows=rows)
        self._equal[table.oid, turn.chunk.number] = rows
        self._spend(now, cost_seconds)
        return settled

    def differed(self, turn: Turn, count: int, now: float, cost_seconds: float) -> bool:
        """Note that a chunk differs and is being repaired; True when these differences are news."""
        self._spend(now, cost_seconds)
        news = not turn.repairing
        turn.repairing = count
        return news

    def flush(self) -> None:
        """Tell the ledger which chunks are equal. Call it before the next batch marks chunks as changed."""
        if self._equal:
            self._ledger.chunks_verified([(relid, number, rows) for (relid, number), rows in self._equal.items()])

    def flushed(self) -> None:
        """Note that what ``flush`` told the ledger is committed."""
        self._equal.clear()

    def _spend(self, now: float, cost_seconds: float) -> None:
        # At most a third of the time goes into checking.
        self._next_at = now + max(PAUSE_SECONDS, 2 * cost_seconds)
