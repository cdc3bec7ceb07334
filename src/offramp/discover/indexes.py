"""Which indexes cost more than they give, and which foreign keys have none? Pure, from what the catalogue says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .model import IndexUse

EXPRESSION = "(expression)"
SMALL_BYTES = 64 * 1024
"""An unused index below this costs nothing worth a word."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index as the catalogue has it. ``shape`` is all that the catalogue says of it but names.

    ``needed`` when it guards a constraint; ``wide`` when it carries columns beside its key.
    """

    schema: str
    table: str
    name: str
    columns: tuple[str, ...]
    bytes: int
    scans: int
    needed: bool
    valid: bool
    partial: bool
    method: str
    shape: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    schema: str
    table: str
    name: str
    columns: tuple[str, ...]


def worth_a_word(indexes: Sequence[Index], keys: Sequence[ForeignKey]) -> tuple[IndexUse, ...]:
    """Return the invalid, duplicate, covered and unused indexes, then foreign keys whose columns begin no index."""
    tables: dict[tuple[str, str], list[Index]] = defaultdict(list)
    for index in indexes:
        tables[index.schema, index.table].append(index)
    found = [use for group in tables.values() for index in group if (use := _verdict(index, group))]
    return (*found, *_missing(keys, tables))


def _verdict(index: Index, group: Sequence[Index]) -> IndexUse | None:
    if not index.valid:
        return _use(index, "invalid")
    if not index.needed:
        if twin := _twin(index, group):
            return _use(index, "duplicate", twin.name)
        if wider := _wider(index, group):
            return _use(index, "covered", wider.name)
        if not index.scans and index.bytes >= SMALL_BYTES:
            return _use(index, "unused")
    return None


def _twin(index: Index, group: Sequence[Index]) -> Index | None:
    """Return the index to keep instead: one that guards a constraint before another, then the first by name."""
    same = [other for other in group if other.shape == index.shape and other.valid and other.name != index.name]
    return next((other for other in same if other.needed or other.name < index.name), None)


def _wider(index: Index, group: Sequence[Index]) -> Index | None:
    """Return a b-tree that begins with this one's columns and has more of them."""
    if index.method != "btree" or index.partial or index.wide or EXPRESSION in index.columns:
        return None
    width = len(index.columns)
    return next(
        (
            other
            for other in group
            if other.valid and not other.partial and other.method == "btree"
            and len(other.columns) > width and other.columns[:width] == index.columns
        ),
        None,
    )  # fmt: skip


def _missing(keys: Sequence[ForeignKey], tables: Mapping[tuple[str, str], Sequence[Index]]) -> Iterator[IndexUse]:
    for key in keys:
        width = len(key.columns)
        served = any(
            set(index.columns[:width]) == set(key.columns) and index.valid and not index.partial
            for index in tables.get((key.schema, key.table), ())
        )
        if not served:
            yield IndexUse(key.schema, key.table, key.name, key.columns, 0, 0, "missing")


def _use(index: Index, verdict: str, other: str = "") -> IndexUse:
    return IndexUse(index.schema, index.table, index.name, index.columns, index.bytes, index.scans, verdict, other)
