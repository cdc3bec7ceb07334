"""How does the origin note which rows changed, without ever failing or delaying the application?

Schema ``offramp`` at the origin holds the logs and a register; each captured table has four statement triggers with a function each
(``functions``). All tables write to one log, the active one. When it has grown the functions are pointed at another, and the old one
is emptied once it is consumed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import args_row

from ..errors import WaitingError
from ..kit import sqlbook
from ..kit.clock import Clock, SystemClock
from ..postgres import Connection, Table
from . import guarding, room, shape, trees
from .functions import OPERATIONS, by_operation, function, function_texts, log
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/capture.sql")
# Writers queue behind our lock request, so it must give up sooner than anybody notices.
LOCK_MILLISECONDS = 500
# Then the link says who is in the way, and tries again.
INSTALL_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Captured:
    """One table's place in the origin's register; ``definition`` is the table's outline when its triggers were made."""

    number: int
    relid: int
    link: str
    direction: str
    log: int
    definition: str


def register(origin: Connection) -> Mapping[int, Captured]:
    """Return what is captured at this origin, by the table's oid."""
    if not _exists(origin):
        return {}
    with origin.cursor(row_factory=args_row(Captured)) as cursor:
        return {captured.relid: captured for captured in cursor.execute(_BOOK["captured"])}


def _exists(origin: Connection) -> bool:
    row = origin.execute(_BOOK["capture_exists"]).fetchone()
    return bool(row and row[0])


def prepare(origin: Connection, width: int = 1) -> int:
    """Make the schema, the register and a log for keys of ``width`` columns; returns the active log's number."""
    with origin.transaction():
        origin.execute(room.MAKE)
        origin.execute(_BOOK["register"])
    guarding.install(origin)
    for number, wide, active, _, _ in origin.execute(_BOOK["logs"]).fetchall():
        if active and wide >= width:
            return int(number)
    number = make_log(origin, width)
    origin.execute(_BOOK["activate"], {"number": number})
    return number


def make_log(origin: Connection, width: int) -> int:
    """Make another log, which nobody writes to yet."""
    with origin.transaction():
        row = origin.execute(_BOOK["enter_log"], {"width": width}).fetchone()
        assert row is not None
        columns = shape.comma(sql.SQL("{} text").format(sql.Identifier(f"k{at}")) for at in range(1, width + 1))
        origin.execute(sql.SQL(_BOOK["log_table"]).format(log=log(row[0]), columns=columns))
    return int(row[0])


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
        and trees.fits(table, captured.definition)
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
    active = prepare(origin, max((len(table.key) for table in tables), default=1) or 1)
    ready = standing(origin, link, register(origin), tables)
    missing = tuple(table for table in tables if table.oid not in ready)
    for table in missing:
        deadline = clock.monotonic() + seconds
        while not _try_install(origin, link, table, active):
            if stop() or clock.monotonic() > deadline:
                raise WaitingError(
                    f"Table {table.full_name} could not be locked for its triggers: {blockers(origin, table.oid)} is in the way.",
                    hint="End that transaction, or wait for it; the link tries again.",
                )
            clock.sleep(random.uniform(0.1, 0.6))
    return missing


def _try_install(origin: Connection, link: Link, table: Table, active: int) -> bool:
    try:
        with origin.transaction():
            _alone(origin)
            _install(origin, link, table, active)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True


def _install(origin: Connection, link: Link, table: Table, active: int) -> None:
    origin.execute(sql.SQL(_BOOK["lock_table"]).format(table=shape.name(table)))
    known = register(origin).get(table.oid)
    number = known.number if known is not None else _next_number(origin)
    origin.execute(
        _BOOK["enter"],
        {
            "number": number,
            "relid": table.oid,
            "link": link.name,
            "direction": link.direction,
            "log": active,
            "definition": trees.definition(table),
        },
    )
    # One message for all of it: a switch waits for this.
    parts = [function_texts(table, number, active, by_row=table.in_tree)]
    parts.extend(
        sql.SQL(_BOOK["close_function"]).format(function=function(number, operation)) for operation in OPERATIONS
    )
    parts.extend(
        _render(block, number, table)
        for block in (
            "row_triggers" if table.in_tree else "triggers",
            *(("always",) if link.direction == "forward" else ()),
        )
    )
    origin.execute(sql.SQL("\n").join(parts))


def _alone(origin: Connection) -> None:
    """Wait for locks no longer than a writer may wait behind us, and keep the guards of trigger functions out meanwhile."""
    origin.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(LOCK_MILLISECONDS)))
    guarding.alone(origin)


