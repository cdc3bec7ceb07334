"""How do large objects get across, which no trigger can follow?

Their contents are compared by digest on both sides, piece by piece through ``lo_get``: only a superuser may read the table behind
them. What differs is written again under its own oid. Run it ahead of the switch, so that after the fence only the digests and what
changed since are left to do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from psycopg import sql

from .. import postgres
from ..errors import RefusedError
from ..kit import sqlbook
from ..postgres import Connection, translated
from . import grants
from .model import Concern

_BOOK = sqlbook.load("offramp.pump", "sql/objects.sql")
PIECE_BYTES = 1024 * 1024
# Objects of one transaction: small enough to lose little at a kill, and every one of them takes a lock.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LargeObject:
    """One large object: its size, a digest of its contents, and its comment."""

    oid: int
    size: int
    digest: str
    comment: str | None


@dataclass(frozen=True, slots=True)
class CarriedObjects:
    """What was done. ``digest_seconds`` is what a pass after the fence will take when nothing has changed."""

    objects: int
    size: int
    written: int
    removed: int
    digest_seconds: float
    left: tuple[Concern, ...]


def read(side: Connection) -> Mapping[int, LargeObject]:
    """Return every large object that this role may read, digested on the server. Reads all of their bytes."""
    rows = side.execute(_BOOK["digests"], {"piece": PIECE_BYTES})
    return {oid: LargeObject(oid, size, digest, comment) for oid, size, digest, comment in rows}


def count(side: Connection) -> int:
    """Return how many large objects there are."""
    row = side.execute(_BOOK["count"]).fetchone()
    assert row is not None
    return int(row[0])


def measure(side: Connection) -> tuple[int, int, tuple[int, ...]]:
    """Return how many large objects there are, their bytes, and the oids of those that this role may not read."""
    hidden = tuple(int(row[0]) for row in side.execute(_BOOK["hidden"]))
    with side.transaction():  # A descriptor lives as long as its transaction.
        row = side.execute(_BOOK["size"], {"hidden": list(hidden)}).fetchone()
    assert row is not None
    return int(row[0]) + len(hidden), int(row[1]), hidden


def carry_objects(origin_conn: Connection, receiver_conn: Connection, owner: str | None = None) -> CarriedObjects:
    """Make the receiver's large objects equal to the origin's: contents, oids, comments, owner and grants. Safe to repeat.

    Every object becomes ``owner``'s, by default of whoever owns the receiver's tables. One that a transaction changes meanwhile is
    taken as it was when this began; after the fence nothing changes any more, and this makes both sides equal. Raises RefusedError,
    with nothing done, when the origin has objects that our role may not read.
    """
    with translated("one side's large objects"):
        if not count(origin_conn) and not count(receiver_conn):
            return CarriedObjects(0, 0, 0, 0, 0.0, ())
        owner = owner or next((table.owner for table in postgres.tables(receiver_conn)), None)
        with origin_conn.transaction():
            origin_conn.execute(_BOOK["one_moment"])
            _demand_readable(origin_conn)
            began = time.monotonic()
            with ThreadPoolExecutor(2, thread_name_prefix="objects") as both:
                here, there = both.map(read, (origin_conn, receiver_conn))
            seconds = time.monotonic() - began
            gone = sorted(there.keys() - here.keys())
            changed = sorted(oid for oid in here if here[oid] != there.get(oid))
            _remove(receiver_conn, gone)
            for part in _parts(changed):
                with receiver_conn.transaction():
                    _write(origin_conn, receiver_conn, (here[oid] for oid in part), owner)
        left = grants.carry_grants(origin_conn, receiver_conn, owner, large_objects=True)
    total = sum(each.size for each in here.values())
    return CarriedObjects(len(here), total, len(changed), len(gone), seconds, left)


def _demand_readable(origin: Connection) -> None:
    hidden = origin.execute(_BOOK["hidden"]).fetchall()
    if hidden:
        raise RefusedError(
            f"{len(hidden)} large objects may not be read by the origin's role, the first {hidden[0][0]}.",
            hint="GRANT SELECT on them, or ALTER LARGE OBJECT .. OWNER TO the database's owner, then try again.",
        )


def _remove(receiver: Connection, oids: list[int]) -> None:
    for part in _parts(oids):
        receiver.execute(_BOOK["unlink"], {"oids": part})


def _parts(oids: list[int]) -> Iterator[list[int]]:
    return (oids[start : start + AT_ONCE] for start in range(0, len(oids), AT_ONCE))


def _write(origin: Connection, receiver: Connection, objects: Iterable[LargeObject], owner: str | None) -> None:
    if owner is not None:
        receiver.execute(sql.SQL("set local role {}").format(sql.Identifier(owner)))
    for each in objects:
        receiver.execute(_BOOK["make"], {"oid": each.oid})
        for offset in range(0, each.size, PIECE_BYTES):
            piece = origin.execute(
                _BOOK["get"], {"oid": each.oid, "offset": offset, "length": PIECE_BYTES}, binary=True
            ).fetchone()
            assert piece is not None
            receiver.execute(_BOOK["put"], {"oid": each.oid, "offset": offset, "bytes": piece[0]})
        if each.comment is not None:
            receiver.execute(
                sql.SQL(_BOOK["comment"]).format(oid=sql.Literal(each.oid), text=sql.Literal(each.comment))
            )
    receiver.execute("set local role none")
