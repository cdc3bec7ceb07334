"""What tables does this database have, how are their rows told apart, and which server is it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import args_row

from ..kit import sqlbook
from .connection import Connection

_BOOK = sqlbook.load("offramp.postgres", "sql/catalogue.sql")


@dataclass(frozen=True, slots=True)
class Column:
    """``type`` is as the server prints it, schema included; ``base`` is the type under a domain, else the same."""

    name: str
    type: str
    base: str
    not_null: bool
    identity: str
    """``a`` for ALWAYS, ``d`` for BY DEFAULT, else empty."""
    generated: str
    """``s`` for stored, ``v`` for virtual, else empty."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of the key with the equality operator of its index: ``operator(public.=)`` for citext."""

    name: str
    schema: str
    operator: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``key`` is empty when no index tells its rows apart. ``rows`` is the planner's estimate.

    ``in_tree``: it is partitioned, a partition, or inherits or is inherited from.
    """

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    in_tree: bool
    forces_row_security: bool
    rows: int
    owner: str
    columns: tuple[Column, ...]
    key: tuple[KeyColumn, ...]
    key_index: int
    key_constraint: int
    key_definition: str | None

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        return tuple(self.column(key.name) for key in self.key)


@dataclass(frozen=True, slots=True)
class Server:
    """Which server answers. ``version`` as ``server_version_num``; ``timeline`` changes when a standby is promoted."""

    version: int
    system: str
    timeline: str
    database: str
    role: str

    @property
    def major(self) -> int:
        return self.version // 10000

    @property
    def identity(self) -> str:
        return f"{self.system}/{self.timeline}"


@dataclass(frozen=True, slots=True)
class Extension:
    name: str
    schema: str
    version: str


def _table(
    oid: int, schema: str, name: str, kind: str, persistence: str, in_tree: bool, forces: bool, rows: int, owner: str,
    columns: list[dict[str, str | bool]], key: list[dict[str, str]], key_index: int, key_constraint: int,
    key_definition: str | None,
) -> Table:  # fmt: skip
    return Table(
        oid, schema, name, kind, persistence, in_tree, forces, rows, owner,
        tuple(Column(**column) for column in columns),  # type: ignore[arg-type]  # The query names exactly these.
        tuple(KeyColumn(**part) for part in key),
        key_index, key_constraint, key_definition,
    )  # fmt: skip


def tables(connection: Connection, oids: Sequence[int] | None = None) -> tuple[Table, ...]:
    """Return the application's tables in name order, or only those with these oids."""
    with connection.cursor(row_factory=args_row(_table)) as cursor:
        return tuple(cursor.execute(_BOOK["tables"], {"oids": None if oids is None else list(oids)}))


def server(connection: Connection) -> Server:
    """Return which server, timeline and role this connection speaks to and as."""
    with connection.cursor(row_factory=args_row(Server)) as cursor:
        found = cursor.execute(_BOOK["server"]).fetchone()
    assert found is not None
    return found


def extensions(connection: Connection) -> tuple[Extension, ...]:
    """Return the installed extensions in order of installation, plpgsql left out."""
    with connection.cursor(row_factory=args_row(Extension)) as cursor:
        return tuple(cursor.execute(_BOOK["extensions"]))
