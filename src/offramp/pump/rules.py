"""Which rules and aids of a table have yet to be put on at the receiver: NOT NULL, constraints, indexes, triggers? Pure.

They come once the receiver's rows are of a moment at which the origin kept them; what the rows still break is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from psycopg import sql

from .changes import Statement, survivor, table_name
from .picture import Constraint, Index, Picture, Trigger

_ENABLED = {"O": "enable", "A": "enable always", "R": "enable replica", "D": "disable"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to put on. ``big``: it reads the whole table. ``anew``: it replaces one of the same name."""

    what: str
    item: tuple[str, int]
    statement: Statement
    big: bool = False
    anew: bool = False


def outstanding(base: Picture, new: Picture, *, free: bool = True) -> tuple[Rule, ...]:
    """Return what ``new`` has and ``base`` has not. Not ``free``: the receiver must not check or fire on what the pump applies."""
    return (
        *_not_null(base, new),
        *_constraints(base, new, "pux"),
        *_constraints(base, new, "c"),
        *_indexes(base, new),
        *(_constraints(base, new, "f") if free else ()),
        *_validations(base, new),
        *(_triggers(base, new) if free else ()),
    )


def _not_null(base: Picture, new: Picture) -> Iterator[Rule]:
    was = {column.number: column for column in base.columns}
    for column in new.columns:
        if column.not_null and not was[column.number].not_null:
            how = sql.SQL("alter table {} alter column {} set not null")
            yield Rule(
                f"column {column.name} not null", ("not null", column.number),
                how.format(table_name(new), sql.Identifier(column.name)), big=True,
            )  # fmt: skip


def _constraints(base: Picture, new: Picture, kinds: str) -> Iterator[Rule]:
    have, stale = set(), set()
    for constraint in base.constraints:
        if now := survivor(constraint, base, new):
            have.add(now.oid)
        else:
            stale.add(constraint.name)
    for constraint in new.constraints:
        if constraint.kind in kinds and constraint.oid not in have:
            late = constraint.kind in "cf" and new.kind != "p"
            how = sql.SQL("alter table {} add constraint {} {}").format(
                table_name(new), sql.Identifier(constraint.name),
                sql.SQL("{} not valid" if late else "{}").format(sql.SQL(constraint.definition)),
            )  # fmt: skip
            if anew := constraint.name in stale:
                # The receiver may still have the one that is no more under this name.
                off = sql.SQL("alter table {} drop constraint if exists {}").format(
                    table_name(new), sql.Identifier(constraint.name)
                )
                how = sql.SQL("; ").join([off, how])
            item = ("constraint", constraint.oid)
            yield Rule(f"constraint {constraint.name} added", item, how, big=not late, anew=anew)


def _validations(base: Picture, new: Picture) -> Iterator[Rule]:
    """NOT VALID ones stay so; the others are added so first, which locks nobody out for long."""
    valid = {
        now.oid for constraint in base.constraints if constraint.validated and (now := survivor(constraint, base, new))
    }
    for constraint in new.constraints:
        if constraint.kind in "cf" and constraint.validated and constraint.oid not in valid and new.kind != "p":
            how = sql.SQL("alter table {} validate constraint {}").format(
                table_name(new), sql.Identifier(constraint.name)
            )
            yield Rule(f"constraint {constraint.name} validated", ("validated", constraint.oid), how, big=True)


def _indexes(base: Picture, new: Picture) -> Iterator[Rule]:
    have = {index.oid for index in base.indexes}
    for index in new.indexes:
        if index.valid and index.oid not in have:
            # The catalogue prints a partitioned table's index without its partitions' parts, which are to be built too.
            statement = index.definition.replace(" ON ONLY ", " ON ", 1) if new.kind == "p" else index.definition
            yield Rule(f"index {index.name} built", ("index", index.oid), sql.SQL(statement), big=True)


def _triggers(base: Picture, new: Picture) -> Iterator[Rule]:
    have = {trigger.oid: trigger for trigger in base.triggers}
    for trigger in new.triggers:
        before = have.get(trigger.oid)
        if before == trigger:
            continue
        name, table = sql.Identifier(trigger.name), table_name(new)
        steps = [
            sql.SQL("drop trigger if exists {} on {}").format(sql.Identifier((before or trigger).name), table),
            sql.SQL(trigger.definition),
            sql.SQL("alter table {} {} trigger {}").format(table, sql.SQL(_ENABLED[trigger.enabled]), name),
        ]
        yield Rule(f"trigger {trigger.name} made", ("trigger", trigger.oid), sql.SQL("; ").join(steps))


def stands(rule: Rule, new: Picture, there: Picture) -> bool:
    """Whether the receiver's table has it already, from a carry that was killed or from a person's hand."""
    kind, number = rule.item
    if rule.anew:
        return False
    if kind == "not null":
        name = next(column.name for column in new.columns if column.number == number)
        return any(column.name == name and column.not_null for column in there.columns)
    if kind in ("constraint", "validated"):
        wanted = next(constraint for constraint in new.constraints if constraint.oid == number)
        return any(
            (c.name, c.kind) == (wanted.name, wanted.kind) and (kind == "constraint" or c.validated)
            for c in there.constraints
        )
    if kind == "index":
        index = next(index for index in new.indexes if index.oid == number)
        return any(other.name == index.name and other.valid for other in there.indexes)
    return False


def put_on(base: Picture, new: Picture, rule: Rule) -> Picture:
    """Return ``base`` with the rule on."""
    kind, number = rule.item
    if kind == "not null":
        columns = tuple(replace(c, not_null=True) if c.number == number else c for c in base.columns)
        return replace(base, columns=columns)
    if kind == "constraint":
        found = next(c for c in new.constraints if c.oid == number)
        late = found.kind in "cf" and new.kind != "p"
        others = tuple(c for c in base.constraints if c.name != found.name)
        return replace(base, constraints=(*others, replace(found, validated=not late)))
    if kind == "validated":
        return replace(base, constraints=tuple(_validated(c, base, new, number) for c in base.constraints))
    if kind == "index":
        return replace(base, indexes=(*base.indexes, _of(new.indexes, number)))
    kept = tuple(t for t in base.triggers if t.oid != number)
    return replace(base, triggers=(*kept, _trigger(new, number)))


def _validated(constraint: Constraint, base: Picture, new: Picture, number: int) -> Constraint:
    now = survivor(constraint, base, new)
    return replace(now, validated=True) if now and now.oid == number else constraint


def _of(indexes: tuple[Index, ...], number: int) -> Index:
    return next(index for index in indexes if index.oid == number)


def _trigger(new: Picture, number: int) -> Trigger:
    return next(trigger for trigger in new.triggers if trigger.oid == number)


def without_late_checks(base: Picture, there: Picture) -> tuple[Picture, tuple[Constraint, ...]]:
    """Return ``base`` without checks that older rows may break, and those of them that the receiver has.

    A NOT VALID check would refuse such rows when the table is read again; it is put on again afterwards.
    """
    late = tuple(c for c in base.constraints if c.kind == "c" and not c.validated)
    gone = tuple(c for c in late if any(other.name == c.name for other in there.constraints))
    return replace(base, constraints=tuple(c for c in base.constraints if c not in late)), gone
