"""How does the origin note which rows changed, without ever failing or delaying the application?

Schema ``offramp`` at the origin holds two log tables per captured table, one trigger function and four statement triggers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.rows import args_row

from ..errors import WaitingError
from ..kit import sqlbook
from ..kit.clock import Clock, SystemClock
from ..postgres import Connection, Table
from . import shape
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/capture.sql")
# Writers queue behind our lock request, so it must give up sooner than anybody notices.
LOCK_MILLISECONDS = 500
INSTALL_SECONDS = 120.0
Letter = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Captured:
    """One table's place in the origin's register; ``definition`` is the table's outline when its triggers were made."""

    number: int
    relid: int
    link: str
    direction: str
    active: Letter
    definition: str


def log(number: int, letter: str) -> sql.Identifier:
    return sql.Identifier("offramp", f"log_{number}_{letter}")


def function(number: int) -> sql.Identifier:
    return sql.Identifier("offramp", f"capture_{number}")


def register(origin: Connection) -> Mapping[int, Captured]:
    """Return what is captured at this origin, by the table's oid."""
    row = origin.execute(_BOOK["capture_exists"]).fetchone()
    if row is None or not row[0]:
        return {}
    with origin.cursor(row_factory=args_row(Captured)) as cursor:
        return {captured.relid: captured for captured in cursor.execute(_BOOK["captured"])}


def prepare(origin: Connection) -> None:
    """Make the schema and the register; nothing that the application can see or wait for."""
    with origin.transaction():
        origin.execute(_BOOK["schema"])
        origin.execute(_BOOK["own_schema"])
        origin.execute(_BOOK["register"])


def trigger_mode(link: Link) -> str:
    """Forward capture fires always; reverse capture must not see what our own replica-role session applies."""
    return "A" if link.direction == "forward" else "O"


def standing(origin: Connection, link: Link, known: Mapping[int, Captured], tables: tuple[Table, ...]) -> set[int]:
    """Return the oids of tables whose capture is complete, current and enabled."""
    rows = origin.execute(_BOOK["standing"], {"mode": trigger_mode(link), "oids": [t.oid for t in tables]}).fetchall()
    firing = {oid for oid, count, enabled in rows if count == 4 and enabled}
    return {
        table.oid
        for table in tables
        if table.oid in firing
        and (captured := known.get(table.oid)) is not None
        and (captured.link, captured.direction) == (link.name, link.direction)
        and captured.definition == shape.outline(table)
    }


def install(
    origin: Connection,
    link: Link,
    tables: tuple[Table, ...],
    *,
    stop: Callable[[], bool] = lambda: False,
    clock: Clock | None = None,
    seconds: float = INSTALL_SECONDS,
) -> tuple[Table, ...]:
    """Capture ``tables``, one transaction each; returns those that were not captured before. Safe to repeat.

    Raises WaitingError, naming who is in the way, when a table's lock cannot be had within ``seconds``.
    """
    clock = clock or SystemClock()
    prepare(origin)
    ready = standing(origin, link, register(origin), tables)
    missing = tuple(table for table in tables if table.oid not in ready)
    for table in missing:
        deadline = clock.monotonic() + seconds
        while not _try_install(origin, link, table):
            if stop() or clock.monotonic() > deadline:
                raise WaitingError(
                    f"Table {table.full_name} could not be locked for its triggers: {blockers(origin, table.oid)} is in the way.",
                    hint="End that transaction, or wait for it; the link tries again.",
                )
            clock.sleep(random.uniform(0.1, 0.6))
    return missing


def _try_install(origin: Connection, link: Link, table: Table) -> bool:
    try:
        with origin.transaction():
            origin.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(LOCK_MILLISECONDS)))
            _install(origin, link, table)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True


def _install(origin: Connection, link: Link, table: Table) -> None:
    origin.execute(sql.SQL(_BOOK["lock_table"]).format(table=shape.name(table)))
    known = register(origin).get(table.oid)
    if known is not None:
        number = known.number
        # A table whose key changed needs other log columns.
        origin.execute(_render("drop_logs", number, table))
    else:
        row = origin.execute(_BOOK["next_number"]).fetchone()
        assert row is not None
        number = int(row[0])
    origin.execute(
        _BOOK["enter"],
        {
            "number": number,
            "relid": table.oid,
            "link": link.name,
            "direction": link.direction,
            "definition": shape.outline(table),
        },
    )
    # One message for all of it: a switch waits for this.
    blocks = ("close_function", "triggers", *(("always",) if link.direction == "forward" else ()))
    parts = [_render("log_tables", number, table), function_text(table, number, "a")]
    origin.execute(sql.SQL("\n").join([*parts, *(_render(block, number, table) for block in blocks)]))


def _render(block: str, number: int, table: Table) -> sql.Composed:
    return sql.SQL(_BOOK[block]).format(
        table=shape.name(table),
        function=function(number),
        log_a=log(number, "a"),
        log_b=log(number, "b"),
        columns=_log_columns(table),
    )


