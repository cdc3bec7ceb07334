"""What is inside one PostgreSQL database? Read-only SQL with short timeouts, in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from ..kit import sqlbook
from . import measuring, server
from .catalogue import RDS_EXTENSIONS
from .model import Extension, Readings, Server, Table

_SQL = sqlbook.load(__package__, "sql/census.sql")
COUNTED_BYTES = 8 * 1024 * 1024
"""Tables up to this size are counted, larger ones estimated: a count of 8 MiB takes some 10 ms."""

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Census:
    """One database. ``follower`` says that it replays another one and cannot be written to."""

    server_version: int
    bytes: int
    connection_limit: int
    extensions: tuple[str, ...]
    tables: tuple[Table, ...]
    concerns: tuple[str, ...]
    follower: bool = False
    installed: tuple[Extension, ...] = ()
    large_objects: int = 0
    server: Server | None = None
    readings: Readings | None = None


def take(connection: Connection, *, counted_bytes: int = COUNTED_BYTES) -> Census:
    """Read the database. Raises psycopg.Error when it does not answer."""
    connection.execute(_SQL["calm"])
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        version, size, follower, limit = _one(connection, _SQL["server"])
        installed = server.extensions(connection)
        extensions = tuple(one.name for one in installed)
        tables = tuple(_tables(connection, counted_bytes))
        oddities = [(str(kind), str(name)) for kind, name in _rows(connection, _SQL["oddities"])]
        large_objects = server.large_objects(connection)
        set_up = server.read(connection, int(version))
        schema = next((one.schema for one in installed if one.name == "pg_stat_statements"), None)
        readings = measuring.read(connection, int(limit), schema)
    return Census(
        server_version=int(version),
        bytes=int(size),
        connection_limit=int(limit),
        extensions=extensions,
        tables=tables,
        concerns=concerns(extensions, tables, oddities),
        follower=bool(follower),
        installed=installed,
        large_objects=large_objects,
        server=set_up,
        readings=readings,
    )


def concerns(
    extensions: tuple[str, ...], tables: tuple[Table, ...], oddities: list[tuple[str, str]]
) -> tuple[str, ...]:
    """Return what will not carry by itself, one sentence each, sorted."""
    found = [_sentence(kind, name) for kind, name in oddities]
    found += [f"{t.schema}.{t.name} has no usable key; whole rows are followed instead." for t in tables if not t.key]
    found += [f"RDS does not offer the extension {name}." for name in extensions if name not in RDS_EXTENSIONS]
    return tuple(sorted(found))


def _sentence(kind: str, name: str) -> str:
    match kind:
        case "unlogged":
            return f"{name} is unlogged; it is carried like any other table, and a crash empties it there as here."
        case "foreign table":
            return f"{name} is a foreign table; its server must be reachable from AWS, and its rows are not copied."
        case "materialised view":
            return f"{name} is a materialised view; it is refreshed on AWS, not copied."
        case "row security":
            return f"{name} has row security; its policies are carried, and apply to the same roles on AWS."
        case "not owned":
            return (
                f"{name} belongs to another role, so no trigger can be put on it; make the database's owner its owner."
            )
        case "rule":
            return f"The rule {name} is carried, and what it writes is followed in the tables that it writes to."
        case "large objects":
            return f"The database holds {name} large objects; they need a plan of their own before the move."
        case "language":
            return f"The procedural language {name} is installed; check that RDS offers it."
        case "event trigger":
            return f"The event trigger {name} needs a superuser on RDS."
        case "publication":
            return f"The publication {name} feeds a subscriber; point it at RDS by hand."
        case _:
            return f"The prepared transaction {name} is open; end it before the move."


def _tables(connection: Connection, counted_bytes: int) -> Iterator[Table]:
    found = _rows(connection, _SQL["tables"])
    sizes = _sizes(connection, [int(row[0]) for row in found])
    for oid, schema, name, guessed_bytes, guessed_rows, key in found:
        whole, heap = sizes.get(int(oid), (int(guessed_bytes), int(guessed_bytes)))
        table = sql.Identifier(str(schema), str(name))
        yield Table(
            schema=str(schema),
            name=str(name),
            rows=_row_count(connection, table, heap <= counted_bytes, int(guessed_rows)),
            bytes=whole,
            key=tuple(key),
        )


def _sizes(connection: Connection, tables: list[int]) -> Mapping[int, tuple[int, int]]:
    """Return whole and heap bytes by oid, nothing while one of the tables is locked."""
    try:
        with connection.transaction():
            rows = connection.execute(_SQL["sizes"], {"tables": tables}).fetchall()
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
        # The statistics can be read all the same, and a size to choose storage by need not be exact.
        return {}
    return {int(str(oid)): (int(str(whole)), int(str(heap))) for oid, whole, heap in rows if whole is not None}


def _row_count(connection: Connection, table: sql.Identifier, count: bool, estimate: int) -> int:
    try:
        with connection.transaction():
            if count:
                return int(_one(connection, sql.SQL(_SQL["count_rows"]).format(table=table))[0])
            plan = _one(connection, sql.SQL(_SQL["guess_rows"]).format(table=table))[0]
            return int(plan[0]["Plan"]["Plan Rows"])
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
        # Somebody else's table, or one that is being altered.
        return estimate


# Rows come from the catalogue with types that the queries fix; Any ends where a Table or a Census is built.
def _rows(connection: Connection, query: sql.Composed | LiteralString) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def _one(connection: Connection, query: sql.Composed | LiteralString) -> tuple[Any, ...]:
    return _rows(connection, query)[0]
