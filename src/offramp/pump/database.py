"""What belongs to the database itself, and comes across without pg_dump? Its settings, its comment, those of extensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection
from . import roles
from .attempts import refused
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/database.sql")
# Lists whose parts are stored quoted; only the server itself can take such a text apart again.
_QUOTED_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
    }
)


@dataclass(frozen=True, slots=True)
class Setting:
    """``ALTER DATABASE .. SET`` (no role), ``ALTER ROLE .. SET`` (not ``here``) or ``ALTER ROLE .. IN DATABASE .. SET``."""

    role: str | None
    here: bool
    name: str
    value: str


def settings(side: Connection) -> frozenset[Setting]:
    """Return the settings of this database and of the roles that it names."""
    with side.cursor(row_factory=args_row(Setting)) as cursor:
        return frozenset(cursor.execute(_BOOK["settings"]))


def missing_settings(origin: Connection, receiver: Connection, owner: str | None) -> tuple[Setting, ...]:
    """Return the origin's settings that the receiving side does not have alike, in the receiver's names of roles."""
    who = roles.names(origin, receiver, owner)
    wanted = (
        Setting(name, each.here, each.name, each.value)
        for each in settings(origin)
        for name in [None if each.role is None else who.of(each.role)]
        if each.role is None or name is not None
    )
    standing = settings(receiver)
    return tuple(
        sorted((each for each in wanted if each not in standing), key=lambda each: (each.name, each.role or ""))
    )


def carry_settings(origin: Connection, receiver: Connection, owner: str | None) -> tuple[Concern, ...]:
    """Make settings of the database and of its roles equal to the origin's; returns those that were refused."""
    said = []
    for each in missing_settings(origin, receiver, owner):
        # A role may always change its own settings; for others the receiver's role needs to have made them.
        whom = owner if each.role == owner else None
        if answer := refused(receiver, statement(each, receiver.info.dbname), whom):
            said.append(
                Concern(
                    f"setting {each.name}",
                    f"It could not be carried ({each.role or 'database'}: {each.value}): {answer}.",
                    "Set it in the target's parameter group if it is still wanted.",
                    False,
                )
            )
    return tuple(said)


def statement(each: Setting, database: str) -> sql.Composed:
    """Return what stores one setting."""
    if each.role is None:
        whose = sql.SQL("database {}").format(sql.Identifier(database))
    else:
        within = sql.SQL(" in database {}").format(sql.Identifier(database)) if each.here else sql.SQL("")
        whose = sql.SQL("role {}{}").format(sql.Identifier(each.role), within)
    block = "store_list" if each.name.lower() in _QUOTED_LISTS else "store"
    return sql.SQL(_BOOK[block]).format(
        whose=whose,
        name=sql.SQL(".").join(map(sql.Identifier, each.name.split("."))),
        key=sql.Literal(each.name),
        value=sql.Literal(each.value),
    )


def carry_comments(origin: Connection, receiver: Connection) -> tuple[Concern, ...]:
    """Carry the comments of the database, of the public schema and of extensions; returns those that were refused."""
    said = []
    for kind, name, text in _differing_comments(origin, receiver):
        whose = sql.SQL(kind), sql.Identifier(name)  # One of three words, from our own query.
        if answer := refused(receiver, sql.SQL(_BOOK["comment"]).format(*whose, text=sql.Literal(text))):
            said.append(Concern(f"comment on {kind} {name}", f"It could not be carried: {answer}.", "Leave it.", False))
    return tuple(said)


def _differing_comments(origin: Connection, receiver: Connection) -> Iterator[tuple[str, str, str]]:
    there = {(kind, name): text for kind, name, text in receiver.execute(_BOOK["comments"])}
    database = receiver.info.dbname
    for kind, name, text in origin.execute(_BOOK["comments"]):
        name = database if kind == "database" else name
        if text is not None and (kind, name) in there and there[kind, name] != text:
            yield kind, name, text
