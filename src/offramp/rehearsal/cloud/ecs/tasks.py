"""Which tasks exist? Starts them, remembers them, forgets the stopped ones after a while, as ECS does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from .model import Override, Registration, Status, Task, TaskDefinition, Wire
from .task import Ground, Life, fresh_containers

# ECS shows a stopped task for an hour.
STOPPED_SECONDS = 3600.0


@dataclass
class Tasks:
    """All tasks of all clusters; ``changed`` wakes whoever schedules them."""

    ground: Ground
    region: Callable[[], str]
    account: str
    changed: Callable[[], None] = lambda: None
    lives: dict[str, Life] = field(default_factory=dict)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def start(
        self,
        cluster: str,
        definition: TaskDefinition,
        group: str,
        started_by: str,
        *,
        overrides: dict[str, Override] | None = None,
        overrides_wire: Wire | None = None,
        registrations: tuple[Registration, ...] = (),
        registries: tuple[str, ...] = (),
        tags: list[Wire] | None = None,
    ) -> Task:
        """Begin a task's life and return it at once, PROVISIONING."""
        identifier = uuid4().hex
        task = Task(
            id=identifier,
            arn=f"arn:aws:ecs:{self.region()}:{self.account}:task/{cluster}/{identifier}",
            cluster=cluster,
            definition=definition,
            group=group,
            started_by=started_by,
            created_at=self.ground.now(),
            overrides=overrides or {},
            overrides_wire=overrides_wire or {},
            registrations=registrations,
            registries=registries,
            tags=tags or [],
        )
        task.containers = fresh_containers(task)
        life = self.lives[identifier] = Life(task, self.ground, self.changed)
        work = asyncio.ensure_future(life.run())
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        return task

    def of(self, cluster: str, group: str | None = None) -> Iterator[Task]:
        """Yield the tasks of a cluster, or of one group in it."""
        for life in self.lives.values():
            if life.task.cluster == cluster and group in (None, life.task.group):
                yield life.task

    def find(self, cluster: str, reference: str) -> Life | None:
        life = self.lives.get(reference.rpartition("/")[2])
        return life if life and life.task.cluster == cluster else None

    def forget_old(self) -> None:
        """Drop tasks that stopped long ago."""
        limit = time.time() - STOPPED_SECONDS
        for identifier, life in tuple(self.lives.items()):
            if life.task.status is Status.STOPPED and (life.task.stopped_at or 0) < limit:
                del self.lives[identifier]

    async def end(self) -> None:
        """Kill everything: the world ends."""
        for life in self.lives.values():
            life.request_stop("UserInitiated", "the rehearsal ended")
            life.kill()
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=5)


def health_of(task: Task, settle_seconds: float, now: float, target_states: dict[str, Any]) -> tuple[bool, str]:
    """Return whether a task counts as healthy, and what is wrong with it if something is.

    A task with neither a health check nor a target group counts once it has run for ``settle_seconds``.
    """
    if task.status is not Status.RUNNING:
        return False, ""
    if task.health == "UNHEALTHY":
        return False, "failed container health checks"
    for arn, state in target_states.items():
        if state == "unhealthy":
            return False, f"failed ELB health checks in (target-group {arn})"
    checked = any(container.health for container in task.definition.containers)
    if checked and task.health != "HEALTHY":
        return False, ""
    if any(state != "healthy" for state in target_states.values()):
        return False, ""
    settled = checked or bool(target_states) or now - (task.started_at or now) >= settle_seconds
    return settled, ""
