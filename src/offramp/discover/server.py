"""How is one PostgreSQL server set up: version, sorting, settings, roles, extensions?"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

from ..kit import sqlbook
from .model import Extension, Role, Server, Setting

_SQL = sqlbook.load(__package__, "sql/server.sql")
COLLATION_VERSIONS_SINCE = 150000
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin", "d": "default"}

Connection = psycopg.Connection[tuple[object, ...]]


def read(connection: Connection, version_number: int) -> Server:
    """Read the set-up. Raises psycopg.Error when the server does not answer."""
    version, encoding, collation, ctype, timezone, wal_level, most, buffers, replication = _rows(
        connection, "identity"
    )[0]
    provider, locale, made_with, now = "c", None, None, None
    if version_number >= COLLATION_VERSIONS_SINCE:
        provider, locale, made_with, now = _rows(connection, "collation_15")[0]
    return Server(
        version=str(version),
        encoding=str(encoding),
        collation=str(locale or collation),
        ctype=str(ctype),
        provider=PROVIDERS.get(str(provider), str(provider)),
        collation_version=made_with,
        collation_now=now,
        timezone=str(timezone),
        wal_level=str(wal_level),
        replication=bool(replication),
        settings=tuple(Setting(*row) for row in _rows(connection, "settings")),
        roles=tuple(
            Role(name, login, superuser, replicates, limit, tuple(groups))
            for name, login, superuser, replicates, limit, groups in _rows(connection, "roles")
        ),
        max_connections=int(most),
        shared_buffers=int(buffers),
    )


def extensions(connection: Connection) -> tuple[Extension, ...]:
    return tuple(Extension(*row) for row in _rows(connection, "extensions"))


def large_objects(connection: Connection) -> int:
    return int(_rows(connection, "large_objects")[0][0])


def _rows(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    query: LiteralString = _SQL[name]
    return connection.execute(query).fetchall()
