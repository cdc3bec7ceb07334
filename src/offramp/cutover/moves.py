"""Which moves make a switch, in which order, and how is each done, undone, and recognised as done?

A move may be called on any wreckage: ``do`` and ``undo`` are safe to repeat. Everything before ``commit`` can be undone;
nothing after it is. Rollback is the same list with origin and receiver changed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from .. import pump
from ..errors import RefusedError, WaitingError
from .model import hold_order
from .switching import Pair, Switching, side_by_side

# How long what is done before the hold may take in all, and how long one table may be waited for.
OPEN_SECONDS, CAPTURE_SECONDS = 120.0, 5.0
# How long somebody else may hold a table of the new primary before the switch is undone for it.
READY_SECONDS = 2.0
# How long what the fence left on the old primary may be waited for, once its writers are in again.
SWEEP_SECONDS = 1.0


@dataclass(frozen=True)
class Move:
    """One step. ``undo`` is None where nothing needs undoing."""

    name: str
    do: Callable[[Switching], None]
    undo: Callable[[Switching], None] | None = None


def _open(switch: Switching) -> None:
    """Write down that a switch began, so that whoever finds the wreckage knows which; do early what takes time."""
    # Nobody waits yet, so this has a time of its own.
    switch.deadline = switch.clock.monotonic() + OPEN_SECONDS
    for connection in switch.records:
        pump.record_switch(connection, switch.record("open"))
    switch.mark_held(True)

    def ahead(pair: Pair) -> None:
        pump.hand_on_checks(pair.origin, pair.receiver, pair.feeding, pair.returning)
        if switch.direction == "reverse" and not pump.runner(pair.receiver, pair.feeding):
            # A link that has yet to begin would wait for this capture to go.
            return
        # Nobody writes there yet but the link. On RDS its replica role does not fire these triggers; on Heroku it does, and what
        # they note lies before the position that the way back will begin at. A link that connects anew takes them off first; they
        # are installed again behind the fence.
        try:
            pump.capture_ahead(pair.receiver, pair.returning, seconds=CAPTURE_SECONDS)
        except WaitingError as error:
            # It is installed behind the fence then, where no batch is in its way.
            switch.notes.append(f"capture on {pair.plan.name} could not be installed ahead: {error.message}")

    def alone(pair: Pair) -> None:
        for side in (pair.origin, pair.receiver):
            try:
                pump.send_vacuum_away(side)
            except WaitingError as error:
                switch.notes.append(f"a vacuum of {pair.plan.name} did not give way before the hold: {error.message}")

    side_by_side(switch, ahead, bounded=True)
    # Last, since vacuum comes back.
    side_by_side(switch, alone, bounded=True)


def _close_unswitched(switch: Switching) -> None:
    """Tidy up behind a switch that was not made. Nobody waits for this; what cannot be removed stops nobody, and is noted and left."""

    def tidy(pair: Pair) -> None:
        if because := pump.give_back(pair.receiver, pair.returning, pair.feeding):
            switch.notes.append(f"some capture was left on the standby of {pair.plan.name}: {because}")
        try:
            pump.sweep(pair.origin, deadline_seconds=SWEEP_SECONDS)
        except WaitingError as error:
            switch.notes.append(
                f"triggers that refuse nobody were left on the primary of {pair.plan.name}: {error.message}"
            )

    side_by_side(switch, tidy)
    switch.mark_held(False)
    for connection in reversed(switch.records):
        pump.forget_open_switch(connection, switch.epoch)


def _hold(switch: Switching) -> None:
    """Let transactions end, then keep every client of the pooler waiting."""
    switch.deadline = switch.clock.monotonic() + switch.blueprint.cutover.deadline_seconds
    for connection in switch.records:
        pump.record_switch(connection, switch.record("open"))
    pairs = {pair.plan.name: pair for pair in switch.pairs}
    for name in hold_order(switch.blueprint, pairs):
        switch.console.pause(name, seconds=switch.left(), waiting=partial(_hurry, switch, pairs[name]))


def _hurry(switch: Switching, pair: Pair, waited: float) -> None:
    """Name whose transaction keeps the hold waiting, once patience is over; then end it, or give the switch up, by policy.

    Every other client of the pooler waits behind that one transaction.
    """
    plan = switch.blueprint.cutover
    if waited < plan.patience_seconds:
        return
    found = pump.in_transaction(pair.origin, plan.patience_seconds)
    if plan.long_transactions == "cancel" and found:
        left = pump.end(pair.origin, found)
        switch.notes.extend(f"ended, so that the switch could go on: {one}" for one in found if one not in left)
        return
    who = f": {found[0]}" if found else ", but the server shows no transaction that old"
    raise WaitingError(
        f"A transaction on {pair.plan.name} has kept the switch of {switch.wave.name} waiting for {waited:.1f} s{who}.",
        hint='The switch was undone. End that transaction, or set `long_transactions = "cancel"` under [cutover], then try again.',
    )


def _let_go(switch: Switching) -> None:
    for pair in switch.pairs:
        switch.console.resume(pair.plan.name)
    switch.let_go_at = switch.clock.monotonic()


def _fence(switch: Switching) -> None:
    """Nobody writes to the origin any more, whatever way they come."""

    def fence(pair: Pair) -> None:
        switch.marks[pair.plan.name] = pump.fence(
            pair.origin,
            link_name=pair.plan.name,
            epoch=switch.epoch,
            deadline_seconds=switch.left(),
            clock=switch.clock,
        )

    side_by_side(switch, fence)


def _unfence_origin(switch: Switching) -> None:
    side_by_side(switch, lambda pair: pump.unfence(pair.origin))


def _drain(switch: Switching) -> None:
    """The receiver has everything that was written before the fence."""

    def drain(pair: Pair) -> None:
        mark = switch.marks.get(pair.plan.name) or pump.fenced(pair.origin)
        if mark is None:
            raise RefusedError(
                f"{pair.plan.name} is not fenced, so it cannot be drained.", hint="Run `offramp run` to settle it."
            )
        while not pump.drained(pair.receiver, pair.feeding, mark):
            switch.left()
            switch.clock.sleep(0.005)

    side_by_side(switch, drain, bounded=True)


def _verify(switch: Switching) -> None:
    """Both sides are equal, chunk by chunk, now that nothing moves."""

    def verify(pair: Pair) -> None:
        switch.left()
        found = pump.verify_all(pair.origin, pair.receiver, pair.feeding, only_dirty=True)
        if found.differences:
            first = found.differences[0]
            raise RefusedError(
                f"{len(found.differences)} rows of {pair.plan.name} differ after the drain, the first in {first.table}.",
                hint="Nothing was switched. The link repairs them; see `offramp why`, then try again.",
            )

    side_by_side(switch, verify, bounded=True)


def _ready(switch: Switching) -> None:
    """What follows the commit needs every table of the new primary, and cannot be undone."""

    def ready(pair: Pair) -> None:
        pump.demand_free(pair.receiver, deadline_seconds=min(switch.left(), READY_SECONDS), clock=switch.clock)

    side_by_side(switch, ready, bounded=True)


def _sequences(switch: Switching) -> None:
    """What no trigger can follow: sequences, and large objects where there are any."""

    def carry(pair: Pair) -> None:
        pump.carry_sequences(pair.origin, pair.receiver)
        pump.carry_objects(pair.origin, pair.receiver)

    side_by_side(switch, carry, bounded=True)


def _end_feeding(switch: Switching) -> None:
    """The old link may never write again: from here on its receiver takes the applications' writes."""
    side_by_side(switch, lambda pair: pump.close_link(pair.receiver, pair.feeding), bounded=True)


