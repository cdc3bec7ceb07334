"""What can be asked of services?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..wire import AwsError
from . import definitions, render
from .book import Book, missing, page
from .model import Cluster, Operations, Service, TaskDefinition, Wire
from .scheduler import Scheduler

# Changing one of these makes a new deployment even when the task definition stays.
_REDEPLOYS = (
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "capacityProviderStrategy",
    "platformVersion",
)


@dataclass
class Services:
    """Operations on services."""

    book: Book
    scheduler: Scheduler

    def operations(self) -> Operations:
        return {
            "CreateService": self.create_service,
            "UpdateService": self.update_service,
            "DescribeServices": self.describe_services,
            "ListServices": self.list_services,
            "DeleteService": self.delete_service,
        }

    def _service(self, record: Service, *, with_tags: bool = False) -> Wire:
        return render.service(record, self.scheduler.group(record), with_tags=with_tags)

    async def create_service(self, body: Wire) -> Wire:
        cluster, name = self.book.cluster(body), str(body.get("serviceName") or "")
        if not name:
            raise AwsError("InvalidParameterException", "Service name must not be blank.")
        self._refuse_same_name(cluster, name, body)
        definition = self.book.task_definition(str(body.get("taskDefinition") or ""), active=True)
        made = Service(
            arn=self.book.arn("service", f"{cluster.name}/{name}"),
            name=name,
            cluster=cluster.name,
            desired=int(body.get("desiredCount") or 0),
            wire=dict(body),
            rules=definitions.rules(body.get("deploymentConfiguration")),
            created_at=self.scheduler.now(),
            deployments=[],
            tags=list(body.get("tags") or []),
        )
        await self._apply(made, body, definition)
        self._refuse_same_name(cluster, name, body)
        cluster.services[name] = made
        self.scheduler.deploy(made, definition)
        return {"service": self._service(made)}

    def _refuse_same_name(self, cluster: Cluster, name: str, body: Wire) -> None:
        former = cluster.services.get(name)
        if former is None or former.status == "INACTIVE":
            return
        if former.status == "DRAINING":
            raise AwsError("InvalidParameterException", "Unable to Start a service that is still Draining.")
        raise AwsError("InvalidParameterException", "Creation of service was not idempotent.")

    async def _apply(self, service: Service, body: Wire, definition: TaskDefinition) -> None:
        """Take over what may change in an update. Raises AwsError before anything was changed."""
        changed: dict[str, Any] = {}
        if body.get("deploymentConfiguration") is not None:
            changed["rules"] = definitions.rules(body["deploymentConfiguration"])
        if body.get("loadBalancers") is not None:
            changed["registrations"] = definitions.registrations(body["loadBalancers"])
            for each in changed["registrations"]:
                if definition.container(each.container) is None:
                    raise AwsError("InvalidParameterException", f"The container {each.container} does not exist in the task definition.")  # fmt: skip
                await self._known_group(each.target_group)
        if body.get("serviceRegistries") is not None:
            changed["registries"] = tuple(str(each["registryArn"]) for each in body["serviceRegistries"])
            for arn in changed["registries"]:
                await self._known_registry(arn)
        if body.get("healthCheckGracePeriodSeconds") is not None:
            changed["grace_seconds"] = float(body["healthCheckGracePeriodSeconds"])
        for name, value in changed.items():
            setattr(service, name, value)

    async def _known_group(self, arn: str) -> None:
        try:
            await self.scheduler.balancers.learn(arn, again=True)
        except AwsError as refused:
            raise AwsError("InvalidParameterException", f"The target group {arn} does not exist.") from refused

    async def _known_registry(self, arn: str) -> None:
        try:
            await self.scheduler.tasks.ground.cloudmap.learn(arn)
        except AwsError as refused:
            raise AwsError("InvalidParameterException", f"The service registry {arn} does not exist.") from refused

    async def update_service(self, body: Wire) -> Wire:
        found = self.book.service(body)
        if found.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        wanted = found.primary.definition
        if body.get("taskDefinition"):
            wanted = self.book.task_definition(str(body["taskDefinition"]), active=True)
        moved = any(body.get(name) is not None and body[name] != found.wire.get(name) for name in _REDEPLOYS)
        await self._apply(found, body, wanted)
        if body.get("desiredCount") is not None:
            found.desired = int(body["desiredCount"])
        found.wire |= {
            name: value for name, value in body.items() if name not in ("cluster", "service") and value is not None
        }
        if body.get("forceNewDeployment") or moved or wanted is not found.primary.definition:
            self.scheduler.deploy(found, wanted)
        found.steady = False
        self.scheduler.look(found)
        self.scheduler.wake()
        return {"service": self._service(found)}

    async def describe_services(self, body: Wire) -> Wire:
        cluster = self.book.cluster(body)
        with_tags = "TAGS" in (body.get("include") or ())
        found, failures = [], []
        for reference in body.get("services") or ():
            record = cluster.services.get(str(reference).rpartition("/")[2])
            if record:
                found.append(self._service(record, with_tags=with_tags))
            else:
                failures.append(
                    missing(self.book.arn("service", f"{cluster.name}/{str(reference).rpartition('/')[2]}"))
                )
        return {"services": found, "failures": failures}

    async def list_services(self, body: Wire) -> Wire:
        services = self.book.cluster(body).services.values()
        return page(body, "serviceArns", [each.arn for each in services if each.status != "INACTIVE"])

    async def delete_service(self, body: Wire) -> Wire:
        found = self.book.service(body)
        if found.status == "INACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        if found.desired and not body.get("force"):
            raise AwsError("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
        found.desired, found.status = 0, "DRAINING"
        self.scheduler.look(found)
        self.scheduler.wake()
        return {"service": self._service(found)}
