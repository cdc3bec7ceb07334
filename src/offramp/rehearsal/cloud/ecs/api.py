"""What does ECS answer? The JSON 1.1 operations that offramp, CloudFormation and boto3 users call; others are refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..wire import AwsError
from .book import Book
from .clusters import Clusters
from .model import Operations, Wire
from .one_off import OneOff
from .revisions import Revisions
from .scheduler import Scheduler
from .services import Services
from .tags import Tags

PREFIX = "AmazonEC2ContainerServiceV20141113."


@dataclass
class Ecs:
    """The whole service."""

    book: Book
    scheduler: Scheduler
    _operations: Operations = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tasks = self.scheduler.tasks
        self._operations = {
            **Clusters(self.book, tasks).operations(),
            **Revisions(self.book, self.scheduler.now).operations(),
            **Services(self.book, self.scheduler).operations(),
            **OneOff(self.book, tasks).operations(),
            **Tags(self.book, tasks).operations(),
        }

    async def call(self, operation: str, body: Wire) -> Wire:
        """Perform one operation. Raises AwsError, also for an operation that is not emulated."""
        if operation not in self._operations:
            raise AwsError("UnsupportedOperationException", f"ECS operation {operation} is not emulated.")
        return await self._operations[operation](body)
