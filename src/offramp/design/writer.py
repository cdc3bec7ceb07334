"""How is a draft blueprint shown to people? As TOML in which every choice says what it replaces and why it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import tomlkit
from tomlkit.items import AoT, Table
from tomlkit.toml_document import TOMLDocument

from ..assess import sizes
from ..discover.model import App, Database, Estate, ProcessType
from . import origins
from .measured import Measured
from .model import SCHEMA, Blueprint, CachePlan, DatabasePlan, DomainPlan, Service, Wave

_HEAD = (
    "What offramp will make on AWS, drafted from estate.json. Read it, change it, commit it;",
    "offramp never overwrites it. docs/reference/blueprint.md explains every key.",
    "When it says what you want: offramp decide design/blueprint approve",
)

Value = str | int | float | tuple[str, ...] | tuple[int, ...] | Mapping[str, str] | None
Row = Mapping[str, Value]


def render(blueprint: Blueprint, estate: Estate, measured: tuple[Measured, ...] = ()) -> str:
    """Return the file's text. Reading it back gives the same blueprint. ``measured`` says whose sizes come from an assessment."""
    document = tomlkit.document()
    _comment(document, _HEAD)
    _fill(document, _general(blueprint), _GENERAL_NOTES)
    for name, row, notes, why in _single_tables(blueprint, estate):
        table = tomlkit.table()
        table.comment(why)
        document.add(tomlkit.nl())
        document.add(name, _fill(table, row, notes))
    for name, rows in _lists(blueprint, estate, measured):
        _add_list(document, name, rows)
    return tomlkit.dumps(document)


def _general(blueprint: Blueprint) -> Row:
    return {
        "schema": SCHEMA,
        "name": blueprint.name,
        "region": blueprint.region,
        "cidr": blueprint.cidr,
        "namespace": blueprint.namespace,
        "zone": blueprint.zone,
        "offramp_image": blueprint.offramp_image,
    }


_GENERAL_NOTES = {
    "name": "names stacks, cluster and secrets",
    "cidr": "the new VPC's addresses; must not overlap networks you peer with",
    "namespace": "private names of the services: <app>-web.<namespace>",
    "zone": "the public DNS zone whose weights move the traffic",
    "offramp_image": "runs the replication links",
}


def _single_tables(blueprint: Blueprint, estate: Estate) -> Iterable[tuple[str, Row, Mapping[str, str], str]]:
    gateway, pooler = blueprint.gateway, blueprint.pooler
    yield (
        "gateway",
        {
            "image": gateway.image,
            "count": gateway.count,
            "port": gateway.port,
            "cpu": gateway.cpu,
            "memory": gateway.memory,
        },
        {"count": "two, so that one may fail or be replaced"},
        "Nginx in front of all web services; takes the place of Heroku's router",
    )
    limits = [f"{database.connection_limit} on {database.addon}" for database in estate.databases]
    yield (
        "pooler",
        {
            "image": pooler.image,
            "port": pooler.port,
            "control_port": pooler.control_port,
            "pool_size": pooler.pool_size,
            "cpu": pooler.cpu,
            "memory": pooler.memory,
        },
        {"pool_size": f"server connections per database; Heroku allows {', '.join(limits)}" if limits else ""},
        "PgBouncer between services and databases; holds writers while a cutover switches",
    )
    yield (
        "shift",
        {
            "steps": blueprint.shift.steps,
            "bake_seconds": blueprint.shift.bake_seconds,
            "max_error_share": blueprint.shift.max_error_share,
        },
        {"steps": "percent of traffic on AWS", "max_error_share": "more 5xx than this returns the traffic"},
        "How HTTP traffic moves, step by step",
    )
    yield (
        "cutover",
        asdict(blueprint.cutover),
        {
            "deadline_seconds": "a switch that takes longer is undone",
            "max_lag_seconds": "none begins with more lag",
            "patience_seconds": "a transaction that keeps it waiting longer is named; then:",
            "long_transactions": "undo the switch, or cancel the transaction",
            "bake_seconds": "how long errors and p99 are watched after a switch to AWS",
            "max_error_share": "more 5xx than this is a breach",
            "max_slowdown": "and so is a p99 of more than this many times the one before",
            "on_breach": "ask a person, or rollback by itself",
        },
        "How writes move",
    )


