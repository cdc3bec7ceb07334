"""Where do sequences stand at the origin, and how does the receiver never hand out a number twice?"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

from psycopg import sql
from psycopg.rows import args_row

from ..kit import sqlbook
from ..postgres import Connection, translated

_BOOK = sqlbook.load("offramp.pump", "sql/sequences.sql")
# One statement reads this many sequences that were never called; planning more takes longer than asking again.
_UNCALLED_AT_ONCE = 100


class Parameters(NamedTuple):
    """What CREATE SEQUENCE says of a sequence."""

    type: str
    start: int
    minimum: int
    maximum: int
    cache: int


_ORDINARY = Parameters("bigint", 1, 1, 2**63 - 1, 1)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence's stand. ``called`` is false when ``last`` itself will be handed out next."""

    schema: str
    name: str
    increment: int
    cycles: bool
    last: int
    called: bool
    parameters: Parameters = _ORDINARY
    owned_by: tuple[str, str, str] | None = None
    """Schema, table and column; None for a sequence that stands alone."""
    room: int | None = None
    """The last number that fits, by its own bound and by the type of the columns that take from it."""

    @property
    def next(self) -> int:
        """The number it hands out next, its bounds left aside."""
        return self.last + (self.increment if self.called else 0)

    @property
    def described(self) -> str:
        """How it counts, for a person to compare."""
        kind, start, minimum, maximum, cache = self.parameters
        owner = f", owned by {'.'.join(self.owned_by)}" if self.owned_by else ""
        cycle = ", cycles" if self.cycles else ""
        return f"{kind} from {start} by {self.increment} within {minimum} and {maximum}, cache {cache}{cycle}{owner}"

    @property
    def used(self) -> float:
        """The share of its numbers that it has handed out, 0 to 1; a sequence that cycles never runs out."""
        if self.cycles:
            return 0.0
        return abs(self.last - self.parameters.start) / max(abs(self.end - self.parameters.start), 1)

    @property
    def end(self) -> int:
        """The last number that fits everywhere."""
        if self.room is not None:
            return self.room
        return self.parameters.maximum if self.increment > 0 else self.parameters.minimum

    def ahead_of(self, other: Sequence) -> bool:
        """Whether ``other`` would hand out numbers that this one has handed out already.

        >>> old, new = Sequence("s", "q", 1, False, 5, True), Sequence("s", "q", 1, False, 9, True)
        >>> new.ahead_of(old), old.ahead_of(new), old.ahead_of(old)
        (True, False, False)
        >>> Sequence("s", "q", -1, False, -9, True).ahead_of(Sequence("s", "q", -1, False, -5, True))
        True
        """
        if self.cycles:
            return self.next != other.next
        return self.next > other.next if self.increment > 0 else self.next < other.next

    def with_margin(self, numbers: int) -> Sequence:
        """Return this sequence as if it had handed out ``numbers`` more, where that is within its bounds.

        >>> at = Sequence("s", "q", -2, False, -6, True, Parameters("bigint", -1, -100, -1, 1))
        >>> at.with_margin(10).last, at.with_margin(1000).last
        (-26, -6)
        """
        last = self.last + numbers * self.increment
        return self if self.cycles or not self.holds(last) else replace(self, last=last)

    def holds(self, number: int) -> bool:
        """Whether a number is within the bounds."""
        return self.parameters.minimum <= number <= self.parameters.maximum

    def alike(self, other: Sequence) -> bool:
        """Whether both count in the same way, wherever they stand."""
        mine, theirs = ((each.increment, each.cycles, each.parameters, each.owned_by) for each in (self, other))
        return mine == theirs


def listed(side: Connection) -> Mapping[tuple[str, str], Sequence]:
    """Return all sequences of the application: identity, serial, standalone, descending.

    One that was never called, or that may not be read, seems to stand at its start.
    """
    with side.cursor(row_factory=args_row(_sequence)) as cursor:
        return {(each.schema, each.name): each for each in cursor.execute(_BOOK["sequences"])}


