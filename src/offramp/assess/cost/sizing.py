"""How large is what would run on AWS, when nobody has said? Never smaller than on Heroku; measured marks are carried along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from ...discover.model import Database, Estate, ProcessType, Schedule
from .. import sizes as table
from .heroku import in_staging
from .model import CacheSize, DatabaseSize, Estimate, JobSize, ProcessSize, Sizes
from .ranges import between

RUNS: Mapping[str, int] = {"10 minutes": 4380, "hour": 730, "day": 30}
"""How often a Scheduler job runs in a month."""
JOB_MINUTES = between("0.5", 2, 10)
_MIB = 1024
_SMALL = (Decimal("0.25"), Decimal("0.5"))
_INSTANCE_GB: Mapping[str, int] = {name: memory for memory, name in table.INSTANCE_CLASSES}
_NODE_MB: Mapping[str, int] = {name: memory for memory, name in table.NODE_TYPES}


def from_estate(
    estate: Estate,
    *,
    marks: Iterable[tuple[str, str, Decimal]] = (),
    at_3x: Iterable[tuple[str, str, int]] = (),
    gateway_tasks: int = 2,
) -> Sizes:
    """Return the sizes that ``design`` would propose for this estate.

    ``marks`` are (app, process type, GiB): the most memory that one dyno was measured to use, swap included. A task grows to hold its
    mark with the margin. ``at_3x`` are (app, process type, tasks): the what-if's answer for three times the traffic.
    """
    high = {(app, process): mark for app, process, mark in marks}
    thrice = {(app, process): count for app, process, count in at_3x}
    processes = tuple(
        _process(
            app.name, one, high.get((app.name, one.type)), thrice.get((app.name, one.type)), staging=in_staging(app)
        )
        for app in estate.apps
        for one in app.processes
    )
    staging = frozenset(app.name for app in estate.apps if in_staging(app))
    return Sizes(
        processes=processes,
        databases=tuple(_database(one, one.app in staging) for one in estate.databases),
        caches=tuple(
            CacheSize(
                name=one.addon,
                app=one.app,
                node_type=(node := table.node_type(one.memory_mb)),
                memory_gb=_usable(node),
                high_water_gb=_gib(one.readings.peak_bytes) if one.readings and one.readings.peak_bytes else None,
                staging=one.app in staging,
            )
            for one in estate.caches
        ),
        jobs=tuple(_job(job) for job in estate.schedules if job.app not in staging),
        gateway=ProcessSize("", "gateway", gateway_tasks, *_SMALL),
        pooler=ProcessSize("", "pooler", 1, *_SMALL),
    )


def _process(app: str, one: ProcessType, mark: Decimal | None, at_3x: int | None, *, staging: bool) -> ProcessSize:
    needed = max(one.memory_mb, 0 if mark is None else int(mark * Decimal("1.25") * _MIB) + 1)
    size = table.task(one.size, needed)
    return ProcessSize(
        app=app,
        process=one.type,
        tasks=one.quantity,
        vcpu=Decimal(size.cpu) / 1024,
        memory_gb=Decimal(size.memory) / _MIB,
        high_water_gb=mark,
        tasks_at_3x=at_3x,
        staging=staging,
    )


def _database(one: Database, staging: bool) -> DatabaseSize:
    plan = table.database(one.plan) or table.DatabaseSize(0, 0)
    instance = table.instance_class(plan.memory_gb)
    return DatabaseSize(
        name=one.addon,
        app=one.app,
        instance_class=instance,
        memory_gb=Decimal(_INSTANCE_GB[instance]),
        storage_gb=table.storage_gb(plan.storage_gb, one.bytes),
        staging=staging,
    )


def _usable(node: str) -> Decimal:
    """ElastiCache keeps a quarter of a node's memory for copies and fragmentation."""
    return Decimal(_NODE_MB[node]) * 3 / 4 / _MIB


def _job(job: Schedule) -> JobSize:
    minutes = Estimate(JOB_MINUTES, "assumed", "half a minute to ten minutes a run")
    return JobSize(job.app, job.command, RUNS.get(job.every, 30), minutes, *_SMALL)


def _gib(size: int) -> Decimal:
    return Decimal(size) / 1024**3
