"""How do our records look in ECS's answers?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .model import LIVE, STARTING, Cluster, Deployment, Service, Status, Task, TaskDefinition, Wire


def cluster(record: Cluster, tasks: Iterable[Task]) -> Wire:
    present = [task for task in tasks if task.status is not Status.STOPPED]
    return {
        "clusterArn": record.arn,
        "clusterName": record.name,
        "status": record.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": sum(task.status is Status.RUNNING for task in present),
        "pendingTasksCount": sum(task.status in STARTING for task in present),
        "activeServicesCount": sum(service.status == "ACTIVE" for service in record.services.values()),
        "statistics": [],
        "settings": record.wire.get("settings") or [],
        "capacityProviders": record.wire.get("capacityProviders") or [],
        "defaultCapacityProviderStrategy": record.wire.get("defaultCapacityProviderStrategy") or [],
        "tags": record.tags,
    }


def task_definition(record: TaskDefinition) -> Wire:
    given = {name: value for name, value in record.wire.items() if name != "tags"}
    return {
        **given,
        "taskDefinitionArn": record.arn,
        "family": record.family,
        "revision": record.revision,
        "status": record.status,
        "containerDefinitions": [_definition(each) for each in record.wire["containerDefinitions"]],
        "volumes": record.wire.get("volumes") or [],
        "placementConstraints": record.wire.get("placementConstraints") or [],
        "compatibilities": ["EC2", "FARGATE"],
        "registeredAt": record.registered_at,
    }


def _definition(each: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"cpu": 0, "portMappings": [], "essential": True, "environment": [], "mountPoints": [], "volumesFrom": []}  # fmt: skip
    return {**empty, **each}


def service(record: Service, tasks: Iterable[Task], *, with_tags: bool = False) -> Wire:
    own = list(tasks)
    echoed = (
        "loadBalancers", "serviceRegistries", "launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration",
        "enableExecuteCommand", "enableECSManagedTags", "propagateTags", "availabilityZoneRebalancing", "roleArn",
    )  # fmt: skip
    answer = {name: record.wire[name] for name in echoed if record.wire.get(name) is not None}
    breaker = {"enable": record.rules.breaker, "rollback": record.rules.rollback}
    answer |= {
        "serviceArn": record.arn,
        "serviceName": record.name,
        "clusterArn": f"{record.arn.partition(':service/')[0]}:cluster/{record.cluster}",
        "status": record.status,
        "desiredCount": record.desired,
        "runningCount": sum(task.status is Status.RUNNING for task in own),
        "pendingCount": sum(task.status in STARTING for task in own),
        "taskDefinition": record.primary.definition.arn,
        "deploymentConfiguration": {
            **(record.wire.get("deploymentConfiguration") or {}),
            "deploymentCircuitBreaker": breaker,
            "maximumPercent": record.rules.maximum_percent,
            "minimumHealthyPercent": record.rules.minimum_percent,
        },
        "deployments": [deployment(each, own, record) for each in record.deployments],
        "events": list(record.events),
        "createdAt": record.created_at,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "healthCheckGracePeriodSeconds": int(record.grace_seconds),
        "placementConstraints": [],
        "placementStrategy": [],
        "loadBalancers": record.wire.get("loadBalancers") or [],
        "serviceRegistries": record.wire.get("serviceRegistries") or [],
    }
    if with_tags:
        answer["tags"] = record.tags
    return answer


def deployment(record: Deployment, tasks: Iterable[Task], of: Service) -> Wire:
    own = [task for task in tasks if task.started_by == record.id]
    return {
        "id": record.id,
        "status": record.status,
        "taskDefinition": record.definition.arn,
        "desiredCount": record.desired if record.status == "PRIMARY" else 0,
        "pendingCount": sum(task.status in STARTING for task in own),
        "runningCount": sum(task.status is Status.RUNNING for task in own),
        "failedTasks": record.failed,
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "launchType": of.wire.get("launchType", "FARGATE"),
        "rolloutState": record.rollout,
        "rolloutStateReason": record.reason,
    }


def task(record: Task) -> Wire:
    answer: Wire = {
        "taskArn": record.arn,
        "clusterArn": f"{record.arn.partition(':task/')[0]}:cluster/{record.cluster}",
        "taskDefinitionArn": record.definition.arn,
        "group": record.group,
        "lastStatus": record.status.value,
        "desiredStatus": record.desired,
        "healthStatus": record.health,
        "launchType": "FARGATE",
        "createdAt": record.created_at,
        "cpu": str(record.definition.wire.get("cpu", "")),
        "memory": str(record.definition.wire.get("memory", "")),
        "version": record.version,
        "connectivity": "CONNECTED",
        "overrides": record.overrides_wire or {"containerOverrides": []},
        "attachments": _attachments(record),
        "containers": [_container(record, index) for index in range(len(record.containers))],
        "tags": record.tags,
    }
    optional = {
        "startedBy": record.started_by or None,
        "pullStartedAt": record.pull_at,
        "startedAt": record.started_at,
        "stoppingAt": record.stopping_at,
        "stoppedAt": record.stopped_at,
        "stopCode": record.stop_code or None,
        "stoppedReason": record.stopped_reason or None,
    }
    return answer | {name: value for name, value in optional.items() if value is not None}


def _attachments(record: Task) -> list[Wire]:
    if not record.address:
        return []
    status = "ATTACHED" if record.status in LIVE else "DELETED"
    details = [
        {"name": "networkInterfaceId", "value": f"eni-{record.id[:17]}"},
        {"name": "privateDnsName", "value": f"ip-{record.address.replace('.', '-')}.ec2.internal"},
        {"name": "privateIPv4Address", "value": record.address},
    ]
    return [{"id": record.id, "type": "ElasticNetworkInterface", "status": status, "details": details}]


def _container(record: Task, index: int) -> Wire:
    each = record.containers[index]
    answer: Wire = {
        "containerArn": f"{record.arn.replace(':task/', ':container/')}/{each.name}",
        "taskArn": record.arn,
        "name": each.name,
        "image": each.image,
        "lastStatus": each.last_status,
        "healthStatus": each.health,
        "networkInterfaces": [{"attachmentId": record.id, "privateIpv4Address": record.address}]
        if record.address
        else [],
    }
    if each.exit_code is not None:
        answer["exitCode"] = each.exit_code
    if each.reason:
        answer["reason"] = each.reason
    return answer
