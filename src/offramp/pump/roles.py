"""Which roles does this database know, and who are they on the receiving side?

Roles belong to a server, not to a database, and pg_dump does not write them. Those that this database names (as owner, in a
grant, a policy or a setting) are made with their memberships, without passwords: nobody but a superuser can read those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection
from .attempts import refused
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/roles.sql")


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the origin. ``limit`` is its connection limit, -1 for none; ``more`` names rights that are not carried."""

    name: str
    login: bool
    inherits: bool
    limit: int
    until: str | None
    more: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """``member`` is in ``group``; the options are those of PostgreSQL 16, None before that."""

    group: str
    member: str
    admin: bool
    inherit: bool | None
    set: bool | None


@dataclass(frozen=True, slots=True)
class Names:
    """Who is who: the origin's own role is the one that will own everything, others keep their names if they exist."""

    here: str
    owner: str
    there: frozenset[str]
    unknowable: frozenset[str]
    """The origin's superusers, who have no counterpart."""

    def of(self, role: str) -> str | None:
        """Return the receiving side's name for a role of the origin; None when it has none.

        >>> names = Names("u123", "app", frozenset({"app", "web"}), frozenset({"postgres"}))
        >>> names.of("u123"), names.of("web"), names.of("gone"), names.of("postgres")
        ('app', 'web', None, None)
        """
        if role == self.here:
            return self.owner
        return role if role in self.there and role not in self.unknowable else None


def names(origin: Connection, receiver: Connection, owner: str | None) -> Names:
    """Return who is who; ``owner`` is the role that owns the tables, the receiver's own where None."""
    here, there = (_one(side, "current") for side in (origin, receiver))
    return Names(
        here,
        owner or there,
        frozenset(name for (name,) in receiver.execute(_BOOK["all"])),
        frozenset(name for (name,) in origin.execute(_BOOK["superusers"])),
    )


def known(origin: Connection) -> tuple[Role, ...]:
    """Return the roles that this database names, and those that are members of them; without superusers and the server's own."""
    with origin.cursor(row_factory=args_row(_role)) as cursor:
        return tuple(cursor.execute(_BOOK["known"]))


def _role(name: str, login: bool, inherits: bool, limit: int, until: str | None, more: list[str]) -> Role:
    return Role(name, login, inherits, limit, until, tuple(more))


def memberships(side: Connection) -> tuple[Membership, ...]:
    """Return who is a member of whom, as far as this database's roles go."""
    with side.cursor(row_factory=args_row(Membership)) as cursor:
        return tuple(cursor.execute(_BOOK["memberships"]))


def missing(origin: Connection, receiver: Connection, owner: str | None) -> tuple[Role, ...]:
    """Return the origin's roles that the receiving side does not have yet."""
    who = names(origin, receiver, owner)
    return tuple(role for role in known(origin) if who.of(role.name) is None)


def carry_roles(origin: Connection, receiver: Connection, owner: str | None) -> tuple[Concern, ...]:
    """Make the roles that are missing, and their memberships; returns what a person has to do. Safe to repeat."""
    return (
        *(said for role in missing(origin, receiver, owner) for said in _make(receiver, role)),
        *_join(origin, receiver, names(origin, receiver, owner)),
    )


def _make(receiver: Connection, role: Role) -> Iterator[Concern]:
    statement = sql.SQL(_BOOK["create"]).format(
        role=sql.Identifier(role.name),
        login=sql.SQL("login" if role.login else "nologin"),
        inherits=sql.SQL("inherit" if role.inherits else "noinherit"),
        limit=sql.Literal(role.limit),
        until=sql.SQL("valid until {}").format(sql.Literal(role.until)) if role.until else sql.SQL(""),
    )
    if said := refused(receiver, statement):
        yield Concern(
            f"role {role.name}", f"It could not be made: {said}.", "Create it on the target, then grant to it.", False
        )
        return
    yield from password_needed(role)


def password_needed(role: Role) -> Iterator[Concern]:
    """Yield what a person must add to a role that was made."""
    if role.login:
        yield Concern(
            f"role {role.name}",
            "Its password cannot be read, so it cannot log in yet.",
            r"Give it one: \password.",
            False,
        )
    if role.more:
        yield Concern(
            f"role {role.name}",
            f"It has rights over the whole server that are not carried: {', '.join(role.more)}.",
            "Grant them on the target if they are still wanted.",
            False,
        )


def _join(origin: Connection, receiver: Connection, who: Names) -> Iterator[Concern]:
    standing = {(each.group, each.member) for each in memberships(receiver)}
    for each in memberships(origin):
        group, member = who.of(each.group), who.of(each.member)
        if group is None or member is None or group == member or (group, member) in standing:
            continue
        statement = sql.SQL(_BOOK["join"]).format(
            group=sql.Identifier(group), member=sql.Identifier(member), options=_options(receiver, each)
        )
        if said := refused(receiver, statement):
            yield Concern(
                f"role {member}", f"It could not be made a member of {group}: {said}.", "Grant it on the target.", False
            )


def _options(receiver: Connection, each: Membership) -> sql.Composable:
    if each.inherit is None or each.set is None or receiver.info.server_version < 160000:
        return sql.SQL("with admin option" if each.admin else "")
    return sql.SQL("with admin {}, inherit {}, set {}").format(
        sql.Literal(each.admin), sql.Literal(each.inherit), sql.Literal(each.set)
    )


def _one(side: Connection, block: str) -> str:
    row = side.execute(_BOOK[block]).fetchone()
    assert row is not None
    return str(row[0])
