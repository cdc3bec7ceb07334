"""What can be asked of tasks?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..wire import AwsError
from . import render
from .book import Book, missing, page
from .model import Operations, Override, Task, TaskDefinition, Wire
from .tasks import Tasks

_REASON_LIMIT = 1024


@dataclass
class OneOff:
    """Operations on tasks."""

    book: Book
    tasks: Tasks

    def operations(self) -> Operations:
        return {
            "RunTask": self.run_task,
            "StopTask": self.stop_task,
            "ListTasks": self.list_tasks,
            "DescribeTasks": self.describe_tasks,
        }

    async def run_task(self, body: Wire) -> Wire:
        cluster = self.book.cluster(body)
        definition = self.book.task_definition(str(body.get("taskDefinition") or ""), active=True)
        overrides = _overrides(body.get("overrides") or {}, definition)
        count = int(body.get("count") or 1)
        if not 1 <= count <= 10:
            raise AwsError("InvalidParameterException", "Count must be between 1 and 10.")
        made = [
            self.tasks.start(
                cluster.name,
                definition,
                str(body.get("group") or f"family:{definition.family}"),
                str(body.get("startedBy") or ""),
                overrides=overrides,
                overrides_wire=body.get("overrides") or {},
                tags=list(body.get("tags") or []),
            )
            for _ in range(count)
        ]
        return {"tasks": [render.task(task) for task in made], "failures": []}

    async def stop_task(self, body: Wire) -> Wire:
        cluster = self.book.cluster(body)
        life = self.tasks.find(cluster.name, str(body.get("task", "")))
        if life is None:
            raise AwsError("InvalidParameterException", "The referenced task was not found.")
        life.request_stop("UserInitiated", str(body.get("reason") or "Task stopped by user")[:_REASON_LIMIT])
        return {"task": render.task(life.task)}

    async def list_tasks(self, body: Wire) -> Wire:
        cluster = self.book.cluster(body)
        wanted = body.get("desiredStatus", "RUNNING")
        name, family = body.get("serviceName"), body.get("family")
        group = f"service:{str(name).rpartition('/')[2]}" if name else None
        if name and str(name).rpartition("/")[2] not in cluster.services:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        started_by = body.get("startedBy")
        arns = [
            task.arn
            for task in self.tasks.of(cluster.name, group)
            if _shown(task) == wanted
            and family in (None, task.definition.family)
            and started_by in (None, task.started_by)
        ]
        return page(body, "taskArns", arns)

    async def describe_tasks(self, body: Wire) -> Wire:
        cluster = self.book.cluster(body)
        found, failures = [], []
        for reference in body.get("tasks") or ():
            life = self.tasks.find(cluster.name, str(reference))
            if life:
                found.append(render.task(life.task))
            else:
                failures.append(missing(self.book.arn("task", f"{cluster.name}/{str(reference).rpartition('/')[2]}")))
        return {"tasks": found, "failures": failures}


def _shown(task: Task) -> str:
    return "STOPPED" if task.desired == "STOPPED" else "RUNNING"


def _overrides(wire: Wire, definition: TaskDefinition) -> dict[str, Override]:
    found = {}
    for each in wire.get("containerOverrides") or ():
        name = str(each.get("name", ""))
        if definition.container(name) is None:
            raise AwsError("InvalidParameterException", f"Override for container named {name} is not a container in the TaskDefinition.")  # fmt: skip
        command = tuple(each["command"]) if each.get("command") is not None else None
        found[name] = Override(command, _pairs(each.get("environment") or ()))
    return found


def _pairs(entries: Iterable[Wire]) -> tuple[tuple[str, str], ...]:
    return tuple((str(each["name"]), str(each.get("value", ""))) for each in entries)
