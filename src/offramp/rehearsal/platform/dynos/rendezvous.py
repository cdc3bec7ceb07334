"""How does ``heroku run`` reach the process it started? Through a TLS meeting point, where each dyno waits under a secret.

The CLI (heroku/cli, ``src/lib/run/dyno.ts``) connects to the ``rendezvous://`` URL of the dyno, sends the path and CRLF, drops
the first thing it hears, and then carries bytes both ways until the end. It ends its input with EOT (0x04).
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from ...servers import certificates
from .dyno import Dyno

GREETING = b"rendezvous\r\n"
END_OF_INPUT = b"\x04"
SECRET_BYTES = 256
HOST = "127.0.0.1"


@dataclass(eq=False)
class Rendezvous:
    """The meeting point; ``patience`` is how long a dyno waits for its caller, in seconds."""

    folder: Path
    patience: float = 30
    _waiting: dict[str, Dyno] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        made = await asyncio.to_thread(certificates.issue, self.folder, HOST, "localhost")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(made.chain, made.key)
        self._server = await asyncio.start_server(self._meet, HOST, 0, ssl=context)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def expect(self, dyno: Dyno) -> str:
        """Let a dyno be met once; return the URL for its caller."""
        assert self._server
        secret = secrets.token_urlsafe(24)
        self._waiting[secret] = dyno
        task = asyncio.create_task(self._give_up(secret, dyno))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return f"rendezvous://{HOST}:{self._server.sockets[0].getsockname()[1]}/{secret}"

    async def _give_up(self, secret: str, dyno: Dyno) -> None:
        await asyncio.sleep(self.patience)
        if self._waiting.pop(secret, None):
            dyno.log.state(dyno.name, "Error R13 (Attach error) -> Failed to attach to process")
            dyno.kill()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self.patience):
                secret = (await reader.readline())[:SECRET_BYTES].decode("ascii", "replace").strip()
            if dyno := self._waiting.pop(secret, None):
                writer.write(GREETING)
                await self._carry(dyno, reader, writer)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass  # The caller left; Heroku, too, then leaves the process to itself.
        finally:
            writer.close()

    async def _carry(self, dyno: Dyno, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert dyno.attached is not None
        typing = asyncio.create_task(_type(dyno, reader))
        try:
            while chunk := await dyno.attached.get():
                writer.write(chunk)
                await writer.drain()
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)


async def _type(dyno: Dyno, reader: asyncio.StreamReader) -> None:
    """Pass the caller's input on until it ends."""
    while chunk := await reader.read(4096):
        before, end, _ = chunk.partition(END_OF_INPUT)
        await dyno.enter(before)
        if end:
            break
    await dyno.enter(b"", last=True)
