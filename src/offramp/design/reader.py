"""Which blueprint does a text describe? Every key is known, every value in range, every name unique and used."""

from __future__ import annotations

import re
from dataclasses import fields

from ..assess import sizes
from ..kit import tables
from ..kit.tables import Table
from ..settings import INTERVALS
from .model import (
    SCHEMA,
    Blueprint,
    CachePlan,
    CutoverPlan,
    DatabasePlan,
    DomainPlan,
    Gateway,
    Job,
    OriginPlan,
    Pooler,
    Release,
    Service,
    ShiftPlan,
    Wave,
)

_NAME = r"[a-z][a-z0-9-]*"
_HOST = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
_PLACE = r"[a-z][a-z0-9-]*:[A-Za-z_][A-Za-z0-9_]*"
_TEXTS = ("app", "process", "image", "command")


def blueprint(text: str, filename: str) -> Blueprint:
    """Parse and check a blueprint. Raises MalformedError that names the line."""
    root = tables.parse(text, filename).only(
        "schema", "name", "region", "cidr", "namespace", "zone", "offramp_image", "gateway", "pooler", "shift", "cutover",
        "service", "release", "job", "database", "cache", "domain", "origin", "wave",
    )  # fmt: skip
    if (schema := root.text("schema")) != SCHEMA:
        raise root.malformed("schema", f"This blueprint has the schema {schema!r}.", f"This offramp reads {SCHEMA!r}.")
    read = Blueprint(
        name=root.text(
            "name", pattern=r"[a-z][a-z0-9-]{0,19}", meaning="1 to 20 lower-case letters, digits and dashes"
        ),
        region=root.text("region", pattern=r"[a-z]{2}(-[a-z]+)+-\d", meaning="a region's name, say eu-central-1"),
        cidr=root.text("cidr", pattern=r"\d+(\.\d+){3}/\d+", meaning="an address range, say 10.80.0.0/16"),
        namespace=_host(root, "namespace"),
        zone=_host(root, "zone"),
        services=tuple(_service(row) for row in root.tables("service")),
        releases=tuple(_release(row) for row in root.tables("release")),
        jobs=tuple(_job(row) for row in root.tables("job")),
        databases=tuple(_database(row) for row in root.tables("database")),
        caches=tuple(_cache(row) for row in root.tables("cache")),
        domains=tuple(_domain(row) for row in root.tables("domain")),
        origins=tuple(_origin(row) for row in root.tables("origin")),
        gateway=_gateway(root.table("gateway")),
        pooler=_pooler(root.table("pooler")),
        waves=tuple(_wave(row) for row in root.tables("wave")),
        shift=_shift(root.table("shift")),
        cutover=_cutover(root.table("cutover")),
        offramp_image=root.text("offramp_image"),
    )
    _check_names(root, read)
    return read


def _service(table: Table) -> Service:
    table.only(*_TEXTS, "cpu", "memory", "count", "port", "health_path", "env")
    cpu, memory = _task_size(table)
    process = table.text("process")
    if process == "web" and "port" not in table:
        raise table.malformed("port", "A web service needs a `port`.", "8000 is what the draft says.")
    path = table.text_or("health_path", None)
    if path is not None and not path.startswith("/"):
        raise table.malformed("health_path", f"`health_path` is {path!r}.", "A path begins with a slash.")
    return Service(
        app=table.text("app", pattern=_NAME, meaning="a Heroku app's name"),
        process=process,
        image=table.text("image"),
        command=table.text("command"),
        cpu=cpu,
        memory=memory,
        count=table.integer("count", 0, 500),
        port=table.integer_or("port", None, 1, 65_535),
        health_path=path,
        env=table.mapping("env"),
    )


