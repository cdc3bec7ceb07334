"""How do Heroku's answers and the databases' censuses become one Estate? Pure: the same facts give the same estate."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..errors import OutsideError
from ..heroku.model import Addon, DynoSize, Formation
from ..kit.secret import Secret
from . import catalogue, fingerprint
from .census import Census
from .model import App, Cache, ConfigVar, Database, Domain, Estate, OtherAddon, ProcessType, Schedule
from .survey import AppFacts, Survey


def estate(
    survey: Survey,
    censuses: Mapping[str, Census],
    schedules: tuple[Schedule, ...],
    salt: Secret,
    handled: tuple[str, ...] = (),
) -> Estate:
    """Put an estate together. ``censuses`` are by add-on name; a database without one does not move, nor do ``handled``."""
    hosts = _hosts(survey)
    owned = [addon for addon in _owned(survey) if addon.name not in handled]
    databases = [addon for addon in owned if addon.service == catalogue.DATABASE_SERVICE and addon.name in censuses]
    caches = [addon for addon in owned if addon.service == catalogue.CACHE_SERVICE]
    others = [addon for addon in survey.addons if addon not in databases and addon not in caches]
    return Estate(
        apps=tuple(_app(facts, survey, hosts, salt) for facts in survey.apps),
        databases=tuple(
            sorted(
                (_database(addon, survey, censuses[addon.name]) for addon in databases),
                key=lambda database: (database.app, database.config_var, database.addon),
            )
        ),
        caches=tuple(
            sorted(
                (_cache(addon, survey) for addon in caches),
                key=lambda cache: (cache.app, cache.config_var, cache.addon),
            )
        ),
        others=tuple(_other(addon, survey, handled) for addon in others),
        schedules=tuple(sorted(schedules, key=lambda job: (job.app, job.command, job.every))),
        monthly_cents=_monthly_cents(survey),
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


def _hosts(survey: Survey) -> Mapping[str, str]:
    """Map every host name under which an app of the estate answers to the app."""
    return {
        host: facts.app.name
        for facts in survey.apps
        for host in (_default_host(facts), *(domain.hostname for domain in facts.domains))
        if host
    }


def _default_host(facts: AppFacts) -> str:
    named = [domain.hostname for domain in facts.domains if domain.kind == "heroku"]
    return urlsplit(facts.app.web_url).hostname or next(iter(named), "")


def _app(facts: AppFacts, survey: Survey, hosts: Mapping[str, str], salt: Secret) -> App:
    procfile = dict(facts.slug.process_types) if facts.slug else {}
    return App(
        name=facts.app.name,
        id=facts.app.id,
        stack=facts.app.stack,
        generation=facts.app.generation,
        region=facts.app.region,
        maintenance=facts.app.maintenance,
        default_host=_default_host(facts),
        buildpacks=facts.buildpacks,
        processes=tuple(
            _process_type(line, procfile, survey.sizes)
            for line in sorted(facts.formation, key=lambda line: line.type)
            if line.type != "release"
        ),
        release_command=procfile.get("release"),
        release_version=facts.release.version if facts.release else 0,
        config=_config(facts, hosts, salt),
        domains=tuple(
            Domain(domain.hostname, domain.cname)
            for domain in sorted(facts.domains, key=lambda domain: domain.hostname)
            if domain.kind == "custom"
        ),
        drains=tuple(sorted({drain.host for drain in facts.drains if drain.host})),
        pipeline=facts.pipeline,
        pipeline_stage=facts.pipeline_stage,
    )


def _process_type(line: Formation, procfile: Mapping[str, str], sizes: tuple[DynoSize, ...]) -> ProcessType:
    return ProcessType(
        type=line.type,
        command=line.command or procfile.get(line.type, ""),
        quantity=line.quantity,
        size=line.size,
        memory_mb=_size(line.size, sizes).memory_mb,
    )


def _size(name: str, sizes: tuple[DynoSize, ...]) -> DynoSize:
    for size in sizes:
        if size.name.casefold() == name.casefold():
            return size
    raise OutsideError(
        f"Heroku's list of dyno sizes has no {name}.", hint="Run the same command again; if it stays so, report it."
    )


def _config(facts: AppFacts, hosts: Mapping[str, str], salt: Secret) -> tuple[ConfigVar, ...]:
    owners = {name: attachment.name for attachment in facts.attachments for name in attachment.config_vars}
    return tuple(
        _config_var(name, value, owners.get(name), hosts, salt) for name, value in sorted(facts.config.items())
    )


def _config_var(name: str, value: Secret, attachment: str | None, hosts: Mapping[str, str], salt: Secret) -> ConfigVar:
    app = None if attachment else fingerprint.target(value, hosts)
    return ConfigVar(
        name=name,
        fingerprint=fingerprint.fingerprint(value, salt),
        attachment=attachment,
        points_at=app,
        address=fingerprint.address(value) if app else None,
    )


def _attached_to(addon: Addon, survey: Survey) -> tuple[str, ...]:
    return tuple(
        sorted(
            f"{attachment.app}:{name}"
            for attachment in survey.attachments
            if attachment.addon_id == addon.id
            for name in attachment.config_vars
        )
    )


def _database(addon: Addon, survey: Survey, census: Census) -> Database:
    return Database(
        addon=addon.name,
        app=addon.app,
        config_var=config_var_of(addon, survey) or "",
        plan=addon.plan,
        server_version=census.server_version,
        bytes=census.bytes,
        connection_limit=census.connection_limit,
        extensions=census.extensions,
        tables=census.tables,
        attached_to=_attached_to(addon, survey),
        concerns=census.concerns,
    )


def _cache(addon: Addon, survey: Survey) -> Cache:
    return Cache(
        addon=addon.name,
        app=addon.app,
        config_var=config_var_of(addon, survey) or "",
        plan=addon.plan,
        memory_mb=catalogue.cache_memory_mb(addon.plan),
        attached_to=_attached_to(addon, survey),
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
    return OtherAddon(addon=addon.name, app=addon.app, service=addon.service, plan=addon.plan, advice=advice)


def _monthly_cents(survey: Survey) -> int:
    dynos = sum(
        line.quantity * _size(line.size, survey.sizes).monthly_cents
        for facts in survey.apps
        for line in facts.formation
    )
    return dynos + sum(addon.monthly_cents for addon in _owned(survey))
