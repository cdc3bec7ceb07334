"""What is known of each chunk of each table, and when may it be checked again?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..postgres import Table
from .cutting import Range
from .state import Chunk

SETTLE_SECONDS, AGAIN_SECONDS = 0.5, 10.0
# A chunk that takes long to check is checked so rarely that it takes no more than a quarter of a percent of the time.
COST_SHARE = 400


@dataclass(slots=True)
class Turn:
    """What is known of one chunk: when it was last looked at, what that cost, whether rows changed since, what is being repaired."""

    relid: int
    chunk: Chunk
    checked_at: float = -1.0
    verified_at: float = 0.0
    cost_seconds: float = 0.0
    dirty: bool = True
    looking: bool = False
    changed: bool = False
    wrong: frozenset[tuple[str, str]] = frozenset()
    attempts: int = 0
    not_before: float = 0.0
    token: int = 0
    """Which of its places in the queue counts; older ones are passed over."""

    @property
    def range(self) -> Range:
        return (self.chunk.low, self.chunk.high)

    def due_at(self, asked: float) -> float:
        """Monotonic seconds from which it may be checked. Repairs come first, then what was asked for or never checked."""
        if self.wrong:
            at = -2.0
        elif self.checked_at < 0 or self.verified_at < asked:
            at = -1.0
        else:
            at = self.checked_at + max(SETTLE_SECONDS if self.dirty else AGAIN_SECONDS, COST_SHARE * self.cost_seconds)
        return max(at, self.not_before) if self.not_before else at


@dataclass(slots=True)
class Part:
    """One table's chunks, in the order of their bounds."""

    table: Table
    turns: list[Turn]
    whole: bool = False
    """Whether it stays in one piece: no key that both sides can cut by."""
    uncut: bool = True
    """Whether nobody has looked yet how many rows there are."""
    durable: set[int] = field(default_factory=set)
    """Chunks that the ledger calls dirty for certain."""
    mark: dict[str, bytes] = field(default_factory=dict)
    """The statements of ``touched``, by the relation that holds the keys."""
    places: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {turn.chunk.number: place for place, turn in enumerate(self.turns)}


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring chunks of one table, to be checked in one go. ``cut`` when its only chunk is too big and should be cut."""

    table: Table
    turns: tuple[Turn, ...]
    cut: bool = False


def key_of(table: Table) -> tuple[tuple[str, str, str], ...]:
    """Return what bounds of this table's key depend on."""
    return tuple(
        (key.name, column.type, key.operator) for key, column in zip(table.key, table.key_columns, strict=True)
    )


def in_order(chunks: Sequence[Chunk], width: int) -> list[Chunk] | None:
    """Return the chunks from the lowest to the highest, or None when they do not part the whole table by such a key."""
    by_low = {chunk.low: chunk for chunk in chunks}
    ordered: list[Chunk] = []
    low: tuple[str, ...] | None = None
    while (chunk := by_low.pop(low, None)) is not None:
        ordered.append(chunk)
        if chunk.high is None:
            return ordered if not by_low else None
        if len(chunk.high) != width:
            return None
        low = chunk.high
    return None
