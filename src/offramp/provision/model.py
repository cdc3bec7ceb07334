"""What has been provisioned? The Footprint that later stages build on, what a look sees, and the deeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..design.model import Blueprint
from ..errors import WaitingError
from .stacks import ProtectStack, StackSeen, Template, UpdateStack


def stack_names(want: Blueprint) -> tuple[str, str, str]:
    """Return the names of the network, data and platform stacks."""
    return f"{want.name}-network", f"{want.name}-data", f"{want.name}-platform"


def master_secret(want: Blueprint, database: str) -> str:
    """Name of the secret with RDS's master role: ``{"username", "password"}``."""
    return f"{want.name}/database/{database}"


def app_secret(want: Blueprint, database: str) -> str:
    """Name of the secret with the role that applications use: ``{"username", "password", "dbname"}``."""
    return f"{want.name}/database/{database}/app"


def app_url_secret(want: Blueprint, database: str) -> str:
    """Name of the secret with the same role as a libpq URL, as the pooler takes it."""
    return f"{want.name}/database/{database}/app-url"


def cache_secret(want: Blueprint, cache: str) -> str:
    """Name of the secret with a cache's token: ``{"password"}``."""
    return f"{want.name}/cache/{cache}"


def sql_name(database: str) -> str:
    """Return the name of a database and its role inside PostgreSQL.

    >>> sql_name("mentors-api")
    'mentors_api'
    """
    return database.replace("-", "_")


@dataclass(frozen=True, slots=True)
class DatabaseEndpoint:
    """Where a database on RDS listens. ``dbname`` is the application's database on it."""

    name: str
    host: str
    port: int
    dbname: str
    master_secret: str


@dataclass(frozen=True, slots=True)
class CacheEndpoint:
    """Where a cache on ElastiCache listens, with TLS and the token in ``secret``."""

    name: str
    host: str
    port: int
    secret: str


class Outputs(Protocol):
    """Who knows the outputs of stacks: the AWS client, or a test's table."""

    def outputs(self, name: str) -> Mapping[str, str] | None:
        """Return a stack's outputs by key, or None when there is no such stack."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Ids and endpoints of everything provisioned, as observed in the stacks' outputs."""

    vpc: str
    private_subnets: tuple[str, ...]
    app_security_group: str
    cluster: str
    namespace_id: str
    load_balancer_dns: str
    load_balancer_name: str
    gateway_targets: str
    log_group: str
    execution_role: str
    task_role: str
    pooler_role: str
    scheduler_role: str
    databases: tuple[DatabaseEndpoint, ...]
    caches: tuple[CacheEndpoint, ...]

    @classmethod
    def of(cls, stacks: Outputs, want: Blueprint) -> Footprint:
        """Observe it. Raises WaitingError while something is not provisioned yet."""
        found = footprint(want, {name: stacks.outputs(name) for name in stack_names(want)})
        if found is None:
            raise WaitingError(
                f"{want.name} is not provisioned on AWS yet.", hint="Run `offramp run --until provision`."
            )
        return found

    def database(self, name: str) -> DatabaseEndpoint:
        return next(database for database in self.databases if database.name == name)

    def cache(self, name: str) -> CacheEndpoint:
        return next(cache for cache in self.caches if cache.name == name)


def footprint(want: Blueprint, outputs: Mapping[str, Mapping[str, str] | None]) -> Footprint | None:
    """Read the Footprint from the outputs by stack name; None while a stack or one of its outputs is missing."""
    network, data, platform = (outputs.get(name) for name in stack_names(want))
    if network is None or data is None or platform is None:
        return None
    try:
        return Footprint(
            vpc=network["Vpc"],
            private_subnets=tuple(network["PrivateSubnets"].split(",")),
            app_security_group=network["TaskGroup"],
            cluster=platform["Cluster"],
            namespace_id=platform["Namespace"],
            load_balancer_dns=platform["LoadBalancerDns"],
            load_balancer_name=platform["LoadBalancerName"],
            gateway_targets=platform["GatewayTargets"],
            log_group=platform["Logs"],
            execution_role=platform["ExecutionRole"],
            task_role=platform["TaskRole"],
            pooler_role=platform["PoolerRole"],
            scheduler_role=platform["SchedulerRole"],
            databases=tuple(database_endpoint(want, plan.name, data) for plan in want.databases),
            caches=tuple(_cache_endpoint(want, plan.name, data) for plan in want.caches),
        )
    except KeyError:
        return None


def database_endpoint(want: Blueprint, name: str, outputs: Mapping[str, str]) -> DatabaseEndpoint:
    """Read one database's endpoint from the data stack's outputs. Raises KeyError when it has none."""
    key = logical_id("database", name)
    return DatabaseEndpoint(
        name, outputs[f"{key}Host"], int(outputs[f"{key}Port"]), sql_name(name), master_secret(want, name)
    )


def _cache_endpoint(want: Blueprint, name: str, outputs: Mapping[str, str]) -> CacheEndpoint:
    key = logical_id("cache", name)
    return CacheEndpoint(name, outputs[f"{key}Host"], int(outputs[f"{key}Port"]), cache_secret(want, name))


def logical_id(*words: str) -> str:
    """Return a CloudFormation logical id made of names.

    >>> logical_id("database", "mentors-api")
    'DatabaseMentorsApi'
    """
    return "".join(part.capitalize() for word in words for part in word.split("-"))


@dataclass(frozen=True, slots=True)
class NameSeen:
    """A public host name; ``aws_share`` is None while it has no weighted records of ours."""

    hostname: str
    aws_share: int | None


@dataclass(frozen=True, slots=True)
class RoleSeen:
    """The application's role on one RDS database; ``usable`` when a login with the stored password succeeds."""

    database: str
    usable: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything provision looks at in one pass. ``templates`` are what the blueprint asks for now."""

    account: str
    zone_id: str | None
    zone_servers: tuple[str, ...]
    repositories_missing: tuple[str, ...]
    stacks: tuple[StackSeen, ...]
    templates: tuple[Template, ...]
    footprint: Footprint | None
    roles: tuple[RoleSeen, ...]
    names: tuple[NameSeen, ...]

    def stack(self, name: str) -> StackSeen:
        return next(stack for stack in self.stacks if stack.name == name)


@dataclass(frozen=True, slots=True)
class CreateZone:
    """Make the public hosted zone."""

    name: str

    @property
    def title(self) -> str:
        return f"create the hosted zone {self.name}"


@dataclass(frozen=True, slots=True)
class CreateRepository:
    """Make an image repository."""

    name: str

    @property
    def title(self) -> str:
        return f"create the image repository {self.name}"


@dataclass(frozen=True, slots=True)
class CreateRole:
    """Make the application's role and database on RDS, and keep its password in Secrets Manager."""

    endpoint: DatabaseEndpoint
    app_secret: str
    app_url_secret: str

    @property
    def title(self) -> str:
        return f"create the application's role on the database {self.endpoint.name}"


@dataclass(frozen=True, slots=True)
class SeedNames:
    """Give host names their weighted records, all traffic staying on Heroku. ``names`` are (hostname, Heroku's target)."""

    zone_id: str
    names: tuple[tuple[str, str], ...]
    load_balancer_dns: str

    @property
    def title(self) -> str:
        return f"write the weighted records of {', '.join(hostname for hostname, _ in self.names)}, all on Heroku"


Deed = CreateZone | CreateRepository | UpdateStack | ProtectStack | CreateRole | SeedNames
