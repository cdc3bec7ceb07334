"""What will not carry by itself? Asked before anything is changed, on both sides; each answer names an object and a way out.

What one query can tell is in ``probes``; here is what needs both sides, or more than SQL. Not knowable from here: how much disk is
free on the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg.rows import args_row

from .. import postgres
from ..kit import sqlbook
from ..postgres import Connection, translated
from . import branches, database, objects, policies, probes, roles, sequences, standby
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/check.sql")
OLDEST_SOURCE, OLDEST_TARGET, NEWEST = 14, 15, 18
# Two sessions are the least that a link works with; a third one asks how it does.
FEWEST_CONNECTIONS, COMFORTABLE_CONNECTIONS = 3, 10
LONG_TRANSACTION_SECONDS = 60.0
# Digests of both sides at once, on two shared cores; what is written on top of that depends on what changed.
DIGEST_BYTES_PER_SECOND = 200_000_000


@dataclass(frozen=True, slots=True)
class _Database:
    version: int
    encoding_number: int
    encoding: str
    collation: str
    character_type: str
    provider: str
    locale: str | None
    collation_version: str | None
    size: int

    @property
    def major(self) -> int:
        return self.version // 10000

    @property
    def sorting(self) -> str:
        """How text sorts, for a person to compare."""
        if self.provider == "c":
            return f"{self.collation} (libc{f' {self.collation_version}' if self.collation_version else ''})"
        names = {"i": "ICU", "b": "built-in"}
        version = f" {self.collation_version}" if self.collation_version else ""
        return f"{self.locale or self.collation} ({names.get(self.provider, self.provider)}{version})"


def check(
    source_conn: Connection,
    target_conn: Connection,
    owner: str | None = None,
    *,
    long_seconds: float = LONG_TRANSACTION_SECONDS,
) -> tuple[Concern, ...]:
    """Return every concern about moving this source to this target, blocking ones first; ``owner`` is to own the tables.

    Reads only, but for a collation that is made and undone on the target when the source uses ICU.
    """
    with translated("one side"):
        found = [
            *_poolers(source_conn, target_conn),
            *_servers(source_conn, target_conn),
            *probes.ask(source_conn, target_conn),
            *_long_transactions(source_conn, long_seconds),
            *_connections(source_conn, "source"),
            *_connections(target_conn, "target"),
            *_collations(source_conn, target_conn),
            *_extensions(source_conn, target_conn),
            *branches.concerns(source_conn, target_conn),
            *_roles(source_conn, target_conn, owner),
            *_sequences(source_conn),
            *_large_objects(source_conn),
            *_target_role(target_conn, owner),
        ]
    return tuple(sorted(found, key=lambda concern: not concern.blocking))


def _poolers(*sides: Connection) -> Iterator[Concern]:
    for name, side in zip(("source", "target"), sides, strict=True):
        row = side.execute(_BOOK["backend"]).fetchone()
        # A pooler makes up the process number that a client is told for cancelling.
        if row is not None and row[0] != side.info.backend_pid:
            yield Concern(
                f"{name} address",
                "A pooler answers there: settings and temporary tables would not last, and cancelling would not arrive.",
                "Give the address of PostgreSQL itself.",
                True,
            )


def _database(side: Connection) -> _Database:
    with side.cursor(row_factory=args_row(_Database)) as cursor:
        found = cursor.execute(_BOOK["server"]).fetchone()
    assert found is not None
    return found


def _servers(source: Connection, target: Connection) -> Iterator[Concern]:
    here, there = _database(source), _database(target)
    yield from version_concerns(here.major, there.major)
    if here.encoding != there.encoding:
        yield Concern(
            "database",
            f"The encodings differ: {here.encoding} and {there.encoding}.",
            f"Create the target with the source's: CREATE DATABASE .. ENCODING '{here.encoding}' TEMPLATE template0.",
            True,
        )
    elif here.encoding == "SQL_ASCII":
        yield Concern(
            "database",
            "Its encoding is SQL_ASCII: text is whatever bytes were written, and keys that are not UTF-8 cannot be followed.",
            "Convert it to UTF8 first if the bytes allow that.",
            False,
        )
    if here.sorting != there.sorting:
        yield Concern(
            "collation",
            f"Text sorts as {here.sorting} here and as {there.sorting} there.",
            "Indexes are built anew; check queries that depend on the order of text.",
            False,
        )
    if here.character_type != there.character_type:
        yield Concern(
            "collation",
            f"upper() and lower() follow {here.character_type} here and {there.character_type} there.",
            "Create the target with the source's LC_CTYPE if text is compared without case.",
            False,
        )
    yield from _defaults(source, target)


def version_concerns(here: int, there: int) -> Iterator[Concern]:
    """Yield what is wrong with a pair of major versions."""
    if here < OLDEST_SOURCE:
        yield Concern(
            "server",
            f"PostgreSQL {here} is too old to be followed.",
            "Upgrade it on Heroku first: heroku pg:upgrade.",
            True,
        )
    if there < here:
        yield Concern(
            "server", "The target's PostgreSQL is older than the source's.", "Choose a newer engine version.", True
        )
    elif there < OLDEST_TARGET:
        yield Concern(
            "server", f"PostgreSQL {there} is too old to be a target.", "Choose a newer engine version.", True
        )
    if max(here, there) > NEWEST:
        yield Concern(
            "server", f"PostgreSQL {max(here, there)} came after this was tested.", "Rehearse with a copy first.", False
        )


def _defaults(source: Connection, target: Connection) -> Iterator[Concern]:
    there: dict[str, str] = dict(target.execute(_BOOK["defaults"]).fetchall())
    coming = {each.name.lower() for each in database.settings(source)}
    for name, value in source.execute(_BOOK["defaults"]):
        if name in there and there[name] != value and name.lower() not in coming:
            yield Concern(
                f"setting {name}",
                f"Sessions begin with {value} here and with {there[name]} there.",
                "ALTER DATABASE .. SET it on the target.",
                False,
            )


def _long_transactions(source: Connection, seconds: float) -> Iterator[Concern]:
    for name, age in source.execute(_BOOK["long_transactions"], {"seconds": seconds}):
        yield Concern(
            name,
            f"It has been open for {age}; capture waits for the tables that it wrote to.",
            "End it, or let it end, before the link starts.",
            False,
        )


def _connections(side: Connection, name: str) -> Iterator[Concern]:
    row = side.execute(_BOOK["room"]).fetchone()
    if row is None:
        return
    limit, most, used = row
    # The connection that asks is one that the link will have.
    free = most - used
    if free < COMFORTABLE_CONNECTIONS:
        yield Concern(
            f"{name} connections",
            f"{used} of {most} connections are taken by others ({limit}), so {free} are left; a link needs "
            f"{FEWEST_CONNECTIONS}, and copies faster with more.",
            "Close some, or choose a plan with more.",
            free < FEWEST_CONNECTIONS,
        )


def _collations(source: Connection, target: Connection) -> Iterator[Concern]:
    used = source.execute(_BOOK["collations"]).fetchall()
    there = {str(name) for (name,) in target.execute(_BOOK["known_collations"])}
    without_icu = any(provider == "i" for _, _, provider in used) and not _has_icu(target)
    for name, schema, provider in used:
        if (provider == "i" and without_icu) or (schema == "pg_catalog" and name not in there):
            yield Concern(
                f"collation {name}",
                f"The target does not have it{': its server was built without ICU' if without_icu and provider == 'i' else ''}.",
                "Use a server that has it, or another collation for the columns that name it.",
                True,
            )


def _has_icu(target: Connection) -> bool:
    try:
        with target.transaction(force_rollback=True):
            target.execute(_BOOK["probe_icu"])
    except psycopg.errors.FeatureNotSupported:
        return False
    return True


def _extensions(source: Connection, target: Connection) -> Iterator[Concern]:
    available = {name: (version, superuser) for name, version, superuser in target.execute(_BOOK["available"])}
    installed = {extension.name for extension in postgres.extensions(target)}
    row = target.execute(_BOOK["may_install"]).fetchone()
    may_install = bool(row and row[0])
    for extension in postgres.extensions(source):
        name = f"extension {extension.name}"
        if extension.name not in available:
            yield Concern(name, "The target does not offer it.", "Drop it at the source if nothing uses it.", True)
            continue
        version, superuser = available[extension.name]
        if superuser and not may_install and extension.name not in installed:
            yield Concern(
                name, "The target's role may not install it.", "Let an administrator install it there first.", True
            )
        if version != extension.version:
            yield Concern(
                name,
                f"It is version {extension.version} here and will be {version} there.",
                "Read what changed.",
                False,
            )
    offered = {"plpgsql", "sql", "c", "internal"} | available.keys()
    for (language,) in source.execute(_BOOK["languages"]):
        if language not in offered:
            yield Concern(
                f"language {language}",
                "Functions are written in it, and the target does not have it.",
                "Rewrite them.",
                True,
            )


def _roles(source: Connection, target: Connection, owner: str | None) -> Iterator[Concern]:
    row = target.execute(_BOOK["may_make_roles"]).fetchone()
    missing = roles.missing(source, target, owner)
    for role in missing:
        if not (row and row[0]):
            yield Concern(
                f"role {role.name}",
                "The target does not have it, and the target's role may not make roles.",
                "Create it there first, or its privileges are left out.",
                False,
            )
        yield from roles.password_needed(role)
    unknown = {role.name for role in missing} if not (row and row[0]) else set()
    for policy in policies.read(source):
        if gone := unknown.intersection(policy.roles):
            yield Concern(
                f"policy {policy.name} on {policy.schema}.{policy.table}",
                f"It names roles that the target does not have: {', '.join(sorted(gone))}.",
                "Create them there first: without the policy other rows are visible.",
                False,
            )


def _sequences(source: Connection) -> Iterator[Concern]:
    for each in sequences.nearly_exhausted(source):
        yield Concern(
            f"sequence {each.schema}.{each.name}",
            f"{each.used:.0%} of its numbers are used up; the last one that fits is {each.end}.",
            "Widen it and the columns that take from it, before the move or after it.",
            False,
        )


def _large_objects(source: Connection) -> Iterator[Concern]:
    number, size, hidden = objects.measure(source)
    if number:
        seconds = size / DIGEST_BYTES_PER_SECOND
        yield Concern(
            "large objects",
            f"{number} large objects of {size:,} bytes are copied ahead, and compared again while writers are held: "
            f"about {seconds:.1f} s longer.",
            "Move them to bytea columns or to S3 first if that is too long.",
            False,
        )
    if hidden:
        yield Concern(
            "large objects",
            f"{len(hidden)} of them may not be read by the source's role, the first {hidden[0]}.",
            "GRANT SELECT on them, or ALTER LARGE OBJECT .. OWNER TO the database's owner.",
            True,
        )


def _target_role(target: Connection, owner: str | None) -> Iterator[Concern]:
    if not standby.can_be_replica(target):
        yield Concern(
            "target role",
            "It may not set session_replication_role.",
            "Use the RDS master user, or grant set on that parameter.",
            True,
        )
    if owner is None:
        return
    row = target.execute(_BOOK["owner"], {"owner": owner}).fetchone()
    exists, inherits, may_become = row or (False, False, False)
    if not exists:
        yield Concern(
            f"role {owner}", "The role that is to own the tables does not exist.", "Create it on the target.", True
        )
    elif not (inherits and may_become):
        yield Concern(
            f"role {owner}",
            "The target's role may not act as the role that is to own the tables.",
            f'GRANT "{owner}" to it; from PostgreSQL 16 on WITH INHERIT TRUE, SET TRUE.',
            True,
        )
