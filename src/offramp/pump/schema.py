"""How does the receiving side get the same tables, and when do its indexes and constraints come?

pg_dump writes the statements (see ``archive``), chosen by oid so that nothing of ours travels. Tables first; keys after the copy;
everything else once the receiver is consistent. What names roles comes from the catalogue instead (``surroundings``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import psycopg
from psycopg import sql

from .. import postgres
from ..errors import RefusedError
from ..kit import sqlbook
from ..postgres import Connection, Table
from . import roles
from .archive import FOREIGN, Archive, Dumper, Entry, Statement, parse_contents
from .model import Concern
from .views import refresh_views

__all__ = [
    "CONSTRAINTS",
    "RELATIONS",
    "TRIGGERS",
    "Archive",
    "Dumper",
    "Entry",
    "Statement",
    "analyze",
    "build",
    "build_keys",
    "carried",
    "demand_empty",
    "depending_on",
    "exists_already",
    "own_triggers",
    "parse_contents",
    "prepare_database",
    "refresh_views",
    "restore",
]

_BOOK = sqlbook.load("offramp.pump", "sql/schema.sql")
# Made by us beforehand, carried from the catalogue with other roles' names, or not the application's.
_NOT_CARRIED = (
    "EXTENSION ",
    "COMMENT - EXTENSION ",
    "SCHEMA - public ",
    "COMMENT - SCHEMA public ",
    "ACL ",
    "DEFAULT ACL ",
    "POLICY ",
    *FOREIGN,
)


def prepare_database(receiver: Connection, origin: Connection, owner: str | None) -> tuple[Concern, ...]:
    """Make roles, extensions and what the owner role needs before the tables come. Safe to repeat.

    Returns what could not be made and what a person has to add, such as passwords.
    """
    said = roles.carry_roles(origin, receiver, owner)
    if owner is not None:
        receiver.execute(
            sql.SQL(_BOOK["owner_may_create"]).format(
                database=sql.Identifier(receiver.info.dbname), owner=sql.Identifier(owner)
            )
        )
    for extension in postgres.extensions(origin):
        named = {"schema": sql.Identifier(extension.schema), "name": sql.Identifier(extension.name)}
        if extension.schema not in ("public", "pg_catalog"):
            receiver.execute(sql.SQL(_BOOK["extension_schema"]).format(**named))
            if owner is not None:
                # Heroku once put extensions into heroku_ext, and every query of the application names types in it.
                receiver.execute(sql.SQL(_BOOK["owner_may_use"]).format(owner=sql.Identifier(owner), **named))
        receiver.execute(sql.SQL(_BOOK["extension"]).format(**named))
    return said


def restore(receiver: Connection, pieces: str | Iterable[Statement], owner: str | None) -> None:
    """Run a dump's SQL as the owner role, inside the caller's transaction."""
    text = pieces if isinstance(pieces, str) else "".join(piece.sql for piece in pieces)
    if not text:
        return
    _become(receiver, owner)
    receiver.execute(sql.SQL(text))  # The dump is the customer's own schema, run as its owner.
    receiver.execute(_BOOK["restore_over"])


def build(receiver: Connection, piece: Statement, owner: str | None) -> bool:
    """Run one statement as the owner role in a transaction of its own; False when its object stands already.

    A process that was killed between two pieces begins again with the next. Several connections may build at once.
    """
    if exists_already(receiver, piece):
        return False
    with receiver.transaction():
        _become(receiver, owner)
        try:
            receiver.execute(sql.SQL(piece.sql))  # The customer's own schema, run as its owner.
        except psycopg.errors.Error as error:
            error.add_note(f"while building {piece.entry.what.rpartition(' ')[0]}")
            raise
        receiver.execute(_BOOK["restore_over"])
    return True


def _become(receiver: Connection, owner: str | None) -> None:
    receiver.execute(_BOOK["restore_settings"])
    if owner is not None:
        receiver.execute(sql.SQL("set local role {}").format(sql.Identifier(owner)))


def exists_already(receiver: Connection, piece: Statement) -> bool:
    """Whether what this statement makes is there. Comments and replacements may always run again, so they never are."""
    schema, table = piece.table or (piece.schema, "")
    row = receiver.execute(
        _BOOK["exists_already"],
        {"kind": piece.kind, "schema": piece.schema, "name": piece.name, "table_schema": schema, "table": table},
    ).fetchone()
    return bool(row and row[0])


def carried(ours: Iterable[int], taken: Iterable[tuple[int, int]] = ()) -> Callable[[Entry], bool]:
    """Return a filter that leaves out our triggers (by oid) and what was made already (catalogue and oid)."""
    own, made = frozenset(ours), frozenset(taken)

    def keep(entry: Entry) -> bool:
        if entry.what.startswith(_NOT_CARRIED):
            return False
        return not (entry.catalogue == TRIGGERS and entry.oid in own) and (entry.catalogue, entry.oid) not in made

    return keep


TRIGGERS, CONSTRAINTS, RELATIONS = 2620, 2606, 1259


def own_triggers(side: Connection) -> tuple[int, ...]:
    """Return the oids of our triggers, which no dump may carry."""
    return tuple(int(row[0]) for row in side.execute(_BOOK["own_triggers"]))


def depending_on(origin: Connection, receiver: Connection) -> frozenset[tuple[int, int]]:
    """Return constraints, indexes, triggers, rules and policies (catalogue and oid) of tables the receiver does not have.

    Such tables came after the link began; they are held, and must not keep the others from their indexes.
    """
    there = {(table.schema, table.name) for table in postgres.tables(receiver)}
    lacking = {table.oid for table in postgres.tables(origin) if (table.schema, table.name) not in there}
    return frozenset(
        (catalogue, oid) for catalogue, oid, table in origin.execute(_BOOK["relations"]) if table in lacking
    )


def build_keys(receiver: Connection, tables: Iterable[Table]) -> None:
    """Give each table the key that batches need. Safe to repeat."""
    there = {(table.schema, table.name): table for table in postgres.tables(receiver)}
    for table in tables:
        if table.key and table.key_definition and not there[table.schema, table.name].key:
            receiver.execute(sql.SQL(table.key_definition))  # As the origin's catalogue prints it.


def analyze(receiver: Connection, tables: Iterable[Table]) -> None:
    """Give the planner its statistics before anybody depends on it."""
    for table in tables:
        receiver.execute(sql.SQL("analyze {}").format(sql.Identifier(table.schema, table.name)))


def demand_empty(receiver: Connection) -> None:
    """Raise RefusedError when the receiving database already has tables of its own."""
    if found := postgres.tables(receiver):
        raise RefusedError(
            f"The receiving database already has {len(found)} tables, {found[0].full_name} among them.",
            hint="Give the link an empty database, or remove those tables.",
        )
