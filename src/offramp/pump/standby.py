"""How does a database whose role may not switch off triggers and foreign keys receive rows, and become a primary again?

On the way back to Heroku there is no replica role: a delete would cascade and an insert would fire. So foreign keys are dropped
with their definitions kept, user triggers are disabled, and rollback puts both back: NOT VALID first, validated later.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from ..kit import sqlbook
from ..kit.clock import Clock, SystemClock
from ..postgres import Connection, translated
from . import room
from .fencing import DEADLINE_SECONDS, LOCK_SECONDS, until_free
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/standby.sql")
_HOW: dict[str, sql.SQL] = {
    "O": sql.SQL("enable"),
    "A": sql.SQL("enable always"),
    "R": sql.SQL("enable replica"),
}


def _exists(conn: Connection) -> bool:
    row = conn.execute(_BOOK["exists"]).fetchone()
    return bool(row and row[0])


def can_be_replica(conn: Connection) -> bool:
    """Whether this session may set ``session_replication_role``, so that no standby preparation is needed."""
    row = conn.execute(
        "select case when current_setting('server_version_num')::int >= 150000"
        " then has_parameter_privilege('session_replication_role', 'SET') else false end"
        " or (select rolsuper from pg_roles where rolname = current_user)"
    ).fetchone()
    return bool(row and row[0])


def prepare_standby(
    conn: Connection, link: Link, *, deadline_seconds: float = DEADLINE_SECONDS, clock: Clock | None = None
) -> None:
    """Drop foreign keys and disable user triggers, keeping what they were. Nothing to do where a replica role can be had.

    The database must be fenced. Safe to repeat. Raises WaitingError when a table's lock cannot be had in time.
    """
    with translated(f"the standby of {link.name}"):
        if not can_be_replica(conn):
            until_free(lambda: _prepare(conn), conn, deadline_seconds, clock or SystemClock())


def _prepare(conn: Connection) -> None:
    with conn.transaction():
        _bound_locks(conn)
        conn.execute(room.MAKE)
        for block in ("create", "keep_constraints", "keep_triggers"):
            conn.execute(_BOOK[block])
        standing = conn.execute(_BOOK["standing_constraints"]).fetchall()
        _at_once(
            conn,
            (
                _render("drop_constraint", schema, name, constraint=sql.Identifier(constraint))
                for schema, name, constraint in standing
            ),
        )
        kept = conn.execute(_BOOK["kept_triggers"]).fetchall()
        _at_once(
            conn,
            (
                _render("disable_trigger", schema, name, trigger=sql.Identifier(trigger))
                for schema, name, trigger, _ in kept
            ),
        )


def restore_primary(
    conn: Connection, link: Link, *, deadline_seconds: float = DEADLINE_SECONDS, clock: Clock | None = None
) -> None:
    """Put foreign keys back as NOT VALID and enable user triggers as they were. Safe to repeat.

    Raises WaitingError when a table's lock cannot be had in time.
    """
    with translated(f"the standby of {link.name}"):
        if _exists(conn):
            until_free(lambda: _restore(conn), conn, deadline_seconds, clock or SystemClock())


def _restore(conn: Connection) -> None:
    with conn.transaction():
        _bound_locks(conn)
        missing = conn.execute(_BOOK["missing_constraints"]).fetchall()
        _at_once(
            conn,
            (
                _render(
                    "add_constraint", schema, name, constraint=sql.Identifier(constraint),
                    definition=sql.SQL(not_valid(definition)),
                )
                for schema, name, constraint, definition in missing
            ),
        )  # fmt: skip
        kept = conn.execute(_BOOK["kept_triggers"]).fetchall()
        _at_once(
            conn,
            (
                _render("enable_trigger", schema, name, trigger=sql.Identifier(trigger), how=_HOW[enabled])
                for schema, name, trigger, enabled in kept
            ),
        )
        conn.execute(_BOOK["restored"])


def not_valid(definition: str) -> str:
    """Return a foreign key's definition as one that is not checked against the rows that are there.

    >>> not_valid("FOREIGN KEY (a) REFERENCES public.t(id) ON DELETE CASCADE")
    'FOREIGN KEY (a) REFERENCES public.t(id) ON DELETE CASCADE NOT VALID'
    >>> not_valid("FOREIGN KEY (a) REFERENCES public.t(id) NOT VALID")
    'FOREIGN KEY (a) REFERENCES public.t(id) NOT VALID'
    """
    return definition if definition.endswith(" NOT VALID") else f"{definition} NOT VALID"


def validate_constraints(conn: Connection) -> tuple[str, ...]:
    """Validate the foreign keys that were put back, without blocking writers; returns their names. Safe to repeat.

    A running forward link does this by itself, one key at a time. Raises OutsideError naming the constraint that the rows break.
    """
    validated: list[str] = []
    while name := validate_next(conn):
        validated.append(name)
    return tuple(validated)


def validate_next(conn: Connection) -> str | None:
    """Validate one of the foreign keys that were put back and return its name; None when all are settled."""
    with translated("the restored primary"):
        if not _exists(conn):
            return None
        for schema, name, constraint, settled in conn.execute(_BOOK["to_validate"]).fetchall():
            if settled is False:
                conn.execute(_render("validate", schema, name, constraint=sql.Identifier(constraint)))
            conn.execute(_BOOK["forget_constraint"], {"schema": schema, "name": name, "constraint": constraint})
            if settled is False:
                return f"{schema}.{name}.{constraint}"
    return None


def _at_once(conn: Connection, statements: Iterable[sql.Composed]) -> None:
    """Send all of them in one message: writers are held, and each round trip is one more that they wait."""
    if listed := list(statements):
        conn.execute(sql.SQL(";\n").join(listed))


def _bound_locks(conn: Connection) -> None:
    conn.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(int(LOCK_SECONDS * 1000))))


def _render(block: str, schema: str, name: str, **more: sql.Composable) -> sql.Composed:
    return sql.SQL(_BOOK[block]).format(table=sql.Identifier(schema, name), **more)
