"""How do Heroku's answers and the databases' censuses become one Estate? Pure: the same facts give the same estate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..heroku.model import Addon, CacheStatus
from ..kit.secret import Secret
from . import calling, catalogue, compose_app, copying, history, jobs
from .calling import SharedRequests
from .census import Census
from .copying import Places
from .history import Observation
from .jobs import Run
from .model import (
    Cache,
    CacheReadings,
    Database,
    DatabaseService,
    Estate,
    OtherAddon,
    Pipeline,
    Placed,
    Schedule,
    Space,
    Team,
)
from .survey import PipelineFacts, Survey


@dataclass(frozen=True, slots=True)
class Beside:
    """What else was found out, by add-on name where it is about one; everything of it may be missing."""

    services: Mapping[str, DatabaseService]
    cache_services: Mapping[str, CacheStatus]
    caches: Mapping[str, CacheReadings]
    history: tuple[Observation, ...] = ()
    runs: tuple[Run, ...] = ()
    shared: tuple[SharedRequests, ...] = ()
    unread: tuple[str, ...] = ()


NOTHING = Beside({}, {}, {})


def estate(
    survey: Survey,
    censuses: Mapping[str, Census],
    schedules: tuple[Schedule, ...],
    salt: Secret,
    handled: tuple[str, ...] = (),
    beside: Beside = NOTHING,
) -> Estate:
    """Put an estate together. ``censuses`` are by add-on name; a database without one does not move, nor do ``handled``."""
    apps = compose_app.apps(survey, salt)
    long = copying.long_enough({facts.app.name: facts.config for facts in survey.apps})
    found = copying.places(apps, long)
    endpoints = {(app.name, one.name): one.endpoint for app in apps for one in app.config}
    owned = [addon for addon in _owned(survey) if addon.name not in handled]
    databases = [addon for addon in owned if addon.service == catalogue.DATABASE_SERVICE and addon.name in censuses]
    caches = [addon for addon in owned if addon.service == catalogue.CACHE_SERVICE]
    others = [addon for addon in survey.addons if addon not in databases and addon not in caches]
    return Estate(
        apps=apps,
        databases=tuple(
            sorted(
                (_database(addon, survey, censuses[addon.name], endpoints, found, beside) for addon in databases),
                key=lambda database: (database.app, database.config_var, database.addon),
            )
        ),
        caches=tuple(
            sorted(
                (_cache(addon, survey, endpoints, found, beside) for addon in caches),
                key=lambda cache: (cache.app, cache.config_var, cache.addon),
            )
        ),
        others=tuple(_other(addon, survey, handled) for addon in others),
        schedules=tuple(sorted(schedules, key=lambda job: (job.app, job.command, job.every))),
        monthly_cents=_monthly_cents(survey),
        pipelines=tuple(_pipeline(one, {app.name for app in apps}) for one in survey.pipelines),
        teams=tuple(sorted((Team(one.name, one.role, one.type) for one in survey.teams), key=lambda team: team.name)),
        spaces=_spaces(survey),
        calls=calling.calls(apps, beside.shared),
        copies=copying.copies(found),
        seen_jobs=jobs.scheduled(beside.runs, schedules),
        unread=tuple(sorted({*survey.unread, *beside.unread})),
    )


def config_var_of(addon: Addon, survey: Survey) -> str | None:
    """Return the config var in which the owning app finds an add-on; None when it is attached there under no name."""
    names = [
        (attachment.namespace is not None, name.startswith("HEROKU_"), name)
        for attachment in survey.attachments
        if attachment.addon_id == addon.id and attachment.app == addon.app
        for name in attachment.config_vars[:1]
    ]
    # The default credential under the name that the app chose comes first: DATABASE_URL before HEROKU_POSTGRESQL_RED_URL.
    return min(names)[2] if names else next(iter(addon.config_vars), None)


def _owned(survey: Survey) -> tuple[Addon, ...]:
    owners = {facts.app.name for facts in survey.apps}
    return tuple(addon for addon in survey.addons if addon.app in owners)


def _attached_to(addon: Addon, survey: Survey) -> tuple[str, ...]:
    return tuple(
        sorted(
            f"{attachment.app}:{name}"
            for attachment in survey.attachments
            if attachment.addon_id == addon.id
            for name in attachment.config_vars
        )
    )


def _database(
    addon: Addon,
    survey: Survey,
    census: Census,
    endpoints: Mapping[tuple[str, str], str | None],
    found: Places,
    beside: Beside,
) -> Database:
    variable = config_var_of(addon, survey) or ""
    sizes = [history.Size(f"{table.schema}.{table.name}", table.bytes) for table in census.tables]
    readings = census.readings
    return Database(
        addon=addon.name,
        app=addon.app,
        config_var=variable,
        plan=addon.plan,
        server_version=census.server_version,
        bytes=census.bytes,
        connection_limit=census.connection_limit,
        extensions=census.extensions,
        tables=census.tables,
        attached_to=_attached_to(addon, survey),
        concerns=census.concerns,
        monthly_cents=addon.monthly_cents,
        copied_to=copying.copied_to(found, endpoints.get((addon.app, variable))),
        installed=census.installed,
        large_objects=census.large_objects,
        server=census.server,
        service=beside.services.get(addon.name),
        readings=history.grown(readings, addon.name, census.bytes, sizes, beside.history) if readings else None,
    )


def _cache(
    addon: Addon,
    survey: Survey,
    endpoints: Mapping[tuple[str, str], str | None],
    found: Places,
    beside: Beside,
) -> Cache:
    variable = config_var_of(addon, survey) or ""
    service = beside.cache_services.get(addon.name)
    readings = beside.caches.get(addon.name)
    return Cache(
        addon=addon.name,
        app=addon.app,
        config_var=variable,
        plan=addon.plan,
        memory_mb=catalogue.cache_memory_mb(addon.plan),
        attached_to=_attached_to(addon, survey),
        monthly_cents=addon.monthly_cents,
        copied_to=copying.copied_to(found, endpoints.get((addon.app, variable))),
        version=(readings.version if readings else "") or (service.version if service else ""),
        eviction=(service.eviction if service else "") or (readings.eviction if readings else ""),
        timeout=service.timeout if service else "",
        persistence=service.persistence if service else "",
        maintenance_window=service.maintenance_window if service else "",
        readings=readings,
    )


def _other(addon: Addon, survey: Survey, handled: tuple[str, ...]) -> OtherAddon:
    owners = {facts.app.name for facts in survey.apps}
    if addon.name in handled:
        advice = "People take care of it: it stands under heroku.handled_addons in offramp.toml."
    elif addon.app not in owners:
        advice = f"It belongs to the app {addon.app}, which is not part of this move."
    elif addon.service == catalogue.DATABASE_SERVICE:
        advice = "It follows another database; make a read replica on RDS for those who read it."
    else:
        advice = catalogue.advice(addon.service)
    return OtherAddon(
        addon.name, addon.app, addon.service, addon.plan, advice, addon.monthly_cents, tuple(sorted(addon.config_vars))
    )


def _pipeline(facts: PipelineFacts, ours: set[str]) -> Pipeline:
    how = ("automatic" if facts.review.automatic else "on request") if facts.review else "off"
    return Pipeline(
        name=facts.name,
        apps=tuple(Placed(app, stage, app in ours) for app, stage in facts.apps),
        review_apps=how,
        open_review_apps=facts.open_reviews,
        review_target=facts.review.target if facts.review else "",
    )


def _spaces(survey: Survey) -> tuple[Space, ...]:
    return tuple(
        Space(
            one.space.name, one.space.team, one.space.region, one.space.generation, one.space.shield, one.space.state,
            one.space.cidr, one.space.data_cidr, one.outbound,
        )
        for one in sorted(survey.spaces, key=lambda one: one.space.name)
    )  # fmt: skip


def _monthly_cents(survey: Survey) -> int:
    dynos = sum(
        line.quantity * compose_app.size(line.size, survey.sizes).monthly_cents
        for facts in survey.apps
        for line in facts.formation
    )
    return dynos + sum(addon.monthly_cents for addon in _owned(survey))
