"""How do row security policies come across, whose text names roles?"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection
from . import roles
from .attempts import refused
from .model import Concern
from .roles import Names

_BOOK = sqlbook.load("offramp.pump", "sql/policies.sql")


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy; ``roles`` is empty for everybody. ``using`` and ``check`` are expressions as the catalogue prints them."""

    schema: str
    table: str
    name: str
    permissive: bool
    command: str
    roles: tuple[str, ...]
    using: str | None
    check: str | None
    comment: str | None


def read(side: Connection) -> tuple[Policy, ...]:
    """Return every policy of the application's tables."""
    with side.cursor(row_factory=args_row(_policy)) as cursor:
        return tuple(cursor.execute(_BOOK["policies"]))


def _policy(
    schema: str, table: str, name: str, permissive: bool, command: str, named: list[str], using: str | None,
    check: str | None, comment: str | None,
) -> Policy:  # fmt: skip
    return Policy(schema, table, name, permissive, command, tuple(named), using, check, comment)


def carry_policies(origin: Connection, receiver: Connection, owner: str | None) -> tuple[Concern, ...]:
    """Make the policies that are missing on tables that are there; returns those that could not be. Safe to repeat."""
    who = roles.names(origin, receiver, owner)
    standing = {(each.schema, each.table, each.name) for each in read(receiver)}
    tables = set(receiver.execute(_BOOK["tables"]).fetchall())
    return tuple(
        said
        for each in read(origin)
        if (each.schema, each.table) in tables
        and (each.schema, each.table, each.name) not in standing
        and (said := _make(receiver, each, who))
    )


def _make(receiver: Connection, each: Policy, who: Names) -> Concern | None:
    named = [name for role in each.roles if (name := who.of(role))]
    if each.roles and not named:
        answer: str | None = f"the target has none of its roles ({', '.join(each.roles)})"
    else:
        answer = refused(receiver, statement(each, named))
    if answer is None:
        return None
    return Concern(
        f"policy {each.name} on {each.schema}.{each.table}",
        f"It could not be made: {answer}.",
        "Make it before the applications move: without it other rows are visible.",
        False,
    )


def statement(each: Policy, named: list[str]) -> sql.Composed:
    """Return what makes the policy, for these roles of the receiving side, with its comment."""
    table = sql.Identifier(each.schema, each.table)
    parts = [
        sql.SQL(_BOOK["create"]).format(
            name=sql.Identifier(each.name),
            table=table,
            kind=sql.SQL("permissive" if each.permissive else "restrictive"),
            command=sql.SQL(each.command),  # One of five words, from our own query.
            roles=sql.SQL(", ").join(map(sql.Identifier, named)) if named else sql.SQL("public"),
        )
    ]
    if each.using is not None:
        parts.append(sql.SQL(f" using ({each.using})"))  # type: ignore[arg-type]  # As the catalogue prints it.
    if each.check is not None:
        parts.append(sql.SQL(f" with check ({each.check})"))  # type: ignore[arg-type]  # As the catalogue prints it.
    if each.comment is not None:
        comment = {"name": sql.Identifier(each.name), "table": table, "text": sql.Literal(each.comment)}
        parts.append(sql.SQL(_BOOK["comment"]).format(**comment))
    return sql.Composed(parts)
