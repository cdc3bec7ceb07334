"""How does a service get from the tasks it has to the tasks it should have?

One loop looks at every service whenever something changed. What to do is ``rolling.steps``; this module carries it out, counts
failures, and turns them into a rollback when the circuit breaker is on.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from uuid import uuid4

from ..balancers import Balancers
from . import rolling
from .model import STARTING, Cluster, Deployment, Service, Status, Task, TaskDefinition
from .tasks import Tasks, health_of

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.25
# A task that nothing checks counts as healthy after this long, so that one that dies at once is not taken for a success.
SETTLE_SECONDS = 2.0
# After this long in health, earlier crashes are forgiven.
FORGIVEN_SECONDS = 10.0


@dataclass
class Scheduler:
    """Looks after the services of all clusters."""

    tasks: Tasks
    balancers: Balancers
    clusters: dict[str, Cluster]
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            for cluster in tuple(self.clusters.values()):
                for service in tuple(cluster.services.values()):
                    try:
                        self.look(service)
                    except Exception:
                        log.exception("service %s could not be looked after", service.name)
            self.tasks.forget_old()
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
            except TimeoutError:
                pass
            self._wake.clear()

    def now(self) -> float:
        return self.tasks.ground.now()

    def group(self, service: Service) -> list[Task]:
        return list(self.tasks.of(service.cluster, f"service:{service.name}"))

    def deploy(self, service: Service, definition: TaskDefinition, *, rolls_back: str = "") -> Deployment:
        """Make ``definition`` the service's primary deployment."""
        now = self.now()
        for former in service.deployments:
            former.status = "ACTIVE"
            former.updated_at = now
        made = Deployment(
            f"ecs-svc/{uuid4().int % 10**19:019d}", definition, service.desired, now, now, rolls_back=rolls_back
        )
        if rolls_back:
            made.reason = f"ECS deployment circuit breaker: rolling back to deploymentId {made.id}."
        else:
            made.reason = f"ECS deployment {made.id} in progress."
        service.deployments.insert(0, made)
        service.crashes, service.not_before, service.steady = 0, 0, False
        self.wake()
        return made

    def say(self, service: Service, message: str) -> None:
        service.events.appendleft(
            {"id": str(uuid4()), "createdAt": self.now(), "message": f"(service {service.name}) {message}"}
        )

    def look(self, service: Service) -> None:
        """Bring one service one step nearer to what it should be."""
        tasks = self.group(service)
        self._count_failures(service, tasks)
        if service.status == "DRAINING":
            self._drain(service, tasks)
            return
        if service.status == "INACTIVE":
            return
        live = [task for task in tasks if task.live]
        members = [self._member(service, task) for task in live]
        may_start = self.now() >= service.not_before and service.primary.rollout != "FAILED"
        steps = rolling.steps(service.desired, service.rules, members, may_start=may_start)
        for identifier in steps.stop:
            self._stop(service, identifier)
        for _ in range(steps.start):
            self._start(service)
        self._judge(service, tasks, members)

    def _member(self, service: Service, task: Task) -> rolling.Member:
        healthy, wrong = self.health(task)
        age = self.now() - (task.started_at or task.created_at)
        sick = bool(wrong) and age > service.grace_seconds
        return rolling.Member(task.id, task.started_by == service.primary.id, healthy, sick, age)

    def health(self, task: Task) -> tuple[bool, str]:
        """Whether a task counts as healthy, and what is wrong with it."""
        states = {}
        for each in task.registrations:
            target = self.balancers.state(each.target_group, task.address, each.port)
            states[each.target_group] = target.state if target else "initial"
        return health_of(task, SETTLE_SECONDS, self.now(), states)

    def _start(self, service: Service) -> None:
        task = self.tasks.start(
            service.cluster,
            service.primary.definition,
            f"service:{service.name}",
            service.primary.id,
            registrations=service.registrations,
            registries=service.registries,
            tags=service.tags if service.wire.get("propagateTags") == "SERVICE" else [],
        )
        self.say(service, f"has started 1 tasks: (task {task.id}).")

    def _stop(self, service: Service, identifier: str) -> None:
        life = self.tasks.lives[identifier]
        _, wrong = self.health(life.task)
        if wrong and life.task.started_by == service.primary.id:
            self.say(service, f"(task {identifier}) {wrong}.")
            life.request_stop("ServiceSchedulerInitiated", f"Task {wrong}", by_scheduler=False)
            return
        self.say(service, f"has stopped 1 running tasks: (task {identifier}).")
        reason = f"Scaling activity initiated by (deployment {service.primary.id})"
        life.request_stop("ServiceSchedulerInitiated", reason, by_scheduler=True)

    def _count_failures(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            if task.counted or task.desired != "STOPPED":
                continue
            task.counted = True
            if task.by_scheduler or task.started_by != service.primary.id or task.stop_code == "UserInitiated":
                continue
            self._count_failure(service, task)

    def _count_failure(self, service: Service, task: Task) -> None:
        ran = self.now() - (task.started_at or self.now())
        service.crashes = 1 if ran > FORGIVEN_SECONDS else service.crashes + 1
        service.not_before = self.now() + rolling.pause_after(service.crashes)
        primary = service.primary
        if service.crashes >= 4:
            self.say(service, "is unable to consistently start tasks successfully.")
        if primary.rollout != "IN_PROGRESS":
            return
        primary.failed += 1
        self.say(service, f"(task {task.id}) failed to start: {_why(task)}.")
        primary.updated_at = self.now()
        if service.rules.breaker and primary.failed >= rolling.breaker_threshold(service.desired):
            self._trip(service)

    def _trip(self, service: Service) -> None:
        failed = service.primary
        failed.rollout, failed.reason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
        self.say(service, f"(deployment {failed.id}) deployment failed: tasks failed to start.")
        if service.rules.rollback and service.last_completed and not failed.rolls_back:
            made = self.deploy(service, service.last_completed, rolls_back=failed.id)
            self.say(service, f"rolling back to deployment {made.id}.")

    def _judge(self, service: Service, tasks: list[Task], members: list[rolling.Member]) -> None:
        """Note what the deployments reached: a former one goes with its last task, a failed one when the next is complete."""
        primary = service.primary
        left = {task.started_by for task in tasks if task.status is not Status.STOPPED}
        over = primary.rollout != "IN_PROGRESS"
        service.deployments = [
            each
            for each in service.deployments
            if each is primary or each.id in left or (each.rollout == "FAILED" and not over)
        ]
        primary.desired = service.desired
        well = sum(member.current and member.healthy for member in members)
        starting = any(task.status in STARTING for task in tasks)
        alone = left <= {primary.id}
        steady = well == service.desired == len(members) and alone and not starting
        if steady and not service.steady:
            self.say(service, "has reached a steady state.")
        service.steady = steady
        if steady and primary.rollout == "IN_PROGRESS":
            primary.rollout, primary.reason = "COMPLETED", f"ECS deployment {primary.id} completed."
            primary.updated_at = self.now()
            self.say(service, f"(deployment {primary.id}) deployment completed.")
            if service.desired:
                service.last_completed = primary.definition

    def _drain(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            if task.live:
                self._stop(service, task.id)
        if all(task.status is Status.STOPPED for task in tasks):
            service.status, service.deployments = "INACTIVE", service.deployments[:1]


def _why(task: Task) -> str:
    codes = ", ".join(
        f"{each.name} exited with {each.exit_code}" for each in task.containers if each.exit_code is not None
    )
    return f"{task.stopped_reason} ({codes})" if codes else task.stopped_reason
