"""What runs on ECS, and how is a service or a single task started, watched and ended?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ..errors import OutsideError, RefusedError
from ..kit.clock import Clock
from .failures import code_of, wrapped

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import (
        ContainerDefinitionTypeDef,
        NetworkConfigurationTypeDef,
        ServiceTypeDef,
        TaskTypeDef,
    )

CONTAINER = "main"
"""The name of the one container in every task definition of ours."""
POLL_SECONDS = 0.5
# A DescribeServices call takes ten services; DescribeTasks takes a hundred.
_SERVICES_AT_ONCE, _TASKS_AT_ONCE = 10, 100
_DIGEST = "offramp.digest"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where tasks get their network interface: private subnets and security groups, no public address."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task definition with one container. ``cpu`` in ECS units, ``memory`` in MiB; ``secrets`` are (name, ARN or ARN with key)."""

    family: str
    image: str
    command: tuple[str, ...]
    cpu: int
    memory: int
    execution_role: str
    task_role: str
    log_group: str
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    stop_timeout: int = 30

    @property
    def digest(self) -> str:
        """A short fingerprint of everything above, kept in the definition as a label."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A service as ECS describes it. ``rollout`` is the primary deployment's state; ``failed`` counts its failed tasks."""

    name: str
    desired: int
    running: int
    pending: int
    task_definition: str
    rollout: str
    failed: int
    events: tuple[str, ...] = ()
    deployments: int = 1

    @property
    def steady(self) -> bool:
        """Whether the wanted number of tasks of the newest definition runs, and no others."""
        return (
            self.rollout == "COMPLETED" and self.running == self.desired and self.pending == 0 and self.deployments == 1
        )


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """One task. ``exit_status`` is its container's, None while it runs or when it never started."""

    id: str
    status: str
    exit_status: int | None
    reason: str
    address: str | None = None
    created_at: float = 0.0

    @property
    def stopped(self) -> bool:
        return self.status == "STOPPED"


