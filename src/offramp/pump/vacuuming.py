"""How does a switch not wait for autovacuum while writers are held?

A fence, a trigger and a constraint need locks that vacuum keeps out. Autovacuum gives way only to somebody who has waited for
``deadlock_timeout``, a second by default; so it is sent away while nobody waits yet, by a lock that no application minds.
"""

from __future__ import annotations

from psycopg import sql

from .. import postgres
from ..kit import sqlbook
from ..kit.clock import Clock, SystemClock
from ..postgres import Connection, translated
from .fencing import until_free

_BOOK = sqlbook.load("offramp.pump", "sql/vacuuming.sql")
VACUUM_SECONDS = 5.0


def send_vacuum_away(conn: Connection, *, deadline_seconds: float = VACUUM_SECONDS, clock: Clock | None = None) -> None:
    """Have autovacuum let go of the application's tables. Safe to repeat; statements of applications go on meanwhile.

    Raises WaitingError, naming who is in the way, when somebody does not give way: a VACUUM, an index that is being built, or a
    vacuum against wraparound.
    """
    with translated("the database to be switched"):
        oids = [table.oid for table in postgres.tables(conn)]
        until_free(lambda: _take_turns(conn, oids), conn, deadline_seconds, clock or SystemClock())


def _take_turns(conn: Connection, oids: list[int]) -> None:
    row = conn.execute(_BOOK["patience"]).fetchone()
    assert row is not None
    for name in conn.execute(_BOOK["vacuumed"], {"oids": oids}).fetchall():
        with conn.transaction(force_rollback=True):
            conn.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(row[0])))
            conn.execute(sql.SQL(_BOOK["take"]).format(table=sql.Identifier(*name)))
