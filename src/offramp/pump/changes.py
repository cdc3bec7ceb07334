"""By which statements does the receiver's table become what the table now is at the origin? Pure: pictures in, statements out.

Rows need some changes before they fit (columns, names, rules taken off); those come first. Rules on rows are put on later, once
the receiver's rows have caught up with the moment from which the origin keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from psycopg import sql

from .picture import Column, Constraint, Index, Picture, Trigger

Statement = sql.SQL | sql.Composed
_DEFERRABLE = re.compile(r" (DEFERRABLE|INITIALLY DEFERRED|NOT ENFORCED)\b")


@dataclass(frozen=True, slots=True)
class Change:
    """One statement; ``instead`` may do what the statement could not, once the table has been emptied for a reload."""

    what: str
    statement: Statement
    instead: Statement | None = None


@dataclass(frozen=True, slots=True)
class Carry:
    """What rows need. ``base`` is the picture once the changes are done, ``reload`` why all rows must be read again."""

    changes: tuple[Change, ...]
    base: Picture
    reload: str | None


def table_name(picture: Picture) -> sql.Identifier:
    return sql.Identifier(picture.schema, picture.name)


def taken_off(old: Picture, new: Picture | None, there: Picture, *, foreign: bool) -> tuple[Change, ...]:
    """Return the drops of what the origin has no more: foreign keys of all tables first, then the rest of each."""
    names = dict.fromkeys(
        c.name
        for c in old.constraints
        if (c.kind == "f") == foreign and _named(there.constraints, c.name) and not (new and survivor(c, old, new))
    )
    gone = [
        _alter(there, f"constraint {name} dropped", sql.SQL("drop constraint {}").format(sql.Identifier(name)))
        for name in names
    ]
    if foreign:
        return tuple(gone)
    for index in old.indexes:
        if _named(there.indexes, index.name) and not (new and _index_survives(index.oid, index.name, old, new)):
            statement = sql.SQL("drop index {}").format(sql.Identifier(there.schema, index.name))
            gone.append(Change(f"index {index.name} dropped", statement))
    for trigger in old.triggers:
        if _named(there.triggers, trigger.name) and not (new and any(t.oid == trigger.oid for t in new.triggers)):
            statement = sql.SQL("drop trigger {} on {}").format(sql.Identifier(trigger.name), table_name(there))
            gone.append(Change(f"trigger {trigger.name} dropped", statement))
    return tuple(gone)


def survivor(constraint: Constraint, old: Picture, new: Picture) -> Constraint | None:
    """Return what the constraint of the ``old`` picture is now, if it is there still.

    A change of a column's type makes all that uses it anew, under the same name; and a database that comes back as the primary gets
    its foreign keys again.
    """
    for other in new.constraints:
        if other.oid == constraint.oid and _words(other) == _words(constraint):
            return other
    for other in new.constraints:
        # A foreign key is put on again when columns have changed, which is cheaper than having it checked by each change.
        if (other.kind != "f" or _types(old) == _types(new)) and (other.name, other.kind, other.definition) == (
            constraint.name,
            constraint.kind,
            constraint.definition,
        ):
            return other
    return None


def _types(picture: Picture) -> dict[int, str]:
    return {column.number: column.type for column in picture.columns}


def _words(constraint: Constraint) -> tuple[str, ...]:
    return tuple(_DEFERRABLE.findall(constraint.definition))


def _index_survives(oid: int, name: str, old: Picture, new: Picture) -> bool:
    definition = next(index.definition for index in old.indexes if index.oid == oid)
    return any(i.oid == oid or (i.name, i.definition) == (name, definition) for i in new.indexes)


def carry(old: Picture, new: Picture, there: Picture, *, keyed: bool) -> Carry:
    """Return what makes ``there``, the receiver's table under its present name, fit for rows of ``new``.

    ``old`` is what was last carried over; ``keyed`` whether rows are followed by a key, not by their images.
    """
    changes = (
        *_named_anew(new, there),
        *_columns_dropped(old, new, there),
        *_columns_renamed(old, new, there),
        *_columns_added(old, new, there),
        *_columns_altered(old, new, there),
        *_parts_renamed(old, new, there),
        *_settings(old, new, there),
    )
    return Carry(changes, base(old, new), _why_reload(old, new, keyed=keyed))


def _named_anew(new: Picture, there: Picture) -> Iterator[Change]:
    if there.schema != new.schema:
        yield _alter(
            there, f"moved from schema {there.schema}", sql.SQL("set schema {}").format(sql.Identifier(new.schema))
        )
        there = replace(there, schema=new.schema)
    if there.name != new.name:
        yield _alter(there, f"renamed from {there.name}", sql.SQL("rename to {}").format(sql.Identifier(new.name)))


def _numbers(picture: Picture) -> dict[int, Column]:
    return {column.number: column for column in picture.columns}


def _columns_dropped(old: Picture, new: Picture, there: Picture) -> Iterator[Change]:
    now, names = _numbers(new), {column.name for column in there.columns}
    for column in old.columns:
        if column.number not in now and column.name in names:
            yield _alter(
                new, f"column {column.name} dropped", sql.SQL("drop column {}").format(sql.Identifier(column.name))
            )


def _columns_renamed(old: Picture, new: Picture, there: Picture) -> Iterator[Change]:
    """Two columns may have swapped names, so a name that is still taken is left by a detour."""
    names, now = {column.name for column in there.columns}, _numbers(new)
    left = {column.name for column in old.columns if column.number not in now}
    todo = [
        (column.name, now[column.number].name)
        for column in old.columns
        if column.number in now and now[column.number].name != column.name and column.name in names
    ]
    taken = {name for name, _ in todo}
    for place, (was, name) in enumerate(todo):
        if name in names - taken - left:
            continue  # Renamed before, and something else has come under the old name.
        detour = f"offramp_renamed_{place}"
        yield _renamed(new, was, detour if name in taken else name, f"column {was} renamed to {name}")
    for place, (was, name) in enumerate(todo):
        if name in taken:
            yield _renamed(new, f"offramp_renamed_{place}", name, f"column {was} is {name} now")


def _renamed(table: Picture, was: str, name: str, what: str) -> Change:
    return _alter(table, what, sql.SQL("rename column {} to {}").format(sql.Identifier(was), sql.Identifier(name)))


def _there_after(old: Picture, new: Picture, there: Picture) -> dict[int, Column]:
    """Return the receiver's columns by the origin's numbers, as they are once drops and renames are done."""
    names = {column.name: column for column in there.columns}
    was = _numbers(old)
    return {
        column.number: found
        for column in new.columns
        if (
            found := (names.get(was[column.number].name) if column.number in was else None) or _came(column, old, names)
        )
    }


def _came(column: Column, old: Picture, names: dict[str, Column]) -> Column | None:
    """A column of that name that is no remnant of one the origin has dropped or renamed."""
    return (
        None
        if any(column.name == other.name and column.number != other.number for other in old.columns)
        else names.get(column.name)
    )


def _columns_added(old: Picture, new: Picture, there: Picture) -> Iterator[Change]:
    present = _there_after(old, new, there)
    for column in new.columns:
        if column.number not in present:
            yield _alter(new, f"column {column.name} added", sql.SQL("add column {}").format(definition(column)))
            if column.default is not None and not column.generated:
                yield _default(new, column)
            elif column.has_missing and not column.generated:
                yield _column(new, column, "default taken off", sql.SQL("drop default"))


def definition(column: Column, *, fresh: bool = False) -> sql.Composed:
    """Return a column as ADD COLUMN and CREATE TABLE name it; ``fresh`` when there are no rows yet."""
    parts: list[sql.Composable] = [sql.Identifier(column.name), _type(column)]
    if column.generated:
        kind = sql.SQL("stored" if column.generated == "s" else "virtual")
        parts.append(
            sql.SQL("generated always as ({}) {}").format(sql.SQL(column.default or "null"), kind)
        )  # From the catalogue.
    elif column.identity:
        parts.append(_identity(column))
    elif fresh and column.default is not None:
        parts.append(sql.SQL("default {}").format(sql.SQL(column.default)))  # From the catalogue.
    elif column.has_missing and not fresh:
        parts.append(sql.SQL("default {}::{}").format(sql.Literal(column.missing), sql.SQL(column.type)))
    if column.not_null and (fresh or created_not_null(column)):
        parts.append(sql.SQL("not null"))
    return sql.SQL(" ").join(parts)


def created_not_null(column: Column) -> bool:
    """Whether an added column can be NOT NULL at once, since every row has a value."""
    return column.not_null and (column.has_missing or bool(column.identity))


def _type(column: Column) -> sql.Composable:
    typed = sql.SQL(column.type)
    return sql.SQL("{} collate {}").format(typed, sql.SQL(column.collation)) if column.collation else typed


def _identity(column: Column) -> sql.Composed:
    how = sql.SQL("always" if column.identity == "a" else "by default")
    sequence = sql.SQL("({})").format(sql.SQL(column.sequence)) if column.sequence else sql.SQL("")
    return sql.SQL("generated {} as identity {}").format(how, sequence)


def _columns_altered(old: Picture, new: Picture, there: Picture) -> Iterator[Change]:
    present, was = _there_after(old, new, there), _numbers(old)
    for column in new.columns:
        here = present.get(column.number)
        if here is None:
            continue
        before = was.get(column.number, here)
        if here.not_null and not column.not_null:
            yield _column(new, column, "may be null", sql.SQL("drop not null"))
        if here.generated and not column.generated:
            yield _column(new, column, "is generated no more", sql.SQL("drop expression"))
        # Since PostgreSQL 17 a partition's column is an identity when its parent's is, and only with it.
        if here.identity and not column.identity and not new.partition:
            yield _column(new, column, "is an identity no more", sql.SQL("drop identity"))
        yield from _retyped(new, column, here)
        if column.generated and here.generated and before.default != column.default:
            yield _column(
                new,
                column,
                "is generated otherwise",
                sql.SQL("set expression as ({})").format(sql.SQL(column.default or "null")),
            )
        elif not column.generated and (before.default != column.default or before.generated):
            yield _default(new, column)
        if not new.partition:
            yield from _made_identity(new, column, here)


def _retyped(new: Picture, column: Column, here: Column) -> Iterator[Change]:
    if (here.type, here.collation) == (column.type, column.collation):
        return
    if here.default is not None and not here.generated:
        yield _column(new, column, "default taken off", sql.SQL("drop default"))
    as_type, name = _type(column), sql.Identifier(column.name)
    if column.generated:
        yield _column(new, column, f"is {column.type} now", sql.SQL("type {}").format(as_type))
    else:
        forms = [
            sql.SQL("alter table {} alter column {} type {} using {}::{}").format(
                table_name(new), name, as_type, value, sql.SQL(column.type)
            )
            for value in (name, sql.SQL("null"))
        ]
        yield Change(f"column {column.name} is {column.type} now", *forms)
    if column.default is not None and not column.generated:
        yield _default(new, column)


def _made_identity(new: Picture, column: Column, here: Column) -> Iterator[Change]:
    if column.identity and not here.identity:
        if not here.not_null:
            yield _column(new, column, "is not null", sql.SQL("set not null"))
        yield _column(new, column, "is an identity", sql.SQL("add {}").format(_identity(column)))
    elif column.identity and column.identity != here.identity:
        how = "always" if column.identity == "a" else "by default"
        yield _column(new, column, f"is generated {how}", sql.SQL("set generated {}").format(sql.SQL(how)))


def _default(table: Picture, column: Column) -> Change:
    if column.default is None:
        return _column(table, column, "default taken off", sql.SQL("drop default"))
    return _column(table, column, "default set", sql.SQL("set default {}").format(sql.SQL(column.default)))


def _parts_renamed(old: Picture, new: Picture, there: Picture) -> Iterator[Change]:
    for constraint in old.constraints:
        other = survivor(constraint, old, new)
        if other and other.name != constraint.name and _named(there.constraints, constraint.name):
            yield _alter(
                new, f"constraint {constraint.name} renamed to {other.name}",
                sql.SQL("rename constraint {} to {}").format(sql.Identifier(constraint.name), sql.Identifier(other.name)),
            )  # fmt: skip
    for index in old.indexes:
        for now in new.indexes:
            if now.oid == index.oid and now.name != index.name and _named(there.indexes, index.name):
                yield Change(
                    f"index {index.name} renamed to {now.name}",
                    sql.SQL("alter index {} rename to {}").format(
                        sql.Identifier(new.schema, index.name), sql.Identifier(now.name)
                    ),
                )


def _settings(old: Picture, new: Picture, there: Picture) -> Iterator[Change]:
    if there.persistence != new.persistence:
        how = "logged" if new.persistence == "p" else "unlogged"
        yield _alter(new, f"made {how}", sql.SQL("set {}").format(sql.SQL(how)))
    if old.options != new.options:
        if gone := {option.partition("=")[0] for option in old.options} - {o.partition("=")[0] for o in new.options}:
            yield _alter(
                new,
                "storage options reset",
                sql.SQL("reset ({})").format(sql.SQL(", ").join(map(sql.SQL, sorted(gone)))),
            )
        if new.options:
            yield _alter(new, "storage options set", sql.SQL("set ({})").format(_options(new)))
    if there.row_security != new.row_security:
        yield _alter(
            new,
            "row security switched",
            sql.SQL("enable row level security" if new.row_security else "disable row level security"),
        )
    if there.forced_row_security != new.forced_row_security:
        yield _alter(
            new,
            "row security forced or not",
            sql.SQL("force row level security" if new.forced_row_security else "no force row level security"),
        )


def _options(picture: Picture) -> sql.Composed:
    pairs = (option.partition("=") for option in picture.options)
    return sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.SQL(name), sql.Literal(value)) for name, _, value in pairs)


def base(old: Picture, new: Picture) -> Picture:
    """Return ``new`` without the rules that have yet to be put on."""
    was = _numbers(old)
    return replace(
        new,
        columns=tuple(
            replace(c, not_null=c.not_null and (was[c.number].not_null if c.number in was else created_not_null(c)))
            for c in new.columns
        ),
        constraints=tuple(
            replace(now, validated=c.validated and now.validated)
            for c in old.constraints
            if (now := survivor(c, old, new))
        ),
        indexes=tuple(i for i in new.indexes if any(_same_index(i, o) for o in old.indexes)),
        triggers=tuple(t for t in new.triggers if any(_same_trigger(t, o) for o in old.triggers)),
    )


def _same_index(one: Index, other: Index) -> bool:
    return one.oid == other.oid or (one.name, one.definition) == (other.name, other.definition)


def _same_trigger(one: Trigger, other: Trigger) -> bool:
    return (one.oid, one.enabled, one.definition) == (other.oid, other.enabled, other.definition)


def _why_reload(old: Picture, new: Picture, *, keyed: bool) -> str | None:
    """Rows that no statement touched may differ only after a rewrite, or where rows are followed by their image."""
    was, rewritten = _numbers(old), old.filenode != new.filenode
    if not keyed and [(c.number, c.type_oid) for c in old.columns] != [(c.number, c.type_oid) for c in new.columns]:
        return "its rows have no key, and their columns changed"
    for column in new.columns:
        before = was.get(column.number)
        if before is None and rewritten and not column.has_missing and not column.generated:
            return f"column {column.name} may have come with a value of its own in each row"
        if before is not None and rewritten and (before.type, before.type_oid) != (column.type, column.type_oid):
            return f"column {column.name} is {column.type} now, and its values were computed anew"
    return None


def _named(parts: Iterable[Constraint | Index | Trigger], name: str) -> bool:
    return any(part.name == name for part in parts)


def _alter(table: Picture, what: str, how: sql.Composable) -> Change:
    return Change(what, sql.SQL("alter table {} {}").format(table_name(table), how))


def _column(table: Picture, column: Column, what: str, how: sql.Composable) -> Change:
    return _alter(
        table, f"column {column.name} {what}", sql.SQL("alter column {} {}").format(sql.Identifier(column.name), how)
    )


def checks_off(table: Picture, gone: Iterable[Constraint]) -> tuple[Change, ...]:
    """Return the drops of checks that rows older than them may break, while the table is read again."""
    return tuple(
        _alter(
            table, f"check {c.name} taken off meanwhile", sql.SQL("drop constraint {}").format(sql.Identifier(c.name))
        )
        for c in gone
    )


def created(new: Picture, key: str | None) -> Carry:
    """Return what makes a table that the receiver does not have; ``key`` is the statement that makes its key."""
    if new.partition:
        body = sql.SQL("partition of {} {}").format(sql.SQL(new.parents[0]), sql.SQL(new.bound or "default"))
    else:
        body = sql.SQL("({})").format(sql.SQL(", ").join(definition(column, fresh=True) for column in new.columns))
        if new.parents:
            body = sql.SQL("{} inherits ({})").format(body, sql.SQL(", ").join(map(sql.SQL, new.parents)))
    if new.partition_key:
        body = sql.SQL("{} partition by {}").format(body, sql.SQL(new.partition_key))
    if new.options:
        body = sql.SQL("{} with ({})").format(body, _options(new))
    how = sql.SQL("create unlogged table" if new.persistence == "u" else "create table")
    made = Change("made", sql.SQL("{} {} {}").format(how, table_name(new), body))
    bare = replace(new, constraints=(), indexes=(), triggers=())
    plain = replace(new, row_security=False, forced_row_security=False, options=new.options)
    changes = [made, *_settings(plain, new, plain)]
    if key is not None:
        changes.append(Change("key built", sql.SQL(key)))  # As the origin's catalogue prints it.
    return Carry(tuple(changes), bare, "it is new")