def _next_number(origin: Connection) -> int:
    row = origin.execute(_BOOK["next_number"]).fetchone()
    assert row is not None
    return int(row[0])


def _render(block: str, number: int, table: Table) -> sql.Composed:
    return sql.SQL(_BOOK[block]).format(table=shape.name(table), **by_operation(number))


def switch_log(origin: Connection, tables: Iterable[tuple[Table, Captured]], target: int) -> None:
    """Point the functions of these tables at log ``target``. Transactions in flight may still write to the old one."""
    for table, captured in tables:
        with origin.transaction():
            texts = function_texts(table, captured.number, target, by_row=trees.by_row(captured.definition))
            origin.execute(texts)
            origin.execute(_BOOK["point"], {"number": captured.number, "log": target})
    origin.execute(_BOOK["activate"], {"number": target})


def truncate_log(origin: Connection, number: int, unread: sql.Composable, position: str) -> bool:
    """Empty a log that nobody is writing to and of which ``position`` has seen everything; False when it is not the time.

    ``unread`` is the condition on the rows (``l``) that have not been found consumed before.
    """
    check = sql.SQL(_BOOK["log_is_consumed"]).format(log=log(number), unread=unread)
    try:
        with origin.transaction():
            origin.execute(sql.SQL(_BOOK["lock_log"]).format(log=log(number)))
            row = origin.execute(check, {"position": position}).fetchone()
            if row is None or not row[0]:
                return False
            origin.execute(sql.SQL(_BOOK["truncate_log"]).format(log=log(number)))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def enter(captured: Captured, keys: Sequence[Sequence[str]]) -> sql.Composed:
    """Return the statement that logs these keys as if their rows had just changed."""
    width = len(keys[0])
    arrays = shape.comma(sql.SQL("{}::text[]").format(sql.Literal([key[at] for key in keys])) for at in range(width))
    return sql.SQL("insert into {} (xid, t, op, {}) select pg_current_xact_id(), {}, 'k', * from unnest({})").format(
        log(captured.log),
        shape.comma(sql.Identifier(f"k{at}") for at in range(1, width + 1)),
        sql.Literal(captured.number),
        arrays,
    )


def blockers(origin: Connection, *oids: int, wholly: bool = False) -> str:
    """Return who holds locks on these tables, for a person to read; ``wholly``: readers too."""
    row = origin.execute(_BOOK["blockers"], {"oids": list(oids), "wholly": wholly}).fetchone()
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
                    f"Capture could not be removed from table {_name(origin, captured.relid)}: "
                    f"{blockers(origin, captured.relid, wholly=True)} is in the way."
                )
            clock.sleep(random.uniform(0.05, 0.3))
    if register(origin):
        return
    deadline = clock.monotonic() + seconds
    while not _try_remove_logs(origin):
        if clock.monotonic() > deadline:
            raise WaitingError("The logs of capture could not be removed: somebody reads or writes them.")
        clock.sleep(random.uniform(0.05, 0.3))


def _name(origin: Connection, relid: int) -> str:
    row = origin.execute("select %s::bigint::oid::regclass::text", [relid]).fetchone()
    return str(row[0]) if row else str(relid)


def _try_remove_logs(origin: Connection) -> bool:
    try:
        _remove_logs(origin)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True


def _remove_logs(origin: Connection) -> None:
    """Drop the logs, the register and the schema, if nothing else is in it."""
    with origin.transaction():
        origin.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(LOCK_MILLISECONDS)))
        if _exists(origin):
            for number, *_ in origin.execute(_BOOK["logs"]).fetchall():
                origin.execute(sql.SQL(_BOOK["drop_log"]).format(log=log(number)))
            guarding.uninstall(origin)
            origin.execute(_BOOK["drop_register"])
        row = origin.execute(_BOOK["schema_is_empty"]).fetchone()
        if row is not None and row[0]:
            origin.execute(_BOOK["drop_schema"])


def _try_uninstall(origin: Connection, captured: Captured) -> bool:
    try:
        with origin.transaction():
            _alone(origin)
            row = origin.execute(
                sql.SQL(
                    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = {}"
                ).format(sql.Literal(captured.relid))
            ).fetchone()
            if row is not None:
                origin.execute(sql.SQL(_BOOK["drop_triggers"]).format(table=sql.Identifier(row[0], row[1])))
            origin.execute(sql.SQL(_BOOK["drop_functions"]).format(**by_operation(captured.number)))
            origin.execute(_BOOK["forget"], {"relid": captured.relid})
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True
