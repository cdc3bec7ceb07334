"""How does one container run as a process, and how does it end?"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....kit import processes
from .. import pidbook
from ..logs import Lines
from .model import Container, ContainerState

# What is left in the pipe after the last process died is read within this time.
LAST_WORDS_SECONDS = 2.0


class CannotStartError(Exception):
    """The container's command cannot be run."""


def identity(as_server: bool) -> dict[str, Any]:
    """Return the Popen arguments that drop root for images that mind it."""
    user = processes.server_user() if as_server else None
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


@dataclass
class Running:
    """One container's process, from its start until nothing of it is left."""

    container: Container
    state: ContainerState
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    as_server: bool
    marker: str
    on_bytes: Callable[[bytes], None]
    on_line: Callable[[str], None]
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _reader: asyncio.Task[None] | None = field(default=None, repr=False)
    _killed: bool = False

    async def start(self) -> None:
        """Start the process. Raises CannotStartError as a task's stopped reason puts it."""
        if not self.command:
            raise CannotStartError("CannotStartContainerError: no command specified")
        read_end, write_end = os.pipe()
        ids = identity(self.as_server)
        if ids:
            # Nginx opens /dev/stdout anew, which needs the pipe itself to belong to whom it runs as.
            os.fchown(write_end, ids["user"], ids["group"])
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                env=dict(self.environment),
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
                **ids,
            )
        except OSError as failed:
            os.close(read_end)
            raise CannotStartError(
                f"CannotStartContainerError: exec {self.command[0]!r}: {failed.strerror}"
            ) from failed
        finally:
            os.close(write_end)
        self.state.pid, self.state.last_status = self.process.pid, "RUNNING"
        self._reader = asyncio.ensure_future(self._read(read_end))

    async def _read(self, read_end: int) -> None:
        lines = Lines()
        stream = asyncio.StreamReader()
        pipe = os.fdopen(read_end, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        try:
            while chunk := await stream.read(65536):
                self.on_bytes(chunk)
                for line in lines.feed(chunk):
                    self.on_line(line)
            for line in lines.rest():
                self.on_line(line)
        finally:
            transport.close()

    async def wait(self) -> None:
        """Wait for the main process, then end everything it left behind, as a container's end does."""
        assert self.process is not None
        status = await self.process.wait()
        self.state.exit_code = 128 - status if status < 0 else status
        self._signal_group(signal.SIGKILL)
        await asyncio.to_thread(pidbook.kill_marked, self.marker)
        if self._reader:
            await asyncio.wait([self._reader], timeout=LAST_WORDS_SECONDS)
            self._reader.cancel()
        self.state.last_status = "STOPPED"
        if self._killed:
            self.state.reason = f"the container did not stop within {self.container.stop_timeout:g} s and was killed"
        self.ended.set()

    async def stop(self) -> None:
        """SIGTERM to the main process, ``stopTimeout``, SIGKILL to all of them."""
        if self.process is None or self.ended.is_set():
            return
        if self.process.returncode is None:
            try:
                self.process.send_signal(signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            await asyncio.wait_for(self.ended.wait(), self.container.stop_timeout)
        except TimeoutError:
            self._killed = True
            self.kill()
            await self.ended.wait()

    def kill(self) -> None:
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
