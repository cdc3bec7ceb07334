"""Is the origin still the server that we know, and if not, what has it lost?

Heroku fails over to an asynchronous standby, changes servers in maintenance, upgrades and restores. Each of these gives the server
another start time, timeline or system identifier. What the target has and the source lost is found and taken back, never
carried on silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg.rows import args_row

from .. import postgres
from ..errors import WaitingError
from ..kit import sqlbook
from . import capture, guarding
from .model import Event
from .reviving import doubt, renew
from .session import Session
from .state import LinkRow

_BOOK = sqlbook.load("offramp.pump", "sql/incarnation.sql")
# A position that has seen nothing: every entry of the logs is read again, which costs time and harms nothing.
EVERYTHING = "3:3:"
Fate = Literal["same", "restarted", "promoted", "lost", "other"]


class DeadError(Exception):
    """Capture has ended and changes went by unseen: the link cannot go on without reading everything again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the origin says of itself. ``replayed`` is where its last recovery ended, None when it needed none;
    ``behind`` when it has not yet given out transaction numbers that our position has seen.
    """

    system: str
    timeline: str
    started: str
    replayed: str | None
    standby: bool
    behind: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What we kept of it. ``lsn`` is where its WAL stood when our position was taken, None when nobody noted that."""

    system: str
    timeline: str
    started: str
    replayed: str | None
    lsn: str | None


def admit(session: Session, row: LinkRow, consumer: str) -> None:
    """Find out whether the link may go on from its position, and make it so.

    Raises WaitingError while the origin is a standby, and DeadError when changes were lost for good.
    """
    seen = look(session, row.position)
    if seen.standby:
        raise WaitingError(
            "The origin is a standby and takes no writes; the link waits until it is promoted or named anew."
        )
    known = _known(session, row)
    fate = judge(known, seen)
    death = guarding.autopsy(session.origin)
    if fate != "same":
        session.report(
            Event(
                "origin changed",
                {"fate": fate, "was": known.timeline, "is": seen.timeline, "same_server": fate != "other"},
            )
        )
    if fate == "other" or (death is not None and death.kind == "moved"):
        _begin_anew(session, seen, death.because if death else OTHER)
    elif session.ledger.tables() and not capture.register(session.origin):
        _begin_anew(session, seen, BARE)
    elif death is not None:
        raise DeadError(death.because)
    elif fate == "lost":
        _doubt(session, row, seen, LOST)
    elif guarding.went_back(session.origin, consumer, row.position):
        _doubt(session, row, seen, WENT_BACK)
    elif fate == "promoted":
        _check_again(session, seen)
    _remember(session, seen)


OTHER = "the source is another server, upgraded or restored from a dump"
BARE = "the source has nothing of our capture: it is older than that, or somebody dropped it"
LOST = "the source came back without everything it had committed; every row is compared with it again"
WENT_BACK = "the receiving database is older than it was, so changes are missing; every row is compared again"


def judge(known: Known, seen: Seen) -> Fate:
    """Return what became of the origin since ``known``.

    A promotion loses what was not replayed before it, a crash what was not yet on disk (with synchronous_commit off even what was
    reported as committed). Proof that nothing of ours is lost is a recovery that ended beyond our position; without proof, or
    over more than one promotion, the answer is ``lost``.
    """
    if seen.system != known.system:
        return "other"
    if seen.behind:
        return "lost"
    # A backend that was killed makes the server recover without starting anew.
    if (seen.started, seen.timeline, seen.replayed) == (known.started, known.timeline, known.replayed):
        return "same"
    if seen.timeline == known.timeline:
        # A server that was shut down in order replays nothing.
        return "restarted" if seen.replayed is None or _covers(seen.replayed, known.lsn) else "lost"
    if int(seen.timeline, 16) == int(known.timeline, 16) + 1 and seen.replayed and _covers(seen.replayed, known.lsn):
        return "promoted"
    return "lost"


