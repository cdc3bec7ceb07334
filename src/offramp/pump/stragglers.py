"""Who else is on this database, who keeps a switch waiting, and who still comes to the old primary after it?

The deny triggers of the fence turn every write to a table away. What no trigger can follow (sequences, DDL, from PostgreSQL 16 on
large objects) ends after the commit, when there is no undo that could be in anybody's way: the database is read-only for each new
session, and sessions of others are ended, so that whoever comes back meets SQLSTATE 25006.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection, translated
from .model import Link

_BOOK = sqlbook.load("offramp.pump", "sql/stragglers.sql")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A session that is not ours. ``seconds`` is how long its transaction has been open, or else the session itself."""

    pid: int
    role: str
    program: str
    address: str
    state: str
    seconds: float
    in_transaction: bool

    def __str__(self) -> str:
        since = f"in a transaction ({self.state}) for" if self.in_transaction else "connected for"
        return f"{self.program} (role {self.role}, from {self.address}, pid {self.pid}), {since} {self.seconds:.0f} s"


def visitors(conn: Connection) -> tuple[Visitor, ...]:
    """Return every session on this database that is not ours, those with the oldest transaction first."""
    with translated("the database"), conn.cursor(row_factory=args_row(Visitor)) as cursor:
        return tuple(cursor.execute(_BOOK["visitors"]))


def in_transaction(conn: Connection, seconds: float) -> tuple[Visitor, ...]:
    """Return those whose transaction has been open for at least ``seconds``."""
    return tuple(one for one in visitors(conn) if one.in_transaction and one.seconds >= seconds)


def end(conn: Connection, found: Iterable[Visitor]) -> tuple[Visitor, ...]:
    """End these sessions; returns those that our role may not end."""
    left: list[Visitor] = []
    with translated("the database"):
        for one in found:
            try:
                conn.execute(_BOOK["end"], {"pid": one.pid})
            except psycopg.errors.InsufficientPrivilege:
                left.append(one)
    return tuple(left)


def end_runner(conn: Connection, link: Link) -> int:
    """End the sessions of the process that runs this link; returns how many. It connects anew and goes on where it was.

    For a link that stands still in the middle of a transaction, whose locks somebody waits for.
    """
    with translated("the database"):
        row = conn.execute(_BOOK["end_runner"], {"program": link.program}).fetchone()
    return int(row[0]) if row else 0


def strand(conn: Connection, *, ending: bool = True) -> tuple[Visitor, ...]:
    """Make a fenced database read-only for new sessions and end those of others (``ending``); returns the sessions that are left.

    Safe to repeat. Where the database is not ours to alter, its tables are closed by the fence alone.
    """
    with translated("the old primary"):
        try:
            with conn.transaction():
                conn.execute(_BOOK["note"])
                conn.execute(_read_only(conn, _BOOK["read_only"]))
        except psycopg.errors.InsufficientPrivilege:
            left = visitors(conn)
        else:
            left = end(conn, visitors(conn)) if ending else visitors(conn)
        conn.execute(_BOOK["stranded"])
    return left


def writable(conn: Connection) -> None:
    """Take back what ``strand`` did, within the caller's transaction; no effect where it did nothing."""
    row = conn.execute(_BOOK["noted"]).fetchone()
    if row is not None and row[0]:
        conn.execute(_read_only(conn, _BOOK["writable"]))


def _read_only(conn: Connection, block: LiteralString) -> sql.Composed:
    return sql.SQL(block).format(database=sql.Identifier(conn.info.dbname))


def free_share(conn: Connection, storage_bytes: int) -> float | None:
    """Return the part of a server's storage that its databases leave free; None for a server without storage of a known size."""
    if storage_bytes <= 0:
        return None
    with translated("the database"):
        row = conn.execute(_BOOK["used"]).fetchone()
    return max(1 - int(row[0] or 0) / storage_bytes, 0.0) if row else None
