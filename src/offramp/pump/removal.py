"""What of ours is on a server, and how does it all go?"""

from __future__ import annotations

from ..kit import sqlbook
from ..postgres import Connection, translated
from . import capture, standby
from .fencing import sweep, unfence
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/removal.sql")


def leftovers(conn: Connection) -> tuple[str, ...]:
    """Return every object of ours on that database, by name; empty when nothing is left."""
    with translated("the server"):
        return tuple(row[0] for row in conn.execute(_BOOK["leftovers"]))


def remove(conn: Connection) -> None:
    """Take everything of ours off that database: fence, capture, kept constraints put back, schema. Safe to repeat.

    Raises WaitingError when a table cannot be locked.
    """
    link = Link("removal", "forward", 0)
    standby.restore_primary(conn, link)
    standby.validate_constraints(conn)
    unfence(conn)
    sweep(conn)
    with translated("the server"):
        capture.uninstall(conn)
        conn.execute(_BOOK["drop"])
