"""Where does any wreckage of a switch end? Committed means forward, not committed means back."""

from __future__ import annotations

from collections.abc import Callable

from .. import pump
from ..errors import OfframpError
from .moves import AFTER_COMMIT, BEFORE_COMMIT, COMMIT, go_back, run_move
from .switching import Switching

Interrupt = Callable[[str], None]


def committed(switch: Switching) -> bool:
    """Whether the deciding record says that this epoch is in force."""
    record = switch.standing()
    return record is not None and record.epoch == switch.epoch and record.state == "committed"


def perform(switch: Switching, interrupt: Interrupt) -> None:
    """Do the whole switch, or leave everything as it was.

    Raises what stopped it, after the undo; its hint names what the undo had to leave. After the commit nothing is undone: what
    fails there is raised as it is, and the next run settles forward.
    """
    try:
        for move in (*BEFORE_COMMIT, COMMIT):
            run_move(move, switch, interrupt)
    except OfframpError as error:
        if not committed(switch):
            told = len(switch.notes)
            go_back(switch)
            if left := switch.notes[told:]:
                error.hint = f"{error.hint} Left behind, in nobody's way: {'; '.join(left)}".strip()
            raise
    go_forward(switch, interrupt)


def go_forward(switch: Switching, interrupt: Interrupt) -> None:
    """Finish a committed switch."""
    # A crash between the records of two databases leaves the later ones open; the first has decided.
    COMMIT.do(switch)
    standing = switch.standing()
    for move in AFTER_COMMIT:
        run_move(move, switch, interrupt)
        if move.name == "release" and standing is not None and standing.held_ms is None:
            # The record holds the moment just before the hold, so a hold that outlived a crash is told in full.
            held_ms = (switch.clock.now() - standing.at.timestamp()) * 1000
            pump.report_hold(switch.records[0], switch.epoch, held_ms, switch.timings, switch.notes)
    if (record := switch.standing()) is not None and record.held_ms is not None:
        notes = [*record.notes, *(note for note in switch.notes if note not in record.notes)]
        pump.report_hold(switch.records[0], switch.epoch, record.held_ms, {**record.moves, **switch.timings}, notes)


def settle(switch: Switching, interrupt: Interrupt) -> None:
    """Bring wreckage to one of the two ends."""
    if committed(switch):
        go_forward(switch, interrupt)
    else:
        go_back(switch)
