"""What has changed between two estates, in plain sentences? Pure; whatever differs is told, if need be by the field's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

from .model import App, Cache, Call, ConfigVar, Database, Estate, ProcessType
from .still import still

GROWN = 0.1
"""A database that is a tenth larger or smaller is worth a sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence about one thing: an app, a database, ``prices``."""

    about: str
    text: str


def changes(kept: Estate, found: Estate) -> tuple[Change, ...]:
    """Return what changed, by the thing that it is about. Readings do not count, but sizes that moved much do."""
    told = [*_things("app", "apps", kept, found, _app), *_things("database", "databases", kept, found, _database)]
    told += _things("cache", "caches", kept, found, _cache)
    told += _things("add-on", "others", kept, found, lambda _, __: iter(()))
    told += _things("pipeline", "pipelines", kept, found, lambda _, __: iter(()))
    told += _things("Private Space", "spaces", kept, found, lambda _, __: iter(()))
    told += _things("team", "teams", kept, found, lambda _, __: iter(()))
    told += _sizes(kept, found)
    told += _around(still(kept), still(found))
    return tuple(told)


def _things(kind: str, field: str, kept: Estate, found: Estate, tell: Callable[..., Iterator[str]]) -> Iterator[Change]:
    """Tell of one kind of thing: what is new, what is gone, and what is different."""
    before, after = _named(getattr(still(kept), field)), _named(getattr(still(found), field))
    for name in sorted({*before, *after}):
        if name not in before:
            yield Change(name, f"The {kind} {name} is new.")
        elif name not in after:
            yield Change(name, f"The {kind} {name} is gone.")
        elif before[name] != after[name]:
            told = list(tell(before[name], after[name])) or list(_other(kind, before[name], after[name], ()))
            yield from (Change(name, text) for text in told)


def _named(things: tuple[object, ...]) -> Mapping[str, object]:
    return {str(getattr(thing, "addon", None) or getattr(thing, "name", "")): thing for thing in things}


def _app(before: App, after: App) -> Iterator[str]:
    name = after.name
    yield from _processes(name, before.processes, after.processes)
    yield from _config(name, before.config, after.config)
    if before.release_version != after.release_version:
        yield f"{name} is at release v{after.release_version}; it was v{before.release_version}."
    if before.maintenance != after.maintenance:
        yield f"Maintenance mode of {name} is {'on' if after.maintenance else 'off'}."
    if before.stack != after.stack:
        yield f"{name} runs on the stack {after.stack}; it was {before.stack}."
    hosts = ({one.hostname for one in before.domains}, {one.hostname for one in after.domains})
    yield from _set(name, "domain", *hosts)
    yield from _set(name, "log drain", set(before.drains), set(after.drains))
    yield from _set(name, "feature", set(before.features), set(after.features))
    yield from _set(name, "attachment", _names(before), _names(after))
    if before.buildpacks != after.buildpacks:
        yield f"The buildpacks of {name} are {_list(after.buildpacks)}; they were {_list(before.buildpacks)}."
    if len(before.people) != len(after.people):
        yield f"{len(after.people)} people may work on {name}; there were {len(before.people)}."
    told = (
        "processes",
        "config",
        "release_version",
        "releases",
        "maintenance",
        "stack",
        "drains",
        "features",
        "buildpacks",
        "slug_bytes",
    )
    untold = [] if hosts[0] != hosts[1] else ["domains"]
    yield from _other("app", before, after, told, also=untold + ([] if _names(before) != _names(after) else ["attachments"]))  # fmt: skip


def _names(app: App) -> set[str]:
    return {one.name for one in app.attachments}


def _processes(app: str, before: tuple[ProcessType, ...], after: tuple[ProcessType, ...]) -> Iterator[str]:
    old, new = {one.type: one for one in before}, {one.type: one for one in after}
    yield from _set(app, "process type", set(old), set(new))
    for kind in sorted({*old} & {*new}):
        was, now = old[kind], new[kind]
        if was.quantity != now.quantity:
            yield f"{app} runs {now.quantity} {kind} dynos; it ran {was.quantity}."
        if was.size != now.size:
            yield f"{kind} of {app} runs on {now.size}; it ran on {was.size}."
        if was.command != now.command:
            yield f"{kind} of {app} runs `{now.command}`; it ran `{was.command}`."


def _config(app: str, before: tuple[ConfigVar, ...], after: tuple[ConfigVar, ...]) -> Iterator[str]:
    old, new = {one.name: one for one in before}, {one.name: one for one in after}
    yield from _set(app, "config var", set(old), set(new))
    for name in sorted({*old} & {*new}):
        if old[name].fingerprint != new[name].fingerprint:
            target = new[name].points_at
            yield f"The config var {name} of {app} has another value{f', which points at {target}' if target else ''}."


def _database(before: Database, after: Database) -> Iterator[str]:
    name = after.addon
    if before.plan != after.plan:
        yield f"{name} is on the plan {after.plan}; it was on {before.plan}."
    if before.server_version != after.server_version:
        yield f"{name} runs PostgreSQL {_version(after)}; it ran {_version(before)}."
    tables = [{f"{table.schema}.{table.name}" for table in one.tables} for one in (before, after)]
    yield from _set(name, "table", *tables)
    keys = [{f"{table.schema}.{table.name}": table.key for table in one.tables} for one in (before, after)]
    for table in sorted({*keys[0]} & {*keys[1]}):
        if keys[0][table] != keys[1][table]:
            yield f"The table {table} of {name} has {_key(keys[1][table])}; it had {_key(keys[0][table])}."
    yield from _set(name, "extension", set(before.extensions), set(after.extensions))
    yield from _set(name, "attachment", set(before.attached_to), set(after.attached_to))
    yield from _set(name, "concern", set(before.concerns), set(after.concerns))
    told = ("plan", "server_version", "tables", "extensions", "attached_to", "concerns")
    yield from _other("database", before, after, told)


def _key(columns: tuple[str, ...]) -> str:
    return f"the key {_list(columns)}" if columns else "no key"


def _version(database: Database) -> str:
    return f"{database.server_version // 10000}.{database.server_version % 10000}"


def _cache(before: Cache, after: Cache) -> Iterator[str]:
    if before.plan != after.plan:
        yield f"{after.addon} is on the plan {after.plan}; it was on {before.plan}."
    if before.eviction != after.eviction:
        yield f"{after.addon} evicts by {after.eviction or 'nothing known'}; it did by {before.eviction or 'nothing known'}."
    yield from _set(after.addon, "attachment", set(before.attached_to), set(after.attached_to))
    yield from _other("cache", before, after, ("plan", "eviction", "attached_to", "memory_mb"))


def _sizes(kept: Estate, found: Estate) -> Iterator[Change]:
    before = {one.addon: one.bytes for one in kept.databases}
    for one in found.databases:
        was = before.get(one.addon, 0)
        if was and abs(one.bytes - was) > GROWN * was:
            word = "larger" if one.bytes > was else "smaller"
            yield Change(one.addon, f"{one.addon} is {abs(one.bytes - was) / was:.0%} {word}: {_size(one.bytes)}, it was {_size(was)}.")  # fmt: skip


def _size(count: int) -> str:
    """
    >>> _size(8_680_000), _size(2_500_000_000)
    ('8.7 MB', '2.5 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _around(kept: Estate, found: Estate) -> Iterator[Change]:
    """What is about no single thing: money, calls, copies, schedules."""
    if kept.monthly_cents != found.monthly_cents:
        yield Change(
            "prices",
            f"Heroku costs ${found.monthly_cents / 100:,.2f} a month; it was ${kept.monthly_cents / 100:,.2f}.",
        )
    for call in sorted({*_pairs(found.calls)} - {*_pairs(kept.calls)}):
        yield Change(call[0], f"{call[0]} calls {call[1]} now.")
    for call in sorted({*_pairs(kept.calls)} - {*_pairs(found.calls)}):
        yield Change(call[0], f"{call[0]} does not call {call[1]} any more.")
    for copy in sorted({one.places for one in found.copies} - {one.places for one in kept.copies}):
        yield Change("copies", f"One secret stands in {_list(copy)}.")
    for copy in sorted({one.places for one in kept.copies} - {one.places for one in found.copies}):
        yield Change("copies", f"{_list(copy)} hold different secrets now.")
    jobs = [_jobs(side) for side in (kept, found)]
    for app, command, every in sorted(jobs[1] - jobs[0]):
        yield Change(app, f"{app} runs `{command}` every {every} now.")
    for app, command, every in sorted(jobs[0] - jobs[1]):
        yield Change(app, f"{app} does not run `{command}` every {every} any more.")
    for sentence in sorted({*found.unread} - {*kept.unread}):
        yield Change("unread", sentence)


def _jobs(estate: Estate) -> set[tuple[str, str, str]]:
    listed = {(one.app, one.command, one.every) for one in estate.schedules}
    return listed | {(one.app, one.command, one.every) for one in estate.seen_jobs}


def _pairs(calls: tuple[Call, ...]) -> list[tuple[str, str]]:
    return [(call.caller, call.callee) for call in calls]


def _set(owner: str, kind: str, before: set[str], after: set[str]) -> Iterator[str]:
    for name in sorted(after - before):
        yield f"{owner} has a new {kind}: {name}"[:400].rstrip(".") + "."
    for name in sorted(before - after):
        yield f"{owner} has lost a {kind}: {name}"[:400].rstrip(".") + "."


def _other(
    kind: str, before: object, after: object, told: tuple[str, ...], also: list[str] | None = None
) -> Iterator[str]:
    """Name the fields that differ and have no sentence of their own."""
    skipped = {*told, "domains", "attachments"} - {*(also or ())} if told else set()
    names = [
        one.name
        for one in fields(after)  # type: ignore[arg-type]  # every thing of an estate is a dataclass
        if one.name not in skipped and getattr(before, one.name) != getattr(after, one.name)
    ]
    if names:
        title = getattr(after, "addon", None) or getattr(after, "name", "")
        yield f"The {kind} {title} differs in {_list(tuple(name.replace('_', ' ') for name in names))}."


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