def read(side: Connection) -> Mapping[tuple[str, str], Sequence]:
    """Return all sequences of the application and where exactly they stand."""
    found = dict(listed(side))
    # A sequence that was never called says nothing of where it would begin, but itself.
    uncalled = [key for key, each in found.items() if not each.called]
    for start in range(0, len(uncalled), _UNCALLED_AT_ONCE):
        part = uncalled[start : start + _UNCALLED_AT_ONCE]
        for at, last, called in side.execute(_stands(part)):
            found[part[at]] = replace(found[part[at]], last=last, called=called)
    return found


def _sequence(
    schema: str, name: str, increment: int, cycles: bool, last: int | None, type_: str, start: int, minimum: int,
    maximum: int, cache: int, owned_by: list[str] | None, room: int | None,
) -> Sequence:  # fmt: skip
    owner = (owned_by[0], owned_by[1], owned_by[2]) if owned_by else None
    return Sequence(
        schema, name, increment, cycles, start if last is None else last, last is not None,
        Parameters(type_, start, minimum, maximum, cache), owner, room,
    )  # fmt: skip


def _stands(of: list[tuple[str, str]]) -> sql.Composed:
    return sql.SQL(" union all ").join(
        sql.SQL(_BOOK["value"]).format(at=sql.Literal(at), sequence=sql.Identifier(*key)) for at, key in enumerate(of)
    )


def carry_sequences(origin_conn: Connection, receiver_conn: Connection, *, margin: int = 0) -> int:
    """Bring every sequence of the receiver up to the origin's, never backwards; returns how many were moved.

    Parameters that were changed at the origin since are changed alike. Sequences that the receiver lacks are left out: their
    tables are held, and say so. ``margin`` numbers are skipped where there is room. Call it after the fence.
    """
    with translated("one side's sequences"):
        with ThreadPoolExecutor(2, thread_name_prefix="sequences") as both:  # Writers are held meanwhile.
            here, there = both.map(read, (origin_conn, receiver_conn))
        moved: list[Sequence] = []
        for key in here.keys() & there.keys():
            mine, theirs = here[key].with_margin(margin), there[key]
            altered = not replace(mine, owned_by=theirs.owned_by).alike(theirs)
            ahead = mine.ahead_of(theirs) or not mine.holds(theirs.last)
            if altered or ahead:
                moved.append(mine if ahead else replace(mine, last=theirs.last, called=theirs.called))
            if altered:
                receiver_conn.execute(_render("alter", moved[-1]))
            if mine.owned_by != theirs.owned_by:
                receiver_conn.execute(_render("own", mine))
        _set(receiver_conn, moved)
    return len(moved)


def _set(receiver: Connection, moved: list[Sequence]) -> None:
    if moved:
        receiver.execute(
            _BOOK["set"],
            {
                "sequences": [sql.Identifier(each.schema, each.name).as_string(receiver) for each in moved],
                "values": [each.last for each in moved],
                "called": [each.called for each in moved],
            },
        )


def _render(block: str, each: Sequence) -> sql.Composed:
    owner = sql.SQL("none") if each.owned_by is None else sql.Identifier(*each.owned_by)
    return sql.SQL(_BOOK[block]).format(
        sequence=sql.Identifier(each.schema, each.name),
        type=sql.SQL(each.parameters.type),  # One of three integer types, from the catalogue.
        increment=sql.Literal(each.increment),
        minimum=sql.Literal(each.parameters.minimum),
        maximum=sql.Literal(each.parameters.maximum),
        start=sql.Literal(each.parameters.start),
        cache=sql.Literal(each.parameters.cache),
        cycle=sql.SQL("cycle" if each.cycles else "no cycle"),
        last=sql.Literal(each.last),
        owner=owner,
    )


def nearly_exhausted(side: Connection, share: float = 0.8) -> tuple[Sequence, ...]:
    """Return sequences that have handed out more than this share of the numbers that fit."""
    return tuple(each for each in listed(side).values() if each.used >= share)
