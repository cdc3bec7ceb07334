"""How large would a B-tree be that was built just now? From the rows, the keys' widths and how often a key repeats.

Formulas: nbtsort.c and nbtdedup.c. Leaf pages are filled to 90 %, inner ones to 70 %; equal keys share a posting list of at most 812 bytes
(13 and later).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .model import BLOCK

ITEM_POINTER = 6
LINE_POINTER = 4
TUPLE_HEADER = 8
# A page without its header and the B-tree's own trailer.
ROOM = BLOCK - 24 - 16
LEAF_FILL = 0.90
INNER_FILL = 0.70
POSTING_BYTES = 812
# What inner pages carry of a key when nothing is known of it: a header, a number and a line pointer.
USUAL_INNER_BYTES = 8 + 16 + 4


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """``width`` in bytes as pg_stats has it (avg_width); ``align`` of the type; ``varying`` when each value has its own length."""

    width: float
    align: int
    varying: bool = False
    null_frac: float = 0.0


@dataclass(frozen=True, slots=True)
class BTree:
    pages: int
    height: int

    @property
    def bytes(self) -> int:
        return self.pages * BLOCK


def tuple_bytes(columns: Sequence[KeyColumn]) -> float:
    """Return the mean bytes of an index entry without its line pointer.

    >>> tuple_bytes([KeyColumn(8, 8)]), tuple_bytes([KeyColumn(4, 4)]), tuple_bytes([KeyColumn(16, 1), KeyColumn(8, 8)])
    (16, 16, 32)
    """
    at = 0.0
    for column in columns:
        # A short value of varying length has a one-byte header and no alignment.
        align = 1 if column.varying and column.width < 127 else column.align
        at = _up(at, align) + column.width * (1 - column.null_frac)
    nulls = any(column.null_frac > 0 for column in columns)
    return _up(TUPLE_HEADER + at + (8 * nulls * max(column.null_frac for column in columns) if nulls else 0), 8)


def btree(rows: float, columns: Sequence[KeyColumn], distinct: float, *, shares_keys: bool = True) -> BTree:
    """Return the size of a B-tree freshly built over ``rows`` with ``distinct`` different keys.

    ``shares_keys``: the key's types let equal keys share an entry (not numeric, float, jsonb, or an index with INCLUDE).
    """
    if rows <= 0:
        return BTree(1, 0)
    entry = tuple_bytes(columns)
    repeats = rows / max(1.0, min(distinct, rows))
    if shares_keys and repeats > 1:
        used = distinct_bytes(entry, repeats) * rows / repeats
        slots = 1
    else:
        used, slots = rows * (entry + LINE_POINTER), 0
    # A page keeps one entry's room less than it has: the high key, and what did not fit.
    leaves = max(1, math.ceil(used / (ROOM * LEAF_FILL - entry * (1 - slots / 2))))
    height, level, pages = 0, leaves, leaves
    fanout = inner_fanout(entry + LINE_POINTER)
    while level > 1:
        level = math.ceil(level / fanout)
        height += 1
        pages += level
    return BTree(pages + 1, height)


def distinct_bytes(entry: float, repeats: float) -> float:
    """Return the bytes of all entries of one key that ``repeats`` rows have, line pointers included."""
    whole = math.floor(repeats)
    part = repeats - whole
    # Some keys have one row more than others.
    return (1 - part) * _key_bytes(entry, whole) + part * _key_bytes(entry, whole + 1)


def _key_bytes(entry: float, rows: int) -> float:
    per_list = max(1, math.floor((POSTING_BYTES - entry) / ITEM_POINTER))
    lists, rest = divmod(rows, per_list)
    full = _up(entry + per_list * ITEM_POINTER, 8) + LINE_POINTER
    last = _up(entry + (rest * ITEM_POINTER if rest > 1 else 0), 8) + LINE_POINTER if rest else 0
    return lists * full + last


def inner_fanout(entry: float) -> int:
    """Return how many children an inner page has. Never below two: a tree must end.

    >>> inner_fanout(20)
    285
    """
    return max(2, int(ROOM * INNER_FILL / entry))


def likely_height(pages: int) -> int:
    """Return the height of a B-tree of ``pages`` pages of usual keys.

    >>> [likely_height(pages) for pages in (1, 2, 4, 200, 2000, 200_000)]
    [0, 0, 1, 1, 2, 3]
    """
    level, height = pages - 1, 0
    while level > 1:
        level = math.ceil(level / inner_fanout(USUAL_INNER_BYTES))
        height += 1
    return height


def distinct_keys(rows: float, counts: Sequence[float]) -> float:
    """Return how many different keys columns make together, from each one's n_distinct (negative: a part of the rows).

    Columns are taken as independent, which errs towards more keys and so towards a larger index.

    >>> distinct_keys(1000, [-1]), distinct_keys(1000, [10, 20]), distinct_keys(1000, [100, -0.5])
    (1000.0, 200.0, 1000.0)
    """
    product = 1.0
    for count in counts:
        product *= -count * rows if count < 0 else max(count, 1.0)
    return float(min(product, rows))


def _up(size: float, to: int) -> float:
    return math.ceil(size / to) * to