def _lists(
    blueprint: Blueprint, estate: Estate, measured: tuple[Measured, ...]
) -> Iterable[tuple[str, list[tuple[Row, str]]]]:
    yield "service", [(_service(service), _service_note(service, estate, measured)) for service in blueprint.services]
    yield (
        "release",
        [
            ({"app": release.app, "command": release.command}, "runs once per image, before the app's services")
            for release in blueprint.releases
        ],
    )
    yield (
        "job",
        [
            ({"app": job.app, "command": job.command, "every": job.every}, "was a Heroku Scheduler job; runs in UTC")
            for job in blueprint.jobs
        ],
    )
    yield "database", [(_database(plan), _database_note(plan, estate)) for plan in blueprint.databases]
    yield "cache", [(_cache(plan), _cache_note(plan, estate)) for plan in blueprint.caches]
    yield "domain", [(_domain(plan), "its DNS weight moves from Heroku to the gateway") for plan in blueprint.domains]
    yield (
        "origin",
        [
            (
                {"app": plan.app, "config_var": plan.config_var, "value": plan.value},
                "set on Heroku before traffic moves, so that browsers follow the DNS weight",
            )
            for plan in blueprint.origins
        ],
    )
    yield (
        "wave",
        [(_wave(wave), "switches at once: its apps call each other or share data") for wave in blueprint.waves],
    )


def _service(service: Service) -> Row:
    return {
        "app": service.app,
        "process": service.process,
        "image": service.image,
        "command": service.command,
        "cpu": service.cpu,
        "memory": service.memory,
        "count": service.count,
        "port": service.port,
        "health_path": service.health_path,
        "env": dict(service.env) or None,
    }


def _service_note(service: Service, estate: Estate, measured: tuple[Measured, ...]) -> str:
    for app in estate.apps:
        for process in app.processes:
            if (app.name, process.type) == (service.app, service.process):
                found = next((one for one in measured if one.app == app.name and process.type == "web"), None)
                return _dynos(app, process, estate, found)
    return "runs nothing of Heroku's"


def _dynos(app: App, process: ProcessType, estate: Estate, found: Measured | None) -> str:
    changed = dict(origins.env(app, estate))
    size = sizes.task(process.size, process.memory_mb)
    least = f"cpu {size.cpu} with memory {size.memory} is Fargate's smallest size that is not less"
    note = f"was {process.quantity} x {process.size} ({process.memory_mb} MB); {found.note if found else least}"
    return f"{note}; env replaces {', '.join(changed)} on Heroku" if changed else note


def _database(plan: DatabasePlan) -> Row:
    return {
        "name": plan.name,
        "app": plan.app,
        "config_var": plan.config_var,
        "addon": plan.addon,
        "instance_class": plan.instance_class,
        "storage_gb": plan.storage_gb,
        "engine_version": plan.engine_version,
        "attached_to": plan.attached_to,
    }


def _database_note(plan: DatabasePlan, estate: Estate) -> str:
    found = next((database for database in estate.databases if database.addon == plan.addon), None)
    return _plan_note(found) if found else "is new"


def _plan_note(database: Database) -> str:
    gives = sizes.database(database.plan)
    size = f" ({gives.memory_gb} GB memory, {gives.storage_gb} GB disk)" if gives else ""
    used = f"{database.bytes / 1024**3:.1f} GB" if database.bytes >= 1024**3 else f"{database.bytes // 1024**2} MB"
    return f"was {database.plan}{size}, PostgreSQL {database.server_version // 10000}, {used} used"


def _cache(plan: CachePlan) -> Row:
    return {
        "name": plan.name,
        "app": plan.app,
        "config_var": plan.config_var,
        "addon": plan.addon,
        "node_type": plan.node_type,
        "attached_to": plan.attached_to,
    }


def _cache_note(plan: CachePlan, estate: Estate) -> str:
    found = next((cache for cache in estate.caches if cache.addon == plan.addon), None)
    return f"was {found.plan} ({found.memory_mb} MB)" if found else "is new"


def _domain(plan: DomainPlan) -> Row:
    return {"hostname": plan.hostname, "app": plan.app, "heroku_target": plan.heroku_target}


def _wave(wave: Wave) -> Row:
    return {"name": wave.name, "apps": wave.apps, "databases": wave.databases, "caches": wave.caches}


def _add_list(document: TOMLDocument, name: str, rows: list[tuple[Row, str]]) -> None:
    if not rows:
        return
    array: AoT = tomlkit.aot()
    for row, note in rows:
        table = tomlkit.table()
        table.comment(note)
        array.append(_fill(table, row, {}))
    document.add(tomlkit.nl())
    document.add(name, array)


def _comment(document: TOMLDocument, lines: Iterable[str]) -> None:
    for line in lines:
        document.add(tomlkit.comment(line))


def _fill(table: TOMLDocument | Table, row: Row, notes: Mapping[str, str]) -> TOMLDocument | Table:
    for key, value in row.items():
        if value is None:
            continue
        table.add(key, _item(value))
        if note := notes.get(key):
            table[key].comment(note)
    return table


def _item(value: str | int | float | tuple[str, ...] | tuple[int, ...] | Mapping[str, str]) -> object:
    if isinstance(value, tuple):
        return tomlkit.item(list(value))
    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        inline.update(value)
        return inline
    return tomlkit.item(value)
