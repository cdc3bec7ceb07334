"""How does a link begin again on what was copied before, when its capture is gone or stands on another server?

Capture is installed afresh and every table is read as a whole: what is equal is not written again where that can be told, what the target has
and the source has not goes away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql

from .. import postgres
from ..errors import RefusedError, WaitingError
from ..kit import sqlbook
from ..kit.clock import Clock, SystemClock
from ..postgres import Connection, Table, translated
from . import capture, guarding, shape, window
from .model import Link
from .state import Ledger, Moved

_BOOK = sqlbook.load("offramp.pump", "sql/reviving.sql")
LOCK_MILLISECONDS = 500
RAZE_SECONDS = 60.0


def revive(origin_conn: Connection, receiver_conn: Connection, link: Link) -> int:
    """Install the capture of a dead link again and mark every table to be read as a whole; returns how many. Safe to repeat.

    The link goes on when it is run again. Raises RefusedError when it is not dead, WaitingError when a table cannot be locked.
    """
    with translated("one side"):
        ledger = Ledger(receiver_conn, link)
        row = ledger.link()
        if row is None or row.phase != "dead":
            raise RefusedError(f"The link {link.name} is not dead.", hint="There is nothing to revive; run it.")
        with receiver_conn.transaction():
            renew(origin_conn, receiver_conn, link, afresh=not row.indexed)
            ledger.set_phase("live" if row.indexed else "index")
        return len(ledger.tables())


def renew(
    origin: Connection,
    receiver: Connection,
    link: Link,
    *,
    afresh: bool = False,
    stop: Callable[[], bool] = lambda: False,
    clock: Clock | None = None,
) -> None:
    """Install capture anew at this origin, and let every table be read as a whole from now on; ``afresh`` empties them first.

    Within the caller's transaction at the receiver. Tables are known by name: on another server their oids may be others.
    """
    clock = clock or SystemClock()
    ledger = Ledger(receiver, link)
    _raze(origin, stop, clock)
    listed = ledger.tables()
    found = {(table.schema, table.name): table for table in postgres.tables(origin)}
    tables = tuple(found[moved.schema, moved.name] for moved in listed if (moved.schema, moved.name) in found)
    capture.install(origin, link, tables, stop=stop, clock=clock)
    with window.opened(origin) as opened:
        look = opened.look([table.oid for table in tables])
    ledger.new_origin(postgres.server(origin).identity, look.snapshot)
    for moved in listed:
        if table := found.get((moved.schema, moved.name)):
            _know(receiver, link, ledger, moved, table, look.fingerprints[table.oid])
            if afresh:
                receiver.execute(sql.SQL(_BOOK["empty"]).format(table=shape.name(table)))
    ledger.reload_all()
    doubt(receiver, link)


def doubt(receiver: Connection, link: Link) -> None:
    """Hold nothing for equal until it has been compared once more."""
    receiver.execute(_BOOK["doubt"], {"link": link.name, "direction": link.direction})


def _know(receiver: Connection, link: Link, ledger: Ledger, moved: Moved, table: Table, fingerprint: str) -> None:
    """Know a table by its oid at this origin."""
    if moved.relid != table.oid:
        named = {"link": link.name, "direction": link.direction, "old": moved.relid, "new": table.oid}
        receiver.execute(_BOOK["forget_chunks"], named)
        receiver.execute(_BOOK["new_relid"], named)
    if shape.outline(table) == moved.outline:
        ledger.set_shape(table, fingerprint)


def _raze(origin: Connection, stop: Callable[[], bool], clock: Clock) -> None:
    """Drop all capture at this origin without asking its register, which may be another database's."""
    deadline = clock.monotonic() + RAZE_SECONDS
    standing: Sequence[tuple[str, str]] = origin.execute(_BOOK["triggers"]).fetchall()
    for schema, name in standing:
        dropping = sql.SQL(_BOOK["drop_triggers"]).format(table=sql.Identifier(schema, name))
        while not _attempt(origin, [dropping]):
            if stop() or clock.monotonic() > deadline:
                raise WaitingError(f"Table {schema}.{name} could not be locked to take old triggers off.")
            clock.sleep(0.3)
    remains = [sql.SQL(statement) for (statement,) in origin.execute(_BOOK["remains"]).fetchall()]
    if not _attempt(origin, remains):
        raise WaitingError("What is left of an earlier capture could not be locked; the link tries again.")


def _attempt(origin: Connection, statements: Sequence[sql.SQL | sql.Composed]) -> bool:
    try:
        with origin.transaction():
            origin.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(LOCK_MILLISECONDS)))
            guarding.alone(origin)
            for statement in statements:
                origin.execute(statement)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True
