"""Where are the records that requests name: clusters, services, task definitions? And how are listings cut into pages?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..wire import ACCOUNT, AwsError
from .model import Cluster, Service, TaskDefinition, Wire


@dataclass
class Book:
    """Every record but tasks, found as ECS finds them: by name or by ARN."""

    region: Callable[[], str]
    clusters: dict[str, Cluster] = field(default_factory=dict)
    families: dict[str, list[TaskDefinition]] = field(default_factory=dict)

    def arn(self, kind: str, path: str) -> str:
        return f"arn:aws:ecs:{self.region()}:{ACCOUNT}:{kind}/{path}"

    def cluster(self, body: Wire) -> Cluster:
        """Return the cluster that a request names. Raises ClusterNotFoundException."""
        name = str(body.get("cluster") or "default").rpartition("/")[2]
        found = self.clusters.get(name)
        if found is None or found.status != "ACTIVE":
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return found

    def service(self, body: Wire) -> Service:
        """Return the service that a request names. Raises ServiceNotFoundException."""
        cluster = self.cluster(body)
        found = cluster.services.get(str(body.get("service", "")).rpartition("/")[2])
        if found is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        return found

    def task_definition(self, reference: str, *, active: bool = False) -> TaskDefinition:
        """Return ``family``, ``family:revision`` or an ARN's definition. Raises ClientException."""
        family, _, revision = reference.rpartition("task-definition/")[2].partition(":")
        revisions = self.families.get(family, [])
        if revision:
            found = revisions[int(revision) - 1] if revision.isdigit() and 0 < int(revision) <= len(revisions) else None
        else:
            found = next((each for each in reversed(revisions) if each.status == "ACTIVE"), None)
        if found is None:
            raise AwsError("ClientException", "Unable to describe task definition.")
        if active and found.status != "ACTIVE":
            raise AwsError("ClientException", "TaskDefinition is inactive")
        return found


def missing(arn: str) -> Wire:
    return {"arn": arn, "reason": "MISSING"}


def page(body: Wire, name: str, arns: list[str]) -> Wire:
    """Cut a listing into pages; the token is the place where the next one begins."""
    size, begin = int(body.get("maxResults") or 100), int(body.get("nextToken") or 0)
    answer: Wire = {name: arns[begin : begin + size]}
    if begin + size < len(arns):
        answer["nextToken"] = str(begin + size)
    return answer
