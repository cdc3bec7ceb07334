"""Which parts of the logs may still bring news? Only those are read, so that a poll costs what changed and not what the logs hold.

A log only grows: nothing in it is ever updated or deleted, and a row that we have seen keeps its place and its bytes for ever. So once
the rows that we see fill a page, nothing can be added to it, and the page need not be read again. A page with gaps (rows of
transactions that are still open or were rolled back) or with a little room left can only change at those places: they are kept as
single tuple addresses. All this is forgotten with the process and found again by reading the logs once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from psycopg import sql
from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection
from . import functions

_BOOK = sqlbook.load("offramp.pump", "sql/logs.sql")
# A page without its header, and the smallest row that a log can have: header 24, xid 8, t 4, op 1, aligned, and its line pointer.
PAGE_BYTES, LEAST_ROW_BYTES = 8192 - 24, 44
# Pages that could still take more rows than this are read as a whole.
PLACES_PER_PAGE = 12
# Where the unread part begins is worth finding out when that part is bigger than this.
TAIL_PAGES = 16


@dataclass(frozen=True, slots=True)
class Log:
    """One log table: ``size`` in bytes, ``file`` its file node, which a TRUNCATE changes."""

    number: int
    width: int
    active: bool
    size: int
    file: int

    @property
    def pages(self) -> int:
        return self.size // 8192


@dataclass(frozen=True, slots=True)
class Unread:
    """From page ``low`` on everything is read; before it only these single places (page, line)."""

    log: Log
    low: int = 0
    places: frozenset[tuple[int, int]] = frozenset()

    @property
    def tail_pages(self) -> int:
        return self.log.pages - self.low

    def condition(self) -> sql.Composed:
        """Return the condition on the address of a log row (``l``) that it is not known to be consumed."""
        return sql.SQL("({})").format(sql.SQL(" or ").join(self._parts(named=False)))

    def rows(self, where: sql.Composable, width: int, *, named: bool) -> sql.Composed:
        """Return the unread rows that fit ``where`` (about ``l``), with ``width`` key columns."""
        keys = (
            sql.SQL("l.{}").format(sql.Identifier(f"k{at}"))
            if at <= self.log.width
            else sql.SQL("null::text as {}").format(sql.Identifier(f"k{at}"))
            for at in range(1, width + 1)
        )
        listed = sql.SQL(", ").join([sql.SQL("l.t, l.op, {} as log").format(sql.Literal(self.log.number)), *keys])
        # Two scans instead of one with "or": each finds its rows by address.
        return sql.SQL(" union all ").join(
            sql.SQL("select {} from only {} l where {} and {}").format(
                listed, functions.log(self.log.number), part, where
            )
            for part in self._parts(named=named)
        )

    def _parts(self, *, named: bool) -> tuple[sql.Composed, ...]:
        low, single = self.addresses
        tail = sql.SQL("l.ctid >= {}::tid").format(
            sql.Placeholder(f"low_{self.log.number}") if named else sql.Literal(low)
        )
        if not self.places:
            return (tail,)
        places = sql.Placeholder(f"places_{self.log.number}") if named else sql.Literal(single)
        return (tail, sql.SQL("l.ctid = any({}::tid[])").format(places))

    @property
    def addresses(self) -> tuple[str, list[str]]:
        """Where the tail begins, and the single places, as PostgreSQL writes them."""
        return f"({self.low},0)", [f"({page},{line})" for page, line in sorted(self.places)]


@dataclass
class Logs:
    """All logs of one origin, as one connection has read them."""

    origin: Connection
    unread: dict[int, Unread] = field(default_factory=dict)

    def refresh(self) -> tuple[Log, ...]:
        """Look which logs there are, and how big."""
        with self.origin.cursor(row_factory=args_row(Log)) as cursor:
            found = tuple(cursor.execute(_BOOK["logs"]))
        self.unread = {log.number: self._grown(log) for log in found}
        return found

    def _grown(self, log: Log) -> Unread:
        known = self.unread.get(log.number)
        return replace(known, log=log) if known is not None and known.log.file == log.file else Unread(log)

    @property
    def active(self) -> Unread:
        return next(unread for unread in self.unread.values() if unread.log.active)

    @property
    def size(self) -> int:
        """Bytes of all logs when last looked."""
        return sum(unread.log.size for unread in self.unread.values())

    def rows(
        self, where: sql.Composable, *, width: int, named: bool = False, only: Collection[int] | None = None
    ) -> sql.Composed:
        """Return a query of the unread rows that fit ``where``: t, op, log, k1 and so on; of these logs ``only``, or all.

        ``named`` leaves placeholders for ``values()``, so that the server can keep its plan.
        """
        return sql.SQL(" union all ").join(
            unread.rows(where, width, named=named)
            for number, unread in self.unread.items()
            if only is None or number in only
        )

    def values(self) -> dict[str, str | list[str]]:
        found: dict[str, str | list[str]] = {}
        for number, unread in self.unread.items():
            low, places = unread.addresses
            found[f"low_{number}"] = low
            if places:
                found[f"places_{number}"] = places
        return found

    def settle(self) -> None:
        """Find out, within the window that has just been consumed, where the unread part of each log begins now."""
        for number, unread in list(self.unread.items()):
            if unread.tail_pages > TAIL_PAGES:
                self.unread[number] = self._advanced(unread)

    def _advanced(self, unread: Unread) -> Unread:
        width = unread.log.width
        query = sql.SQL(_BOOK["pages"]).format(
            bytes=sql.SQL(" + ").join(
                sql.SQL("coalesce(pg_column_size(l.{}), 0)").format(sql.Identifier(f"k{at}"))
                for at in range(1, width + 1)
            ),
            log=functions.log(unread.log.number),
            low=sql.Literal(unread.addresses[0]),
        )
        seen = {page: Page(page, tuple(lines), used) for page, lines, used in self.origin.execute(query)}
        low, places = unread.low, set(unread.places)
        while (page := seen.get(low)) is not None and len(open_places := page.open_places()) <= PLACES_PER_PAGE:
            places.update((low, line) for line in open_places)
            low += 1
        return replace(unread, low=low, places=frozenset(places))


@dataclass(frozen=True, slots=True)
class Page:
    """What we see of one page: the lines of the rows there, and the bytes that they take, line pointers included."""

    number: int
    lines: Sequence[int]
    used: int

    def open_places(self) -> tuple[int, ...]:
        """Return the lines at which a row may yet appear.

        >>> Page(0, (1, 2, 3), 8168).open_places()
        ()
        >>> Page(0, (1, 3), 8168).open_places()
        (2,)
        >>> Page(0, (1, 2), 8168 - 100).open_places()
        (3, 4)
        """
        last = max(self.lines)
        gaps = set(range(1, last)).difference(self.lines)
        room = max(PAGE_BYTES - self.used, 0) // LEAST_ROW_BYTES
        return tuple(sorted(gaps.union(range(last + 1, last + 1 + room))))
