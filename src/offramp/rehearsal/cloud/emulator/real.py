"""Which resource types must be real? ECS, RDS and ElastiCache: their handlers call the same API that boto3 calls."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import stores, translate
from .front import CallFailedError, Front
from .registry import Handler, Made, Properties, Registry
from .secret import Secret

# CloudFormation itself waits three hours for a service; in a rehearsal a service that needs this long is broken.
STABLE_SECONDS = 600
POLL_SECONDS = 0.2
# What decides where a public name leads; the DNS server reads it again after each change.
_NAMES = (
    "AWS::Route53::HostedZone", "AWS::Route53::RecordSet", "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule",
)  # fmt: skip
_TASK_DEFINITION_PROPERTIES = (
    "ContainerDefinitions", "Cpu", "EphemeralStorage", "ExecutionRoleArn", "Family", "IpcMode", "Memory", "NetworkMode",
    "PidMode", "PlacementConstraints", "ProxyConfiguration", "RequiresCompatibilities", "RuntimePlatform", "TaskRoleArn",
    "Volumes",
)  # fmt: skip


class NotStabilizedError(Exception):
    """A resource was made and did not become healthy."""


def _region() -> str:
    from ministack.core.responses import get_region

    return str(get_region())


@dataclass(frozen=True, slots=True)
class Cluster:
    """``AWS::ECS::Cluster``."""

    front: Front

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        name = properties.get("ClusterName") or f"{stack}-{logical_id}"
        body = {**translate.request(dict(properties)), "clusterName": name}
        body["settings"] = body.pop("clusterSettings", [])
        made = self.front.ecs("CreateCluster", body, _region())["cluster"]
        return name, {"Arn": made["clusterArn"]}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        settings = translate.request(new.get("ClusterSettings") or [])
        made = self.front.ecs("UpdateCluster", {"cluster": physical_id, "settings": settings}, _region())["cluster"]
        return physical_id, {"Arn": made["clusterArn"]}

    def delete(self, physical_id: str, properties: Properties) -> None:
        _forgive(
            lambda: self.front.ecs("DeleteCluster", {"cluster": physical_id}, _region()), "ClusterNotFoundException"
        )


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """``AWS::ECS::TaskDefinition``: every change but one of tags registers the next revision."""

    front: Front

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        body = translate.task_definition(dict(properties))
        body.setdefault("family", f"{stack}-{logical_id}")
        arn = self.front.ecs("RegisterTaskDefinition", body, _region())["taskDefinition"]["taskDefinitionArn"]
        return arn, {"TaskDefinitionArn": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        tags = translate.request(new.get("Tags") or [])
        self.front.ecs("TagResource", {"resourceArn": physical_id, "tags": tags}, _region())
        return physical_id, {"TaskDefinitionArn": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        body = {"taskDefinition": physical_id}
        _forgive(lambda: self.front.ecs("DeregisterTaskDefinition", body, _region()), "ClientException")


@dataclass(frozen=True, slots=True)
class Service:
    """``AWS::ECS::Service``: done when its deployment is, failed when the circuit breaker says so."""

    front: Front

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        body = translate.request(dict(properties))
        body.setdefault("serviceName", f"{stack}-{logical_id}")
        body.setdefault("desiredCount", 1)
        body["role"] = None
        made = self.front.ecs("CreateService", {k: v for k, v in body.items() if v is not None}, _region())["service"]
        try:
            self._settle(made["clusterArn"], made["serviceArn"], made["deployments"][0]["id"])
        except NotStabilizedError:
            self.delete(made["serviceArn"], properties)
            raise
        return made["serviceArn"], self._attributes(made)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        body = translate.request(dict(new))
        for fixed in ("serviceName", "tags", "launchType", "schedulingStrategy", "deploymentController", "role"):
            body.pop(fixed, None)
        body |= {"service": physical_id, "cluster": body.get("cluster", "default")}
        made = self.front.ecs("UpdateService", body, _region())["service"]
        primary = next(each for each in made["deployments"] if each["status"] == "PRIMARY")
        self._settle(made["clusterArn"], physical_id, primary["id"])
        return physical_id, self._attributes(made)

    def delete(self, physical_id: str, properties: Properties) -> None:
        cluster = properties.get("Cluster", "default")
        body = {"cluster": cluster, "service": physical_id, "force": True}
        if _forgive(
            lambda: self.front.ecs("DeleteService", body, _region()),
            "ServiceNotFoundException", "ServiceNotActiveException", "ClusterNotFoundException",
        ):  # fmt: skip
            self._wait(cluster, physical_id, lambda service: service["status"] == "INACTIVE")

    def _attributes(self, made: Mapping[str, Any]) -> dict[str, str]:
        return {"ServiceArn": made["serviceArn"], "Name": made["serviceName"]}

    def _settle(self, cluster: str, service: str, deployment: str) -> None:
        def settled(seen: Mapping[str, Any]) -> bool:
            ours = {each["id"]: each for each in seen["deployments"]}.get(deployment)
            if ours is None or ours["rolloutState"] == "FAILED":
                raise NotStabilizedError(
                    "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker "
                    f"was triggered'. {_last_events(seen)}\" (HandlerErrorCode: GeneralServiceException)"
                )
            return bool(
                ours["rolloutState"] == "COMPLETED"
                and ours["status"] == "PRIMARY"
                and len(seen["deployments"]) == 1
                and seen["runningCount"] == seen["desiredCount"]
            )

        self._wait(cluster, service, settled)

    def _wait(self, cluster: str, service: str, done: Any) -> None:
        deadline = time.monotonic() + STABLE_SECONDS
        while time.monotonic() < deadline:
            seen = self.front.ecs("DescribeServices", {"cluster": cluster, "services": [service]}, _region())
            if done(seen["services"][0]):
                return
            time.sleep(POLL_SECONDS)
        raise NotStabilizedError(f"service {service} did not become stable within {STABLE_SECONDS} s")


def _last_events(seen: Mapping[str, Any]) -> str:
    told = [event["message"] for event in seen["events"] if "failed" in event["message"]]
    return " ".join(told[:3])


def _forgive(call: Any, *codes: str) -> bool:
    """Make a call; an error that means "already gone" is no failure. Return whether the call was accepted."""
    try:
        call()
    except CallFailedError as refused:
        if refused.code in codes:
            return False
        raise
    return True


@dataclass(frozen=True, slots=True)
class Database:
    """``AWS::RDS::DBInstance``: ministack keeps the record, the data plane runs the server behind it."""

    front: Front
    record: Handler

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        physical_id, attributes = self.record.create(logical_id, properties, stack)
        try:
            endpoint = self.front.operator("PUT", f"databases/{physical_id}", stores.database(properties), "Rds")
        except CallFailedError:
            self.record.delete(physical_id, properties)
            raise
        stores.point_database(physical_id, endpoint)
        return physical_id, attributes | _endpoint("Endpoint", endpoint)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        made, attributes = self.record.update(physical_id, old, new, stack)
        endpoint = self.front.operator("PUT", f"databases/{made}", stores.database(new), "Rds")
        stores.point_database(made, endpoint)
        return made, attributes | _endpoint("Endpoint", endpoint)

    def delete(self, physical_id: str, properties: Properties) -> None:
        stores.refuse_protected(physical_id)
        self.record.delete(physical_id, properties)
        self.front.operator("DELETE", f"databases/{physical_id}", {}, "Rds")


@dataclass(frozen=True, slots=True)
class Cache:
    """``AWS::ElastiCache::ReplicationGroup``: ministack keeps the record, the data plane runs Valkey behind it."""

    front: Front
    record: Handler

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        physical_id, attributes = self.record.create(logical_id, properties, stack)
        try:
            endpoint = self.front.operator("PUT", f"caches/{physical_id}", stores.cache(properties), "ElastiCache")
        except CallFailedError:
            self.record.delete(physical_id, properties)
            raise
        stores.point_cache(physical_id, endpoint)
        return physical_id, attributes | _cache_endpoints(endpoint)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        made, attributes = self.record.update(physical_id, old, new, stack)
        endpoint = self.front.operator("PUT", f"caches/{made}", stores.cache(new), "ElastiCache")
        stores.point_cache(made, endpoint)
        return made, attributes | _cache_endpoints(endpoint)

    def delete(self, physical_id: str, properties: Properties) -> None:
        self.record.delete(physical_id, properties)
        self.front.operator("DELETE", f"caches/{physical_id}", {}, "ElastiCache")


def _endpoint(name: str, endpoint: Mapping[str, Any]) -> dict[str, str]:
    return {f"{name}.Address": str(endpoint["address"]), f"{name}.Port": str(endpoint["port"])}


def _cache_endpoints(endpoint: Mapping[str, Any]) -> dict[str, str]:
    return _endpoint("PrimaryEndPoint", endpoint) | _endpoint("ReaderEndPoint", endpoint)


def register(registry: Registry, front: Front) -> None:
    """Replace ministack's own handlers of these types."""
    registry.add("AWS::ECS::Cluster", Cluster(front), replaced_by=("ClusterName",))
    registry.add("AWS::ECS::TaskDefinition", TaskDefinition(front), replaced_by=_TASK_DEFINITION_PROPERTIES)
    registry.add(
        "AWS::ECS::Service",
        Service(front),
        replaced_by=("Cluster", "LaunchType", "ServiceName", "SchedulingStrategy", "DeploymentController", "Role"),
    )
    database, cache = "AWS::RDS::DBInstance", "AWS::ElastiCache::ReplicationGroup"
    registry.add(database, Database(front, stores.original(registry, database, named_by="DBInstanceIdentifier")))
    registry.add(cache, Cache(front, stores.original(registry, cache, named_by="ReplicationGroupId")))
    secret = "AWS::SecretsManager::Secret"
    registry.add(secret, Secret(stores.original(registry, secret, named_by="Name")))
    registry.block_on_threads(
        frozenset(
            {
                "AWS::ECS::Cluster", "AWS::ECS::TaskDefinition", "AWS::ECS::Service", "AWS::RDS::DBInstance",
                "AWS::ElastiCache::ReplicationGroup",
            }
        )
    )  # fmt: skip
    registry.send_back(frozenset({"AWS::ECS::Service"}))
    registry.announce(_NAMES, lambda: _tell(front))


def _tell(front: Front) -> None:
    try:
        front.operator("POST", "names", {}, "Route53")
    except OSError:
        # The DNS server reads everything again within seconds anyway.
        pass
