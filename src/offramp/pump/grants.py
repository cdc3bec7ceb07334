"""Who may do what with which object, and which grants make it so on the receiving side?

Read from the catalogue on both sides, so that roles can be translated and nothing depends on what was granted before. Grants are
compared as they work: who granted them is left out, and ``ALL`` on a table stays ``ALL`` where a version adds a privilege.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection
from . import roles
from .attempts import refused
from .model import Concern
from .roles import Names

_BOOK = sqlbook.load("offramp.pump", "sql/grants.sql")
_ALL_ON_TABLES = frozenset({"INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"})
_WORDS: Mapping[str, LiteralString] = {
    "relation": "table",
    "column": "table",
    "sequence": "sequence",
    "routine": "routine",
    "schema": "schema",
    "type": "type",
    "database": "database",
    "large object": "large object",
}
_DEFAULTS: Mapping[str, LiteralString] = {
    "r": "tables",
    "S": "sequences",
    "f": "routines",
    "T": "types",
    "n": "schemas",
    "L": "large objects",
}


@dataclass(frozen=True, slots=True)
class Thing:
    """What can be granted on: its kind, its name as SQL, and a column where it is one."""

    kind: str
    name: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """One privilege; ``grantee`` is None for everybody."""

    grantee: str | None
    privilege: str
    grantable: bool = False


@dataclass(frozen=True, slots=True)
class Rights:
    """An object's owner and what is granted on it, the owner's own privileges among them."""

    owner: str
    grants: frozenset[Grant]


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be granted and revoked on one object; ``unknown`` are grantees that the receiving side does not have."""

    thing: Thing
    give: frozenset[Grant]
    take: frozenset[Grant]
    unknown: frozenset[str]


def rights(side: Connection, *, large_objects: bool = False) -> Mapping[Thing, Rights]:
    """Return the rights on all objects of the application, or on its large objects."""
    found: dict[Thing, tuple[str, set[Grant]]] = {}
    for kind, name, column, owner, grantee, privilege, grantable in side.execute(
        _BOOK["large_objects" if large_objects else "rights"]
    ):
        thing = Thing(kind, name, column)
        grants = found.setdefault(thing, (owner, set()))[1]
        if privilege is not None:
            grants.add(Grant(grantee, privilege, grantable))
    return {
        thing: Rights(owner, _whole(thing, grants) if thing.kind == "relation" else frozenset(grants))
        for thing, (owner, grants) in found.items()
    }


def _whole(thing: Thing, grants: Iterable[Grant]) -> frozenset[Grant]:
    """Complete ``ALL``: who has every privilege that PostgreSQL 16 knows has MAINTAIN, too, as pg_dump would have it."""
    granted = frozenset(grants)
    had: dict[tuple[str | None, bool], set[str]] = {}
    for grant in granted:
        had.setdefault((grant.grantee, grant.grantable), set()).add(grant.privilege)
    return granted | {
        Grant(grantee, "MAINTAIN", grantable)
        for (grantee, grantable), privileges in had.items()
        if privileges >= _ALL_ON_TABLES
    }


def translated(grants: Iterable[Grant], who: Names) -> tuple[frozenset[Grant], frozenset[str]]:
    """Return the origin's grants in the receiver's names, and the grantees that have none; a superuser needs none.

    Somebody else's table becomes the owner's; who owned it at the origin keeps every privilege on it.
    """
    said: set[Grant] = set()
    unknown: set[str] = set()
    for grant in grants:
        name = None if grant.grantee is None else who.of(grant.grantee)
        if grant.grantee is None or name is not None:
            said.add(Grant(name, grant.privilege, grant.grantable))
        elif grant.grantee not in who.unknowable:
            unknown.add(grant.grantee)
    return frozenset(said), frozenset(unknown)


def change(thing: Thing, here: Rights, there: Rights, who: Names) -> Change | None:
    """Return what makes the receiver's rights on one object equal to the origin's; None when they are."""
    wanted, unknown = translated(here.grants, who)
    kept = {
        grant
        for grant in there.grants
        if grant.grantee == there.owner or (grant.grantee == who.owner and thing.kind in ("schema", "database"))
    }
    give = frozenset(grant for grant in wanted - there.grants if grant.grantee != there.owner)
    take = frozenset(there.grants - wanted - kept)
    return Change(thing, give, take, unknown) if give or take or unknown else None


def differing(
    origin: Connection, receiver: Connection, owner: str | None, *, large_objects: bool = False
) -> tuple[Change, ...]:
    """Return the objects of both sides whose rights differ."""
    who = roles.names(origin, receiver, owner)
    here, there = rights(origin, large_objects=large_objects), rights(receiver, large_objects=large_objects)
    known = ((_there(thing, receiver), mine) for thing, mine in here.items())
    # A column without grants of its own is listed on neither side.
    pairs = [
        (thing, mine, there.get(thing) or Rights(_owner(thing, there), frozenset()))
        for thing, mine in known
        if thing in there or (thing.kind == "column" and Thing("relation", thing.name) in there)
    ]
    bare = [
        (thing, Rights(_owner(thing, here), frozenset()), theirs)
        for thing, theirs in there.items()
        if thing.kind == "column" and thing not in here and Thing("relation", thing.name) in here
    ]
    return tuple(said for pair in (*pairs, *bare) if (said := change(*pair, who)))


def _there(thing: Thing, receiver: Connection) -> Thing:
    """The database itself may have another name."""
    return (
        Thing("database", sql.Identifier(receiver.info.dbname).as_string(None)) if thing.kind == "database" else thing
    )


