"""By which statements does everything besides tables become what it now is at the origin? Pure: things in, steps out.

Types, sequences and functions come before the tables that use them, views and policies after; what is gone goes in the other order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from psycopg import sql

from .changes import Statement
from .picture import Thing

Place = tuple[str, str, str, str]
When = Literal["views off", "renames", "before tables", "after tables", "types off"]
_EARLY = ("schema", "extension", "enum", "domain", "composite", "range", "sequence", "function", "procedure")
_OFF_FIRST = ("view", "materialized view", "policy", "rule", "statistics")
_WITH_USERS = ("enum", "domain", "composite", "range", "sequence")
_WORDS = {"enum": "type", "composite": "type", "range": "type"}


@dataclass(frozen=True, slots=True)
class Step:
    """One statement for one thing, ``instead`` when it is refused. No statement: a person must do it, and ``what`` says so.

    ``became`` is what the receiver has afterwards, None for what is gone.
    """

    when: When
    what: str
    identity: tuple[str, int, str]
    statement: Statement | None
    became: Thing | None
    instead: Statement | None = None
    as_receiver: bool = False
    """Extensions need the receiving role's rights, not the owner's."""


def steps(old: Sequence[Thing], new: Sequence[Thing], there: Sequence[Thing]) -> tuple[Step, ...]:
    """Return what is to be done, in order. ``old`` was last carried over, ``there`` is what the receiver has."""
    was = {thing.identity: thing for thing in old}
    now = {thing.identity: thing for thing in new}
    have = {thing.place: thing for thing in there}
    taken = {thing.place for thing in new}
    gone = [thing for thing in reversed(old) if thing.identity not in now]
    first = [thing for thing in gone if thing.kind in _OFF_FIRST]
    moved = [thing for thing in gone if _in_the_way(thing, taken, have)]
    aside = [replace(thing, name=f"offramp_old_{thing.oid}") for thing in moved]
    left = {place: thing for place, thing in have.items() if place not in {t.place for t in (*first, *moved)}}
    last = [*(thing for thing in gone if thing not in first and thing.place not in taken), *aside]
    return (
        *_dropped(first, have, "views off"),
        *(
            Step("renames", f"{thing.shown} put aside", thing.identity, _rename(thing, other.name), other)
            for thing, other in zip(moved, aside, strict=True)
        ),
        *(step for thing in new if (before := was.get(thing.identity)) for step in _renamed(before, thing, have)),
        *(step for thing in new for step in _made(was.get(thing.identity), thing, left)),
        *_dropped(last, {**have, **{thing.place: thing for thing in aside}}, "types off"),
    )


def _in_the_way(thing: Thing, taken: Collection[Place], have: Mapping[Place, Thing]) -> bool:
    """A type that was made anew under its old name needs that name, while columns still use the old one."""
    return thing.kind in _WITH_USERS and thing.place in taken and thing.place in have


def adopted(new: Sequence[Thing], there: Sequence[Thing]) -> tuple[Thing, ...]:
    """Return what to take as carried over when nothing is known: what the receiver has under the same name."""
    have = {thing.place: thing for thing in there}
    return tuple(_as_there(thing, have[thing.place]) for thing in new if thing.place in have)


def _as_there(thing: Thing, other: Thing) -> Thing:
    if thing.kind == "enum":
        labels = {label for _, label in other.parts}
        return replace(thing, parts=tuple(part for part in thing.parts if part[1] in labels))
    if thing.kind == "domain":
        names = {name for _, name, _ in other.parts}
        return replace(thing, parts=tuple(part for part in thing.parts if part[1] in names))
    return replace(thing, definition=other.definition) if thing.kind == "comment" else thing


def name_of(thing: Thing) -> sql.Composable:
    if thing.kind in ("function", "procedure"):
        return sql.SQL("{}.{}").format(sql.Identifier(thing.schema), sql.SQL(thing.name))
    return sql.Identifier(thing.schema, thing.name) if thing.schema else sql.Identifier(thing.name)


def _word(thing: Thing) -> sql.SQL:
    return sql.SQL(_WORDS.get(thing.kind, thing.kind))


def _dropped(gone: Sequence[Thing], have: Mapping[Place, Thing], when: When) -> Iterator[Step]:
    for thing in gone:
        if thing.place not in have:
            continue
        if thing.kind == "comment":
            statement = _uncommented(thing)
        elif thing.kind in ("policy", "rule"):
            statement = sql.SQL("drop {} {} on {}").format(
                _word(thing), sql.Identifier(thing.name), sql.Identifier(thing.schema, thing.on_table)
            )
        elif thing.kind == "extension":
            statement = sql.SQL("drop extension {}").format(sql.Identifier(thing.name))
        else:
            statement = sql.SQL("drop {} {}").format(_word(thing), name_of(thing))
        yield Step(
            when, f"{thing.shown} dropped", thing.identity, statement, None, as_receiver=thing.kind == "extension"
        )


def _uncommented(thing: Thing) -> sql.Composed:
    """The book writes ``comment on .. is '..'``; the name is all that lies before the text."""
    kind, _, identity = thing.name.partition(" ")
    for long in ("table column", "table constraint", "materialized view", "view column"):
        if thing.name.startswith(f"{long} "):
            kind, identity = long, thing.name[len(long) + 1 :]
    words = {"table column": "column", "view column": "column", "table constraint": "constraint"}
    return sql.SQL("comment on {} {} is null").format(sql.SQL(words.get(kind, kind)), sql.SQL(identity))


def _rename(thing: Thing, name: str) -> sql.Composed:
    return sql.SQL("alter {} {} rename to {}").format(_word(thing), name_of(thing), sql.Identifier(name))


def _renamed(before: Thing, thing: Thing, have: Mapping[Place, Thing]) -> Iterator[Step]:
    if (
        before.place == thing.place
        or before.place not in have
        or thing.kind in ("comment", "extension", "function", "procedure")
    ):
        return
    if thing.kind in ("policy", "rule"):
        if before.name != thing.name and before.on_table == thing.on_table:
            statement = sql.SQL("alter {} {} on {} rename to {}").format(
                _word(thing), sql.Identifier(before.name), sql.Identifier(thing.schema, thing.on_table), sql.Identifier(thing.name)
            )  # fmt: skip
            yield Step("after tables", f"{before.shown} renamed", thing.identity, statement, thing)
        return
    parts = []
    if before.schema != thing.schema:
        parts.append(
            sql.SQL("alter {} {} set schema {}").format(_word(before), name_of(before), sql.Identifier(thing.schema))
        )
        before = replace(before, schema=thing.schema)
    if before.name != thing.name:
        parts.append(_rename(before, thing.name))
    became = replace(before, name=thing.name)
    yield Step("renames", f"{before.shown} is {thing.shown} now", thing.identity, sql.SQL("; ").join(parts), became)


def _made(before: Thing | None, thing: Thing, have: Mapping[Place, Thing]) -> Iterator[Step]:
    when: When = "before tables" if thing.kind in _EARLY else "after tables"
    if before is None:
        other = have.get(thing.place)
        if other is None or (
            other.definition != thing.definition and thing.kind in ("comment", "function", "procedure")
        ):
            off = sql.SQL("drop {} if exists {}; ").format(_word(thing), name_of(thing))
            yield Step(
                when, f"{thing.shown} made", thing.identity, creation(thing), thing, as_receiver=thing.kind == "extension",
                instead=off + creation(thing) if thing.kind in ("function", "procedure") else None,
            )  # fmt: skip
        if thing.kind == "sequence" and thing.parts:
            yield _owned(thing)
    elif before.definition != thing.definition or before.parts != thing.parts:
        yield from _changed(before, thing, when, have.get(thing.place))


def creation(thing: Thing) -> Statement:
    """Return the statement, or statements, that make a thing that is not there."""
    if thing.kind == "sequence":
        return sql.SQL("create sequence {} {}").format(name_of(thing), sql.SQL(thing.definition))
    if thing.kind in ("view", "materialized view"):
        return _view(thing)
    if thing.kind == "domain":
        checks = (_domain_check(thing, name, check) for _, name, check in thing.parts)
        return sql.SQL("; ").join([sql.SQL(thing.definition), *checks])
    return sql.SQL(thing.definition)  # From the origin's catalogue.


def _domain_check(thing: Thing, name: str, check: str) -> sql.Composed:
    return sql.SQL("alter domain {} add constraint {} {}").format(name_of(thing), sql.Identifier(name), sql.SQL(check))


def _view(thing: Thing) -> Statement:
    filled, options, indexes = thing.parts
    how = sql.SQL("create materialized view" if thing.kind == "materialized view" else "create or replace view")
    options_given = sql.SQL(" with ({})").format(sql.SQL(options)) if options else sql.SQL("")
    body = sql.SQL("{} {}{} as {}").format(how, name_of(thing), options_given, sql.SQL(thing.definition))
    if thing.kind == "view":
        return body
    filling = sql.SQL(" with data" if filled else " with no data")
    return sql.SQL("; ").join([body + filling, *(sql.SQL(definition) for _, definition in indexes)])


def _owned(thing: Thing) -> Step:
    owner: sql.Composable = sql.SQL("none")
    if thing.parts:
        table, column = thing.parts
        owner = sql.SQL("{}.{}").format(sql.SQL(table), sql.Identifier(column))  # The table's name comes quoted.
    statement = sql.SQL("alter sequence {} owned by {}").format(name_of(thing), owner)
    return Step("after tables", f"{thing.shown} owned", thing.identity, statement, thing)


def _changed(before: Thing, thing: Thing, when: When, there: Thing | None) -> Iterator[Step]:
    what = f"{thing.shown} changed"
    match thing.kind:
        case "enum":
            yield from _labels(before, thing, there)
        case "domain":
            yield from _domain(before, thing, there)
        case "sequence":
            if before.definition != thing.definition:
                how = sql.SQL("alter sequence {} {}").format(name_of(thing), sql.SQL(thing.definition))
                yield Step(when, what, thing.identity, how, replace(thing, parts=before.parts))
            if before.parts != thing.parts:
                yield _owned(thing)
        case "comment":
            yield Step(when, what, thing.identity, creation(thing), thing)
        case "function" | "procedure":
            anew = sql.SQL("drop {} if exists {}; ").format(_word(thing), name_of(before)) + creation(thing)
            yield Step(when, what, thing.identity, creation(thing), thing, instead=anew)
        case "view":
            anew = sql.SQL("; ").join([sql.SQL("drop view {}").format(name_of(thing)), creation(thing)])
            yield Step(when, what, thing.identity, creation(thing), thing, instead=anew)
        case "materialized view":
            anew = sql.SQL("; ").join(
                [sql.SQL("drop materialized view if exists {}").format(name_of(thing)), creation(thing)]
            )
            yield Step(when, what, thing.identity, anew, thing)
        case "policy" | "rule":
            off = sql.SQL("drop {} if exists {} on {}").format(
                _word(thing), sql.Identifier(thing.name), sql.Identifier(thing.schema, thing.on_table)
            )
            yield Step(when, what, thing.identity, sql.SQL("; ").join([off, creation(thing)]), thing)
        case "composite" | "range":
            said = f"{thing.shown} was changed; change it by hand on the receiving side too"
            yield Step(when, said, thing.identity, None, thing)  # No statement turns one into the other in general.
        case _:
            pass  # Names of schemas, versions of extensions, statistics' columns: renames did it, or the target decides.


def _labels(before: Thing, thing: Thing, there: Thing | None) -> Iterator[Step]:
    """Labels keep their oid; new ones take their place in the order."""
    was = dict(before.parts)
    known = [list(part) for part in before.parts]
    for oid, label in thing.parts:
        if oid in was and was[oid] != label and (there is None or any(text == was[oid] for _, text in there.parts)):
            known = [[o, label if o == oid else text] for o, text in known]
            how = sql.SQL("alter type {} rename value {} to {}").format(
                name_of(thing), sql.Literal(was[oid]), sql.Literal(label)
            )
            yield Step(
                "before tables",
                f"{thing.shown}: {was[oid]} renamed to {label}",
                thing.identity,
                how,
                replace(thing, parts=tuple(known)),
            )
    for place, (oid, label) in enumerate(thing.parts):
        if oid not in was:
            beside = (
                sql.SQL("after {}").format(sql.Literal(thing.parts[place - 1][1]))
                if place
                else sql.SQL("before {}").format(sql.Literal(next(iter(known))[1]))
                if known
                else sql.SQL("")
            )
            known = [*known, [oid, label]]
            how = sql.SQL("alter type {} add value if not exists {} {}").format(
                name_of(thing), sql.Literal(label), beside
            )
            yield Step(
                "before tables",
                f"{thing.shown}: {label} added",
                thing.identity,
                how,
                replace(thing, parts=tuple(known)),
            )


def _domain(before: Thing, thing: Thing, there: Thing | None) -> Iterator[Step]:
    was, now = {part[0]: part for part in before.parts}, {part[0]: part for part in thing.parts}
    for oid, (_, name, _) in was.items():
        if oid not in now:
            how = sql.SQL("alter domain {} drop constraint if exists {}").format(name_of(thing), sql.Identifier(name))
            yield Step("before tables", f"{thing.shown}: {name} dropped", thing.identity, how, thing)
    for oid, (_, name, check) in now.items():
        if oid not in was and check.endswith(" NOT VALID"):
            # Rows that are older than the check may break it, and the receiver would take none of them.
            said = f"{thing.shown}: {name} is not validated; validate it, or add it by hand after the switch"
            yield Step("after tables", said, thing.identity, None, thing)
        elif oid not in was and not (there and any(part[1] == name for part in there.parts)):
            how = _domain_check(thing, name, check)
            yield Step("after tables", f"{thing.shown}: {name} added", thing.identity, how, thing)
