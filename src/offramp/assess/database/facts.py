"""What must be known of tables, columns and indexes to think of an index? Read from the scratch server, which has it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...kit import sqlbook
from ...postgres import Connection
from .scratch.model import BLOCK, Relation
from .scratch.sizes import KeyColumn

_SQL = sqlbook.load(__package__, "sql/facts.sql")

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's share in an index: bytes, alignment, repetition (``distinct`` as pg_stats.n_distinct), whether a B-tree orders it."""

    name: str
    width: int
    varying: bool
    align: int
    null_frac: float
    distinct: float
    ordered: bool
    shares_keys: bool
    boolean: bool

    @property
    def key(self) -> KeyColumn:
        return KeyColumn(self.width, self.align, self.varying, self.null_frac)


@dataclass(frozen=True, slots=True)
class Index:
    """An existing B-tree. ``keys`` as SQL, ``descending`` beside them; ``serves`` when it keeps rows unique or belongs to a constraint."""

    table: Name
    schema: str
    name: str
    keys: tuple[str, ...]
    descending: tuple[bool, ...]
    predicate: str
    serves: bool
    covers: bool
    special: bool
    bytes: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table or the root of a partition tree; ``leaves`` are where rows lie, itself for a plain one."""

    name: Name
    partitioned: bool
    columns: Mapping[str, Column]
    leaves: tuple[Relation, ...]
    indexes: tuple[Index, ...]

    @property
    def full_name(self) -> str:
        return f"{self.name[0]}.{self.name[1]}"

    @property
    def rows(self) -> float:
        return sum(max(0.0, leaf.reltuples) for leaf in self.leaves)


@dataclass(frozen=True, slots=True)
class Facts:
    """``roots`` tells each table its partition tree's root; ``links`` are pairs of tables of which one refers to the other."""

    tables: Mapping[Name, Table]
    roots: Mapping[Name, Name]
    links: frozenset[tuple[str, str]]


def read(connection: Connection, relations: tuple[Relation, ...]) -> Facts:
    """Read the facts as the scratch server's superuser; sizes come from the source's ``relations``."""
    sizes = {relation.full_name: relation for relation in relations}
    columns: dict[Name, dict[str, Column]] = {}
    for schema, table, *rest in _rows(connection, "columns"):
        columns.setdefault((schema, table), {})[str(rest[0])] = Column(*rest)
    indexes: dict[Name, list[Index]] = {}
    for schema, table, space, name, keys, descending, predicate, serves, covers, special in _rows(
        connection, "indexes"
    ):
        size = sizes[space, name].pages * BLOCK if (space, name) in sizes else 0
        found = Index(
            (schema, table), space, name, tuple(keys), tuple(descending), predicate, serves, covers, special, size
        )  # fmt: skip
        indexes.setdefault((schema, table), []).append(found)
    roots: dict[Name, Name] = {}
    partitioned: set[Name] = set()
    for schema, table, root_schema, root, is_partitioned in _rows(connection, "tables"):
        roots[schema, table] = (root_schema, root)
        if is_partitioned:
            partitioned.add((schema, table))
    leaves: dict[Name, list[Relation]] = {}
    for name, root_name in roots.items():
        if name not in partitioned and name in sizes:
            leaves.setdefault(root_name, []).append(sizes[name])
    tables = {
        name: Table(name, name in partitioned, columns.get(name, {}), tuple(leaves.get(name, ())), tuple(indexes.get(name, ())))
        for name in set(roots.values())
    }  # fmt: skip
    return Facts(tables, roots, frozenset((str(a), str(b)) for a, b in _rows(connection, "links")))


def _rows(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(_SQL[name]).fetchall()
