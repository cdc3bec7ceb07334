"""What should it be on AWS? The Blueprint, as people review it in ``blueprint.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA = "offramp/blueprint/1"


@dataclass(frozen=True, slots=True)
class Service:
    """One ECS service for one Heroku process type.

    ``cpu`` is in ECS units (1024 = 1 vCPU), ``memory`` in MiB. ``env`` holds variables that differ from the config vars on
    Heroku; values are not secret. ``health_path`` is set for web services.
    """

    app: str
    process: str
    image: str
    command: str
    cpu: int
    memory: int
    count: int
    port: int | None = None
    health_path: str | None = None
    env: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.app}-{self.process}"

    @property
    def web(self) -> bool:
        return self.process == "web"


@dataclass(frozen=True, slots=True)
class Release:
    """The release phase of an app: run once per image before its services."""

    app: str
    command: str


@dataclass(frozen=True, slots=True)
class Job:
    """A scheduled job; ``every`` is Heroku's interval: ``10 minutes``, ``hour`` or ``day``."""

    app: str
    command: str
    every: str


@dataclass(frozen=True, slots=True)
class DatabasePlan:
    """One RDS instance for one Heroku Postgres add-on. ``name`` is short and unique (``mentors-api``)."""

    name: str
    app: str
    config_var: str
    addon: str
    instance_class: str
    storage_gb: int
    engine_version: str
    attached_to: tuple[str, ...]
    """``app:CONFIG_VAR`` of everything that reads this database."""


@dataclass(frozen=True, slots=True)
class CachePlan:
    """One ElastiCache replication group for one Heroku Key-Value Store add-on."""

    name: str
    app: str
    config_var: str
    addon: str
    node_type: str
    attached_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DomainPlan:
    """A public host name whose traffic moves by DNS weight. ``heroku_target`` is the present CNAME's target."""

    hostname: str
    app: str
    heroku_target: str


@dataclass(frozen=True, slots=True)
class OriginPlan:
    """A front end's config var that must point at a domain of ours before that domain's weight can move."""

    app: str
    config_var: str
    value: str


@dataclass(frozen=True, slots=True)
class Gateway:
    image: str
    count: int
    port: int
    cpu: int = 256
    memory: int = 512


@dataclass(frozen=True, slots=True)
class Pooler:
    image: str
    port: int
    control_port: int
    pool_size: int
    cpu: int = 256
    memory: int = 512


@dataclass(frozen=True, slots=True)
class Wave:
    """Services and databases that must switch together because they call each other."""

    name: str
    apps: tuple[str, ...]
    databases: tuple[str, ...]
    caches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """``steps`` are percentages of traffic on AWS; each is baked ``bake_seconds`` with at most ``max_error_share`` of 5xx."""

    steps: tuple[int, ...]
    bake_seconds: int
    max_error_share: float


LongTransactions = Literal["undo", "cancel"]
OnBreach = Literal["ask", "rollback"]


@dataclass(frozen=True, slots=True)
class CutoverPlan:
    """How writes move, and what is watched after they have.

    A switch that takes longer than ``deadline_seconds`` is undone. A transaction that keeps it waiting longer than
    ``patience_seconds`` is named, and the switch undone or the transaction ended. For ``bake_seconds`` after a switch to AWS, more
    than ``max_error_share`` of 5xx, or a p99 above ``max_slowdown`` times the one before, is a breach.
    """

    deadline_seconds: float
    max_lag_seconds: float
    patience_seconds: float = 3.0
    long_transactions: LongTransactions = "undo"
    bake_seconds: int = 300
    max_error_share: float = 0.01
    max_slowdown: float = 2.0
    on_breach: OnBreach = "ask"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What offramp will make on AWS. Image names, commands and sizes are reviewed by people; unknown keys are refused."""

    name: str
    region: str
    cidr: str
    namespace: str
    """The private DNS name of the services: ``mentoring.internal``."""
    zone: str
    """The public hosted zone: ``mentoring.example``."""
    services: tuple[Service, ...]
    releases: tuple[Release, ...]
    jobs: tuple[Job, ...]
    databases: tuple[DatabasePlan, ...]
    caches: tuple[CachePlan, ...]
    domains: tuple[DomainPlan, ...]
    origins: tuple[OriginPlan, ...]
    gateway: Gateway
    pooler: Pooler
    waves: tuple[Wave, ...]
    shift: ShiftPlan
    cutover: CutoverPlan
    offramp_image: str
    """The image that links and the pooler run."""

    def database(self, name: str) -> DatabasePlan:
        return next(database for database in self.databases if database.name == name)

    def wave(self, name: str) -> Wave:
        return next(wave for wave in self.waves if wave.name == name)