def _log_columns(table: Table) -> sql.Composed:
    if not table.key:
        return shape.comma([sql.SQL("xid xid8 not null"), sql.SQL("image text"), sql.SQL("change smallint")])
    keys = (sql.SQL("k{} text").format(sql.SQL(str(place))) for place in range(1, len(table.key) + 1))
    return shape.comma([sql.SQL("xid xid8 not null"), *keys])


def function_text(table: Table, number: int, letter: str) -> sql.Composed:
    """Return the statement that makes the table's trigger function write to one of its logs."""
    if table.key:
        positions = [[c.name for c in table.columns].index(key.name) + 1 for key in table.key]
        width = max(positions)
        block, settings = "keyed_function", "fast_settings" if shape.steady_key(table) else "exact_settings"
    else:
        positions, width = [], len(table.columns)
        block, settings = "bare_function", "exact_settings"
    aliases = [sql.Identifier(f"c{place}") for place in range(1, max(width, 1) + 1)]
    # The first column needs no pad: a table whose every column was dropped still yields the null for c1.
    pads = max(width - 1, 0) if table.key and width == 1 else max(width, 1)
    return sql.SQL(_BOOK[block]).format(
        function=function(number),
        log=log(number, letter),
        settings=sql.SQL(_BOOK[settings]),
        keys=shape.comma(sql.SQL("n.{}::text").format(aliases[place - 1]) for place in positions),
        all=shape.comma(sql.SQL("n.{}").format(alias) for alias in aliases[:width]),
        pads=sql.SQL("").join([sql.SQL(", null::text")] * pads),
        aliases=shape.comma(aliases),
    )


def switch_log(origin: Connection, table: Table, captured: Captured) -> Letter:
    """Point new writers at the other log; transactions in flight may still write to the old one, and both are read."""
    other: Letter = "b" if captured.active == "a" else "a"
    with origin.transaction():
        origin.execute(function_text(table, captured.number, other))
        origin.execute(_BOOK["switch"], {"number": captured.number, "active": other})
    return other


def log_sizes(origin: Connection) -> Mapping[int, tuple[int, int]]:
    """Return the bytes of both logs by table number."""
    return {number: (a, b) for number, a, b in origin.execute(_BOOK["log_sizes"])}


def truncate_log(origin: Connection, number: int, letter: str, position: str) -> bool:
    """Empty a log that nobody is writing to and of which ``position`` has seen everything; False when it is not the time."""
    name = log(number, letter)
    try:
        with origin.transaction():
            origin.execute(sql.SQL(_BOOK["lock_log"]).format(log=name))
            row = origin.execute(sql.SQL(_BOOK["log_is_consumed"]).format(log=name), {"position": position}).fetchone()
            if row is None or not row[0]:
                return False
            origin.execute(sql.SQL(_BOOK["truncate_log"]).format(log=name))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def blockers(origin: Connection, *oids: int) -> str:
    """Return who holds locks on these tables, for a person to read."""
    row = origin.execute(_BOOK["blockers"], {"oids": list(oids)}).fetchone()
    return str(row[0]) if row else "nobody any more"


def uninstall(
    origin: Connection, *, clock: Clock | None = None, seconds: float = INSTALL_SECONDS, link: Link | None = None
) -> None:
    """Remove capture (of ``link``, or all of it), one table per transaction. Safe to repeat.

    Raises WaitingError when a table cannot be locked within ``seconds``.
    """
    clock = clock or SystemClock()
    for captured in register(origin).values():
        if link is not None and (captured.link, captured.direction) != (link.name, link.direction):
            continue
        deadline = clock.monotonic() + seconds
        while not _try_uninstall(origin, captured):
            if clock.monotonic() > deadline:
                raise WaitingError(
                    f"Capture could not be removed from table {captured.relid}: {blockers(origin, captured.relid)} is in the way."
                )
            clock.sleep(random.uniform(0.05, 0.3))
    with origin.transaction():
        if not register(origin):
            origin.execute(_BOOK["drop_register"])
            row = origin.execute(_BOOK["schema_is_empty"]).fetchone()
            if row is not None and row[0]:
                origin.execute(_BOOK["drop_schema"])


def _try_uninstall(origin: Connection, captured: Captured) -> bool:
    try:
        with origin.transaction():
            origin.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(LOCK_MILLISECONDS)))
            row = origin.execute(
                sql.SQL(
                    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = {}"
                ).format(sql.Literal(captured.relid))
            ).fetchone()
            if row is not None:
                origin.execute(sql.SQL(_BOOK["drop_triggers"]).format(table=sql.Identifier(row[0], row[1])))
            origin.execute(sql.SQL(_BOOK["drop_function"]).format(function=function(captured.number)))
            origin.execute(
                sql.SQL(_BOOK["drop_logs"]).format(log_a=log(captured.number, "a"), log_b=log(captured.number, "b"))
            )
            origin.execute(_BOOK["forget"], {"relid": captured.relid})
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True