def _task_size(table: Table) -> tuple[int, int]:
    """Read ``cpu`` and ``memory``, which must be a pair that Fargate takes."""
    cpu, memory = table.integer("cpu", 1, 16_384), table.integer("memory", 1, 122_880)
    memories = sizes.FARGATE_MEMORY_MB.get(cpu)
    if memories is None:
        known = ", ".join(str(value) for value in sizes.FARGATE_MEMORY_MB)
        raise table.malformed("cpu", f"Fargate has no cpu {cpu}.", f"It must be one of: {known}.")
    if memory not in memories:
        near = min((m for m in memories if m >= memory), default=max(memories))
        raise table.malformed(
            "memory",
            f"Fargate has no memory {memory} with cpu {cpu}.",
            f"It goes from {min(memories)} to {max(memories)}; {near} is the nearest that fits.",
        )
    return cpu, memory


def _release(table: Table) -> Release:
    table.only("app", "command")
    return Release(app=table.text("app"), command=table.text("command"))


def _job(table: Table) -> Job:
    table.only("app", "command", "every")
    every = table.text("every")
    if every not in INTERVALS:
        raise table.malformed("every", f"`every` is {every!r}.", f"It must be one of: {', '.join(INTERVALS)}.")
    return Job(app=table.text("app"), command=table.text("command"), every=every)


def _database(table: Table) -> DatabasePlan:
    table.only("name", "app", "config_var", "addon", "instance_class", "storage_gb", "engine_version", "attached_to")
    return DatabasePlan(
        name=table.text("name", pattern=_NAME, meaning="lower-case letters, digits and dashes"),
        app=table.text("app"),
        config_var=table.text("config_var"),
        addon=table.text("addon"),
        instance_class=table.text("instance_class", pattern=r"db\.\w+\.\w+", meaning="an RDS class, say db.t4g.medium"),
        storage_gb=table.integer("storage_gb", 20, 65_536),
        engine_version=table.text(
            "engine_version", pattern=r"1[4-9](\.\d+)?", meaning='a PostgreSQL version, say "18"'
        ),
        attached_to=_places(table),
    )


def _cache(table: Table) -> CachePlan:
    table.only("name", "app", "config_var", "addon", "node_type", "attached_to")
    return CachePlan(
        name=table.text("name", pattern=_NAME, meaning="lower-case letters, digits and dashes"),
        app=table.text("app"),
        config_var=table.text("config_var"),
        addon=table.text("addon"),
        node_type=table.text("node_type", pattern=r"cache\.\w+\.\w+", meaning="a node type, say cache.t4g.micro"),
        attached_to=_places(table),
    )


def _domain(table: Table) -> DomainPlan:
    table.only("hostname", "app", "heroku_target")
    return DomainPlan(
        hostname=table.text("hostname", pattern=rf"(\*\.)?{_HOST}", meaning="a host name"),
        app=table.text("app"),
        heroku_target=_host(table, "heroku_target"),
    )


def _origin(table: Table) -> OriginPlan:
    table.only("app", "config_var", "value")
    value = table.text("value", pattern=r"https?://\S+", meaning="an address, say https://api.example.com")
    return OriginPlan(app=table.text("app"), config_var=table.text("config_var"), value=value)


def _gateway(table: Table) -> Gateway:
    table.only("image", "count", "port", "cpu", "memory")
    cpu, memory = _task_size(table)
    return Gateway(
        image=table.text("image"),
        count=table.integer("count", 1, 50),
        port=table.integer("port", 1, 65_535),
        cpu=cpu,
        memory=memory,
    )


def _pooler(table: Table) -> Pooler:
    table.only("image", "port", "control_port", "pool_size", "cpu", "memory")
    cpu, memory = _task_size(table)
    port, control = table.integer("port", 1, 65_535), table.integer("control_port", 1, 65_535)
    if port == control:
        raise table.malformed("control_port", "`control_port` is the same as `port`.", "Give it another.")
    return Pooler(
        image=table.text("image"),
        port=port,
        control_port=control,
        pool_size=table.integer("pool_size", 1, 1000),
        cpu=cpu,
        memory=memory,
    )


def _wave(table: Table) -> Wave:
    table.only("name", "apps", "databases", "caches")
    return Wave(
        name=table.text("name", pattern=_NAME, meaning="lower-case letters, digits and dashes"),
        apps=table.texts("apps"),
        databases=table.texts("databases"),
        caches=table.texts("caches"),
    )


