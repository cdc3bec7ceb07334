"""May this estate move, and does ``estate.json`` tell it as it is?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..engine.stage import Decisions
from ..engine.verdict import Do, Fact, Finding, Met, Refuse, Verdict
from ..settings import Settings
from . import catalogue
from .model import App, Cache, Database, Estate, OtherAddon
from .seen import Deed, MakeSalt, Seen, Unreadable, WriteEstate
from .still import still

FRESH_SECONDS = 3600.0
"""Readings move all the time; once an hour they are worth being written anew."""


def judge(want: Settings, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    """Return what stands in the way; without anything, whether the file must be written.

    Once the blueprint is approved the estate is kept as it was: the move itself changes Heroku (config vars, dynos, add-ons),
    and what was approved must not shift under the stages that follow.
    """
    if decisions.get("design/blueprint") == "approve" and isinstance(seen.kept, Estate):
        return (Finding("discover/estate", _kept(seen.kept, seen.found), _facts(seen.kept)),)
    refused = tuple(_refusals(want, seen))
    return refused or (Finding("discover/estate", _estate(seen), _facts(seen.found)),)


def _refusals(want: Settings, seen: Seen) -> Iterator[Finding[Deed]]:
    handled = want.heroku.handled_addons
    for app in seen.found.apps:
        if refusal := _app(app):
            yield Finding(f"discover/{app.name}", refusal)
    for database in seen.found.databases:
        if refusal := _database(database):
            yield Finding(f"discover/{database.addon}", refusal)
    for cache in seen.found.caches:
        if refusal := _cache(cache):
            yield Finding(f"discover/{cache.addon}", refusal)
    for other in seen.found.others:
        if other.addon not in handled and (refusal := _other(other, seen)):
            yield Finding(f"discover/{other.addon}", refusal)


def _app(app: App) -> Refuse | None:
    if app.generation == "fir":
        return Refuse(
            f"The app {app.name} runs on Heroku's Fir generation, which has no log drains and other dynos.",
            hint="offramp moves Cedar apps; leave it out with heroku.apps in offramp.toml.",
        )
    if not app.processes:
        return Refuse(
            f"The app {app.name} has no formation: nothing was ever deployed there, or it has no process types.",
            hint=f"Deploy it (`heroku ps -a {app.name}` must list process types), or leave it out with heroku.apps "
            "in offramp.toml.",
        )
    return None


def _database(database: Database) -> Refuse | None:
    if database.server_version < catalogue.MINIMUM_SERVER_VERSION:
        return Refuse(
            f"The database {database.addon} runs PostgreSQL {database.server_version // 10000}, and offramp moves 14 or newer.",
            hint=f"Upgrade it on Heroku first: `heroku pg:upgrade:run {database.addon} -a {database.app}`.",
        )
    return None


def _cache(cache: Cache) -> Refuse | None:
    if not cache.memory_mb:
        return Refuse(
            f"offramp does not know how much memory the plan {cache.plan} of {cache.addon} has.",
            hint=f'Move it by hand and add "{cache.addon}" to heroku.handled_addons in offramp.toml.',
        )
    return None


def _other(other: OtherAddon, seen: Seen) -> Refuse | None:
    hint = f'When it is taken care of, add "{other.addon}" to heroku.handled_addons in offramp.toml.'
    if other.addon in seen.foreign:
        if other.service not in (catalogue.DATABASE_SERVICE, catalogue.CACHE_SERVICE):
            return None
        return Refuse(
            f"The add-on {other.addon} is attached here but belongs to the app {other.app}, which is not part of this move.",
            hint=f"Add {other.app} to heroku.apps in offramp.toml: a database moves with all who write to it. {hint}",
        )
    if other.addon in seen.followers or catalogue.blocks(other.service):
        return Refuse(f"offramp does not move the add-on {other.addon} ({other.plan}). {other.advice}", hint=hint)
    return None


def _estate(seen: Seen) -> Verdict[Deed]:
    if seen.salt:
        return Do(
            (MakeSalt(seen.salt), WriteEstate(seen.found)), because="this directory has no salt for fingerprints yet"
        )
    if seen.kept is None:
        return Do((WriteEstate(seen.found),), because="there is no estate.json yet")
    if isinstance(seen.kept, Unreadable):
        return Do((WriteEstate(seen.found),), because=f"estate.json cannot be used: {seen.kept.because}")
    if still(seen.kept) == still(seen.found):
        if hours := _stale_hours(seen.kept, seen.found):
            return Do((WriteEstate(seen.found),), because=f"the readings in estate.json are {hours:.0f} h old")
        return Met(because="estate.json tells what runs on Heroku")
    return Do((WriteEstate(seen.found),), because=f"Heroku has changed: {_difference(seen.kept, seen.found)}")


def _kept(kept: Estate, found: Estate) -> Met:
    if still(kept) == still(found):
        return Met("estate.json tells what runs on Heroku")
    return Met(
        f"estate.json is kept as it was when the blueprint was approved; Heroku has changed since: {_difference(kept, found)}"
    )


def _facts(found: Estate) -> tuple[tuple[str, Fact], ...]:
    return (
        ("apps", len(found.apps)),
        ("databases", len(found.databases)),
        ("caches", len(found.caches)),
        ("other_addons", len(found.others)),
        ("concerns", sum(len(database.concerns) for database in found.databases)),
        ("database_bytes", sum(database.bytes for database in found.databases)),
        ("monthly_cents", found.monthly_cents),
    )


def _stale_hours(kept: Estate, found: Estate) -> float:
    """Return how many hours old the oldest readings on file are, by the databases' own clocks; 0 while all are fresh."""
    before = {one.addon: one.readings.at for one in kept.databases if one.readings}
    ages = [one.readings.at - before.get(one.addon, 0.0) for one in found.databases if one.readings]
    oldest = max(ages, default=0.0)
    return oldest / 3600 if oldest > FRESH_SECONDS else 0.0


def _difference(kept: Estate, found: Estate) -> str:
    """Name what differs, in words short enough for one line; ``offramp discover --diff`` tells all of it."""
    before, after = _parts(still(kept)), _parts(still(found))
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return ", ".join(names) or "what surrounds the apps (schedules, prices, pipelines, teams, copies)"


def _parts(estate: Estate) -> Mapping[str, object]:
    return {
        **{app.name: app for app in estate.apps},
        **{database.addon: database for database in estate.databases},
        **{cache.addon: cache for cache in estate.caches},
        **{other.addon: other for other in estate.others},
    }
