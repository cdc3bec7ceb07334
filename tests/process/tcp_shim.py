"""A line between a client and a server that can be cut, stalled and slowed: a small TCP forwarder on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

CHUNK_BYTES = 1 << 16


@dataclass(eq=False)
class _Line:
    """One client's connection; its bytes stand still while ``flowing`` is not set."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    flowing: asyncio.Event = field(default_factory=asyncio.Event)


class Shim:
    """Forwards 127.0.0.1:``port`` to a server. What a stalled line takes in is acknowledged, as a balancer would, and kept."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.target = (host, port)
        self.port = 0
        self.passed = 0
        """How many bytes went through, in both directions."""
        self.delay_seconds = 0.0
        self._refusing = False
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tcp-shim", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def connections(self) -> int:
        return len(self._lines)

    def cut(self, *, refuse: bool = False) -> None:
        """End every connection at once with a reset; ``refuse`` new ones until ``mend``."""
        self._refusing = refuse
        self._do(self._cut)

    def stall(self) -> None:
        """Let no byte of the present connections through, either way, without telling anybody. New ones work."""
        self._do(lambda: self._flow(False))

    def mend(self) -> None:
        """Let everything through again, what was kept first."""
        self._refusing = False
        self._do(lambda: self._flow(True))

    def through(self, url: str) -> str:
        """Return a URL of the server that leads through here."""
        return url.replace(f":{self.target[1]}/", f":{self.port}/")

    def _do(self, act: Callable[[], object]) -> None:
        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(5)

    def _flow(self, flowing: bool) -> None:
        for line in self._lines:
            if flowing:
                line.flowing.set()
            else:
                line.flowing.clear()

    def _cut(self) -> None:
        for line in list(self._lines):
            for writer in line.writers:
                writer.transport.abort()

    def _close(self) -> None:
        self._server.close()
        self._cut()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._end())
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A cancelled task would be complained of by the server that started it.
        with suppress(asyncio.CancelledError):
            await self._forward(reader, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line((writer, far_writer))
        line.flowing.set()
        self._lines.add(line)
        await self._both(self._pass(line, reader, far_writer), self._pass(line, far_reader, writer))
        self._lines.discard(line)
        for each in line.writers:
            each.transport.abort()

    async def _both(self, *ways: Coroutine[Any, Any, None]) -> None:
        await asyncio.wait([asyncio.ensure_future(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)

    async def _pass(self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes one way; each chunk leaves ``delay_seconds`` after it came."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)
        sender = asyncio.ensure_future(self._send(line, queue, writer))
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await queue.put((self._loop.time() + self.delay_seconds, chunk))
            await queue.put((0.0, b""))
            await sender
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            sender.cancel()

    async def _send(self, line: _Line, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                due, chunk = await queue.get()
                if (left := due - self._loop.time()) > 0:
                    await asyncio.sleep(left)
                await line.flowing.wait()
                if not chunk:
                    return
                writer.write(chunk)
                self.passed += len(chunk)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            return
