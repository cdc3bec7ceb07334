"""What does a task go through? PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING, STOPPED.

The order at the end is ECS's own: the task leaves Cloud Map and its target groups at the same moment as it gets SIGTERM, and
nobody waits for clients that still hold its address (aws/containers-roadmap 343, 473, 1639). That order is what makes
draining inside the container necessary.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp

from ....kit import processes
from ..balancers import Balancers
from ..cloudmap import CloudMap
from ..control import Control
from ..logs import Logs, Stream, task_file
from ..pidbook import Pidbook
from ..wire import ACCOUNT, AwsError
from . import environment, health
from .container import CannotStartError, Running, identity
from .images import CannotPullError, Images
from .model import Container, ContainerState, Status, Task

LAST_LINES_SECONDS = 2.0


@dataclass
class Ground:
    """What every task of this world stands on."""

    folder: Path
    control: Control
    images: Images
    cloudmap: CloudMap
    balancers: Balancers
    logs: Logs
    pids: Pidbook
    addresses: Iterator[str]
    around: environment.Surroundings
    on_access: Callable[[Task, str], None] = lambda _task, _line: None
    now: Callable[[], float] = time.time


@dataclass
class Life:
    """Drives one task from PROVISIONING to STOPPED; ``changed`` is called whenever its state is another."""

    task: Task
    ground: Ground
    changed: Callable[[], None]
    running: list[Running] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _watches: list[asyncio.Task[None]] = field(default_factory=list)
    _file: BinaryIO | None = field(default=None, repr=False)

    def request_stop(self, code: str, reason: str, *, by_scheduler: bool = False) -> None:
        """Ask for the end; only the first reason counts."""
        if self.task.desired == "STOPPED":
            return
        self.task.desired, self.task.stop_code, self.task.stopped_reason = "STOPPED", code, reason
        self.task.by_scheduler = by_scheduler
        self._stop.set()
        self.changed()

    def _become(self, status: Status) -> None:
        self.task.status = status
        self.task.version += 1
        self.changed()

    async def run(self) -> None:
        """Live. Failures of the task end in its stopped reason, never in an exception."""
        try:
            await self._start()
            if not self._stop.is_set():
                await self._serve()
        except (CannotPullError, environment.CannotInitializeError, CannotStartError) as failed:
            self.request_stop("TaskFailedToStart", str(failed))
        finally:
            await self._end()

    async def _start(self) -> None:
        self.task.address = next(self.ground.addresses)
        self._become(Status.PENDING)
        self.task.pull_at = self.ground.now()
        prepared = [await self._prepare(container) for container in self.task.definition.containers]
        if self._stop.is_set():
            return
        self._become(Status.ACTIVATING)
        self._file = task_file(self.ground.folder / "tasks" / f"{file_name(self.task)}.log")
        for each in prepared:
            await each.start()
            self.running.append(each)
            assert each.state.pid is not None
            self.ground.pids.write(each.state.pid, f"task {self.task.group} {self.task.id} {each.container.name}")
            self._watches.append(asyncio.ensure_future(each.wait()))

    async def _prepare(self, container: Container) -> Running:
        state = next(each for each in self.task.containers if each.name == container.name)
        image = self.ground.images.pull(container.image)
        scratch = self.ground.folder / "scratch" / self.task.id / container.name
        if image.as_server:
            processes.own_directory(scratch)
        else:
            scratch.mkdir(parents=True, exist_ok=True)
        variables = await environment.of(
            self.task, container, image.environment, scratch, self.ground.around, self.ground.control
        )
        override = self.task.overrides.get(container.name)
        chosen = override.command if override and override.command is not None else container.command
        command = (container.entry_point or image.entry_point) + (chosen or image.command)
        stream = await self._stream(container)
        folder = Path(container.working_directory) if container.working_directory else image.directory or scratch
        return Running(
            container, state, command, variables, folder, image.as_server,
            environment.marker(self.task, container.name), self._on_bytes, partial(self._on_line, stream),
        )  # fmt: skip

    async def _stream(self, container: Container) -> Stream | None:
        if container.log is None:
            return None
        stream = Stream(container.log.group, f"{container.log.prefix}/{container.name}/{self.task.id}")
        try:
            await self.ground.logs.open(stream, create_group=container.log.create_group)
        except AwsError as refused:
            raise environment.CannotInitializeError(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
                f"failed to create Cloudwatch log stream: {refused}"
            ) from refused
        return stream

    def _on_bytes(self, chunk: bytes) -> None:
        if self._file:
            self._file.write(chunk)

    def _on_line(self, stream: Stream | None, line: str) -> None:
        if stream:
            self.ground.logs.put(stream, line)
        if self.task.registrations and line.startswith("{"):
            self.ground.on_access(self.task, line)

    async def _serve(self) -> None:
        for each in self.task.registrations:
            self.ground.balancers.register(each.target_group, self.task.address, each.port)
        self.task.started_at = self.ground.now()
        self._become(Status.RUNNING)
        for running in self.running:
            if running.container.health:
                self._watches.append(asyncio.ensure_future(self._watch_health(running)))
        self._note_health()
        ends = [asyncio.ensure_future(each.ended.wait()) for each in self.running if each.container.essential]
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([*ends, stop], return_when=asyncio.FIRST_COMPLETED)
        for waiter in (*ends, stop):
            waiter.cancel()
        self.request_stop("EssentialContainerExited", "Essential container in task exited")

    async def _watch_health(self, running: Running) -> None:
        check = running.container.health
        assert check is not None
        ask = partial(health.passes, check, running.environment, running.folder, identity(running.as_server))
        await health.watch(check, running.state, ask, time.monotonic, self._note_health)

    def _note_health(self) -> None:
        """Derive the task's health, and stand behind its Cloud Map names only while it is well."""
        checked = [each.state.health for each in self.running if each.container.health]
        if checked:
            worst = "UNHEALTHY" if "UNHEALTHY" in checked else "UNKNOWN" if "UNKNOWN" in checked else "HEALTHY"
            self.task.health = worst
        if self.task.live and (not checked or self.task.health == "HEALTHY"):
            for arn in self.task.registries:
                self.ground.cloudmap.register(arn, self.task.id, self.task.address)
        elif self.task.health == "UNHEALTHY":
            self._leave_names()
        self.changed()

    def _leave_names(self) -> None:
        for arn in self.task.registries:
            self.ground.cloudmap.deregister(arn, self.task.id)

    async def _end(self) -> None:
        self.task.stopping_at = self.ground.now()
        if self.running:
            self._become(Status.DEACTIVATING)
        self._leave_names()
        for each in self.task.registrations:
            self.ground.balancers.deregister(each.target_group, self.task.address, each.port)
        if self.running:
            self._become(Status.STOPPING)
            await asyncio.gather(*(each.stop() for each in self.running))
        for watch in self._watches:
            watch.cancel()
        for running in self.running:
            assert running.state.pid is not None
            self.ground.pids.strike(running.state.pid)
        await self._close_logs()
        self.task.stopped_at = self.ground.now()
        self._become(Status.STOPPED)
        await asyncio.to_thread(shutil.rmtree, self.ground.folder / "scratch" / self.task.id, True)

    async def _close_logs(self) -> None:
        """Whoever waits for STOPPED reads the log next, so its last lines must be there."""
        if self._file:
            self._file.close()
            self._file = None
        try:
            await asyncio.wait_for(self.ground.logs.flush(), LAST_LINES_SECONDS)
        except (TimeoutError, OSError, aiohttp.ClientError):
            # The lines stay in the plain file.
            pass

    def kill(self) -> None:
        """End the processes at once: the world itself is ending."""
        for each in self.running:
            each.kill()


def file_name(task: Task) -> str:
    return f"{task.group.partition(':')[2]}-{task.id[:12]}"


def fresh_containers(task: Task) -> list[ContainerState]:
    return [ContainerState(each.name, each.image) for each in task.definition.containers]


def credentials(task: Task) -> dict[str, Any]:
    """What the container credentials endpoint answers: a role that exists only here."""
    role = str(task.definition.wire.get("taskRoleArn") or f"arn:aws:iam::{ACCOUNT}:role/none")
    return {
        "RoleArn": role,
        "AccessKeyId": f"ASIA{task.id[:16].upper()}",
        "SecretAccessKey": "rehearsal",
        "Token": "rehearsal",
        "Expiration": "2099-01-01T00:00:00Z",
    }
