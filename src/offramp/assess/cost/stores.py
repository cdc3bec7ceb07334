"""What do databases and caches cost: instances with their standby, storage, IOPS, backups?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from .model import HOURS, CacheSize, DatabaseSize, Design, Growth, Usage
from .ranges import Range, between, exactly
from .wants import Want

FREE_IOPS = 3000
LARGE_GB, LARGE_FREE_IOPS = 400, 12_000
"""RDS gives gp3 12,000 IOPS from 400 GB on (PostgreSQL), 3,000 below."""
DAILY_CHANGE = (Decimal("0.005"), Decimal("0.02"), Decimal("0.05"))
"""Share of a database's rows that a day's backup adds; assumed."""


def databases(sizes: tuple[DatabaseSize, ...], design: Design, usage: Usage, traffic: Decimal) -> Iterator[Want]:
    for one in sizes:
        grown = next((each for each in usage.databases if each.name == one.name), None)
        yield from _database(one, design, grown if not one.staging else None, traffic)


def _database(one: DatabaseSize, design: Design, growth: Growth | None, traffic: Decimal) -> Iterator[Want]:
    multi = design.multi_az and not one.staging
    title = f"Database {one.name}{' of staging' if one.staging else ''}"
    copies, zone = (2, "Multi-AZ ") if multi else (1, "")
    hours = Decimal(copies * HOURS)
    # More traffic may need the next class, which costs about twice as much; staging sees none of it.
    most = hours * 2 if traffic > 1 and not one.staging else hours
    yield _want(
        one,
        f"{title}, {one.instance_class}",
        one.instance_class,
        Range(hours, hours, most),
        f"{copies} {'instances' if multi else 'instance'} × {HOURS} h"
        + (" (the next class at most)" if most > hours else ""),
    )
    storage = _storage(one, growth, traffic)
    said = f"{one.storage_gb} GB" if storage.known else f"{one.storage_gb} GB, at most {storage.high:.0f} GB in a year"
    yield _want(one, f"{title}, storage{' on both instances' if multi else ''}", f"gp3 {zone}GB-month", storage, said)
    free = LARGE_FREE_IOPS if one.storage_gb >= LARGE_GB else FREE_IOPS
    extra = max(0, one.iops - free)
    yield _want(
        one, f"{title}, IOPS above {free}", f"gp3 {zone}IOPS-month", exactly(extra), f"{one.iops} − {free} IOPS"
    )
    if growth is not None:
        yield _want(
            one,
            f"{title}, backups of {design.backup_days} days beyond the free size",
            "backup GB-month",
            _backup(one, growth, design.backup_days),
            f"changes of {design.backup_days} days above {one.storage_gb} GB",
        )


def _want(one: DatabaseSize, what: str, item: str, quantity: Range, formula: str) -> Want:
    return Want("database", what, "RDS", item, quantity, formula, app=one.app, idle=True, staging=one.staging)


def _storage(one: DatabaseSize, growth: Growth | None, traffic: Decimal) -> Range:
    if growth is None:
        return exactly(one.storage_gb)
    year = growth.gb.amount.high + 12 * growth.growth_gb.amount.high * traffic
    # RDS grows the storage when less than a tenth is free.
    return between(one.storage_gb, one.storage_gb, max(Decimal(one.storage_gb), year * Decimal("1.1")))


def _backup(one: DatabaseSize, growth: Growth, days: int) -> Range:
    """Return the GB above the free ones; backups up to the size of the storage cost nothing."""
    bounds = (growth.gb.amount.low, growth.gb.amount.likely, growth.gb.amount.high)
    low, likely, high = (
        max(Decimal(0), gb * (1 + share * days) - one.storage_gb)
        for gb, share in zip(bounds, DAILY_CHANGE, strict=True)
    )
    return Range(low, likely, high)


def caches(sizes: tuple[CacheSize, ...], design: Design, traffic: Decimal) -> Iterator[Want]:
    for one in sizes:
        nodes = 1 if one.staging else design.cache_nodes
        hours = Decimal(nodes * HOURS)
        title = f"Cache {one.name}{' of staging' if one.staging else ''}"
        most = hours * 2 if traffic > 1 and not one.staging else hours
        yield Want(
            group="cache",
            what=f"{title}, {one.node_type} (Valkey)",
            service="ElastiCache",
            item=one.node_type,
            quantity=Range(hours, hours, most),
            formula=f"{nodes} {'nodes' if nodes > 1 else 'node'} × {HOURS} h"
            + (" (the next size at most)" if most > hours else ""),
            app=one.app,
            idle=True,
            staging=one.staging,
        )
        if not one.staging:
            yield _snapshots(one, title)


def _snapshots(one: CacheSize, title: str) -> Want:
    """Seven daily snapshots are kept and one is free."""
    kept = 6
    used = one.high_water_gb if one.high_water_gb is not None else one.memory_gb / 2
    quantity = between(0, kept * min(used, one.memory_gb), kept * one.memory_gb)
    return Want(
        group="cache",
        what=f"{title}, snapshots",
        service="ElastiCache",
        item="backup GB-month",
        quantity=quantity,
        formula=f"{kept} snapshots × {used:.2f} GB",
        app=one.app,
        idle=True,
    )
