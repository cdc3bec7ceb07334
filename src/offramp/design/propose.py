"""What would we build for this estate? Pure: a first draft of the blueprint, never smaller than what Heroku gave."""

from __future__ import annotations

from dataclasses import asdict

from ..assess import sizes
from ..discover.model import App, Cache, Database, Estate, ProcessType
from ..settings import Settings
from . import waves
from .measured import Measured
from .model import (
    Blueprint,
    CachePlan,
    CutoverPlan,
    DatabasePlan,
    DomainPlan,
    Gateway,
    Job,
    Pooler,
    Release,
    Service,
    ShiftPlan,
)
from .origins import env, origins

DEFAULT_POOL_SIZE = 20


def propose(estate: Estate, settings: Settings, measured: tuple[Measured, ...] = ()) -> Blueprint:
    """Return the draft. The estate must be one that ``problems`` finds nothing against."""
    databases = tuple(_database(database, estate, settings) for database in estate.databases)
    caches = tuple(_cache(cache, estate) for cache in estate.caches)
    hints = settings.design
    return Blueprint(
        name=settings.name,
        region=settings.aws.region,
        cidr=hints.cidr,
        namespace=hints.namespace or f"{settings.name}.internal",
        zone=hints.zone or zone_of(estate) or "",
        services=tuple(
            _service(app, process, estate, settings, measured) for app in estate.apps for process in app.processes
        ),
        releases=tuple(Release(app.name, app.release_command) for app in estate.apps if app.release_command),
        jobs=tuple(Job(job.app, job.command, job.every) for job in estate.schedules),
        databases=databases,
        caches=caches,
        domains=tuple(
            DomainPlan(domain.hostname, app.name, domain.cname or app.default_host)
            for app in estate.apps
            for domain in app.domains
        ),
        origins=origins(estate),
        gateway=Gateway(image=settings.images.gateway, count=hints.gateway_count, port=hints.gateway_port),
        pooler=Pooler(
            image=settings.images.pooler,
            port=hints.pooler_port,
            control_port=hints.pooler_control_port,
            pool_size=hints.pool_size or pool_size(estate),
        ),
        waves=waves.waves(estate, databases, caches),
        shift=ShiftPlan(settings.shift.steps, settings.shift.bake_seconds, settings.shift.max_error_share),
        cutover=CutoverPlan(**asdict(settings.cutover)),
        offramp_image=settings.images.offramp,
    )


def zone_of(estate: Estate) -> str | None:
    """Return the longest domain that every custom domain is under or equal to; None without domains or a common one."""
    names = [domain.hostname.split(".")[::-1] for app in estate.apps for domain in app.domains]
    if not names:
        return None
    shared: list[str] = []
    for labels in zip(*names, strict=False):
        if len(set(labels)) > 1:
            break
        shared.append(labels[0])
    if len(names) == 1 and len(shared) > 2:
        # A single www.example.com says nothing about the zone; its parent is the usual one.
        shared.pop()
    return ".".join(reversed(shared)) if len(shared) > 1 else None


def pool_size(estate: Estate) -> int:
    """Return the pooler's server connections per database: at most a third of the smallest connection limit.

    During the move Heroku's dynos keep theirs, and replication needs a few.
    """
    limits = [database.connection_limit for database in estate.databases if database.connection_limit > 0]
    return max(2, min(DEFAULT_POOL_SIZE, min(limits, default=DEFAULT_POOL_SIZE * 3) // 3))


def _service(
    app: App, process: ProcessType, estate: Estate, settings: Settings, measured: tuple[Measured, ...]
) -> Service:
    size = sizes.task(process.size, process.memory_mb)
    web = process.type == "web"
    drain = settings.design.drain_seconds
    found = next((one for one in measured if web and one.app == app.name), None)
    changed = (*env(app, estate), *(found.env if found else ()))
    return Service(
        app=app.name,
        process=process.type,
        image=settings.images.of(app.name, app.release_version),
        command=process.command,
        cpu=found.cpu if found else size.cpu,
        memory=found.memory if found else size.memory,
        count=found.count if found else process.quantity,
        port=settings.design.web_port if web else None,
        health_path=dict(settings.design.health_paths).get(app.name, "/") if web else None,
        env=(*changed, ("OFFRAMP_DRAIN", str(drain))) if web and drain is not None else changed,
    )


def _database(database: Database, estate: Estate, settings: Settings) -> DatabasePlan:
    plan = sizes.database(database.plan) or sizes.DatabaseSize(0, 0)
    return DatabasePlan(
        name=_short_name(database, estate.databases),
        app=database.app,
        config_var=database.config_var,
        addon=database.addon,
        instance_class=sizes.instance_class(plan.memory_gb),
        storage_gb=sizes.storage_gb(plan.storage_gb, database.bytes),
        engine_version=settings.design.engine_version,
        attached_to=database.attached_to,
    )


def _cache(cache: Cache, estate: Estate) -> CachePlan:
    return CachePlan(
        name=_short_name(cache, estate.caches),
        app=cache.app,
        config_var=cache.config_var,
        addon=cache.addon,
        node_type=sizes.node_type(cache.memory_mb),
        attached_to=cache.attached_to,
    )


def _short_name(store: Database | Cache, all_: tuple[Database, ...] | tuple[Cache, ...]) -> str:
    """Return the app's name, with the config var's when the app owns several: ``shop``, ``shop-analytics``."""
    if len([other for other in all_ if other.app == store.app]) == 1:
        return store.app
    return f"{store.app}-{store.config_var.removesuffix('_URL').lower().replace('_', '-')}"
