"""How does a link begin without a copy, because both sides are equal and quiet? And how does its capture end?"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql

from .. import postgres
from ..errors import RefusedError, WaitingError
from ..postgres import Connection, translated
from . import capture, shape, window
from .checks import Checks
from .fencing import fenced
from .model import FenceMark, Link
from .state import Ledger
from .stragglers import end_runner

# How long capture may resist when a switch is undone, and how long a batch may hold its link's row while a switch waits for it.
GIVE_BACK_SECONDS, ROW_MILLISECONDS = 1.0, 1000


def arm(origin_conn: Connection, receiver_conn: Connection, link: Link, mark: FenceMark) -> None:
    """Install capture at the origin and tell the receiver to go on from this moment. Safe to repeat.

    Both sides must be equal and quiet; ``mark`` is the fence on the receiver that keeps it so. Capture that was installed
    ahead with ``capture_ahead`` makes this a matter of milliseconds. Raises RefusedError when the receiver is not fenced.
    """
    with translated("one side"):
        standing = fenced(receiver_conn)
        if standing is None or standing.xid != mark.xid:
            raise RefusedError(
                f"The receiving side of link {link.name} is not behind the fence of epoch {mark.epoch}.",
                hint="Fence it first: rows written there now would be lost.",
            )
        ledger = Ledger(receiver_conn, link)
        row = ledger.link()
        if row is not None and row.epoch >= link.epoch:
            return
        _arm(origin_conn, receiver_conn, link, ledger)


def _arm(origin: Connection, receiver: Connection, link: Link, ledger: Ledger) -> None:
    capture_ahead(origin, link)
    tables = tuple(table for table in postgres.tables(origin) if shape.holds_rows(table))
    there = {(table.schema, table.name): table for table in postgres.tables(receiver)}
    server = postgres.server(origin)
    with window.opened(origin) as opened:
        look = opened.look([table.oid for table in tables])
    ledger.create()
    # In a pipeline, since writers are held: its statements are sent without waiting for each other's answers.
    with receiver.transaction(), receiver.pipeline():
        ledger.forget()
        ledger.start("live", look.snapshot, server.identity, indexed=True)
        for table in tables:
            other = there.get((table.schema, table.name))
            said = shape.differences(table, other) if other else ("the table does not exist on the receiving side",)
            ledger.add(
                table,
                "paused" if said else "live",
                look.fingerprints[table.oid],
                f"Changed: {'; '.join(said)}" if said else None,
            )
        ledger.forget_strange_chunks()


def hand_on_checks(origin_conn: Connection, receiver_conn: Connection, feeding: Link, returning: Link) -> None:
    """Let the link that goes back begin with what the link that ends has cut and found equal, so that it need not check it all again.

    Ahead of a switch: what changes until its fence is compared behind the fence, and what changes after it is captured. Without
    this a way back would have to wait until everything was verified once more. Safe to repeat.
    """
    with translated("one side"):
        ledger = Ledger(origin_conn, returning)
        ledger.create()
        tables = tuple(table for table in postgres.tables(receiver_conn) if shape.holds_rows(table))
        Checks(origin_conn, returning).inherit(Checks(receiver_conn, feeding).by_name(), tables)


def capture_ahead(origin_conn: Connection, link: Link, *, seconds: float = capture.INSTALL_SECONDS) -> int:
    """Install the link's capture before it is needed; returns how many tables were not captured yet.

    Raises WaitingError, naming who is in the way, when a table's lock cannot be had within ``seconds``.

    On RDS this may be done while the forward link runs: what that link applies does not fire these triggers.
    """
    with translated("the origin"):
        tables = tuple(table for table in postgres.tables(origin_conn) if shape.holds_rows(table))
        return len(capture.install(origin_conn, link, tables, seconds=seconds))


def disarm(origin_conn: Connection, link: Link) -> None:
    """Drop this link's triggers, functions and logs at its origin. Safe to repeat.

    Raises WaitingError when a table cannot be locked.
    """
    with translated("the origin"):
        capture.uninstall(origin_conn, link=link)


def give_back(conn: Connection, returning: Link, feeding: Link, *, seconds: float = GIVE_BACK_SECONDS) -> str:
    """Take away capture of ``returning`` that was installed ahead of a switch that is undone; returns why some is left, if any is.

    Safe to repeat. In the way may be the link that feeds this database, standing still in the middle of a batch: its sessions are
    ended, and it connects anew. Where what is left would be in that link's own way, it takes it off itself when it does.
    """
    with translated("the receiving side"):
        for last in (False, True):
            try:
                capture.uninstall(conn, link=returning, seconds=seconds)
            except WaitingError as error:
                end_runner(conn, feeding)
                if last:
                    return error.message
            else:
                break
    return ""


def close_link(receiver_conn: Connection, link: Link) -> None:
    """Make this link's next commit fail for ever: its receiver takes the applications' writes from now on. Safe to repeat."""
    with translated("the receiving side"):
        _past_runner(receiver_conn, link, Ledger(receiver_conn, link).close)


def reopen_link(receiver_conn: Connection, link: Link) -> None:
    """Undo ``close_link``, as long as no later epoch was armed. Safe to repeat."""
    with translated("the receiving side"):
        _past_runner(receiver_conn, link, Ledger(receiver_conn, link).reopen)


def _past_runner(conn: Connection, link: Link, step: Callable[[], None]) -> None:
    """Write to the link's row, which a batch holds until it ends. One that stands still is ended: writers may be waiting for us."""
    for last in (False, True):
        try:
            with conn.transaction():
                conn.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(ROW_MILLISECONDS)))
                step()
            return
        except psycopg.errors.LockNotAvailable:
            if last:
                raise
            end_runner(conn, link)
