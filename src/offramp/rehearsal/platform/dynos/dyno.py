"""How does one dyno live? From the start of its process to the end of its last child."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from .. import pids
from ..logplex.channel import Channel
from ..options import Timing
from ..world import now
from . import orphans
from .environment import discard, unpack

State = Literal["starting", "up", "crashed", "down", "complete"]
PROBE_SECONDS = 0.05
CHUNK_BYTES = 65_536
# Heroku's shell; it replaces itself by a simple command, so that the dyno's first process is the application.
SHELL = shutil.which("bash") or "sh"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a dyno shall run. ``port`` is None for everything but web dynos; ``folder`` is the dyno's own and goes with it."""

    id: str
    name: str
    type: str
    size: str
    command: str
    release_id: str
    release_version: int
    environment: Mapping[str, str] = field(repr=False)
    slug: Path
    folder: Path
    port: int | None = None


@dataclass(eq=False)
class Dyno:
    """One process tree, started once and stopped once. A restart makes a new one."""

    plan: Plan
    log: Channel
    timing: Timing
    register: pids.Register
    state: State = "starting"
    accepting: bool = False
    """Whether the router may choose it."""
    attached: asyncio.Queue[bytes] | None = None
    """Where output goes instead of the log when somebody is attached; an empty chunk is the end."""
    attach_url: str | None = None
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    exited: asyncio.Event = field(default_factory=asyncio.Event)
    status: int | None = None
    _told_to_stop: bool = False
    _requests: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _process: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def become(self, state: State) -> None:
        """Change the state and say so in the log."""
        if state != self.state:
            self.log.state(self.name, f"State changed from {self.state} to {state}")
            self.state, self.updated = state, now()

    async def start(self) -> bool:
        """Unpack the slug and start the command; False, with an R99 line, when the machine cannot."""
        self.log.state(self.name, f"Starting process with command `{self.plan.command}`")
        try:
            home = await asyncio.to_thread(unpack, self.plan.slug, self.plan.folder)
            self._process = await asyncio.create_subprocess_exec(
                SHELL, "-c", self.plan.command,
                cwd=home,
                env=dict(self.plan.environment),
                stdin=asyncio.subprocess.DEVNULL if self.attached is None else asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        except (OSError, shutil.Error) as error:
            self.log.state(self.name, f"Error R99 (Platform error) -> Failed to launch the dyno: {error}")
            self.exited.set()
            return False
        self.register.add(self._process.pid, f"dyno {self.log.app} {self.name}")
        self._reader = asyncio.create_task(self._follow(), name=f"output of {self.name}")
        return True

    async def _follow(self) -> None:
        """Pass each line of output on, then wait for the end."""
        process = self._process
        assert process and process.stdout
        waiter = asyncio.create_task(process.wait())
        rest = b""
        while True:
            reading = asyncio.ensure_future(process.stdout.read(CHUNK_BYTES))
            # Grandchildren may hold the pipe open after the dyno's own process has ended.
            await asyncio.wait({reading, waiter}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await asyncio.wait({reading}, timeout=0.2)
            if not reading.done():
                reading.cancel()
                break
            chunk = reading.result()
            if not chunk:
                break
            if self.attached is not None:
                self.attached.put_nowait(chunk)
                continue
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self.log.output(self.name, line.rstrip(b"\r"))
        if rest:
            self.log.output(self.name, rest)
        code = await waiter
        await self._rest_of_group()
        self.status = 128 - code if code < 0 else code
        self.accepting = False
        self.register.remove(process.pid)
        self.log.state(self.name, f"Process exited with status {self.status}")
        discard(self.plan.folder)
        if self.attached is not None:
            self.attached.put_nowait(b"")
        self.exited.set()

    async def enter(self, chunk: bytes, *, last: bool = False) -> None:
        """Give input to an attached process; ``last`` ends it."""
        if self._process and (stdin := self._process.stdin) and not stdin.is_closing():
            try:
                stdin.write(chunk)
                await stdin.drain()
                if last:
                    stdin.close()
            except ConnectionError:
                pass  # It has ended, or closed its input; what it says matters, not what it no longer hears.

    async def bound(self) -> bool:
        """Wait until the web process listens on its port; False when it exits or is too late (R10)."""
        assert self.plan.port
        deadline = asyncio.get_running_loop().time() + self.timing.boot
        while not self.exited.is_set():
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.plan.port)
            except OSError:
                await asyncio.sleep(PROBE_SECONDS)
            else:
                writer.close()
                return True
            if asyncio.get_running_loop().time() > deadline:
                self.log.state(
                    self.name,
                    "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within "
                    f"{self.timing.boot:g} seconds of launch",
                )
                self.kill()
                await self.exited.wait()
        return False

    def take(self) -> None:
        """Count a request that is on its way to this dyno."""
        self._requests += 1

    def give_back(self) -> None:
        self._requests -= 1
        if not self._requests:
            self._idle.set()

    async def drained(self, seconds: float) -> None:
        """Stop taking requests and wait for those under way, at most so long."""
        self.accepting = False
        self._idle.clear()
        if self._requests:
            try:
                await asyncio.wait_for(self._idle.wait(), seconds)
            except TimeoutError:
                pass

    def terminate(self) -> None:
        """Send SIGTERM to every process of the dyno, as Heroku does."""
        if not self.exited.is_set():
            self.log.state(self.name, "Stopping all processes with SIGTERM")
            self._told_to_stop = True
            self._signal(signal.SIGTERM)

    async def gone(self) -> None:
        """Wait for the end after ``terminate``; SIGKILL with an R12 line when it takes too long."""
        try:
            await asyncio.wait_for(self.exited.wait(), self.timing.exit)
        except TimeoutError:
            self.log.state(
                self.name,
                f"Error R12 (Exit timeout) -> At least one process failed to exit within {self.timing.exit:g} seconds of SIGTERM",
            )
            self.log.state(self.name, "Stopping remaining processes with SIGKILL")
            self.kill()
            await self.exited.wait()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    async def _rest_of_group(self) -> None:
        """After SIGTERM wait for every process of the dyno; after a crash its container goes, and all in it."""
        while self._told_to_stop and self._reap() and self._signal(0):
            await asyncio.sleep(PROBE_SECONDS)
        self._signal(signal.SIGKILL)

    def _reap(self) -> bool:
        """Take leave of the dead among the orphans that the dyno left us; False when it has no child of ours any more."""
        assert self._process
        try:
            while os.waitpid(-self._process.pid, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return not orphans.adopted()
        return True

    def _signal(self, number: int) -> bool:
        """Signal the whole dyno; False when none of its processes is left."""
        if self._process is None:
            return False
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True
