"""What runs on AWS, and with which configuration? What a look sees, and the deeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..design.model import Blueprint, Job, Service
from ..provision.model import Footprint
from ..provision.stacks import ProtectStack, StackSeen, Template, UpdateStack

Side = Literal["heroku", "aws"]
DEFAULT_DRAIN_SECONDS = 15
_NAME_LENGTH = 64


def gateway_stack(want: Blueprint) -> str:
    return f"{want.name}-gateway"


def app_stack(want: Blueprint, app: str) -> str:
    return f"{want.name}-app-{app}"


def apps(want: Blueprint) -> tuple[str, ...]:
    """Return the apps that have services, in the blueprint's order."""
    return tuple(dict.fromkeys(service.app for service in want.services))


def config_secret(want: Blueprint, app: str) -> str:
    """Name of the secret with all config vars of an app, one JSON key each."""
    return f"{want.name}/config/{app}"


def pooler_secret(want: Blueprint) -> str:
    return f"{want.name}/pooler"


def token_secret(want: Blueprint) -> str:
    """Name of the secret with the Heroku token, by which the pooler and links read rotated credentials."""
    return f"{want.name}/heroku-token"


def released_parameter(want: Blueprint, app: str) -> str:
    """Name of the parameter that holds the image whose release phase has run."""
    return f"/{want.name}/{app}/released"


def cache_side_parameter(want: Blueprint, wave: str) -> str:
    """Name of the parameter that says ``aws`` once a wave's caches have moved; ``cutover`` writes it."""
    return f"/{want.name}/caches/{wave}"


def schedule_name(want: Blueprint, job: Job) -> str:
    """Return a job's schedule: readable, unique by its command, and the same every time."""
    mark = hashlib.sha256(f"{job.app}\0{job.command}\0{job.every}".encode()).hexdigest()[:8]
    return f"{want.name}-{job.app}"[: _NAME_LENGTH - 9] + f"-{mark}"


def release_mark(app: str, image: str) -> str:
    """Return the ``startedBy`` of an image's release phase, at most 36 characters."""
    return "release-" + hashlib.sha256(f"{app}\0{image}".encode()).hexdigest()[:16]


def image_of(want: Blueprint, app: str) -> str:
    """Return the image of an app's release phase: that of its web process, or of its first."""
    services = [service for service in want.services if service.app == app]
    return next((service.image for service in services if service.web), services[0].image)


def drain_seconds(service: Service) -> int:
    return int(dict(service.env).get("OFFRAMP_DRAIN", DEFAULT_DRAIN_SECONDS))


@dataclass(frozen=True, slots=True)
class ConfigPlan:
    """How an app's configuration on AWS follows from Heroku's. It names things; it holds no value.

    ``pooled`` are (config var, database), ``cached`` (config var, cache) of the caches that have moved.
    """

    app: str
    secret: str
    pooled: tuple[tuple[str, str], ...]
    cached: tuple[tuple[str, str], ...]


def config_plan(want: Blueprint, app: str, cache_sides: Mapping[str, Side]) -> ConfigPlan:
    """Return the plan of an app; ``cache_sides`` says by cache where it lives, Heroku when it says nothing."""
    pooled = [(variable, d.name) for d in want.databases for variable in _variables(app, d.attached_to)]
    moved = [cache for cache in want.caches if cache_sides.get(cache.name) == "aws"]
    cached = [(variable, cache.name) for cache in moved for variable in _variables(app, cache.attached_to)]
    return ConfigPlan(app, config_secret(want, app), tuple(sorted(pooled)), tuple(sorted(cached)))


def _variables(app: str, attached_to: tuple[str, ...]) -> tuple[str, ...]:
    """Return the config vars of ``app`` among places like ``app:CONFIG_VAR``."""
    return tuple(place.partition(":")[2] for place in attached_to if place.partition(":")[0] == app)


@dataclass(frozen=True, slots=True)
class PoolerSeen:
    """What the pooler's secret lacks: databases without a target or a client. ``token_kept``: it may ask Heroku."""

    exists: bool
    missing: tuple[str, ...] = ()
    token_kept: bool = False
    pool_size: int = 0


@dataclass(frozen=True, slots=True)
class ConfigSeen:
    """An app's configuration: the fingerprint that Heroku's vars call for now, and that of the secret (None: no secret)."""

    app: str
    wanted: str
    kept: str | None
    plan: ConfigPlan
    arn: str | None = None
    names: tuple[str, ...] = ()
    """The secret's keys: names of config vars."""


@dataclass(frozen=True, slots=True)
class ReleaseSeen:
    """An app's release phase for the blueprint's image. ``task`` is its latest task, ``exit_status`` how that ended."""

    app: str
    image: str
    released: str | None
    task: str | None = None
    stopped: bool = False
    exit_status: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """An ECS service as found."""

    name: str
    desired: int
    running: int
    steady: bool
    failed: int
    event: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything deploy looks at in one pass. Configurations are read only while no stack is being changed."""

    footprint: Footprint | None
    pooler: PoolerSeen
    configs: tuple[ConfigSeen, ...]
    stacks: tuple[StackSeen, ...]
    templates: tuple[Template, ...]
    services: tuple[ServiceSeen, ...]
    releases: tuple[ReleaseSeen, ...]
    healthy_targets: int
    """How many gateways the load balancer sends requests to."""

    def stack(self, name: str) -> StackSeen:
        return next((stack for stack in self.stacks if stack.name == name), StackSeen(name, "absent"))

    def service(self, name: str) -> ServiceSeen | None:
        return next((service for service in self.services if service.name == name), None)


@dataclass(frozen=True, slots=True)
class PoolerDatabase:
    """A database for the pooler, and the config var on Heroku that holds its URL."""

    name: str
    app: str
    config_var: str


@dataclass(frozen=True, slots=True)
class WritePooler:
    """Write what the pooler's secret lacks. Where a database points now is cutover's business and stays."""

    secret: str
    token_secret: str
    databases: tuple[PoolerDatabase, ...]
    pool_size: int

    @property
    def title(self) -> str:
        return f"write the pooler's configuration {self.secret}"


@dataclass(frozen=True, slots=True)
class WriteConfig:
    """Write an app's configuration for AWS. ``fingerprint`` tells versions apart and gives nothing away."""

    plan: ConfigPlan
    pooler_secret: str
    pooler_host: str
    pooler_port: int
    caches: tuple[tuple[str, str, int, str], ...]
    """(cache, host, port, secret) of the caches in the plan."""
    fingerprint: str

    @property
    def title(self) -> str:
        return f"write the configuration of {self.plan.app}, version {self.fingerprint[:8]}"


@dataclass(frozen=True, slots=True)
class StartRelease:
    """Start the release phase of an image as one task, configured like the app itself."""

    project: str
    app: str
    image: str
    command: str
    cpu: int
    memory: int
    env: tuple[tuple[str, str], ...]
    config_secret: str
    mark: str
    footprint: Footprint

    @property
    def title(self) -> str:
        return f"run the release phase of {self.app} with {self.image.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class RememberRelease:
    """Note that an image's release phase has run."""

    parameter: str
    app: str
    image: str

    @property
    def title(self) -> str:
        return f"note that the release phase of {self.app} has run with {self.image.rpartition('/')[2]}"


Deed = WritePooler | WriteConfig | StartRelease | RememberRelease | UpdateStack | ProtectStack
