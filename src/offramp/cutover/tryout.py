"""What would the hold be, tonight, with this load? The switch as far as the comparison, on production, and all of it undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..design.model import Blueprint
from ..engine.acting import Interrupt
from ..errors import OfframpError, RefusedError
from ..tools import Tools
from . import gates, look
from .model import WaveSeen
from .moves import BEFORE_COMMIT, go_back, run_move
from .open import switching
from .switching import Switching

# For so long is waited until every gate is open: a link may lag for a moment.
GATES_SECONDS, LOOK_SECONDS = 60.0, 1.0
# Everything that takes time while writers are held; what comes after changes something.
TRIED = ("open", "hold", "fence", "drain", "verify")


@dataclass(frozen=True, slots=True)
class Tryout:
    """How long writers waited, how long the undo took to let them go, and each move, in milliseconds."""

    wave: str
    to: str
    held_ms: float
    undo_ms: float
    moves: Mapping[str, float]


def try_out(tools: Tools, want: Blueprint, wave_name: str, interrupt: Interrupt) -> Tryout:
    """Hold, fence, drain and compare a wave, then undo it. Raises RefusedError when a gate is shut, and what stopped the switch.

    Killed in between, it leaves what a killed switch leaves: the next `offramp run` takes it back.
    """
    wave = _once_open(tools, want, wave_name)
    direction = "forward" if wave.primary == "heroku" else "reverse"
    with switching(tools, want, wave_name, direction, wave.epoch + 1) as switch:  # type: ignore[arg-type]
        try:
            for move in BEFORE_COMMIT:
                if move.name in TRIED:
                    run_move(move, switch, interrupt)
        except OfframpError:
            go_back(switch)
            raise
        began = switch.clock.monotonic()
        go_back(switch)
        return _report(switch, "aws" if wave.primary == "heroku" else "heroku", began)


def _once_open(tools: Tools, want: Blueprint, name: str) -> WaveSeen:
    """Return the wave as seen once every gate was open. Raises RefusedError for one that stays shut."""
    deadline = tools.clock.monotonic() + GATES_SECONDS
    while True:
        wave = next(one for one in look.look(tools, want).waves if one.wave == name)
        if wave.open_epoch is not None or wave.held:
            raise RefusedError(
                f"A switch of {name} began and did not end.", hint="Run `offramp run`; it settles that first."
            )
        if not (shut := gates.shut(gates.gates(wave, want.cutover))):
            return wave
        if tools.clock.monotonic() >= deadline:
            raise RefusedError(f"{name} cannot switch now: {shut[0]}.", hint="`offramp why cutover` shows every gate.")
        tools.clock.sleep(LOOK_SECONDS)


def _report(switch: Switching, to: str, undo_began: float) -> Tryout:
    """Writers wait from the hold's beginning until the undo lets them go."""
    assert switch.let_go_at is not None, "the undo has let them go"
    spent = dict(switch.timings)
    before = sum(ms for name, ms in spent.items() if name != "open")
    undo = (switch.let_go_at - undo_began) * 1000
    return Tryout(switch.wave.name, to, before + undo, undo, spent)
