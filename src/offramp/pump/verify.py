"""Are both sides equal, and if not, in which rows? For those who ask once: in a hold, or after a move, or while a link runs.

The link's own continuous check uses the same digests; see ``inspecting``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from .. import postgres
from ..errors import RefusedError
from ..kit import sqlbook
from ..postgres import Connection, Table, translated
from . import cutting, differing
from .aside import both
from .checks import Checks, Stale
from .cutting import EVERYTHING, Range
from .digest import Digest
from .model import Difference, Link, Progress, Verification

_BOOK = sqlbook.load("offramp.pump", "sql/digest.sql")
# More ranges than this part of a table's chunks cost more than one pass over the table.
FEW = 3


@dataclass(frozen=True, slots=True)
class Work:
    """One table and the ranges of it to compare."""

    table: Table
    ranges: tuple[Range, ...]

    @property
    def whole(self) -> bool:
        return EVERYTHING in self.ranges


def verify_all(origin: Connection, receiver: Connection, link: Link, *, only_dirty: bool = False) -> Verification:
    """Compare all tables of the link (``only_dirty``: the chunks that changed since they were last found equal).

    Both databases must be quiet: fenced, and drained. Raises OutsideError when a side fails.
    """
    began = time.monotonic()
    with translated("one side"):
        work = _plan(origin, receiver, link, only_dirty=only_dirty)
        here, there = both(lambda: _digests(origin, work), lambda: _digests(receiver, work))
        differences: list[Difference] = []
        for one, mine, theirs in zip(work, here, there, strict=True):
            if mine != theirs:
                differences.extend(_locate(origin, receiver, one, mine, theirs))
    return Verification(
        tables=len(work),
        rows=sum(answer.rows for answers in here for answer in answers),
        chunks=sum(len(one.ranges) for one in work),
        differences=tuple(differences),
        seconds=time.monotonic() - began,
    )


def request_verification(receiver_conn: Connection, link: Link) -> datetime:
    """Ask the running link to verify everything once more, at full pace; returns the moment, by the receiver's clock.

    Raises RefusedError when there is no such link.
    """
    with translated("the receiving side"):
        at = Checks(receiver_conn, link).ask()
    if at is None:
        raise RefusedError(f"There is no link {link.name} here.", hint="Start it first.")
    return at


def verified_since(receiver_conn: Connection, link: Link, since: datetime) -> Progress:
    """Return how far the running link has verified everything since that moment, which ``request_verification`` returned."""
    with translated("the receiving side"):
        verified, rows, chunks, all_chunks, found, standing = Checks(receiver_conn, link).progress(since)
    done = chunks == all_chunks
    share = 1.0 if done else min(verified / rows if rows else chunks / all_chunks, 0.999)
    return Progress(share=share, rows=verified, differences=found, standing=standing, done=done)


def _plan(origin: Connection, receiver: Connection, link: Link, *, only_dirty: bool) -> list[Work]:
    """All tables, or those that hold something stale: clean ones are known to be equal since nothing has changed in them."""
    checks = Checks(receiver, link)
    if not only_dirty:
        return [Work(table, (EVERYTHING,)) for table in postgres.tables(origin, list(checks.moved()))]
    stale = {one.relid: one for one in checks.stale()}
    return [Work(table, _ranges(stale[table.oid])) for table in postgres.tables(origin, list(stale))] if stale else []


def _ranges(stale: Stale) -> tuple[Range, ...]:
    if not stale.chunks or len(stale.ranges) * FEW > stale.chunks:
        return (EVERYTHING,)
    return stale.ranges


def _digests(side: Connection, work: Sequence[Work]) -> list[tuple[Digest, ...]]:
    """Digest everything in one transaction; all questions go to the server in one go, and it answers one after the other."""
    ordered = sorted(work, key=lambda one: not one.whole)
    found: dict[int, tuple[Digest, ...]] = {}
    with side.pipeline(), side.transaction():
        answers: dict[int, Callable[[], tuple[Digest, ...]]] = {}
        for one in ordered:
            if not answers or not one.whole:
                _settings(side, seqscan=one.whole)
            answers[one.table.oid] = cutting.ask(side, one.table, one.ranges)
        found = {relid: answer() for relid, answer in answers.items()}
    return [found[one.table.oid] for one in work]


def _settings(side: Connection, *, seqscan: bool) -> None:
    side.execute(sql.SQL(_BOOK["quiet_settings"]).format(seqscan=sql.Literal("on" if seqscan else "off")))


def _locate(
    origin: Connection, receiver: Connection, one: Work, mine: Sequence[Digest], theirs: Sequence[Digest]
) -> tuple[Difference, ...]:
    """Return the rows that differ. Everywhere in the table, since a row may lie in another range on the other side."""
    rows = max(max(a.rows, b.rows) for a, b in zip(mine, theirs, strict=True))
    if one.whole:
        return differing.anywhere(origin, receiver, one.table, rows).differences
    found: Mapping[str, Difference] = {
        difference.key: difference
        for limits, a, b in zip(one.ranges, mine, theirs, strict=True)
        if a != b
        for difference in differing.in_range(
            origin, receiver, one.table, cutting.within(one.table, *limits)
        ).differences
    }
    return tuple(found.values())
