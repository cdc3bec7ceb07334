"""What does a schema look like, in terms that can be compared with what it was and carried over by statements?

A table's picture and a thing's definition come from the origin's catalogue. The receiving side keeps those of what was last
carried over, in the same transaction as the statements that did it; so what is left to do is always the difference of two
pictures, whatever was killed in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Json

from ..kit import sqlbook
from ..postgres import Connection
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/picture.sql")


@dataclass(frozen=True, slots=True)
class Column:
    """``number`` outlives renames. ``missing`` is the value that rows older than the column have without holding it."""

    number: int
    name: str
    type: str
    type_oid: int
    collation: str | None
    not_null: bool
    default: str | None
    """The expression; of a generated column what it is generated from."""
    identity: str
    generated: str
    missing: str | None
    has_missing: bool
    sequence: str | None
    """The options of an identity column's sequence, name first."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """``definition`` is without NOT VALID, which ``validated`` tells. ``kind`` is pg_constraint's letter."""

    oid: int
    name: str
    kind: str
    definition: str
    validated: bool
    index: int


@dataclass(frozen=True, slots=True)
class Index:
    """An index that is not a constraint's own."""

    oid: int
    name: str
    definition: str
    unique: bool
    valid: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """One of the application's triggers; ``enabled`` is pg_trigger's letter."""

    oid: int
    name: str
    definition: str
    enabled: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One table. ``parents`` are quoted names; ``bound`` is a partition's."""

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    filenode: int | None
    partition: bool
    partition_key: str | None
    bound: str | None
    parents: tuple[str, ...]
    options: tuple[str, ...]
    row_security: bool
    forced_row_security: bool
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    indexes: tuple[Index, ...]
    triggers: tuple[Trigger, ...]

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def in_tree(self) -> bool:
        return bool(self.kind == "p" or self.partition or self.parents)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that is not a table: ``definition`` is what makes it, ``parts`` what its kind needs besides."""

    kind: str
    oid: int
    schema: str
    name: str
    on_table: str
    definition: str
    parts: tuple[Any, ...]  # Labels, constraints or flags, as the book's query builds them for the kind.

    @property
    def identity(self) -> tuple[str, int, str]:
        """What tells it from others and outlives renames; comments hang on another object's oid."""
        return (self.kind, self.oid, repr(self.parts) if self.kind == "comment" else "")

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What tells it from others by name, on whichever side."""
        return (self.kind, self.schema, self.on_table, self.name)

    @property
    def shown(self) -> str:
        return f"{self.kind} {self.schema}.{self.name}" if self.schema else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture at the receiver. ``complete``: all of it was carried over; ``settled``: rules on rows may be put on."""

    picture: Picture
    complete: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class Scenery:
    """What the receiver has of the things: of which server, their fingerprint, what was carried over, sentences on what was not."""

    system: str
    fingerprint: str
    things: tuple[Thing, ...]
    left_over: tuple[str, ...]


def tables(side: Connection, oids: Sequence[int]) -> Mapping[int, Picture]:
    """Return the pictures of these tables, by oid; tables that are no more are left out."""
    if not oids:
        return {}
    with side.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_BOOK["tables"], {"oids": list(oids)}).fetchall()
    return {int(row["oid"]): _picture(row) for row in found}


def things(side: Connection) -> tuple[Thing, ...]:
    """Return everything besides tables, in the order of creation."""
    return tuple(_thing(*row) for row in side.execute(_BOOK["things"]))


def new_tables(side: Connection, known: Iterable[int]) -> tuple[int, ...]:
    """Return the oids of the application's tables that are not ``known``."""
    return tuple(row[0] for row in side.execute(_BOOK["new_tables"], {"known": list(known)}))


def named(side: Connection, schema: str, name: str) -> int | None:
    """Return the oid of the table of that name, if there is one."""
    row = side.execute(_BOOK["table_named"], {"schema": schema, "name": name}).fetchone()
    return int(row[0]) if row else None


@contextmanager
def one_moment(side: Connection) -> Iterator[None]:
    """Read everything in one snapshot. Definitions that the server prints are of the present all the same."""
    side.execute(_BOOK["begin_look"])
    try:
        yield
    finally:
        if not side.closed:
            side.rollback()


def prepare(receiver: Connection, owner: str | None) -> None:
    """Set the open transaction up for changes of the schema by the role that owns it."""
    receiver.execute(_BOOK["settings"])
    if owner is not None:
        receiver.execute(sql.SQL("set local role {}").format(sql.Identifier(owner)))


