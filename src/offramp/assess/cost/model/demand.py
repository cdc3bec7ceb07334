"""What does a month of the present traffic use, and how large is what runs?"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ..ranges import Range

Basis = Literal["measured", "assumed", "given"]
"""``measured`` from logs or servers, ``given`` by a person or an API, ``assumed`` when nobody knows."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An amount per month and where it comes from, as a sentence: ``34,120 router lines of 7 days``."""

    amount: Range
    basis: Basis
    because: str

    def to_json(self) -> dict[str, object]:
        return {**self.amount.to_json(), "basis": self.basis, "because": self.because}


@dataclass(frozen=True, slots=True)
class Growth:
    """A database's rows on disk now and what is added each month, both in GB."""

    name: str
    gb: Estimate
    growth_gb: Estimate


@dataclass(frozen=True, slots=True)
class Usage:
    """What a month of the present traffic (1x) uses. GB are 10^9 bytes, as AWS bills transfer."""

    requests: Estimate
    bytes_out_gb: Estimate
    """Answers to the internet."""
    fetched_gb: Estimate
    """What tasks exchange with the internet through NAT, in and out, images and calls to others."""
    cross_zone_gb: Estimate
    """Between zones, counted once; AWS bills both ends."""
    log_gb: Estimate
    connections_per_second: Estimate
    """New connections to the load balancer."""
    databases: tuple[Growth, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "requests": self.requests.to_json(),
            "bytes_out_gb": self.bytes_out_gb.to_json(),
            "fetched_gb": self.fetched_gb.to_json(),
            "cross_zone_gb": self.cross_zone_gb.to_json(),
            "log_gb": self.log_gb.to_json(),
            "connections_per_second": self.connections_per_second.to_json(),
            "databases": [
                {"name": one.name, "gb": one.gb.to_json(), "growth_gb": one.growth_gb.to_json()}
                for one in self.databases
            ],
        }


@dataclass(frozen=True, slots=True)
class ProcessSize:
    """One ECS service. ``memory_gb`` and ``high_water_gb`` (the most that one task ever used; None: not measured) are GiB.

    ``tasks_at_3x`` is what the what-if found for three times the traffic; None: nobody has looked, and tasks grow in proportion.
    """

    app: str
    process: str
    tasks: int
    vcpu: Decimal
    memory_gb: Decimal
    high_water_gb: Decimal | None = None
    tasks_at_3x: int | None = None
    staging: bool = False

    @property
    def name(self) -> str:
        return f"{self.app}-{self.process}" if self.app else self.process

    @property
    def web(self) -> bool:
        return self.process == "web"


@dataclass(frozen=True, slots=True)
class JobSize:
    """A scheduled job as tasks: ``runs`` a month of ``minutes`` each."""

    app: str
    command: str
    runs: int
    minutes: Estimate
    vcpu: Decimal
    memory_gb: Decimal


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """One RDS instance; ``memory_gb`` is its class's, ``high_water_gb`` what the source was measured to need, in GiB."""

    name: str
    app: str
    instance_class: str
    memory_gb: Decimal
    storage_gb: int
    high_water_gb: Decimal | None = None
    iops: int = 3000
    staging: bool = False


@dataclass(frozen=True, slots=True)
class CacheSize:
    """One ElastiCache group; ``memory_gb`` is what a node may use for keys, ``high_water_gb`` the most that was used, in GiB."""

    name: str
    app: str
    node_type: str
    memory_gb: Decimal
    high_water_gb: Decimal | None = None
    staging: bool = False


@dataclass(frozen=True, slots=True)
class Sizes:
    """What would run on AWS at the present traffic. ``gateway`` and ``pooler`` are offramp's own services."""

    processes: tuple[ProcessSize, ...]
    databases: tuple[DatabaseSize, ...]
    caches: tuple[CacheSize, ...]
    jobs: tuple[JobSize, ...]
    gateway: ProcessSize
    pooler: ProcessSize
