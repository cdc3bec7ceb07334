"""What can be asked of clusters?"""

from __future__ import annotations

from dataclasses import dataclass

from ..wire import AwsError
from . import render
from .book import Book, missing, page
from .model import Cluster, Operations, Status, Wire
from .tasks import Tasks


@dataclass
class Clusters:
    """Operations on clusters."""

    book: Book
    tasks: Tasks

    def operations(self) -> Operations:
        return {
            "CreateCluster": self.create_cluster,
            "UpdateCluster": self.update_cluster,
            "DescribeClusters": self.describe_clusters,
            "ListClusters": self.list_clusters,
            "DeleteCluster": self.delete_cluster,
        }

    async def create_cluster(self, body: Wire) -> Wire:
        name = str(body.get("clusterName") or "default")
        former = self.book.clusters.get(name)
        if former is None or former.status != "ACTIVE":
            former = Cluster(self.book.arn("cluster", name), name, body, tags=list(body.get("tags") or []))
            self.book.clusters[name] = former
        return {"cluster": self._cluster(former)}

    async def update_cluster(self, body: Wire) -> Wire:
        found = self.book.cluster(body)
        found.wire |= {name: value for name, value in body.items() if name in ("settings", "configuration")}
        return {"cluster": self._cluster(found)}

    def _cluster(self, record: Cluster) -> Wire:
        return render.cluster(record, self.tasks.of(record.name))

    async def describe_clusters(self, body: Wire) -> Wire:
        found, failures = [], []
        for reference in body.get("clusters") or ["default"]:
            record = self.book.clusters.get(str(reference).rpartition("/")[2])
            if record:
                found.append(self._cluster(record))
            else:
                failures.append(missing(self.book.arn("cluster", str(reference).rpartition("/")[2])))
        return {"clusters": found, "failures": failures}

    async def list_clusters(self, body: Wire) -> Wire:
        return page(body, "clusterArns", [each.arn for each in self.book.clusters.values() if each.status == "ACTIVE"])

    async def delete_cluster(self, body: Wire) -> Wire:
        found = self.book.cluster(body)
        if any(service.status != "INACTIVE" for service in found.services.values()):
            raise AwsError(
                "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
            )
        if any(task.status is not Status.STOPPED for task in self.tasks.of(found.name)):
            raise AwsError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
        found.status = "INACTIVE"
        return {"cluster": self._cluster(found)}
