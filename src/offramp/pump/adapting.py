"""What happens when a table changes its shape while the link runs, or a new one appears?

Each function leaves the table either fit to go on, or held with a plain sentence that says what a person can do.
"""

from __future__ import annotations

from .. import postgres
from . import capture, shape
from .model import Event
from .session import Session
from .state import Moved

CHANGED = "Changed: "


def adapt(session: Session, moved: Moved) -> None:
    """A table's shape or triggers changed: go on when both sides fit, else hold the one table and say what to do."""
    found = postgres.tables(session.origin, [moved.relid])
    if not found:
        hold(session, moved, "the table was dropped at the origin")
        return
    table = found[0]
    there = {(other.schema, other.name): other for other in postgres.tables(session.receiver)}
    if (table.schema, table.name) not in there:
        hold(
            session,
            moved,
            f"table {table.full_name} does not exist on the receiving side; make it there, or rename it alike",
        )
        return
    if said := shape.differences(table, there[table.schema, table.name]):
        hold(
            session,
            moved,
            f"{'; '.join(said)}; make the same change on the receiving side and the link goes on by itself",
        )
        return
    with session.still_ours():
        capture.install(session.origin, session.link, (table,), stop=session.stop, clock=session.clock)
    fingerprint = session.fingerprints([table.oid])[table.oid]
    same = (
        shape.outline(table) == moved.outline and fingerprint.partition("/")[2] == moved.fingerprint.partition("/")[2]
    )
    with session.receiver.transaction():
        session.ledger.set_shape(table, fingerprint)
        if not same or moved.state == "paused":
            session.ledger.set_table(table.oid, "reload")
    session.report(Event("table adapted", {"table": table.full_name, "reload": not same}))


def hold(session: Session, moved: Moved, because: str) -> None:
    """Stop this one table and keep the reason."""
    if moved.held_because != f"{CHANGED}{because}":
        session.report(Event("table held", {"table": moved.full_name, "because": because}))
    session.ledger.set_table(moved.relid, "paused", because=f"{CHANGED}{because}")


def retry_held(session: Session) -> bool:
    """Look again at tables that were held because of their shape; True when there were any."""
    held = [m for m in session.ledger.tables() if m.state == "paused" and (m.held_because or "").startswith(CHANGED)]
    for moved in held:
        adapt(session, moved)
    return bool(held)


def discover(session: Session) -> bool:
    """Join tables that came after the link began; True when there were any."""
    known = {moved.relid for moved in session.ledger.tables()}
    new = [table for table in postgres.tables(session.origin) if table.oid not in known and not table.in_tree]
    for table in new:
        session.ledger.add(table, "paused", because=f"{CHANGED}new")
        for moved in session.ledger.tables():
            if moved.relid == table.oid:
                adapt(session, moved)
    return bool(new)
