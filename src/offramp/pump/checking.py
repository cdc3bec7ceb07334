"""What will not carry by itself? Asked before anything is changed, on both sides."""

from __future__ import annotations

from collections.abc import Iterator

from .. import postgres
from ..kit import sqlbook
from ..postgres import Connection, Table, translated
from . import standby
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/check.sql")
OLDEST = 14


def check(source_conn: Connection, target_conn: Connection) -> tuple[Concern, ...]:
    """Return every concern about moving this source to this target, blocking ones first."""
    with translated("one side"):
        tables = postgres.tables(source_conn)
        found = [
            *_servers(source_conn, target_conn),
            *_tables(source_conn, tables),
            *_grants(source_conn, tables),
            *_extensions(source_conn, target_conn),
            *_target(target_conn),
        ]
    return tuple(sorted(found, key=lambda concern: not concern.blocking))


def _servers(source: Connection, target: Connection) -> Iterator[Concern]:
    row = source.execute(_BOOK["origin"]).fetchone()
    there = target.execute(_BOOK["origin"]).fetchone()
    assert row is not None and there is not None
    version, objects, may_create, encoding, collation = row
    if version // 10000 < OLDEST:
        yield Concern(
            "server",
            f"PostgreSQL {version // 10000} is too old to be followed.",
            "Upgrade it on Heroku first: heroku pg:upgrade.",
            True,
        )
    if there[0] // 10000 < version // 10000:
        yield Concern(
            "server", "The target's PostgreSQL is older than the source's.", "Choose a newer engine version.", True
        )
    if not may_create:
        yield Concern(
            "database", "The source's role may not create a schema.", "Use the database's owner credential.", True
        )
    if objects:
        yield Concern(
            "large objects",
            f"{objects} large objects cannot be followed.",
            "Move them to bytea columns or to S3 first.",
            True,
        )
    if encoding != there[3]:
        yield Concern(
            "database",
            f"The encodings differ: {encoding} and {there[3]}.",
            "Create the target with the source's encoding.",
            True,
        )
    if collation != there[4]:
        yield Concern(
            "collation",
            f"Text sorts as {collation} here and as {there[4]} there.",
            "Check queries that depend on the order of text.",
            False,
        )
    for (gid,) in source.execute(_BOOK["prepared"]).fetchall():
        yield Concern(
            "transaction",
            f"Prepared transaction {gid} holds locks that keep capture out.",
            "Commit it or roll it back.",
            False,
        )


def _tables(source: Connection, tables: tuple[Table, ...]) -> Iterator[Concern]:
    oids = {"oids": [table.oid for table in tables]}
    for table in tables:
        if table.in_tree or table.kind == "p":
            yield Concern(
                table.full_name,
                "It is partitioned or inherits, which is not followed yet.",
                "Leave it out, or merge it into one table.",
                True,
            )
        if not table.columns:
            yield Concern(table.full_name, "It has no columns.", "Drop it.", True)
        if not table.key:
            yield Concern(
                table.full_name,
                "It has no usable key, so its rows are followed as whole images.",
                "Add a primary key to make it cheaper.",
                False,
            )
        if table.forces_row_security:
            yield Concern(
                table.full_name,
                "It forces row security on its owner, so rows may be hidden from us.",
                "ALTER TABLE .. NO FORCE ROW LEVEL SECURITY during the move.",
                True,
            )
        if table.persistence == "u":
            yield Concern(
                table.full_name,
                "It is unlogged: a crash of either side empties it.",
                "Make it logged, or accept that.",
                False,
            )
    for (name,) in source.execute(_BOOK["not_owned"], oids).fetchall():
        yield Concern(
            name,
            "The source's role does not own it, so it cannot be captured.",
            "Use the owner's credential, or reassign it.",
            True,
        )
    for (name,) in source.execute(_BOOK["foreign_tables"]).fetchall():
        yield Concern(
            name, "It is a foreign table; its rows live elsewhere.", "Recreate it on the target by hand.", False
        )


def _grants(source: Connection, tables: tuple[Table, ...]) -> Iterator[Concern]:
    for (role,) in source.execute(_BOOK["other_grants"], {"oids": [table.oid for table in tables]}).fetchall():
        yield Concern(
            f"role {role}",
            "It has privileges on tables; roles and grants are not carried.",
            "Create the role and grant on the target.",
            False,
        )
    for (trigger,) in source.execute(_BOOK["always_triggers"]).fetchall():
        yield Concern(
            f"trigger {trigger}",
            "It fires for replicated rows too and would alter them.",
            "ALTER TABLE .. ENABLE TRIGGER (not ALWAYS).",
            True,
        )


def _extensions(source: Connection, target: Connection) -> Iterator[Concern]:
    available = {row[0] for row in target.execute(_BOOK["available"])}
    for extension in postgres.extensions(source):
        if extension.name not in available:
            yield Concern(
                f"extension {extension.name}",
                "The target does not offer it.",
                "Drop it at the source if nothing uses it.",
                True,
            )


def _target(target: Connection) -> Iterator[Concern]:
    if not standby.can_be_replica(target):
        yield Concern(
            "target role",
            "It may not set session_replication_role.",
            "Use the RDS master user, or grant set on that parameter.",
            True,
        )
    if tables := postgres.tables(target):
        yield Concern(
            "target database", f"It already has {len(tables)} tables.", "Give the link an empty database.", False
        )
