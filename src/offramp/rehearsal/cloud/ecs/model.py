"""What are clusters, task definitions, services, deployments and tasks? Records of a world that changes while one looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Wire = dict[str, Any]
Operations = dict[str, Callable[[Wire], Awaitable[Wire]]]


class Status(StrEnum):
    """The life of a task, in ECS's order."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"


STARTING = frozenset({Status.PROVISIONING, Status.PENDING, Status.ACTIVATING})
LIVE = STARTING | {Status.RUNNING}


@dataclass(frozen=True, slots=True)
class HealthCommand:
    """A container's health check; times in seconds."""

    command: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float


@dataclass(frozen=True, slots=True)
class LogTarget:
    """Where an ``awslogs`` container writes."""

    group: str
    prefix: str
    create_group: bool


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a task definition, as far as a process can honour it."""

    name: str
    image: str
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    secrets: tuple[tuple[str, str], ...]
    ports: tuple[int, ...]
    essential: bool
    stop_timeout: float
    health: HealthCommand | None
    log: LogTarget | None
    working_directory: str


@dataclass(slots=True)
class TaskDefinition:
    """One revision of a family. ``wire`` is the request, echoed by Describe calls."""

    arn: str
    family: str
    revision: int
    containers: tuple[Container, ...]
    wire: Wire
    registered_at: float
    status: str = "ACTIVE"
    tags: list[Wire] = field(default_factory=list)

    def container(self, name: str) -> Container | None:
        return next((each for each in self.containers if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Override:
    """What RunTask changes in one container."""

    command: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """A target group that a service's tasks join."""

    target_group: str
    container: str
    port: int


@dataclass(slots=True)
class ContainerState:
    """What happened to one container of one task."""

    name: str
    image: str
    pid: int | None = None
    exit_code: int | None = None
    reason: str = ""
    health: str = "UNKNOWN"
    last_status: str = "PENDING"


@dataclass(slots=True)
class Task:
    """One task: its wishes, its state and its times (seconds since the epoch)."""

    id: str
    arn: str
    cluster: str
    definition: TaskDefinition
    group: str
    started_by: str
    created_at: float
    overrides: dict[str, Override] = field(default_factory=dict)
    overrides_wire: Wire = field(default_factory=dict)
    registrations: tuple[Registration, ...] = ()
    registries: tuple[str, ...] = ()
    address: str = ""
    status: Status = Status.PROVISIONING
    desired: str = "RUNNING"
    health: str = "UNKNOWN"
    containers: list[ContainerState] = field(default_factory=list)
    pull_at: float | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    stopped_at: float | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    by_scheduler: bool = False
    counted: bool = False
    tags: list[Wire] = field(default_factory=list)
    version: int = 1

    @property
    def live(self) -> bool:
        return self.status in LIVE and self.desired == "RUNNING"


@dataclass(slots=True)
class Deployment:
    """One attempt to bring a service to a task definition."""

    id: str
    definition: TaskDefinition
    desired: int
    created_at: float
    updated_at: float
    status: str = "PRIMARY"
    rollout: str = "IN_PROGRESS"
    reason: str = "ECS deployment in progress."
    failed: int = 0
    rolls_back: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a deployment may proceed."""

    minimum_percent: int = 100
    maximum_percent: int = 200
    breaker: bool = False
    rollback: bool = False


@dataclass(slots=True)
class Service:
    """A service, its deployments (newest first) and what it said."""

    arn: str
    name: str
    cluster: str
    desired: int
    wire: Wire
    rules: Rules
    created_at: float
    deployments: list[Deployment]
    status: str = "ACTIVE"
    grace_seconds: float = 0
    registrations: tuple[Registration, ...] = ()
    registries: tuple[str, ...] = ()
    events: deque[Wire] = field(default_factory=lambda: deque(maxlen=100))
    tags: list[Wire] = field(default_factory=list)
    last_completed: TaskDefinition | None = None
    crashes: int = 0
    not_before: float = 0
    steady: bool = False

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]


@dataclass(slots=True)
class Cluster:
    """A name that services and tasks live under."""

    arn: str
    name: str
    wire: Wire
    status: str = "ACTIVE"
    tags: list[Wire] = field(default_factory=list)
    services: dict[str, Service] = field(default_factory=dict)
