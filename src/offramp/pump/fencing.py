"""How is a database closed to writers exactly, and opened again at once?

Each table is locked against writers, which waits for those in flight, and gets a trigger that refuses the next ones; all in one
transaction. Whoever sees that transaction sees every write there ever was. To open it, the function that refuses is replaced by one
that does not: no table is locked for that, so neither a dump nor a link that stands still can keep writers out.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import args_row

from .. import postgres
from ..errors import WaitingError
from ..kit import sqlbook
from ..kit.clock import Clock, SystemClock
from ..postgres import Connection, Table, translated
from . import capture, room, stragglers
from .model import FenceMark

_BOOK = sqlbook.load("offramp.pump", "sql/fence.sql")
FENCED = "offramp_fenced"
"""The channel on which a fence tells the link that it stands, so that it need not be waited for."""
LOCK_SECONDS = 1.0
FREE_MILLISECONDS = 300
# Whoever comes to a table queues behind us while we wait for it to take off a trigger that refuses nobody any more.
SWEEP_MILLISECONDS = 100
DEADLINE_SECONDS = 10.0
_IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
# What PostgreSQL calls an internal error: two sessions changed one row of a catalogue at the same time.
_SAME_ROW = "tuple concurrently updated"
Result = TypeVar("Result")


def somebody_in_the_way(error: BaseException | None) -> bool:
    """Whether a statement failed only because of what another session was doing just then."""
    if isinstance(error, psycopg.errors.InternalError_):
        return _SAME_ROW in str(error)
    return isinstance(error, _IN_THE_WAY)


def until_free(
    step: Callable[[], Result],
    conn: Connection,
    seconds: float,
    clock: Clock,
    because: str = "Tables could not be locked within {seconds:g} s: {who}.",
    hint: str = "",
    wholly: bool = True,
) -> Result:
    """Repeat a step while another session is in its way. Raises WaitingError, naming who that is, after ``seconds``.

    ``wholly``: the step locks tables against readers too, so that readers are in its way.
    """
    deadline = clock.monotonic() + seconds
    while True:
        try:
            return step()
        except psycopg.Error as error:
            if not somebody_in_the_way(error):
                raise
            # Asked at once: a moment later who was in the way may be gone.
            who = capture.blockers(conn, *(table.oid for table in postgres.tables(conn)), wholly=wholly)
        if clock.monotonic() >= deadline:
            raise WaitingError(because.format(seconds=seconds, who=who), hint=hint)
        clock.sleep(random.uniform(0.02, 0.1))


def fence(
    conn: Connection,
    *,
    link_name: str,
    epoch: int,
    deadline_seconds: float = DEADLINE_SECONDS,
    clock: Clock | None = None,
) -> FenceMark:
    """Close the database to writers and return the mark. Safe to repeat; an older epoch's fence is renewed.

    Raises WaitingError, naming who is in the way, when writers in flight do not end within ``deadline_seconds``.
    """
    clock = clock or SystemClock()
    with translated("the database to be fenced"):
        tables = postgres.tables(conn)
        mark = fenced(conn)
        if mark is not None and (mark.link, mark.epoch) == (link_name, epoch) and not _open(conn, tables):
            return mark
        deadline = clock.monotonic() + deadline_seconds

        def close() -> FenceMark:
            left = deadline - clock.monotonic()
            return _close(conn, tables, link_name, epoch, min(max(left, 0.05), LOCK_SECONDS))

        return until_free(
            close,
            conn,
            deadline_seconds,
            clock,
            because="Writers did not end within {seconds:g} s: {who}.",
            hint="End those transactions, or give the switch a longer deadline.",
            wholly=False,
        )


def _open(conn: Connection, tables: tuple[Table, ...]) -> bool:
    return bool(conn.execute(_BOOK["open_tables"], {"oids": [table.oid for table in tables]}).fetchall())


def _close(conn: Connection, tables: tuple[Table, ...], link_name: str, epoch: int, lock_seconds: float) -> FenceMark:
    token = secrets.token_hex(16)
    with conn.transaction():
        conn.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(int(lock_seconds * 1000))))
        conn.execute(room.MAKE + _BOOK["create"])
        conn.execute(sql.SQL(_BOOK["deny"]).format(token=sql.Literal(token), owner=sql.Literal(_session_user(conn))))
        # All locks before the first trigger: nobody gets an error while we still wait for somebody else.
        for block in ("lock_table", "deny_table"):
            conn.execute(_for_all(_BOOK[block], tables))
        with conn.cursor(row_factory=args_row(FenceMark)) as cursor:
            mark = cursor.execute(_BOOK["raise_mark"], {"link": link_name, "epoch": epoch, "token": token}).fetchone()
        conn.execute(sql.SQL("notify {}").format(sql.Identifier(FENCED)))
    assert mark is not None
    return mark


def _for_all(block: LiteralString, tables: tuple[Table, ...]) -> sql.Composed:
    """Return one statement per table, to be sent at once: a hold is no time for round trips."""
    return sql.SQL(";\n").join(
        sql.SQL(block).format(table=sql.Identifier(table.schema, table.name)) for table in tables
    )


def _session_user(conn: Connection) -> str:
    row = conn.execute("select session_user").fetchone()
    assert row is not None
    return str(row[0])


def fenced(conn: Connection) -> FenceMark | None:
    """Return the mark of the fence that stands, or None."""
    with translated("the fenced database"):
        row = conn.execute(_BOOK["exists"]).fetchone()
        if row is None or not row[0]:
            return None
        with conn.cursor(row_factory=args_row(FenceMark)) as cursor:
            return cursor.execute(_BOOK["mark"]).fetchone()


def unfence(conn: Connection, *, deadline_seconds: float = DEADLINE_SECONDS, clock: Clock | None = None) -> None:
    """Let writers in again, whoever holds a table. Safe to repeat.

    The fence's triggers go too if their tables are free; those that are left refuse nobody, and ``sweep`` takes them off. Raises
    WaitingError when others change the same rows of the catalogue for ``deadline_seconds``.
    """
    clock = clock or SystemClock()
    with translated("the fenced database"):
        until_free(lambda: _let_in(conn), conn, deadline_seconds, clock)
        with suppress(*_IN_THE_WAY):
            _sweep(conn)


def sweep(conn: Connection, *, deadline_seconds: float = DEADLINE_SECONDS, clock: Clock | None = None) -> None:
    """Take off what a lifted fence left. Safe to repeat; a fence that stands is left alone.

    Raises WaitingError, naming who is in the way, when a table's lock cannot be had in time.
    """
    clock = clock or SystemClock()
    with translated("the fenced database"):
        until_free(lambda: _sweep(conn), conn, deadline_seconds, clock)


def _let_in(conn: Connection) -> None:
    row = conn.execute(_BOOK["exists"]).fetchone()
    if row is not None and row[0]:
        with conn.transaction():
            stragglers.writable(conn)
            conn.execute(_BOOK["let_in"])


def _sweep(conn: Connection) -> None:
    if fenced(conn) is not None:
        return
    # The mark's table first: as long as there is one the link takes a fence to stand, and looks at more than it need.
    for statements in (lambda: [sql.SQL(_BOOK["drop_mark"])], lambda: [*_allowed(conn), sql.SQL(_BOOK["drop_deny"])]):
        with conn.transaction():
            conn.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(SWEEP_MILLISECONDS)))
            # At once: a hold is no time for round trips.
            conn.execute(sql.SQL(";\n").join(statements()))


def _allowed(conn: Connection) -> list[sql.Composed]:
    denied = conn.execute(_BOOK["denied_tables"]).fetchall()
    return [sql.SQL(_BOOK["allow_table"]).format(table=sql.Identifier(*name)) for name in denied]


def demand_free(conn: Connection, *, deadline_seconds: float = LOCK_SECONDS, clock: Clock | None = None) -> None:
    """See that every table could be locked now, as what follows a commit must: constraints, capture and writers wait for that.

    Raises WaitingError, naming who is in the way, when somebody holds one for longer than ``deadline_seconds``.
    """
    clock = clock or SystemClock()
    with translated("the receiving side"):
        tables = postgres.tables(conn)
        until_free(
            lambda: _try_locks(conn, tables),
            conn,
            deadline_seconds,
            clock,
            because="The side that is to become primary has tables that somebody else holds: {who}.",
            hint="End those sessions, then try again.",
        )


def _try_locks(conn: Connection, tables: tuple[Table, ...]) -> None:
    with conn.transaction(force_rollback=True):
        conn.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(FREE_MILLISECONDS)))
        conn.execute(_for_all(_BOOK["lock_wholly"], tables))


def pass_through(conn: Connection) -> None:
    """Let this session write through the fence, if one stands: only its owner can."""
    row = conn.execute(_BOOK["exists"]).fetchone()
    if row is not None and row[0]:
        conn.execute(_BOOK["pass"])
