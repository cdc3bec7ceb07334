"""Which chunk is to be checked next, and which are known to be equal?

The ledger at the receiver is the truth; this is its copy in memory, with what has been found out since the last commit. Only the
thread that runs the batches touches it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from psycopg import sql

from ..postgres import Connection, Table
from . import cutting, shape
from .checks import Checks, Equal
from .cutting import EVERYTHING
from .model import Difference
from .state import Chunk, Ledger
from .turns import Group, Part, Turn, in_order, key_of

# A repair goes through the ordinary path, so it needs a batch or two.
REPAIR_SECONDS, REPAIRS, LATER_SECONDS = 0.3, 3, 60.0
# A chunk of more than so many times the rows it should have is cut.
GROWN = 4
# Above this many keys it is cheaper to call every chunk of the table dirty than to find out which.
MOST_KEYS = 20_000
ELSEWHERE_SECONDS = 1.0


class Rounds:
    """The continuous check's order: repairs, what was never checked, then what changed, then what was checked long ago."""

    def __init__(self, ledger: Ledger) -> None:
        self.checks = Checks(ledger.receiver, ledger.whose)
        self._parts: dict[int, Part] = {}
        self._queue: list[tuple[float, int, int, int]] = []
        self._pushed = 0
        self._equal: dict[tuple[int, int], Equal] = {}
        self._marked: set[tuple[int, int]] = set()
        self._wrong: Mapping[tuple[int, int], frozenset[tuple[str, str]]] | None = None
        self.asked = 0.0

    # What there is to check.

    def load(self, tables: Iterable[Table]) -> None:
        """Read the ledger; give a table without chunks one that spans it."""
        wanted = {table.oid: table for table in tables}
        if self._wrong is None:
            self._wrong = self.checks.open_differences()
        known = self.checks.chunks(list(wanted))
        if bare := {relid: table.rows for relid, table in wanted.items() if relid not in known}:
            self.checks.add_whole(bare)
            known = {**known, **self.checks.chunks(list(bare))}
        for relid, table in wanted.items():
            self._enter(table, known.get(relid, ()))

    def meet(self, tables: Mapping[int, Table]) -> None:
        """Take up tables that are new here, and cut those anew whose key is another."""
        if new := [table for relid, table in tables.items() if relid not in self._parts]:
            self.load(new)
        for relid, table in tables.items():
            part = self._parts[relid]
            if part.table is not table:
                if key_of(part.table) != key_of(table):
                    self._start_over(table)
                elif shape.outline(part.table) != shape.outline(table):
                    self.changed(relid, None)
                self._parts[relid].table = table
                self._parts[relid].mark.clear()

    def _start_over(self, table: Table) -> None:
        self.checks.cut(table.oid, None, [(1, EVERYTHING, table.rows)])
        self._enter(table, self.checks.chunks([table.oid])[table.oid])

    def _enter(self, table: Table, chunks: Sequence[Chunk]) -> None:
        ordered = in_order(chunks, len(table.key))
        # What an earlier process cut may not suit the key as it is now; a batch must not find that out.
        if ordered is None or not cutting.fit(
            self.checks.receiver, table, [c.low for c in ordered if c.low is not None]
        ):
            self._start_over(table)
            return
        turns = [self._turn(table.oid, chunk) for chunk in ordered]
        self._parts[table.oid] = Part(table, turns, uncut=len(turns) == 1)
        self._parts[table.oid].durable = {turn.chunk.number for turn in turns if turn.dirty}
        for turn in turns:
            self._push(turn)

    def _turn(self, relid: int, chunk: Chunk) -> Turn:
        wrong = (self._wrong or {}).get((relid, chunk.number), frozenset())
        # A monotonic clock knows nothing of an earlier process: what was verified then is due soon, but not before the new.
        at = -1.0 if chunk.verified_at is None else 0.0
        return Turn(relid, chunk, checked_at=at, verified_at=chunk.verified_at or 0.0, dirty=chunk.dirty, wrong=wrong)

    def _push(self, turn: Turn, at: float | None = None) -> None:
        self._pushed += 1
        turn.token = self._pushed
        due = turn.due_at(self.asked) if at is None else at
        heapq.heappush(self._queue, (due, turn.token, turn.relid, turn.chunk.number))

    def ask(self, since: float) -> None:
        """Let everything be verified that was last verified before ``since``, seconds since the epoch by the receiver's clock."""
        if since > self.asked:
            self.asked = since
            for part in self._parts.values():
                for turn in part.turns:
                    self._push(turn)

    @property
    def hurried(self) -> bool:
        """Whether somebody asked and waits, or something was never checked, or is being repaired."""
        return bool(self._queue) and self._queue[0][0] < 0

    def pause(self, now: float) -> float:
        """Return in how many seconds the next chunk is due; 0 when one is."""
        return max(self._queue[0][0] - now, 0.0) if self._queue else math.inf

    # What is due.

    def take(self, live: Mapping[int, Table], now: float, rows: int) -> tuple[Group, ...]:
        """Return chunks to check now, of about so many rows; ``now`` is monotonic seconds."""
        groups: list[Group] = []
        left = rows
        while left > 0 and self._queue and self._queue[0][0] <= now:
            due, token, relid, number = heapq.heappop(self._queue)
            part = self._parts.get(relid)
            place = part.places.get(number) if part else None
            if part is None or place is None or (turn := part.turns[place]).token != token or turn.looking:
                continue
            if relid not in live:
                self._push(turn, now + ELSEWHERE_SECONDS)
            elif turn.due_at(self.asked) > due:
                self._push(turn)
            else:
                group = self._group(part, place, now, left)
                groups.append(group)
                left -= max(sum(turn.chunk.rows for turn in group.turns), 1)
                if group.cut:
                    break
        return tuple(groups)

    def _group(self, part: Part, place: int, now: float, rows: int) -> Group:
        """Take this chunk, and those after it that are due as well."""
        most = self._most_rows(part)
        turns: list[Turn] = []
        for turn in part.turns[place:]:
            big = turn.chunk.rows > most
            if turns and (big or turn.looking or turn.due_at(self.asked) > now or turn.chunk.rows > rows):
                break
            turn.looking, turn.changed = True, False
            turns.append(turn)
            rows -= turn.chunk.rows
            if big:
                return Group(part.table, (turn,), cut=True)
        return Group(part.table, tuple(turns))

    def _most_rows(self, part: Part) -> float:
        """Return how many rows a chunk of this table may have before it is cut."""
        if part.whole or not cutting.can_be_cut(part.table):
            return math.inf
        if part.uncut:
            return -1
        return GROWN * cutting.chunk_rows(part.table, sum(turn.chunk.rows for turn in part.turns))

    # What came of it.

    def cut(self, group: Group, cuts: Sequence[tuple[str, ...]], *, fits: bool) -> None:
        """Replace a chunk by smaller ones; not when it need not be cut, or can't."""
        turn = group.turns[0]
        if not self._stands(turn):
            return
        part = self._parts[turn.relid]
        turn.looking, part.uncut = False, False
        if not fits:
            part.whole = True
        if not cuts or not fits:
            if not cuts:
                turn.chunk = replace(turn.chunk, rows=min(turn.chunk.rows, cutting.CHUNK_ROWS))
            self._push(turn)
            return
        edges = [turn.chunk.low, *cuts, turn.chunk.high]
        first = max(part.places) + 1
        rows = max(turn.chunk.rows // (len(cuts) + 1), 1)
        new = [(first + place, (low, high), rows) for place, (low, high) in enumerate(pairwise(edges))]
        self.checks.cut(turn.relid, [turn.chunk.number], new)
        self._equal.pop((turn.relid, turn.chunk.number), None)
        turns = [Turn(turn.relid, Chunk(number, low, high, many, True, None)) for number, (low, high), many in new]
        turns[0].wrong, turns[0].attempts = turn.wrong, turn.attempts
        place = part.places[turn.chunk.number]
        kept = Part(part.table, [*part.turns[:place], *turns, *part.turns[place + 1 :]], uncut=False)
        kept.durable = {*part.durable, *(number for number, _, _ in new)}
        self._parts[turn.relid] = kept
        for one in turns:
            self._push(one)

    def equal(self, turn: Turn, rows: int, at: float, now: float, cost_seconds: float) -> int:
        """Note that a chunk was equal at ``at`` (the receiver's clock); returns how many differences that settles."""
        if not self._stands(turn):
            return 0
        if settled := len(turn.wrong):
            self.checks.settled(turn.relid, turn.chunk.number, settled)
        turn.looking, turn.wrong, turn.attempts, turn.not_before = False, frozenset(), 0, 0.0
        turn.checked_at, turn.verified_at, turn.cost_seconds = now, at, cost_seconds
        turn.dirty = turn.changed
        turn.chunk = replace(turn.chunk, rows=rows)
        self._equal[turn.relid, turn.chunk.number] = Equal(turn.relid, turn.chunk.number, rows, at, not turn.changed)
        self._push(turn)
        return settled

    def differs(self, table: Table, turn: Turn, found: Sequence[Difference], now: float) -> tuple[Difference, ...]:
        """Note that a chunk differs and is being repaired; returns those differences that are news."""
        if not self._stands(turn):
            return ()
        known = frozenset((one.key, str(one.kind)) for one in found)
        news = tuple(one for one in found if (one.key, str(one.kind)) not in turn.wrong)
        turn.looking, turn.checked_at, turn.dirty = False, now, True
        turn.attempts = 1 if news else turn.attempts + 1
        turn.wrong |= known
        turn.not_before = now + (REPAIR_SECONDS * turn.attempts if turn.attempts <= REPAIRS else LATER_SECONDS)
        self._equal.pop((turn.relid, turn.chunk.number), None)
        self.checks.differs(turn.relid, turn.chunk.number, table.full_name, news)
        self._push(turn)
        return news

    def given_up(self, turns: Iterable[Turn], now: float, seconds: float) -> None:
        """Put back what was not looked at, to be taken up again after ``seconds``."""
        for turn in filter(self._stands, turns):
            turn.looking = False
            turn.not_before = now + seconds
            self._push(turn)

    def _stands(self, turn: Turn) -> bool:
        """Whether the table has not been cut anew since the chunk was given out."""
        part = self._parts.get(turn.relid)
        place = part.places.get(turn.chunk.number) if part else None
        return part is not None and place is not None and part.turns[place] is turn

    # What batches change.

    def touched(self, receiver: Connection, table: Table, stage: sql.Composable, staged: int) -> None:
        """Mark the chunks that the staged keys are in, inside the batch's transaction.

        ``stage`` is a relation of this session that holds the keys as ``shape.key_aliases`` names them; ``staged`` is how many.
        """
        part = self._parts.get(table.oid)
        if part is None:
            return
        many = staged > min(MOST_KEYS, GROWN * len(part.turns))
        if len(part.durable) == len(part.turns) and not any(turn.looking for turn in part.turns):
            self.changed(table.oid, None)
        elif len(part.turns) == 1 or many or key_of(part.table) != key_of(table):
            self.changed_table(table.oid)
        else:
            name = stage.as_string(receiver)
            if name not in part.mark:
                chunks = [(turn.chunk.number, turn.range) for turn in part.turns]
                part.mark[name] = cutting.touched(self.checks.link, table, chunks, stage).as_bytes(receiver)
            numbers = [number for (number,) in receiver.execute(part.mark[name], prepare=True)]
            self._marked.update((table.oid, number) for number in numbers)
            self.changed(table.oid, numbers)

    def changed_table(self, relid: int) -> None:
        """Mark all chunks of a table, inside the batch's transaction."""
        self.checks.dirty(relid)
        part = self._parts.get(relid)
        self._marked.update((relid, turn.chunk.number) for turn in (part.turns if part else ()))
        self.changed(relid, None)

    def changed(self, relid: int, numbers: Sequence[int] | None) -> None:
        """Note that rows of these chunks (None: of all) have changed; marks in the ledger are the caller's business."""
        if (part := self._parts.get(relid)) is None:
            return
        for number in part.places if numbers is None else numbers:
            if (place := part.places.get(number)) is not None:
                self._change(part.turns[place])

    def _change(self, turn: Turn) -> None:
        turn.changed = True
        if (known := self._equal.get((turn.relid, turn.chunk.number))) and known.clean:
            self._equal[turn.relid, turn.chunk.number] = replace(known, clean=False)
        if not turn.dirty:
            turn.dirty = True
            if not turn.looking:
                self._push(turn)

    # What the ledger is told.

    def flush(self) -> None:
        """Tell the ledger which chunks are equal. Call it first in a batch's transaction, before chunks are marked as changed."""
        self._marked.clear()
        if self._equal:
            self.checks.equal(list(self._equal.values()))

    def flushed(self) -> None:
        """Note that what ``flush`` and the marks told the ledger is committed."""
        for relid, number in self._marked:
            if part := self._parts.get(relid):
                part.durable.add(number)
        for (relid, number), known in self._equal.items():
            if known.clean and (part := self._parts.get(relid)):
                part.durable.discard(number)
        self._equal.clear()
        self._marked.clear()
