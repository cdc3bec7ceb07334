"""What does the receiving side remember of its checks? Chunks with when they were last equal, and what was found different."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..kit import sqlbook
from ..postgres import Connection, Table
from .cutting import Range
from .model import Difference, Link
from .state import Chunk

_BOOK = sqlbook.load("offramp.pump", "sql/checks.sql")
# A chunk that is another altogether is told by its first differences; the link's count is whole.
MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class Equal:
    """A chunk was found equal at ``at`` (the receiver's clock). Not ``clean`` when rows of it have changed since then."""

    relid: int
    number: int
    rows: int
    at: float
    clean: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """What of a table was not found equal since it last changed: of ``chunks``, these ranges."""

    relid: int
    chunks: int
    ranges: tuple[Range, ...]


class Checks:
    """One link's checks. Every method is one statement in the caller's transaction."""

    def __init__(self, receiver: Connection, link: Link) -> None:
        self.receiver = receiver
        self.link = link

    def _named(self, **values: object) -> dict[str, object]:
        return {"link": self.link.name, "direction": self.link.direction, **values}

    def chunks(self, relids: Sequence[int] | None = None) -> Mapping[int, tuple[Chunk, ...]]:
        """Return the chunks of these tables (None: of all), by table."""
        found: dict[int, list[Chunk]] = {}
        values = self._named(relids=None if relids is None else list(relids))
        for relid, number, low, high, rows, dirty, at in self.receiver.execute(_BOOK["chunks"], values):
            found.setdefault(relid, []).append(Chunk(number, _bound(low), _bound(high), rows, dirty, at))
        return {relid: tuple(chunks) for relid, chunks in found.items()}

    def add_whole(self, rows: Mapping[int, int]) -> None:
        """Give each of these tables (with an estimate of its rows) one chunk that spans it."""
        self.receiver.execute(_BOOK["add_whole"], self._named(relids=list(rows), rows=list(rows.values())))

    def cut(self, relid: int, old: Sequence[int] | None, new: Sequence[tuple[int, Range, int]]) -> None:
        """Replace chunks (None: all of the table) by new ones: number, range, rows."""
        chunks = json.dumps(
            [{"number": number, "low": low, "high": high, "rows": rows} for number, (low, high), rows in new]
        )
        numbers = None if old is None else list(old)
        with self.receiver.transaction():
            self.receiver.execute(_BOOK["drop_chunks"], self._named(relid=relid, numbers=numbers))
            self.receiver.execute(_BOOK["insert_chunks"], self._named(relid=relid, chunks=chunks))
            self.receiver.execute(_BOOK["move_open"], self._named(relid=relid, numbers=numbers, number=new[0][0]))

    def by_name(self) -> str:
        """Return all chunks, of tables by their names, as ``inherit`` takes them."""
        row = self.receiver.execute(_BOOK["chunks_by_name"], self._named()).fetchone()
        return str(row[0]) if row else "[]"

    def inherit(self, chunks: str, tables: Sequence[Table]) -> None:
        """Begin with another link's chunks, all of them equal now; ``tables`` are those of this link's origin."""
        with self.receiver.transaction():
            self.receiver.execute(_BOOK["drop_all_chunks"], self._named())
            self.receiver.execute(
                _BOOK["inherit_chunks"],
                self._named(
                    chunks=chunks,
                    schemas=[table.schema for table in tables],
                    names=[table.name for table in tables],
                    relids=[table.oid for table in tables],
                ),
            )

    def dirty(self, relid: int) -> None:
        """Note that any row of the table may have changed."""
        self.receiver.execute(_BOOK["dirty_table"], self._named(relid=relid))

    def equal(self, found: Sequence[Equal]) -> None:
        self.receiver.execute(
            _BOOK["chunks_equal"],
            self._named(
                relids=[one.relid for one in found],
                numbers=[one.number for one in found],
                rows=[one.rows for one in found],
                ats=[one.at for one in found],
                cleans=[one.clean for one in found],
            ),
        )

    def differs(self, relid: int, number: int, name: str, news: Sequence[Difference]) -> None:
        """Note that a chunk is not equal, and which differences were not known yet."""
        with self.receiver.transaction():
            self.receiver.execute(_BOOK["chunk_differs"], self._named(relid=relid, number=number))
            if news:
                named = news[:MOST_NAMED]
                self.receiver.execute(
                    _BOOK["found"],
                    self._named(
                        relid=relid, number=number, name=name,
                        keys=[one.key for one in named], kinds=[str(one.kind) for one in named],
                    ),
                )  # fmt: skip
                self.receiver.execute(_BOOK["count_found"], self._named(found=len(news)))

    def settled(self, relid: int, number: int, count: int) -> None:
        """Note that a chunk in which so many differences were found is equal again."""
        self.receiver.execute(_BOOK["settled"], self._named(relid=relid, number=number, count=count))

    def open_differences(self) -> Mapping[tuple[int, int], frozenset[tuple[str, str]]]:
        """Return key and kind of what is known to differ still, by table and chunk."""
        return {
            (relid, number): frozenset((key, kind) for key, kind in pairs)
            for relid, number, pairs in self.receiver.execute(_BOOK["open_differences"], self._named())
        }

    def ask(self) -> datetime | None:
        row = self.receiver.execute(_BOOK["ask"], self._named()).fetchone()
        return row[0] if row else None

    def asked(self) -> float:
        """Return when everything was asked to be verified anew, as seconds since the epoch; 0 when never."""
        row = self.receiver.execute(_BOOK["asked"], self._named()).fetchone()
        return float(row[0]) if row and row[0] is not None else 0.0

    def progress(self, since: datetime) -> tuple[int, int, int, int, int, int]:
        """Return rows verified and all, chunks verified and all, differences found since then and those still open."""
        row = self.receiver.execute(_BOOK["progress"], self._named(since=since)).fetchone()
        assert row is not None
        return (int(row[0]), int(row[1]), int(row[2]), int(row[3]), int(row[4]), int(row[5]))

    def stale(self) -> tuple[Stale, ...]:
        """Return the tables that were not found wholly equal since they last changed."""
        rows = self.receiver.execute(_BOOK["stale"], self._named()).fetchall()
        return tuple(
            Stale(relid, count, tuple((_bound(low), _bound(high)) for _, low, high in ranges))
            for relid, count, ranges in rows
        )

    def moved(self) -> tuple[int, ...]:
        return tuple(relid for (relid,) in self.receiver.execute(_BOOK["moved"], self._named()))


def _bound(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if texts is None else tuple(texts)
