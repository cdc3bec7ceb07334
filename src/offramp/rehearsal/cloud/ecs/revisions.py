"""What can be asked of task definitions?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import definitions, render
from .book import Book, page
from .model import Operations, TaskDefinition, Wire


@dataclass
class Revisions:
    """Operations on task definitions."""

    book: Book
    now: Callable[[], float]

    def operations(self) -> Operations:
        return {
            "RegisterTaskDefinition": self.register_task_definition,
            "DescribeTaskDefinition": self.describe_task_definition,
            "DeregisterTaskDefinition": self.deregister_task_definition,
            "ListTaskDefinitions": self.list_task_definitions,
        }

    async def register_task_definition(self, body: Wire) -> Wire:
        containers = definitions.containers(body)
        family = str(body["family"])
        revisions = self.book.families.setdefault(family, [])
        revision = len(revisions) + 1
        arn = self.book.arn("task-definition", f"{family}:{revision}")
        now = self.now()
        made = TaskDefinition(arn, family, revision, containers, body, now, tags=list(body.get("tags") or []))
        revisions.append(made)
        return {"taskDefinition": render.task_definition(made), "tags": made.tags}

    async def describe_task_definition(self, body: Wire) -> Wire:
        found = self.book.task_definition(str(body.get("taskDefinition", "")))
        answer: Wire = {"taskDefinition": render.task_definition(found)}
        if "TAGS" in (body.get("include") or ()):
            answer["tags"] = found.tags
        return answer

    async def deregister_task_definition(self, body: Wire) -> Wire:
        found = self.book.task_definition(str(body.get("taskDefinition", "")))
        found.status = "INACTIVE"
        return {"taskDefinition": render.task_definition(found)}

    async def list_task_definitions(self, body: Wire) -> Wire:
        prefix, status = body.get("familyPrefix"), body.get("status", "ACTIVE")
        every = (
            each for family, found in sorted(self.book.families.items()) if prefix in (None, family) for each in found
        )
        arns = [each.arn for each in every if each.status == status]
        return page(body, "taskDefinitionArns", arns[::-1] if body.get("sort") == "DESC" else arns)
