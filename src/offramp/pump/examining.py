"""Are these chunks equal, now that both sides look at the same moment? And what differs, if not?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from ..postgres import Connection, Table
from . import cutting, differing, digest, footing
from .aside import both
from .cutting import EVERYTHING
from .differing import SAME, Found
from .digest import Digest
from .footing import DisturbedError
from .turns import Group, Turn

# Below this nobody notices a lock that is held.
UNNOTICED_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """What was seen of one chunk, at ``at`` by the receiver's clock."""

    table: Table
    turn: Turn
    rows: int
    found: Found
    at: float
    cost_seconds: float


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where a chunk that was too big should be cut; not where either side's order or index does not suit."""

    group: Group
    bounds: tuple[tuple[str, ...], ...]
    fits: bool


Result = Answer | Cuts


@dataclass(frozen=True, slots=True)
class Pair:
    """Two connections whose open transactions see the same moment, ``at`` by the receiver's clock, for at most so many seconds."""

    origin: Connection
    receiver: Connection
    at: float
    most_seconds: float


@dataclass
class Job:
    """Groups to be checked from one moment in ``share`` of the time, and what came of those that were."""

    groups: tuple[Group, ...]
    share: float
    results: list[Result] = field(default_factory=list)
    done: int = 0
    trouble: Exception | None = None
    seconds: float = 0.0

    @property
    def left(self) -> tuple[Group, ...]:
        return self.groups[self.done :]

    def run(self, pair: Pair) -> None:
        """Check one group after the other until one is in trouble; never raises for what a server or a rewrite does."""
        began = time.monotonic()
        try:
            for group in self.groups:
                self.results.extend(examine(pair, group))
                self.done += 1
        except (DisturbedError, psycopg.Error) as error:
            self.trouble = error
        finally:
            self.seconds = time.monotonic() - began


def examine(pair: Pair, group: Group) -> tuple[Result, ...]:
    """Check one group. Raises DisturbedError when it must be given up, and psycopg errors."""
    if group.cut:
        return (_cuts(pair, group),)
    if not group.table.key or group.turns[0].range == EVERYTHING:
        results: tuple[Result, ...] = (_whole(pair, group),)
    else:
        results = _ranges(pair, group)
    for side in (pair.origin, pair.receiver):
        footing.demand_unrewritten(side, group.table)
    return results


def _cuts(pair: Pair, group: Group) -> Cuts:
    limits = group.turns[0].range
    if limits == EVERYTHING:
        digest.allow_scans(pair.receiver, True)
    bounds = cutting.bounds(pair.receiver, group.table, limits)
    if limits == EVERYTHING:
        digest.allow_scans(pair.receiver, False)
    fits = cutting.fit(pair.receiver, group.table, bounds) and cutting.fit(pair.origin, group.table, bounds)
    return Cuts(group, bounds, fits)


def _ranges(pair: Pair, group: Group) -> tuple[Answer, ...]:
    began = time.monotonic()
    ranges = [turn.range for turn in group.turns]
    here, there = both(
        lambda: cutting.digests(pair.origin, group.table, ranges),
        lambda: cutting.digests(pair.receiver, group.table, ranges),
    )
    cost = (time.monotonic() - began) / len(ranges)
    return tuple(
        Answer(group.table, turn, mine.rows, SAME if mine == theirs else _differing(pair, group, turn), pair.at, cost)
        for turn, mine, theirs in zip(group.turns, here, there, strict=True)
    )


def _differing(pair: Pair, group: Group, turn: Turn) -> Found:
    return differing.in_range(pair.origin, pair.receiver, group.table, cutting.within(group.table, *turn.range))


def _whole(pair: Pair, group: Group) -> Answer:
    table, turn, began = group.table, group.turns[0], time.monotonic()
    sides = (pair.origin, pair.receiver)
    for side in sides:
        digest.allow_scans(side, True)
    here, there = both(
        lambda: _summed(pair, pair.origin, group, began), lambda: _summed(pair, pair.receiver, group, began)
    )
    found = SAME
    if here != there:
        found = differing.anywhere(*sides, table, max(here.rows, there.rows))
    for side in sides:
        digest.allow_scans(side, False)
    return Answer(table, turn, here.rows, found, pair.at, time.monotonic() - began)


def _parts(pair: Pair, side: Connection, group: Group, began: float) -> Iterator[sql.Composable]:
    """Return the table's pieces on one side, as long as that keeps nobody waiting.

    Raises DisturbedError when it does, or when it takes longer than a snapshot may be held.
    """
    for piece in digest.pieces(side, group.table):
        spent = time.monotonic() - began
        if spent > pair.most_seconds:
            raise DisturbedError(f"it takes longer than {pair.most_seconds:g} s")
        if spent > UNNOTICED_SECONDS:
            footing.demand_unhindered(side)
        yield piece


def _summed(pair: Pair, side: Connection, group: Group, began: float) -> Digest:
    total = digest.NOTHING
    for piece in _parts(pair, side, group, began):
        total += digest.of(side, group.table, piece)
    return total
