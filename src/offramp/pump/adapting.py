"""What happens when a table changes its shape while the link runs, or a new one appears?

The change is carried over, or the one table is held with a plain sentence that says what a person can do; all others go on.
"""

from __future__ import annotations

from . import fingerprint
from .evolving import CHANGED, Pass, RestlessError
from .model import Event
from .picture import Album
from .session import Outlook, Session
from .sketching import remember, sketch
from .state import Moved

__all__ = ["CHANGED", "adapt", "discover", "remember", "retry_held", "sketch"]
# The counters that say whether a look is worth while may be late by this much, or lost in a crash.
LOOK_SECONDS = 15.0


def adapt(session: Session, moved: Moved, *, copying: bool = False) -> None:
    """A table's shape or triggers changed: carry that over, and all else that changed with it.

    ``copying``: the caller goes on with tables that are left in the state ``copy``; else they are read again as a whole.
    """
    try:
        Pass(session, copying).run((moved.relid,))
    except RestlessError:
        session.report(Event("schema change waits", {"because": "the origin's schema is changing right now"}))
        session.rest(0.2)


def retry_held(session: Session) -> bool:
    """Look again at tables held because of their shape, and at rules that wait for rows; True when there were any."""
    held = [
        m.relid for m in session.ledger.tables() if m.state == "paused" and (m.held_because or "").startswith(CHANGED)
    ]
    if not held:
        return False
    return _pass(session)


def discover(session: Session) -> bool:
    """Carry over what changed in tables that nobody wrote to, join new ones; True when tables' states may differ now.

    Cheap enough for every second: while nobody writes to the origin's catalogues there is nothing to look for.
    """
    album = Album(session.receiver, session.link)
    outlook, now = session.outlook, session.clock.monotonic()
    count = fingerprint.stirred(session.origin)
    if count == outlook.count and now - outlook.at < LOOK_SECONDS:
        if now - outlook.at < outlook.patience or not (album.exists() and album.waiting()):
            return False
        # What did not succeed may be dear to try, so it is tried ever more rarely.
        session.outlook = Outlook(count, now, min(outlook.patience * 2, LOOK_SECONDS))
    else:
        session.outlook = Outlook(count, now)
    return _pass(session)


def _pass(session: Session) -> bool:
    try:
        return Pass(session).run()
    except RestlessError:
        session.outlook = Outlook()
        return False
