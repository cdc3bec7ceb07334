"""In what does the schema of the two sides differ? Said in sentences, object by object; nothing said means that they are equal.

Both catalogues are read in one form: names with their schemas, roles translated, what is usual left out. Versions print a view
differently, so a view that looks different is printed once more by the receiving server before anything is claimed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection, translated
from . import database, grants, policies, roles, sequences
from .policies import Policy
from .roles import Names

_BOOK = sqlbook.load("offramp.pump", "sql/inventory.sql")
Inventory = Mapping[tuple[str, str], str]
MISSING, EXTRA = "is missing on the receiving side", "exists on the receiving side only"


def schema_differences(origin_conn: Connection, receiver_conn: Connection, owner: str | None = None) -> tuple[str, ...]:
    """Return in what the schemas differ, rows and the standing of sequences left aside; ``owner`` owns the receiver's tables.

    Takes no lock but that of reading the catalogue, and needs a moment without changes of schema to be exact.
    """
    with translated("one side's catalogue"):
        who = roles.names(origin_conn, receiver_conn, owner)
        return (
            *_objects(origin_conn, receiver_conn, who),
            *_sequences(origin_conn, receiver_conn),
            *_policies(origin_conn, receiver_conn, who),
            *_rights(origin_conn, receiver_conn, owner),
            *_settings(origin_conn, receiver_conn, owner),
        )


def inventory(side: Connection) -> Inventory:
    """Return every object's description as JSON text, by kind and name."""
    return {(kind, name): said for kind, name, said in side.execute(_BOOK["inventory"], {})}


def _objects(origin: Connection, receiver: Connection, who: Names) -> Iterator[str]:
    here, there = inventory(origin), inventory(receiver)
    for (kind, name), mine in sorted(here.items()):
        theirs = there.get((kind, name))
        if theirs is None:
            yield f"{kind} {name} {MISSING}"
        elif mine != theirs:
            for aspect, wanted, found in _aspects(mine, theirs, who):
                if aspect != "definition" or "view" not in kind or not _same_view(receiver, wanted, found):
                    yield f"{kind} {name}: {aspect} is {wanted} at the origin and {found} on the receiving side"
    yield from (f"{kind} {name} {EXTRA}" for kind, name in sorted(there.keys() - here.keys()))


def _aspects(mine: str, theirs: str, who: Names) -> Iterator[tuple[str, str, str]]:
    here, there = json.loads(mine), json.loads(theirs)
    if "owner" in here:
        # Whoever owned it, it is one role's now.
        here["owner"] = who.owner
    for aspect in sorted(here.keys() | there.keys()):
        wanted, found = here.get(aspect, "nothing"), there.get(aspect, "nothing")
        if wanted != found:
            yield aspect, str(wanted), str(found)


def _same_view(receiver: Connection, wanted: str, found: str) -> bool:
    """Whether the receiving server prints the origin's text as it prints its own view."""
    printed = None
    try:
        with receiver.transaction(force_rollback=True):
            receiver.execute(sql.SQL(_BOOK["probe"]).format(definition=sql.SQL(wanted)))  # As the catalogue prints it.
            row = receiver.execute(_BOOK["printed"]).fetchone()
            printed = row and row[0]
    except psycopg.ProgrammingError:
        # The view reads something that the receiver has in another form, or not at all.
        return False
    return bool(printed == found)


def _sequences(origin: Connection, receiver: Connection) -> Iterator[str]:
    here, there = sequences.listed(origin), sequences.listed(receiver)
    for key, mine in sorted(here.items()):
        name = ".".join(key)
        if key not in there:
            yield f"sequence {name} {MISSING}"
        elif not mine.alike(there[key]):
            yield f"sequence {name} counts differently: {mine.described} at the origin and {there[key].described} on the receiving side"
    yield from (f"sequence {'.'.join(key)} {EXTRA}" for key in sorted(there.keys() - here.keys()))


def _policies(origin: Connection, receiver: Connection, who: Names) -> Iterator[str]:
    here = {_named(each): _plain(each, who) for each in policies.read(origin)}
    there = {_named(each): _plain(each, None) for each in policies.read(receiver)}
    for name in sorted(here.keys() | there.keys()):
        if name not in there:
            yield f"policy {name} {MISSING}"
        elif name not in here:
            yield f"policy {name} {EXTRA}"
        elif here[name] != there[name]:
            yield f"policy {name} is {here[name]} at the origin and {there[name]} on the receiving side"


def _named(each: Policy) -> str:
    return f"{each.name} on {each.schema}.{each.table}"


def _plain(each: Policy, who: Names | None) -> str:
    named = sorted((who.of(role) or f"{role} (unknown)") if who else role for role in each.roles)
    kind = "permissive" if each.permissive else "restrictive"
    return f"{kind} for {each.command} to {', '.join(named) or 'public'} using {each.using} check {each.check}, {each.comment}"


def _rights(origin: Connection, receiver: Connection, owner: str | None) -> Iterator[str]:
    for each in grants.differing(origin, receiver, owner):
        name = f"{each.thing.kind} {each.thing.name}{f'.{each.thing.column}' if each.thing.column else ''}"
        yield from (f"{name}: {_granted(grant)} {MISSING}" for grant in _sorted(each.give))
        yield from (f"{name}: {_granted(grant)} {EXTRA}" for grant in _sorted(each.take))
        yield from (f"{name}: role {role} has privileges but {MISSING}" for role in sorted(each.unknown))
    for role, schema, kind, give, take in grants.differing_defaults(origin, receiver, owner):
        name = f"default privileges of {role}{f' in {schema}' if schema else ''} ({kind})"
        yield from (f"{name}: {_granted(grant)} {MISSING}" for grant in _sorted(give))
        yield from (f"{name}: {_granted(grant)} {EXTRA}" for grant in _sorted(take))


def _sorted(of: frozenset[grants.Grant]) -> list[grants.Grant]:
    return sorted(of, key=lambda grant: (grant.grantee or "", grant.privilege, grant.grantable))


def _granted(grant: grants.Grant) -> str:
    return f"{grant.privilege} for {grant.grantee or 'public'}{' with grant option' if grant.grantable else ''}"


def _settings(origin: Connection, receiver: Connection, owner: str | None) -> Iterator[str]:
    for each in database.missing_settings(origin, receiver, owner):
        yield f"setting {each.name} = {each.value} of {each.role or 'the database'} {MISSING}"
