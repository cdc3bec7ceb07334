"""Is every row equal on both sides, checked since a moment ago, and is the schema?

A running link checks a little with every batch; asked to, it goes through everything once more. Two quiet databases, fenced and
drained, are compared at once instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import RefusedError, WaitingError
from ..kit.clock import Clock
from ..postgres import Connection
from .differences import schema_differences
from .fencing import fenced
from .model import FoundDifference, LinkStatus
from .moves import Sides, owner_of, runner
from .standing import Standing
from .status import drained, status
from .turning import SILENCE_SECONDS
from .verify import request_verification, verified_since, verify_all

LOOK_SECONDS = 0.25
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Proof:
    """``share`` of the rows (0 to 1) was found equal; ``differences`` were found, ``standing`` ones are not repaired yet.

    ``complete`` when every row of every table was found equal, repaired ones included. ``schema_differences`` say in sentences what else differs.
    """

    tables: int
    rows: int
    share: float
    differences: int
    standing: int
    seconds: float
    complete: bool
    last_differences: tuple[FoundDifference, ...] = ()
    schema_differences: tuple[str, ...] = ()


def prove(
    sides: Sides, now: Standing, *, wait: bool, seconds: float, clock: Clock, progress: Callable[[Proof], None]
) -> Proof:
    """Check everything once more. Without ``wait`` only tell what the link knows; else tell ``progress`` every look.

    Raises WaitingError when no pump runs, a table is held back, or it takes longer than ``seconds``; RefusedError before the
    link has begun.
    """
    origin, receiver = sides.origin(now), sides.receiver(now)
    mark = fenced(origin)
    if mark is not None and drained(receiver, now.feeding, mark):
        proof = _at_once(origin, receiver, now)
    elif wait:
        proof = _wait(receiver, now, seconds, clock, progress)
    else:
        proof = _known(_demand(receiver, now))
    return replace(proof, schema_differences=schema_differences(origin, receiver, owner_of(receiver)))


def _known(seen: LinkStatus) -> Proof:
    return Proof(
        tables=len(seen.tables),
        rows=seen.rows_estimate,
        share=seen.verified_share,
        differences=seen.differences,
        standing=max(seen.differences - seen.repaired, 0),
        seconds=0.0,
        complete=seen.verified_share == 1,
        last_differences=seen.last_differences,
    )


def _at_once(origin: Connection, receiver: Connection, now: Standing) -> Proof:
    found = verify_all(origin, receiver, now.feeding)
    wrong = len(found.differences)
    last = tuple(FoundDifference(d.table, d.key, d.kind, 0.0) for d in found.differences[:SHOWN])
    share = 1.0 if not wrong else 1 - min(wrong / max(found.rows, 1), 1.0)
    return Proof(found.tables, found.rows, share, wrong, wrong, found.seconds, not wrong, last)


def _wait(
    receiver: Connection,
    now: Standing,
    seconds: float,
    clock: Clock,
    progress: Callable[[Proof], None],
) -> Proof:
    began = clock.monotonic()
    since = request_verification(receiver, now.feeding)
    while True:
        seen = _demand(receiver, now)
        found = verified_since(receiver, now.feeding, since)
        spent = clock.monotonic() - began
        last = seen.last_differences[: found.differences]
        proof = Proof(
            len(seen.tables), found.rows, found.share, found.differences, found.standing, spent, found.done, last
        )
        if proof.complete:
            return proof
        progress(proof)
        _demand_possible(receiver, now, seen, proof, seconds)
        clock.sleep(LOOK_SECONDS)


def _demand(receiver: Connection, now: Standing) -> LinkStatus:
    seen = status(receiver, now.feeding)
    if seen is None:
        raise RefusedError("Nothing moves between these two yet.", hint="Begin with `offramp pump start`.")
    return seen


def _demand_possible(receiver: Connection, now: Standing, seen: LinkStatus, proof: Proof, seconds: float) -> None:
    if seen.beat_age_seconds > SILENCE_SECONDS or (seen.beat_age_seconds > 3 and not runner(receiver, now.feeding)):
        raise WaitingError("No pump runs, so nothing is verified.", hint="Start it with `offramp pump start`.")
    if held := [table for table in seen.tables if table.state == "paused"]:
        raise WaitingError(
            f"{held[0].name} is held back, so it is not verified: {held[0].held_because}", hint=held[0].remedy or ""
        )
    if proof.seconds > seconds:
        raise WaitingError(
            f"{proof.share:.0%} of the rows were verified within {seconds:g} s.",
            hint="Ask again, or wait longer with --within.",
        )
