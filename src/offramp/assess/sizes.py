"""Which size on AWS is never smaller than what Heroku gave? Tables of November 2026 and the rule to read them.

Sources: AWS's pages on Fargate task sizes, RDS and ElastiCache instance classes; Heroku's plan pages for RAM and disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LARGEST_TASK_MB = 122_880

FARGATE_MEMORY_MB: Mapping[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16_384 + 1, 1024),
    4096: range(8192, 30_720 + 1, 1024),
    8192: range(16_384, 61_440 + 1, 4096),
    16_384: range(32_768, 122_880 + 1, 8192),
}
"""The memory sizes, in MiB, that Fargate takes with each CPU size, in units of 1/1024 vCPU."""

# Shared dynos share their CPU, so the smallest task with their memory is no step back; dedicated ones get whole vCPUs.
_DYNO_CPU = {
    "standard-2x": 512,
    "performance-m": 1024,
    "performance-l": 2048,
    "performance-l-ram": 4096,
    "performance-xl": 8192,
    "performance-2xl": 16_384,
    "private-s": 512,
    "private-m": 1024,
    "private-l": 2048,
    "private-l-ram": 4096,
    "private-xl": 8192,
    "private-2xl": 16_384,
}


@dataclass(frozen=True, slots=True)
class TaskSize:
    """``cpu`` in ECS units, ``memory`` in MiB: one of the pairs that Fargate takes."""

    cpu: int
    memory: int


def task(dyno_size: str, memory_mb: int) -> TaskSize:
    """Return the smallest Fargate size with at least the dyno's memory and CPU.

    The largest there is when nothing is enough: the judge refuses such an estate before it gets here.

    >>> task("Standard-1X", 512), task("Performance-M", 2560)
    (TaskSize(cpu=256, memory=512), TaskSize(cpu=1024, memory=3072))
    """
    floor = _DYNO_CPU.get(dyno_size.casefold().replace("shield-", "private-"), 256)
    for cpu, memories in FARGATE_MEMORY_MB.items():
        for memory in memories:
            if cpu >= floor and memory >= memory_mb:
                return TaskSize(cpu, memory)
    return TaskSize(16_384, LARGEST_TASK_MB)


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """What a Heroku Postgres plan gives, in GB."""

    memory_gb: int
    storage_gb: int


# Essential plans share a server; 2 GB is what keeps their largest, 32 GB, answering.
_ESSENTIAL = {"0": DatabaseSize(1, 1), "1": DatabaseSize(2, 10), "2": DatabaseSize(2, 32)}
_CLASSIC = {
    "0": DatabaseSize(4, 64),
    "2": DatabaseSize(8, 256),
    "3": DatabaseSize(15, 512),
    "4": DatabaseSize(30, 768),
    "5": DatabaseSize(61, 1024),
    "6": DatabaseSize(122, 1536),
    "7": DatabaseSize(244, 2048),
    "8": DatabaseSize(488, 3072),
    "9": DatabaseSize(768, 4096),
    "10": DatabaseSize(1024, 4096),
}
_OLD = {
    "hobby-dev": DatabaseSize(1, 1),
    "hobby-basic": DatabaseSize(1, 10),
    "mini": DatabaseSize(1, 1),
    "basic": DatabaseSize(1, 10),
}

INSTANCE_CLASSES = (
    (1, "db.t4g.micro"),
    (2, "db.t4g.small"),
    (4, "db.t4g.medium"),
    (8, "db.m7g.large"),
    (16, "db.r7g.large"),
    (32, "db.r7g.xlarge"),
    (64, "db.r7g.2xlarge"),
    (128, "db.r7g.4xlarge"),
    (256, "db.r7g.8xlarge"),
    (512, "db.r7g.16xlarge"),
    (768, "db.r8g.24xlarge"),
    (1536, "db.r8g.48xlarge"),
)
"""Memory in GiB and name, smallest first."""

_SMALLEST_STORAGE_GB = 20


def database(plan: str) -> DatabaseSize | None:
    """Return what a plan gives, None for a plan that is not in the tables.

    >>> database("heroku-postgresql:premium-0")
    DatabaseSize(memory_gb=4, storage_gb=64)
    """
    name = plan.rpartition(":")[2]
    tier, _, number = name.rpartition("-")
    if name in _OLD:
        return _OLD[name]
    if tier == "essential":
        return _ESSENTIAL.get(number)
    return _CLASSIC.get(number) if tier in ("standard", "premium", "private", "shield") else None


def instance_class(memory_gb: int) -> str:
    """Return the smallest RDS instance class with at least this memory.

    >>> instance_class(4), instance_class(15)
    ('db.t4g.medium', 'db.r7g.large')
    """
    return next((name for memory, name in INSTANCE_CLASSES if memory >= memory_gb), INSTANCE_CLASSES[-1][1])


def storage_gb(plan_gb: int, used_bytes: int) -> int:
    """Return the RDS storage: never below the plan's disk, RDS's least size, or one and a half times what is used.

    Copying with indexes and the write-ahead log of the load need room beside the rows.

    >>> storage_gb(1, 10_000_000), storage_gb(64, 60 * 1024**3)
    (20, 90)
    """
    return max(plan_gb, _SMALLEST_STORAGE_GB, -(-used_bytes * 3 // (2 * 1024**3)))


NODE_TYPES = (
    (512, "cache.t4g.micro"),
    (1403, "cache.t4g.small"),
    (3164, "cache.t4g.medium"),
    (6533, "cache.m7g.large"),
    (13_384, "cache.r7g.large"),
    (26_952, "cache.r7g.xlarge"),
    (54_088, "cache.r7g.2xlarge"),
    (108_349, "cache.r7g.4xlarge"),
    (214_579, "cache.r7g.8xlarge"),
)
"""Memory that the engine may use, in MiB, and name, smallest first."""


def node_type(memory_mb: int) -> str:
    """Return the smallest ElastiCache node that holds this much with its default reserve of a quarter.

    >>> node_type(50), node_type(7 * 1024)
    ('cache.t4g.micro', 'cache.r7g.large')
    """
    return next((name for memory, name in NODE_TYPES if memory * 3 // 4 >= memory_mb), NODE_TYPES[-1][1])