def snapshot(side: Connection) -> str:
    """Return the snapshot of this moment, or of the open transaction."""
    row = side.execute(_BOOK["snapshot"]).fetchone()
    assert row is not None
    return str(row[0])


class Album:
    """The pictures that one link keeps at its receiver. Every method is one statement in the caller's transaction."""

    def __init__(self, receiver: Connection, link: Link) -> None:
        self._receiver = receiver
        self._named = {"link": link.name, "direction": link.direction}

    def create(self) -> None:
        """Make the album's tables. Safe to repeat."""
        row = self._receiver.execute(_BOOK["exists"]).fetchone()
        if not (row and row[0]):
            self._receiver.execute(_BOOK["create"])

    def exists(self) -> bool:
        row = self._receiver.execute(_BOOK["exists"]).fetchone()
        return bool(row and row[0])

    def pictures(self, oids: Sequence[int] | None = None) -> Mapping[int, Kept]:
        """Return what is kept of these tables (None: of all)."""
        rows = self._receiver.execute(_BOOK["kept"], {**self._named, "oids": None if oids is None else list(oids)})
        return {relid: Kept(_picture(kept), complete, settled) for relid, kept, complete, settled in rows}

    def unfinished(self) -> int:
        """Return how many tables still miss something that they have at the origin: a constraint, an index, a trigger."""
        row = self._receiver.execute(_BOOK["unfinished"], self._named).fetchone() if self.exists() else None
        return int(row[0]) if row else 0

    def waiting(self) -> bool:
        """Whether something could not be carried over yet and is to be tried again."""
        row = self._receiver.execute(_BOOK["waiting"], self._named).fetchone()
        return bool(row and row[0])

    def keep(self, relid: int, kept: Picture, *, complete: bool, seen: str) -> None:
        """Keep what was carried over; ``seen`` is the origin's snapshot that the whole picture was read in."""
        self._receiver.execute(
            _BOOK["keep"],
            {**self._named, "relid": relid, "picture": Json(asdict(kept)), "complete": complete, "seen": seen},
        )

    def rename(self, relid: int, schema: str, name: str) -> None:
        """Note that the receiver's table has another name."""
        self._receiver.execute(_BOOK["rename_table"], {**self._named, "relid": relid, "schema": schema, "name": name})

    def doubt(self, relid: int, fingerprint: str) -> None:
        """Note an older fingerprint of a table, so that its shape is looked at before its rows are applied."""
        self._receiver.execute(_BOOK["doubt"], {**self._named, "relid": relid, "fingerprint": fingerprint})

    def forget(self, relid: int) -> None:
        """Forget a table altogether: it is no more at the origin."""
        for block in ("forget_table", "forget_chunks", "forget"):
            self._receiver.execute(_BOOK[block], {**self._named, "relid": relid})

    def scenery(self) -> Scenery | None:
        row = self._receiver.execute(_BOOK["kept_scenery"], self._named).fetchone()
        if row is None:
            return None
        return Scenery(row[0], row[1], tuple(_thing(*part) for part in row[2]), tuple(row[3]))

    def keep_scenery(self, scenery: Scenery) -> None:
        self._receiver.execute(
            _BOOK["keep_scenery"],
            {
                **self._named,
                "system": scenery.system,
                "fingerprint": scenery.fingerprint,
                "things": Json([list(asdict(thing).values()) for thing in scenery.things]),
                "left_over": Json(list(scenery.left_over)),
            },
        )


def _thing(kind: str, oid: int, schema: str, name: str, on_table: str, definition: str, parts: list[Any]) -> Thing:
    return Thing(kind, oid, schema, name, on_table, definition, tuple(parts))


def _picture(row: Mapping[str, Any]) -> Picture:
    plain = {name: value for name, value in row.items() if name not in _LISTS}
    return Picture(
        **plain,
        parents=tuple(row["parents"]),
        options=tuple(row["options"]),
        columns=tuple(Column(**part) for part in row["columns"]),
        constraints=tuple(Constraint(**part) for part in row["constraints"]),
        indexes=tuple(Index(**part) for part in row["indexes"]),
        triggers=tuple(Trigger(**part) for part in row["triggers"]),
    )


_LISTS = frozenset({"parents", "options", "columns", "constraints", "indexes", "triggers"})