def _reopen_feeding(switch: Switching) -> None:
    for pair in switch.pairs:
        pump.reopen_link(pair.receiver, pair.feeding)


def _commit(switch: Switching) -> None:
    """The one-way door: the first record decides for the wave, the others follow it."""
    standing = switch.standing()
    # Whoever settles what another process began does not know its reason; the record does.
    record = switch.record("committed", standing.at if standing else None)
    for connection in switch.records:
        pump.record_switch(connection, replace(record, reason=standing.reason if standing else record.reason))


def _open_receiver(switch: Switching) -> None:
    """The new primary may be written: its fence from an earlier epoch falls, its constraints and triggers return."""
    side_by_side(switch, lambda pair: pump.restore_primary(pair.receiver, pair.feeding))


def _arm(switch: Switching) -> None:
    """Capture stands on the new primary before its first write is let in: this is the way back."""

    def arm(pair: Pair) -> None:
        mark = pump.fenced(pair.origin)
        assert mark is not None, "the origin stays fenced after a commit"
        pump.arm(pair.receiver, pair.origin, pair.returning, mark)

    side_by_side(switch, arm)


def _unfence_receiver(switch: Switching) -> None:
    for pair in switch.pairs:
        pump.unfence(pair.receiver)


def _repoint(switch: Switching) -> None:
    """The pooler's configuration leads to the new primary."""
    digest = switch.point_pooler()
    state = switch.door.rewrite()
    if state.digest != digest:
        raise WaitingError(
            "The pooler read another document than the one just written.",
            hint="Run `offramp run` to settle the switch.",
        )