def _owner(thing: Thing, side: Mapping[Thing, Rights]) -> str:
    return side[Thing("relation", thing.name)].owner


def carry_grants(
    origin: Connection, receiver: Connection, owner: str | None, *, large_objects: bool = False
) -> tuple[Concern, ...]:
    """Make privileges on the receiving side equal to the origin's; returns what could not be. Safe to repeat."""
    said: list[Concern] = []
    unknown: dict[str, int] = {}
    for each in differing(origin, receiver, owner, large_objects=large_objects):
        for statement in statements(each, receiver.info.server_version):
            if answer := refused(receiver, statement):
                said.append(
                    Concern(
                        each.thing.name, f"Its privileges could not be set: {answer}.", "Grant them by hand.", False
                    )
                )
        for role in each.unknown:
            unknown[role] = unknown.get(role, 0) + 1
    return (*said, *(_unknown(role, count) for role, count in sorted(unknown.items())))


def _unknown(role: str, count: int) -> Concern:
    return Concern(
        f"role {role}",
        f"It has privileges on {count} objects, but does not exist on the target.",
        "Create the role; its privileges follow when the link starts again.",
        False,
    )


def statements(each: Change, version: int) -> Iterator[sql.Composed]:
    """Yield the statements of one change, revokes first; ``version`` is the receiver's, as ``server_version_num``."""
    for block, grants in (("revoke", each.take), ("grant", each.give)):
        by_grantee: dict[tuple[str | None, bool], set[str]] = {}
        for grant in grants:
            if version >= 170000 or grant.privilege != "MAINTAIN":
                by_grantee.setdefault((grant.grantee, grant.grantable), set()).add(grant.privilege)
        for (grantee, grantable), privileges in sorted(
            by_grantee.items(), key=lambda item: (item[0][0] or "", item[0][1])
        ):
            yield sql.SQL(_BOOK[block]).format(
                privileges=_listed(privileges, each.thing.column),
                on=sql.SQL(f"{_WORDS[each.thing.kind]} {each.thing.name}"),  # As the catalogue prints it.
                grantee=_role(grantee),
                option=sql.SQL("with grant option" if grantable and block == "grant" else ""),
            )


def _listed(privileges: Iterable[str], column: str) -> sql.Composed:
    words = (sql.SQL(privilege) for privilege in sorted(privileges))
    if not column:
        return sql.SQL(", ").join(words)
    return sql.SQL(", ").join(sql.SQL("{} ({})").format(word, sql.Identifier(column)) for word in words)


def _role(grantee: str | None) -> sql.Composable:
    return sql.SQL("public") if grantee is None else sql.Identifier(grantee)


def default_rights(side: Connection) -> Mapping[tuple[str, str, str], frozenset[Grant]]:
    """Return the default privileges by role, schema (empty for all schemas) and kind of object."""
    found: dict[tuple[str, str, str], set[Grant]] = {}
    for role, schema, kind, grantee, privilege, grantable in side.execute(_BOOK["default_rights"]):
        grants = found.setdefault((role, schema, kind), set())
        if privilege is not None:
            grants.add(Grant(grantee, privilege, grantable))
    return {
        key: _whole(Thing("relation", ""), grants) if key[2] == "r" else frozenset(grants)
        for key, grants in found.items()
    }


def carry_default_rights(origin: Connection, receiver: Connection, owner: str | None) -> tuple[Concern, ...]:
    """Make default privileges equal to the origin's, for the roles that the receiving side has. Safe to repeat."""
    said: list[Concern] = []
    for role, schema, kind, give, take in differing_defaults(origin, receiver, owner):
        for block, grants in (("revoke", take), ("grant", give)):
            for grant in sorted(grants, key=lambda grant: (grant.grantee or "", grant.privilege)):
                if grant.privilege == "MAINTAIN" and receiver.info.server_version < 170000:
                    continue
                statement = sql.SQL(_BOOK[f"default_{block}"]).format(
                    role=sql.Identifier(role),
                    schema=sql.SQL("in schema {}").format(sql.Identifier(schema)) if schema else sql.SQL(""),
                    privilege=_listed([grant.privilege], ""),
                    kind=sql.SQL(_DEFAULTS[kind]),
                    grantee=_role(grant.grantee),
                    option=sql.SQL("with grant option" if grant.grantable and block == "grant" else ""),
                )
                if answer := refused(receiver, statement):
                    said.append(
                        Concern(
                            f"default privileges of {role}",
                            f"They could not be carried: {answer}.",
                            "Use ALTER DEFAULT PRIVILEGES on the target.",
                            False,
                        )
                    )
    return tuple(dict.fromkeys(said))


def differing_defaults(
    origin: Connection, receiver: Connection, owner: str | None
) -> Iterator[tuple[str, str, str, frozenset[Grant], frozenset[Grant]]]:
    """Yield role, schema and kind of object with what has to be granted and revoked."""
    who = roles.names(origin, receiver, owner)
    there = default_rights(receiver)
    for (role, schema, kind), grants in default_rights(origin).items():
        name = who.of(role)
        if name is None:
            continue
        wanted, _ = translated(grants, who)
        have = there.get((name, schema, kind))
        if have is None:
            have = frozenset() if schema else _built_in(receiver, name, kind)
        if wanted != have:
            yield name, schema, kind, wanted - have, have - wanted


def _built_in(side: Connection, role: str, kind: str) -> frozenset[Grant]:
    rows = side.execute(_BOOK["built_in"], {"role": role, "kind": kind}).fetchall()
    grants = frozenset(Grant(*row) for row in rows)
    return _whole(Thing("relation", ""), grants) if kind == "r" else grants
