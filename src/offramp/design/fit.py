"""What keeps an estate from being designed for, and what does a blueprint lack that its estate has?"""

from __future__ import annotations

from collections.abc import Iterator

from ..assess import sizes
from ..discover.model import Estate
from ..engine.verdict import Refuse
from ..settings import Settings
from . import origins, propose
from .model import Blueprint


def obstacles(estate: Estate, settings: Settings) -> Iterator[Refuse]:
    """Yield what no draft can solve."""
    yield from _oversize(estate)
    yield from _unknown_plans(estate)
    yield from _too_new(estate, settings)
    yield from _zone(estate, settings)


def _oversize(estate: Estate) -> Iterator[Refuse]:
    for app in estate.apps:
        for process in app.processes:
            if process.memory_mb > sizes.LARGEST_TASK_MB:
                yield Refuse(
                    f"{app.name} runs {process.type} on {process.size} dynos ({process.memory_mb // 1024} GB), "
                    f"and Fargate's largest task has {sizes.LARGEST_TASK_MB // 1024} GB.",
                    hint="Run it on more, smaller dynos first.",
                )


def _unknown_plans(estate: Estate) -> Iterator[Refuse]:
    for database in estate.databases:
        if sizes.database(database.plan) is None:
            yield Refuse(
                f"offramp does not know how much memory the plan {database.plan} of {database.addon} gives.",
                hint="Change to a standard or premium plan first, or report the plan.",
            )


def _too_new(estate: Estate, settings: Settings) -> Iterator[Refuse]:
    major = _major(settings.design.engine_version)
    for database in estate.databases:
        if database.server_version // 10000 > major:
            yield Refuse(
                f"{database.addon} runs PostgreSQL {database.server_version // 10000}, newer than the {major} planned on RDS.",
                hint="Raise design.engine_version in offramp.toml.",
            )


def _zone(estate: Estate, settings: Settings) -> Iterator[Refuse]:
    hosts = sorted(domain.hostname for app in estate.apps for domain in app.domains)
    zone = settings.design.zone or propose.zone_of(estate)
    if zone is None:
        yield Refuse(
            "The apps' custom domains have no zone in common." if hosts else "No app has a custom domain.",
            hint=f"Say which zone's DNS moves with design.zone in offramp.toml ({', '.join(hosts)})."
            if hosts
            else "Traffic moves by DNS: add a domain (`heroku domains:add`), or say design.zone in offramp.toml.",
        )
        return
    if outside := [host for host in hosts if host != zone and not host.endswith(f".{zone}")]:
        yield Refuse(
            f"{', '.join(outside)} is not in the zone {zone}.",
            hint="Move one zone at a time: leave its app out with heroku.apps in offramp.toml.",
        )


def misfits(blueprint: Blueprint, estate: Estate) -> Iterator[Refuse]:
    """Yield what the estate has and the blueprint lacks."""
    services = {(service.app, service.process) for service in blueprint.services}
    yield from _missing(
        "service",
        [
            f"{a.name} {p.type}"
            for a in estate.apps
            for p in a.processes
            if p.quantity and (a.name, p.type) not in services
        ],
    )
    databases = {plan.addon for plan in blueprint.databases}
    yield from _missing("database", [d.addon for d in estate.databases if d.addon not in databases])
    caches = {plan.addon for plan in blueprint.caches}
    yield from _missing("cache", [c.addon for c in estate.caches if c.addon not in caches])
    domains = {plan.hostname for plan in blueprint.domains}
    yield from _missing("domain", [d.hostname for a in estate.apps for d in a.domains if d.hostname not in domains])
    yield from _older_engines(blueprint, estate)
    yield from _unanswered(blueprint, estate)


def _missing(table: str, names: list[str]) -> Iterator[Refuse]:
    if names:
        yield Refuse(
            f"blueprint.toml has no [[{table}]] for {', '.join(names)}, which runs on Heroku.",
            hint="Add it, or move blueprint.toml away and run `offramp design` for a fresh draft to copy from.",
        )


def _older_engines(blueprint: Blueprint, estate: Estate) -> Iterator[Refuse]:
    versions = {database.addon: database.server_version // 10000 for database in estate.databases}
    for plan in blueprint.databases:
        if versions.get(plan.addon, 0) > _major(plan.engine_version):
            yield Refuse(
                f"{plan.name} is planned with PostgreSQL {plan.engine_version}, older than the {versions[plan.addon]} on Heroku.",
                hint="Raise engine_version in its [[database]] of blueprint.toml.",
            )


def _unanswered(blueprint: Blueprint, estate: Estate) -> Iterator[Refuse]:
    """A variable that names a Heroku host would break when Heroku is switched off."""
    for app, variable in origins.uncertain(estate):
        services = [service for service in blueprint.services if service.app == app.name]
        if any(variable.name not in dict(service.env) for service in services):
            yield Refuse(
                f"{variable.name} of {app.name} points at {variable.points_at} with a value that may hold a secret, so it was "
                "not read into the estate.",
                hint=f"Say under env of {app.name}'s services in blueprint.toml what it should be on AWS.",
            )


def _major(version: str) -> int:
    return int(version.partition(".")[0])
