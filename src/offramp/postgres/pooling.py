"""What do applications keep in their sessions that pooling by transaction would take from them?

In PgBouncer's transaction mode each transaction may run on another server connection: whatever a session remembers beyond its
transaction is lost, or worse, found by somebody else. Seen in what sessions run now, in the locks they hold, and in
pg_stat_statements where the database has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg import sql

from ..kit import sqlbook
from .connection import Connection, translated

_BOOK = sqlbook.load("offramp.postgres", "sql/pooling.sql")
Kind = Literal["listen", "advisory lock", "set", "prepare", "temporary table", "cursor", "load"]

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("listen", re.compile(r"^\s*(un)?listen\b", re.IGNORECASE)),
    ("advisory lock", re.compile(r"\bpg_(try_)?advisory_lock(_shared)?\s*\(", re.IGNORECASE)),
    ("prepare", re.compile(r"^\s*(prepare\s+(?!transaction)|deallocate\b)", re.IGNORECASE)),
    ("temporary table", re.compile(r"^\s*create\s+(local\s+|global\s+)?temp(orary)?\s+(?!.*on\s+commit\s+drop)", re.IGNORECASE | re.DOTALL)),
    ("cursor", re.compile(r"^\s*declare\b.*\bwith\s+hold\b", re.IGNORECASE | re.DOTALL)),
    ("load", re.compile(r"^\s*load\s+'", re.IGNORECASE)),
    ("set", re.compile(r"^\s*set\s+(?!local\b|transaction\b|constraints\b|session\s+characteristics\b)", re.IGNORECASE)),
)  # fmt: skip
# Parameters that PgBouncer itself tracks for each client, so that they are safe; drivers set them when they connect.
_TRACKED = re.compile(
    r"^\s*set\s+(session\s+)?(client_encoding|names|datestyle|timezone|time\s+zone|standard_conforming_strings|application_name)\b",
    re.IGNORECASE,
)
# What is recorded of others than applications: pg_dump, which Heroku's backups run too, and offramp itself, whose pg_dump waits 400 ms.
_OTHERS = re.compile(
    r"offramp|^\s*prepare\s+(dump|get)\w+\s*\(|"
    r"^\s*set\s+((statement|lock|transaction|idle_in_transaction_session)_timeout\s*=\s*(0|'0'|'400ms')\s*$|row_security\b|extra_float_digits\s+to\b|"
    r"synchronize_seqscans\s+to\b|intervalstyle\b|quote_all_identifiers\b|session_replication_role\b)",
    re.IGNORECASE,
)
WHY: dict[Kind, tuple[str, str]] = {
    "listen": (
        "notifications go to a server connection that the listener no longer has",
        "Let that process connect to the database itself, past the pooler; it will be cut at the switch and must connect again.",
    ),
    "advisory lock": (
        "a session's advisory lock stays with a server connection, where the next client finds it",
        "Use pg_advisory_xact_lock, which ends with its transaction.",
    ),
    "prepare": (
        "a statement prepared with SQL is known to one server connection only",
        "Let the driver prepare (PgBouncer follows the protocol's own prepared statements), or do without.",
    ),
    "temporary table": (
        "a temporary table stays with a server connection",
        "Create it with ON COMMIT DROP, within one transaction.",
    ),
    "cursor": ("a cursor WITH HOLD stays with a server connection", "Fetch within one transaction."),
    "load": ("a library is loaded in one server connection only", "Ask for session_preload_libraries, or do without."),
    "set": (
        "a setting of the session stays with a server connection, where the next client finds it",
        "Use SET LOCAL within the transaction, or ALTER ROLE .. SET.",
    ),
}


@dataclass(frozen=True, slots=True)
class SessionUse:
    """Something that an application keeps in its session, with one example; ``times`` is how often it was seen."""

    kind: Kind
    example: str
    times: int

    @property
    def why(self) -> str:
        return WHY[self.kind][0]

    @property
    def fix(self) -> str:
        return WHY[self.kind][1]

    def __str__(self) -> str:
        return f"{self.kind} ({self.example}): {self.why}"


def session_uses(conn: Connection) -> tuple[SessionUse, ...]:
    """Return what pooling by transaction would break, one entry a kind, those that break most surely first."""
    with translated("the database"):
        seen = [*_running(conn), *_locks(conn), *_recorded(conn)]
    found: dict[Kind, SessionUse] = {}
    for use in seen:
        known = found.get(use.kind)
        found[use.kind] = use if known is None else SessionUse(use.kind, known.example, known.times + use.times)
    return tuple(found[kind] for kind in WHY if kind in found)


def kind_of(statement: str) -> Kind | None:
    """Return what a statement leaves in its session, or None.

    >>> kind_of("LISTEN jobs"), kind_of("set local work_mem = '1GB'"), kind_of("SET work_mem = '1GB'")
    ('listen', None, 'set')
    >>> kind_of("select pg_advisory_xact_lock(1)"), kind_of("select pg_try_advisory_lock($1)"), kind_of("SET TIME ZONE 'UTC'")
    (None, 'advisory lock', None)
    >>> kind_of("PREPARE dumpFunc(pg_catalog.oid) AS SELECT 1"), kind_of("SET statement_timeout = 0"), kind_of('listen "offramp_fenced"')
    (None, None, None)
    """
    if _TRACKED.match(statement) or _OTHERS.search(statement):
        return None
    return next((kind for kind, pattern in _KINDS if pattern.search(statement)), None)


def _uses(rows: Iterable[tuple[str, str, int]]) -> Iterator[SessionUse]:
    for example, statement, times in rows:
        if (kind := kind_of(statement)) is not None:
            yield SessionUse(kind, example or _short(statement), times)


def _short(statement: str) -> str:
    """The beginning of a statement whose literals pg_stat_statements has replaced.

    >>> _short("LISTEN    jobs")
    'LISTEN jobs'
    """
    return " ".join(statement.split())[:60]


def _running(conn: Connection) -> Iterator[SessionUse]:
    # Literals of running statements are the customer's data, so only the program is named.
    return _uses([(str(program), str(query), 1) for program, query in conn.execute(_BOOK["sessions"])])


def _locks(conn: Connection) -> Iterator[SessionUse]:
    for program, count in conn.execute(_BOOK["advisory_locks"]):
        yield SessionUse("advisory lock", f"held between transactions by {program}", int(count))


def _recorded(conn: Connection) -> tuple[SessionUse, ...]:
    row = conn.execute(_BOOK["statements_schema"]).fetchone()
    if row is None:
        return ()
    try:
        with conn.transaction():
            rows = conn.execute(sql.SQL(_BOOK["statements"]).format(schema=sql.Identifier(row[0]))).fetchall()
    except psycopg.Error:
        # The library may not be loaded although the extension is there.
        return ()
    return tuple(_uses([("", str(query), int(calls)) for query, calls in rows]))