class Ecs:
    """Elastic Container Service on Fargate."""

    def __init__(self, client: ECSClient, region: str) -> None:
        self._client = client
        self._region = region

    def services(self, cluster: str) -> tuple[ServiceSeen, ...]:
        """Return the active services of the cluster by name; none when there is no such cluster."""
        try:
            with wrapped(f"look at the services of {cluster}"):
                arns = [
                    arn
                    for page in self._client.get_paginator("list_services").paginate(cluster=cluster)
                    for arn in page["serviceArns"]
                ]
                found = [
                    _service(one)
                    for some in _chunks(sorted(arns), _SERVICES_AT_ONCE)
                    for one in self._client.describe_services(cluster=cluster, services=some)["services"]
                    if one["status"] == "ACTIVE"
                ]
        except OutsideError as error:
            if _absent(error):
                return ()
            raise
        return tuple(sorted(found, key=lambda service: service.name))

    def service(self, cluster: str, name: str) -> ServiceSeen | None:
        """Return one active service, or None."""
        try:
            with wrapped(f"look at the service {name}"):
                found = self._client.describe_services(cluster=cluster, services=[name])["services"]
        except OutsideError as error:
            if _absent(error):
                return None
            raise
        return next((_service(one) for one in found if one["status"] == "ACTIVE"), None)

    def ensure_service(
        self, cluster: str, spec: TaskSpec, placement: Placement, *, desired: int = 1, single: bool = True
    ) -> None:
        """Make a service named after the spec's family run this spec; no effect when it does already.

        ``single``: the old task stops before the new one starts, for what must never run twice.
        """
        definition = self.register(spec)
        held = self.service(cluster, spec.family)
        if held is not None and held.task_definition == definition and held.desired == desired:
            return
        with wrapped(f"run the service {spec.family}"):
            if held is not None:
                self._client.update_service(
                    cluster=cluster, service=spec.family, taskDefinition=definition, desiredCount=desired
                )
                return
            self._client.create_service(
                cluster=cluster,
                serviceName=spec.family,
                taskDefinition=definition,
                desiredCount=desired,
                launchType="FARGATE",
                networkConfiguration=_network(placement),
                deploymentConfiguration={
                    "minimumHealthyPercent": 0 if single else 100,
                    "maximumPercent": 100 if single else 200,
                    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
                },
            )

    def set_desired(self, cluster: str, name: str, count: int) -> None:
        """Set how many tasks a service should run."""
        with wrapped(f"set the service {name} to {count} tasks"):
            self._client.update_service(cluster=cluster, service=name, desiredCount=count)

    def remove_service(self, cluster: str, name: str) -> None:
        """Stop and delete a service; no effect when it is not there."""
        if self.service(cluster, name) is None:
            return
        with wrapped(f"remove the service {name}"):
            self._client.update_service(cluster=cluster, service=name, desiredCount=0)
            self._client.delete_service(cluster=cluster, service=name, force=True)

    def register(self, spec: TaskSpec) -> str:
        """Return the ARN of the family's newest task definition, registered anew when it says something else."""
        if (held := self._registered(spec)) is not None:
            return held
        with wrapped(f"register the task definition {spec.family}"):
            made = self._client.register_task_definition(
                family=spec.family,
                requiresCompatibilities=["FARGATE"],
                networkMode="awsvpc",
                cpu=str(spec.cpu),
                memory=str(spec.memory),
                executionRoleArn=spec.execution_role,
                taskRoleArn=spec.task_role,
                containerDefinitions=[self._container(spec)],
            )
        return made["taskDefinition"]["taskDefinitionArn"]

    def _registered(self, spec: TaskSpec) -> str | None:
        try:
            with wrapped(f"look at the task definition {spec.family}"):
                held = self._client.describe_task_definition(taskDefinition=spec.family)["taskDefinition"]
        except OutsideError as error:
            if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in (
                "ClientException",
                "InvalidParameterException",
            ):
                return None
            raise
        labels = held["containerDefinitions"][0].get("dockerLabels", {})
        same = held.get("status", "ACTIVE") == "ACTIVE" and labels.get(_DIGEST) == spec.digest
        return held["taskDefinitionArn"] if same else None

    def _container(self, spec: TaskSpec) -> ContainerDefinitionTypeDef:
        return {
            "name": CONTAINER,
            "image": spec.image,
            "essential": True,
            "command": list(spec.command),
            "environment": [{"name": name, "value": value} for name, value in spec.env],
            "secrets": [{"name": name, "valueFrom": arn} for name, arn in spec.secrets],
            "stopTimeout": spec.stop_timeout,
            "linuxParameters": {"initProcessEnabled": True},
            "dockerLabels": {_DIGEST: spec.digest},
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": spec.log_group,
                    "awslogs-region": self._region,
                    "awslogs-stream-prefix": spec.family,
                    "mode": "non-blocking",
                    "max-buffer-size": "25m",
                },
            },
        }

    def start_task(
        self, cluster: str, definition: str, placement: Placement, *, started_by: str, command: Sequence[str] = ()
    ) -> str:
        """Start one task and return its id. ``started_by`` (at most 36 characters) finds it again.

        Raises RefusedError when ECS has no place for it.
        """
        with wrapped(f"start a task of {definition}"):
            made = self._client.run_task(
                cluster=cluster,
                taskDefinition=definition,
                count=1,
                launchType="FARGATE",
                networkConfiguration=_network(placement),
                startedBy=started_by,
                overrides={"containerOverrides": [{"name": CONTAINER, "command": list(command)}]} if command else {},
            )
        if not made["tasks"]:
            reasons = "; ".join(failure.get("reason", "") for failure in made.get("failures", []))
            raise RefusedError(f"ECS did not start the task: {reasons}", hint="Check the account's Fargate quota.")
        return _task(made["tasks"][0]).id

    def tasks(self, cluster: str, started_by: str) -> tuple[TaskSeen, ...]:
        """Return the tasks with this ``started_by``, oldest first. ECS forgets stopped tasks after about an hour."""
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for arn in self._task_arns(cluster, desiredStatus=status, startedBy=started_by)
        ]
        return tuple(sorted(self._described(cluster, arns), key=lambda task: task.created_at))

    def run_task(
        self,
        cluster: str,
        definition: str,
        placement: Placement,
        *,
        started_by: str,
        clock: Clock,
        seconds: float,
        command: Sequence[str] = (),
    ) -> TaskSeen:
        """Run one task to its end and return it. A task that a killed run left with the same ``started_by`` is awaited instead.

        Raises OutsideError when it has not ended after ``seconds``.
        """
        deadline = clock.monotonic() + seconds
        alive = [task for task in self.tasks(cluster, started_by) if not task.stopped]
        task = (
            alive[-1].id
            if alive
            else self.start_task(cluster, definition, placement, started_by=started_by, command=command)
        )
        while True:
            for seen in self._described(cluster, [task]):
                if seen.stopped:
                    return seen
            if clock.monotonic() > deadline:
                raise OutsideError(f"The task {task} has not ended after {seconds:g} s.", hint="Look at its log.")
            clock.sleep(POLL_SECONDS)

    def task_addresses(self, cluster: str, service: str) -> tuple[str, ...]:
        """Return the private addresses of a service's running tasks."""
        arns = self._task_arns(cluster, desiredStatus="RUNNING", serviceName=service)
        return tuple(
            sorted(task.address for task in self._described(cluster, arns) if task.status == "RUNNING" and task.address)
        )

    def _task_arns(self, cluster: str, **filters: str) -> list[str]:
        with wrapped(f"list the tasks of {cluster}"):
            pages = self._client.get_paginator("list_tasks").paginate(cluster=cluster, **filters)  # type: ignore[arg-type]
            return [arn for page in pages for arn in page["taskArns"]]

    def _described(self, cluster: str, arns: Sequence[str]) -> tuple[TaskSeen, ...]:
        with wrapped(f"look at the tasks of {cluster}"):
            return tuple(
                _task(one)
                for some in _chunks(arns, _TASKS_AT_ONCE)
                for one in self._client.describe_tasks(cluster=cluster, tasks=some)["tasks"]
            )


