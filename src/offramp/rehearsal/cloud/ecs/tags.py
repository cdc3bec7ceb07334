"""Which tags does a resource carry?"""

from __future__ import annotations

from dataclasses import dataclass

from ..wire import AwsError
from .book import Book
from .model import Operations, Wire
from .tasks import Tasks


@dataclass
class Tags:
    """Operations on tags, of whatever has an ARN."""

    book: Book
    tasks: Tasks

    def operations(self) -> Operations:
        return {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags,
        }

    def _of(self, arn: str) -> list[Wire]:
        kind, _, path = arn.partition(":")[2].rpartition(":")[2].partition("/")
        if ":task-definition/" in arn:
            return self.book.task_definition(arn).tags
        cluster = path.partition("/")[0]
        if kind == "cluster":
            return self.book.cluster({"cluster": path}).tags
        if kind == "service":
            return self.book.service({"cluster": cluster, "service": arn}).tags
        life = self.tasks.find(cluster, arn) if kind == "task" else None
        if life is None:
            raise AwsError("InvalidParameterException", f"The specified resource {arn} was not found.")
        return life.task.tags

    async def tag_resource(self, body: Wire) -> Wire:
        tags = self._of(str(body.get("resourceArn", "")))
        added = list(body.get("tags") or [])
        keys = {each["key"] for each in added}
        tags[:] = [each for each in tags if each["key"] not in keys] + added
        return {}

    async def untag_resource(self, body: Wire) -> Wire:
        tags = self._of(str(body.get("resourceArn", "")))
        tags[:] = [each for each in tags if each["key"] not in (body.get("tagKeys") or ())]
        return {}

    async def list_tags(self, body: Wire) -> Wire:
        return {"tags": self._of(str(body.get("resourceArn", "")))}
