"""What is taken as carried over when nobody kept a picture, and do keys that were logged still mean the same rows? Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ..postgres import Table
from . import shape
from .picture import Constraint, Index, Picture, Trigger
from .state import Moved

Part = TypeVar("Part", Constraint, Index, Trigger)


def own_key(table: Table, new: Picture) -> bool:
    """Whether the key is the table's own: a partition is born with its parent's."""
    oid = table.key_constraint or table.key_index
    return oid in {constraint.oid for constraint in new.constraints} | {index.oid for index in new.indexes}


def adopted(new: Picture, there: Picture) -> Picture:
    """Return ``new`` as far as the receiver has it under the same names."""
    constraints, indexes = {c.name: c for c in there.constraints}, {i.name for i in there.indexes if i.valid}
    triggers, columns = {t.name for t in there.triggers}, {c.name: c for c in there.columns}
    return replace(
        new,
        columns=tuple(
            replace(c, not_null=c.not_null and (c.name not in columns or columns[c.name].not_null)) for c in new.columns
        ),
        constraints=tuple(
            replace(c, validated=c.validated and constraints[c.name].validated)
            for c in new.constraints
            if c.name in constraints
        ),
        indexes=tuple(i for i in new.indexes if i.name in indexes),
        triggers=tuple(t for t in new.triggers if t.name in triggers),
    )


def guessed(new: Picture, there: Picture) -> Picture:
    """Return what must be taken as carried over when nothing is known: what the receiver has, the origin's own by name."""
    names, here = {column.name for column in there.columns}, {column.name for column in new.columns}
    had = adopted(new, there)
    return replace(
        had,
        filenode=None,
        columns=(
            *(column for column in new.columns if column.name in names),
            *(replace(column, number=-column.number) for column in there.columns if column.name not in here),
        ),
        constraints=(*had.constraints, *_strange(there.constraints, had.constraints)),
        indexes=(*had.indexes, *_strange(there.indexes, had.indexes)),
        triggers=(*had.triggers, *_strange(there.triggers, had.triggers)),
    )


def _strange(theirs: tuple[Part, ...], ours: tuple[Part, ...]) -> tuple[Part, ...]:
    names = {part.name for part in ours}
    return tuple(replace(part, oid=-part.oid) for part in theirs if part.name not in names)


def key_moved(moved: Moved, old: Picture, table: Table, new: Picture) -> str | None:
    """Keys that were logged before mean other rows when the key is of other columns now, or of columns in other places."""
    if shape.footprint(moved.outline) != shape.footprint(shape.outline(table)):
        return "its key, or the place of its key, changed"
    before, now = ({c.name: c.number for c in side.columns} for side in (old, new))
    if [before.get(name) for name in shape.key_names(moved.outline)] != [now[key.name] for key in table.key]:
        return "its key is of other columns"
    return None