def _chunks(items: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _absent(error: OutsideError) -> bool:
    return isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in (
        "ClusterNotFoundException",
        "ServiceNotFoundException",
    )


def _network(placement: Placement) -> NetworkConfigurationTypeDef:
    return {
        "awsvpcConfiguration": {
            "subnets": list(placement.subnets),
            "securityGroups": list(placement.security_groups),
            "assignPublicIp": "DISABLED",
        }
    }


def _service(one: ServiceTypeDef) -> ServiceSeen:
    deployments = one.get("deployments", [])
    primary = next((d for d in deployments if d.get("status") == "PRIMARY"), None)
    return ServiceSeen(
        name=one["serviceName"],
        desired=one["desiredCount"],
        running=one["runningCount"],
        pending=one["pendingCount"],
        task_definition=one["taskDefinition"],
        rollout=str(primary.get("rolloutState", "")) if primary else "",
        failed=primary.get("failedTasks", 0) if primary else 0,
        events=tuple(event["message"] for event in one.get("events", [])[:5]),
        deployments=len(deployments),
    )


def _task(one: TaskTypeDef) -> TaskSeen:
    container = next(iter(one.get("containers", [])), None)
    addresses = [
        detail.get("value", "")
        for attachment in one.get("attachments", [])
        for detail in attachment.get("details", [])
        if detail.get("name") == "privateIPv4Address"
    ]
    reason = one.get("stoppedReason", "") or (container.get("reason", "") if container else "")
    created = one.get("createdAt")
    return TaskSeen(
        id=one["taskArn"].rpartition("/")[2],
        status=one.get("lastStatus", ""),
        exit_status=container.get("exitCode") if container else None,
        reason=reason,
        address=next(iter(addresses), None),
        created_at=created.timestamp() if created else 0.0,
    )