def _release(switch: Switching) -> None:
    """PgBouncer takes the new target and lets everybody go there."""
    switch.console.release([pair.plan.name for pair in switch.pairs])
    switch.let_go_at = switch.clock.monotonic()


def _standby(switch: Switching) -> None:
    """Make the old primary fit to receive. The link that feeds it waits until its old capture has gone; nobody else does."""

    def standby(pair: Pair) -> None:
        # Whoever holds a table there would keep us from its keys and triggers.
        pump.end(pair.origin, pump.visitors(pair.origin))
        pump.prepare_standby(pair.origin, pair.returning)
        pump.disarm(pair.origin, pair.feeding)

    side_by_side(switch, standby)


def _strand(switch: Switching) -> None:
    """Whoever still comes to the old primary, past the pooler, meets a read-only database. Nobody waits for this any more."""

    def strand(pair: Pair) -> None:
        left = pump.strand(pair.origin)
        switch.notes.extend(f"still connected to {pair.plan.name} on the old side: {one}" for one in left)

    side_by_side(switch, strand)


BEFORE_COMMIT: tuple[Move, ...] = (
    Move("open", _open, _close_unswitched),
    Move("hold", _hold, _let_go),
    Move("fence", _fence, _unfence_origin),
    Move("drain", _drain),
    Move("verify", _verify),
    Move("ready", _ready),
    Move("sequences", _sequences),
    Move("close", _end_feeding, _reopen_feeding),
)
COMMIT = Move("commit", _commit)
AFTER_COMMIT: tuple[Move, ...] = (
    Move("constraints", _open_receiver),
    Move("reverse", _arm),
    Move("unfence", _unfence_receiver),
    Move("repoint", _repoint),
    Move("release", _release),
    Move("standby", _standby),
    Move("strand", _strand),
)
MOVES: tuple[Move, ...] = (*BEFORE_COMMIT, COMMIT, *AFTER_COMMIT)


def run_move(move: Move, switch: Switching, interrupt: Callable[[str], None]) -> None:
    """Do one move, timed, with the crash points that tests use on both sides of it."""
    interrupt(f"cutover/{switch.wave.name}#{move.name}:before")
    began = switch.clock.monotonic()
    move.do(switch)
    switch.timings[move.name] = (switch.clock.monotonic() - began) * 1000
    interrupt(f"cutover/{switch.wave.name}#{move.name}:after")


def go_back(switch: Switching) -> None:
    """Undo everything before the commit, newest first. Writers are let go last of all but the record."""
    undone: Mapping[str, Callable[[Switching], None]] = {move.name: move.undo for move in BEFORE_COMMIT if move.undo}
    for name in ("close", "fence", "hold", "open"):
        undone[name](switch)
