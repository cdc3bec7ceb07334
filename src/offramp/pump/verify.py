"""Are both sides equal, and if not, in which rows?

The pump's continuous check and the check inside a hold use the same digests: both sides look at the same instant, so there are
no locks and no false alarms.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from psycopg import sql

from .. import postgres
from ..kit import sqlbook
from ..postgres import Connection, Table, translated
from . import shape
from .model import Difference, Link, Verification
from .state import Ledger

_BOOK = sqlbook.load("offramp.pump", "sql/verify.sql")
Range = tuple[Sequence[str] | None, Sequence[str] | None]
EVERYTHING: Range = (None, None)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Digest:
    """What one side says of a range: equal digests are equal rows."""

    rows: int
    hash: str


def digest(side: Connection, table: Table, ranges: Sequence[Range]) -> Digest:
    """Digest the rows of ``table`` in these ranges, columns in the order that ``table`` names them."""
    row = side.execute(
        sql.SQL(_BOOK["digest"]).format(
            image=shape.image(table, "t"), table=shape.name(table), within=_any_of(table, ranges)
        )
    ).fetchone()
    assert row is not None
    return Digest(row[0], row[1])


def _any_of(table: Table, ranges: Sequence[Range]) -> sql.Composable:
    if any(tuple(limits) == EVERYTHING for limits in ranges):
        return sql.SQL("true")
    return sql.SQL(" or ").join(sql.SQL("({})").format(shape.within(table, low, high)) for low, high in ranges)


def keyed_rows(side: Connection, table: Table, ranges: Sequence[Range]) -> Mapping[tuple[str, ...], str]:
    """Return the md5 of each row by its key's text."""
    query = sql.SQL(_BOOK["keys"]).format(
        texts=shape.comma(sql.SQL("t.{}::text").format(sql.Identifier(key.name)) for key in table.key),
        image=shape.image(table, "t"),
        table=shape.name(table),
        within=_any_of(table, ranges),
    )
    return {tuple(key): image for key, image in side.execute(query)}


def bare_rows(side: Connection, table: Table) -> Mapping[str, int]:
    """Return how often each row image occurs, by its md5."""
    query = sql.SQL(_BOOK["images"]).format(image=shape.image(table, "t"), table=shape.name(table))
    return dict(side.execute(query).fetchall())


def compare_keyed(
    table: Table, here: Mapping[tuple[str, ...], str], there: Mapping[tuple[str, ...], str]
) -> tuple[tuple[tuple[str, ...], Difference], ...]:
    """Return each differing key with what is wrong with it at the receiver (``there``)."""
    found: list[tuple[tuple[str, ...], Difference]] = []
    for key in sorted(here.keys() | there.keys()):
        shown = ", ".join(key)
        if key not in there:
            found.append((key, Difference(table.full_name, shown, "missing")))
        elif key not in here:
            found.append((key, Difference(table.full_name, shown, "extra")))
        elif here[key] != there[key]:
            found.append((key, Difference(table.full_name, shown, "changed")))
    return tuple(found)


def compare_bare(table: Table, here: Mapping[str, int], there: Mapping[str, int]) -> tuple[Difference, ...]:
    """Return one difference per row image whose count differs, named by its md5."""
    found: list[Difference] = []
    for image in sorted(here.keys() | there.keys()):
        more = here.get(image, 0) - there.get(image, 0)
        if more:
            found.append(
                Difference(table.full_name, f"{abs(more)} x row {image[:12]}", "missing" if more > 0 else "extra")
            )
    return tuple(found)


def locate(origin: Connection, receiver: Connection, table: Table, ranges: Sequence[Range]) -> tuple[Difference, ...]:
    """Return the rows that differ in these ranges."""
    if not table.key:
        return compare_bare(table, bare_rows(origin, table), bare_rows(receiver, table))
    here, there = keyed_rows(origin, table, ranges), keyed_rows(receiver, table, ranges)
    return tuple(difference for _, difference in compare_keyed(table, here, there))


def verify_all(origin: Connection, receiver: Connection, link: Link, *, only_dirty: bool = False) -> Verification:
    """Compare all tables of the link (``only_dirty``: the chunks that changed since they were last found equal).

    Both databases must be quiet: fenced, and drained. Raises OutsideError when a side fails.
    """
    began = time.monotonic()
    with translated("the receiving side"):
        work = _plan(origin, receiver, link, only_dirty=only_dirty)
    answers = both(
        lambda: [digest_quietly(origin, table, ranges) for table, ranges in work],
        lambda: [digest_quietly(receiver, table, ranges) for table, ranges in work],
    )
    differences: list[Difference] = []
    for (table, ranges), here, there in zip(work, *answers, strict=True):
        if here != there:
            with translated("one side"):
                differences.extend(locate(origin, receiver, table, ranges))
    return Verification(
        tables=len(work),
        rows=sum(answer.rows for answer in answers[0]),
        chunks=sum(len(ranges) for _, ranges in work),
        differences=tuple(differences),
        seconds=time.monotonic() - began,
    )


def digest_quietly(side: Connection, table: Table, ranges: Sequence[Range]) -> Digest:
    """As ``digest``, with the session's planner settings as the server has them."""
    with translated("one side"), side.transaction():
        side.execute("set local enable_seqscan = on; set local enable_hashjoin = on; set local jit = off")
        return digest(side, table, ranges)


def _plan(
    origin: Connection, receiver: Connection, link: Link, *, only_dirty: bool
) -> list[tuple[Table, tuple[Range, ...]]]:
    ledger = Ledger(receiver, link)
    known = {moved.relid: moved for moved in ledger.tables()}
    work: list[tuple[Table, tuple[Range, ...]]] = []
    for table in postgres.tables(origin, list(known)):
        chunks = ledger.chunks(table.oid) if only_dirty else ()
        stale = [chunk for chunk in chunks if chunk.dirty or chunk.verified_at is None]
        if chunks and not stale:
            continue
        # Many ranges cost more than one pass over the table.
        few = bool(chunks) and shape.ordered(table) and len(stale) * 2 < len(chunks)
        work.append((table, tuple((chunk.low, chunk.high) for chunk in stale) if few else (EVERYTHING,)))
    return work


@dataclass
class _Result(Generic[Answer]):
    value: Answer | None = None
    error: Exception | None = None


def both(first: Callable[[], Answer], second: Callable[[], Answer]) -> tuple[Answer, Answer]:
    """Run both at once, one of them in a thread of its own."""
    beside: _Result[Answer] = _Result()

    def run() -> None:
        try:
            beside.value = first()
        except Exception as error:
            beside.error = error

    thread = threading.Thread(target=run, name="offramp-verify-origin")
    thread.start()
    try:
        answer = second()
    finally:
        thread.join()
    if beside.error:
        raise beside.error
    assert beside.value is not None
    return beside.value, answer
