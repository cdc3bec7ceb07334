"""How do two databases change places when nothing but the pump is there to do it?

A switch is a list of moves (``moves.py``). The same command goes on after kill -9, and so can anybody who finds the wreckage: what was
committed goes forward, what was not is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import OutsideError, WaitingError
from ..kit import sqlbook
from ..kit.clock import Clock
from ..postgres import Connection, translated
from . import capture
from .arming import give_back, reopen_link
from .fencing import fenced, somebody_in_the_way, sweep, unfence
from .model import Event
from .moves import AFTER_COMMIT, BEFORE_COMMIT, Interrupt, Move, Report, Sides, Turning, runner
from .standing import Standing, standing
from .status import status
from .switch import forget_open_switch, report_hold

_BOOK = sqlbook.load("offramp.pump", "sql/alone.sql")
# A link that has said nothing for so long does not run.
SILENCE_SECONDS = 15.0
LAG_SECONDS = 10.0
# How long what the fence left may be waited for, once writers are in again.
SWEEP_SECONDS = 1.0
TRIES = 5


@dataclass(frozen=True, slots=True)
class Turned:
    """What a switch came to. ``held_seconds`` is how long nobody could write; ``moves`` are milliseconds by name.

    ``already`` is true when the switch had been made before, and nothing was left to do.
    """

    name: str
    primary: str
    epoch: int
    held_seconds: float | None
    moves: Mapping[str, float]
    already: bool = False


def turn(
    sides: Sides, before: Standing, *, seconds: float, clock: Clock, report: Report, interrupt: Interrupt
) -> Turned:
    """Make the standby the primary, or leave everything as it was; before the commit it has ``seconds`` for it.

    Raises WaitingError when the link is not fit for it or time runs out, RefusedError when both sides differ.
    """
    turning = Turning(sides, before, clock, clock.monotonic() + seconds, seconds, report, interrupt)
    try:
        demand_fit(sides, before)
        # An earlier attempt may have died after it closed the link; without the link nothing would drain.
        reopen_link(turning.receiver, before.feeding)
        for move in BEFORE_COMMIT:
            _make(turning, move)
    except BaseException:
        # Ctrl-C too: writers must not stay locked out because a person changed their mind.
        if standing(sides.target, before.name).epoch == before.epoch:
            take_back(sides, before, report)
            raise
    return _forward(turning)


def _forward(turning: Turning) -> Turned:
    for move in AFTER_COMMIT:
        _make(turning, move)
    held = None if turning.held_at is None or turning.let_in_at is None else turning.let_in_at - turning.held_at
    after = turning.before.returning
    if held is not None:
        report_hold(turning.sides.target, after.epoch, held * 1000, turning.moves)
    return Turned(after.name, turning.before.standby, after.epoch, held, dict(turning.moves))


def _make(turning: Turning, move: Move) -> None:
    name, do = move
    at = f"pump/{'finish' if turning.before.direction == 'forward' else 'back'}#{name}"
    turning.interrupt(f"{at}:before")
    began = turning.clock.monotonic()
    for more in reversed(range(TRIES)):
        try:
            do(turning)
            break
        except OutsideError as error:
            # The running link and we may lock the same tables in another order; every move may be made again.
            if not more or not somebody_in_the_way(error.__cause__):
                raise
            turning.report(Event("move tried again", {"move": name, "because": error.message}))
    spent = turning.clock.monotonic() - began
    turning.moves[name] = round(spent * 1000, 1)
    turning.report(Event("move made", {"move": name, "seconds": round(spent, 3)}))
    turning.interrupt(f"{at}:after")


def settle(sides: Sides, now: Standing, *, clock: Clock, report: Report) -> bool:
    """Bring a switch that died to its end: back when it was not committed, forward when it was; True when there was one."""
    if now.opened_at is not None:
        report(Event("switch taken back", {"because": "whoever made it is gone"}))
        take_back(sides, now, report)
        return True
    if now.epoch == 0 or complete(sides, now):
        return False
    report(Event("switch completed", {"because": "whoever made it is gone"}))
    before = Standing(now.name, now.returning.direction, now.epoch - 1)
    _forward(Turning(sides, before, clock, 0.0, 0.0, report, lambda _: None))
    return True


def complete(sides: Sides, now: Standing) -> bool:
    """Whether a committed switch was made to its end: the way back is armed, the primary takes writes, the old capture is gone."""
    fed = status(sides.receiver(now), now.feeding)
    mark = fenced(sides.origin(now))
    # A fence of a later epoch is a person's own, put up since.
    if fed is None or fed.link.epoch < now.epoch or (mark is not None and mark.epoch <= now.epoch):
        return False
    with translated(f"the {now.standby}"):
        captured = capture.register(sides.receiver(now)).values()
    return not any((one.link, one.direction) == (now.name, now.returning.direction) for one in captured)


def take_back(sides: Sides, before: Standing, report: Report) -> None:
    """Undo everything before the commit, newest first. Safe to repeat."""
    reopen_link(sides.receiver(before), before.feeding)
    unfence(sides.origin(before))
    report(Event("writers let in again", {"primary": before.primary}))
    if because := give_back(sides.receiver(before), before.returning, before.feeding):
        report(Event("capture left", {"because": because}))
    try:
        sweep(sides.origin(before), deadline_seconds=SWEEP_SECONDS)
    except WaitingError as error:
        report(Event("spent triggers left", {"because": error.message}))
    forget_open_switch(sides.target, before.epoch + 1)


def lock(target: Connection, name: str) -> bool:
    """Become the only one who may switch this pair, for as long as the connection lives."""
    with translated("the target"):
        row = target.execute(_BOOK["try_lock"], {"name": name}).fetchone()
        return bool(row and row[0])


def unlock(target: Connection, name: str) -> None:
    with translated("the target"):
        target.execute(_BOOK["unlock"], {"name": name})


def demand_fit(sides: Sides, now: Standing) -> None:
    """Raise WaitingError unless the link runs, is live and close behind, with no table held."""
    seen = status(sides.receiver(now), now.feeding)
    if seen is None:
        raise WaitingError(
            f"No link {now.name} feeds the {now.standby} yet.", hint="Begin it with `offramp pump start`."
        )
    if seen.beat_age_seconds > SILENCE_SECONDS or not runner(sides.receiver(now), now.feeding):
        raise WaitingError(
            f"No pump runs: the link {now.name} has not reported for {seen.beat_age_seconds:.0f} s.",
            hint="Start it with `offramp pump start`; it goes on where it stopped.",
        )
    if held := [table for table in seen.tables if table.state == "paused"]:
        raise WaitingError(
            f"{len(held)} tables are held back, {held[0].name} among them: {held[0].held_because}.",
            hint=held[0].remedy or "",
        )
    if seen.phase != "live":
        raise WaitingError(f"The link {now.name} is not live yet (phase {seen.phase}).", hint="Wait for it.")
    if seen.lag_seconds > LAG_SECONDS:
        raise WaitingError(
            f"The {now.standby} is {seen.lag_seconds:.0f} s behind; writers would be held for longer than that.",
            hint="Wait until it has caught up, or write less for a while.",
        )
