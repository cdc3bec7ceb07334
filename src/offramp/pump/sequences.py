"""Where do sequences stand at the origin, and how does the receiver never hand out a number twice?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from ..kit import sqlbook
from ..postgres import Connection, translated

_BOOK = sqlbook.load("offramp.pump", "sql/sequences.sql")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence's stand. ``called`` is false when ``last`` itself will be handed out next."""

    schema: str
    name: str
    increment: int
    cycles: bool
    last: int
    called: bool

    @property
    def next(self) -> int:
        """The number it hands out next, its bounds left aside."""
        return self.last + (self.increment if self.called else 0)

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


def read(side: Connection) -> Mapping[tuple[str, str], Sequence]:
    """Return all sequences of the application: identity, serial, standalone, descending, uncalled."""
    found = side.execute(_BOOK["sequences"]).fetchall()
    if not found:
        return {}
    query = sql.SQL(" union all ").join(
        sql.SQL(_BOOK["value"]).format(at=sql.Literal(at), sequence=sql.Identifier(schema, name))
        for at, (schema, name, *_) in enumerate(found)
    )
    return {
        (schema, name): Sequence(schema, name, increment, cycles, last, called)
        for at, last, called in side.execute(query)
        for schema, name, increment, cycles in (found[at],)
    }


def carry_sequences(origin_conn: Connection, receiver_conn: Connection) -> int:
    """Bring every sequence of the receiver up to the origin's, never backwards; returns how many were moved.

    Sequences that the receiver lacks are left out: their tables are held, and say so. Call it after the fence.
    """
    with translated("one side's sequences"):
        here, there = read(origin_conn), read(receiver_conn)
        behind = [sequence for key, sequence in here.items() if key in there and sequence.ahead_of(there[key])]
        if behind:
            receiver_conn.execute(
                sql.SQL(" union all ").join(
                    sql.SQL(_BOOK["set"]).format(
                        sequence=sql.Literal(sql.Identifier(s.schema, s.name).as_string(receiver_conn)),
                        value=sql.Literal(s.last),
                        called=sql.Literal(s.called),
                    )
                    for s in behind
                )
            )
    return len(behind)