def _shift(table: Table) -> ShiftPlan:
    table.only("steps", "bake_seconds", "max_error_share")
    steps = table.integers("steps", 1, 100)
    if not steps or list(steps) != sorted(set(steps)) or steps[-1] != 100:
        raise table.malformed("steps", "`steps` must rise and end at 100.", "Say [10, 50, 100].")
    return ShiftPlan(
        steps=steps,
        bake_seconds=table.integer("bake_seconds", 1, 86_400),
        max_error_share=table.number("max_error_share", 0, 1),
    )


def _cutover(table: Table) -> CutoverPlan:
    table.only(*(field.name for field in fields(CutoverPlan)))
    deadline, lag = table.number("deadline_seconds", 1, 600), table.number("max_lag_seconds", 0.1, 600)
    # What came later has defaults, so that a blueprint of an earlier version still reads.
    default = CutoverPlan(deadline, lag)
    return CutoverPlan(
        deadline_seconds=deadline,
        max_lag_seconds=lag,
        patience_seconds=table.number_or("patience_seconds", default.patience_seconds, 0.1, 600),
        long_transactions=table.choice_or("long_transactions", default.long_transactions, ("undo", "cancel")),
        bake_seconds=table.integer_or("bake_seconds", default.bake_seconds, 0, 86_400),
        max_error_share=table.number_or("max_error_share", default.max_error_share, 0, 1),
        max_slowdown=table.number_or("max_slowdown", default.max_slowdown, 1, 1000),
        on_breach=table.choice_or("on_breach", default.on_breach, ("ask", "rollback")),
    )


def _host(table: Table, key: str) -> str:
    return table.text(key, pattern=_HOST, meaning="a host or domain name")


def _places(table: Table) -> tuple[str, ...]:
    places = table.texts("attached_to")
    for place in places:
        if not re.fullmatch(_PLACE, place):
            raise table.malformed("attached_to", f"{place!r} does not name a config var.", 'Say "app:CONFIG_VAR".')
    return places


def _check_names(root: Table, read: Blueprint) -> None:
    """Refuse two things of one name, hosts outside the zone, and waves that leave something out."""
    _unique(root, "service", "process", [service.name for service in read.services])
    _unique(root, "database", "name", [plan.name for plan in read.databases])
    _unique(root, "cache", "name", [plan.name for plan in read.caches])
    _unique(root, "domain", "hostname", [plan.hostname for plan in read.domains])
    _unique(root, "wave", "name", [wave.name for wave in read.waves])
    for plan, row in zip(read.domains, root.tables("domain"), strict=True):
        if not f".{plan.hostname}".endswith(f".{read.zone}"):
            raise row.malformed(
                "hostname", f"{plan.hostname} is not in the zone {read.zone}.", "One zone moves at a time."
            )
    _covered(root, "apps", {service.app for service in read.services}, [wave.apps for wave in read.waves])
    _covered(root, "databases", {plan.name for plan in read.databases}, [wave.databases for wave in read.waves])
    _covered(root, "caches", {plan.name for plan in read.caches}, [wave.caches for wave in read.waves])


def _unique(root: Table, key: str, field: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            row = root.tables(key)[index]
            raise row.malformed(field, f"There are two [[{key}]] called {name}.", "Remove or rename one.")


def _covered(root: Table, field: str, known: set[str], members: list[tuple[str, ...]]) -> None:
    """Refuse unless the waves' members are exactly what is known, each once."""
    seen: set[str] = set()
    for names, row in zip(members, root.tables("wave"), strict=True):
        for name in names:
            if name not in known:
                raise row.malformed(
                    field, f"A wave names {name}, which is not in the blueprint.", "Remove or correct it."
                )
            if name in seen:
                raise row.malformed(field, f"{name} is named twice.", "Everything switches once, in one wave.")
            seen.add(name)
    if missing := sorted(known - seen):
        raise root.malformed("wave", f"No [[wave]] has {', '.join(missing)}.", f"Add it to `{field}` of a wave.")