def _covers(replayed: str, lsn: str | None) -> bool:
    return lsn is not None and _number(lsn) <= _number(replayed)


def _number(lsn: str) -> int:
    """Return an LSN as a number.

    >>> _number("1/10")
    4294967312
    """
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def look(session: Session, position: str | None) -> Seen:
    """Ask the origin who it is."""
    with session.origin.cursor(row_factory=args_row(Seen)) as cursor:
        seen = cursor.execute(_BOOK["look"], {"position": position}).fetchone()
    assert seen is not None
    return seen


def _named(session: Session) -> dict[str, str]:
    return {"link": session.link.name, "direction": session.link.direction}


def _known(session: Session, row: LinkRow) -> Known:
    """Return what the receiver remembers; of a link that begins only its row's word of the server."""
    session.receiver.execute(_BOOK["create"])
    with session.receiver.cursor(row_factory=args_row(Known)) as cursor:
        known = cursor.execute(_BOOK["known"], _named(session)).fetchone()
    system, _, timeline = row.origin.partition("/")
    if known is not None and (known.system, known.timeline) == (system, timeline):
        return known
    # The link was begun or armed anew, on the server that its row names.
    seen = look(session, None)
    return Known(system, timeline, seen.started, seen.replayed, None)


def _remember(session: Session, seen: Seen) -> None:
    session.receiver.execute(
        _BOOK["remember"],
        {
            **_named(session),
            "system": seen.system,
            "timeline": seen.timeline,
            "started": seen.started,
            "replayed": seen.replayed,
        },
    )


def _identity(seen: Seen) -> str:
    return f"{seen.system}/{seen.timeline}"


def _doubt(session: Session, row: LinkRow, seen: Seen, because: str) -> None:
    """Read the whole log again, and hold nothing for equal until it has been compared once more.

    Rows that only the target has are found by the continuous check, reported by key and repaired. Tables without a key cannot
    be followed from an uncertain point: they are read again as a whole.
    """
    tables = postgres.tables(session.origin, [moved.relid for moved in session.ledger.tables()])
    keyless = [table.oid for table in tables if not table.key]
    with session.receiver.transaction():
        session.ledger.new_origin(_identity(seen), EVERYTHING)
        session.receiver.execute(_BOOK["reload_keyless"], {**_named(session), "relids": keyless})
        doubt(session.receiver, session.link)
        _remember(session, seen)
        session.receiver.execute(_BOOK["doubted"], {**_named(session), "because": because})
        session.ledger.hold_because(because)
    if session.consumer:
        guarding.forget_position(session.origin, session.consumer)
    session.report(Event("everything is compared again", {"because": because}))


def _check_again(session: Session, seen: Seen) -> None:
    """Nothing was lost; the promoted server is compared all the same, in its turn."""
    with session.receiver.transaction():
        session.receiver.execute(_BOOK["move_origin"], {**_named(session), "origin": _identity(seen)})
        doubt(session.receiver, session.link)


def beat(session: Session) -> None:
    """Note which position is surely committed, and take back a doubt once everything has been found equal since.

    For the main thread, once a second, between batches.
    """
    row = session.receiver.execute(_BOOK["verified"], _named(session)).fetchone()
    if row is not None:
        session.report(Event("everything was compared", {"differences": row[0]}))
    if (found := session.receiver.execute(_BOOK["standing"], _named(session)).fetchone()) is not None:
        session.committed, because = found
        if because is not None:
            session.ledger.hold_because(because)


def _begin_anew(session: Session, seen: Seen, because: str) -> None:
    """Install capture on a server that has none of ours that is good for anything, and read every table as a whole."""
    session.report(Event("capture is installed anew", {"because": because}))
    with session.still_ours():
        renew(session.origin, session.receiver, session.link, stop=session.stop, clock=session.clock)
        _remember(session, seen)
        session.receiver.execute(_BOOK["doubted"], {**_named(session), "because": because})
