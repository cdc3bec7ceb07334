"""Who is asking, and for which app? Listens for clients and hands each request to an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..dynos.crew import Crew
from ..logplex.channel import Channel
from ..options import Timing
from ..world import World
from . import pages
from .exchange import Client, Exchange, own_answer
from .messages import HEAD_BYTES, MalformedError, parse_request, read_head

# Router 2.0 keeps idle client connections this long.
KEEP_ALIVE_SECONDS = 90.0
BACKLOG = 1_024


class _ClientProtocol(asyncio.StreamReaderProtocol):
    """Tells at once when the client hangs up, also while a dyno is working for it."""

    client: Client | None = None

    def eof_received(self) -> bool | None:
        if self.client:
            self.client.lost()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client:
            self.client.lost()
        super().connection_lost(exc)


@dataclass(eq=False)
class Router:
    """Serves every app's host names on one address; ``crews`` and ``channels`` are by app name."""

    world: World
    crews: Mapping[str, Crew]
    channels: Mapping[str, Channel]
    timing: Timing
    host: str
    port: int
    _server: asyncio.Server | None = None
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self.host, self.port, backlog=BACKLOG)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=HEAD_BYTES, loop=loop)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            address = writer.get_extra_info("peername")
            client = Client(reader, writer, str(address[0]) if address else "", self.port)
            protocol.client = client
            task = loop.create_task(self._converse(client))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        protocol = _ClientProtocol(reader, connected, loop=loop)
        return protocol

    async def _converse(self, client: Client) -> None:
        try:
            while await self._one(client):
                await client.writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass  # The client left, or had nothing more to say.
        except MalformedError:
            client.writer.write(own_answer(400, pages.BAD_REQUEST.render(), False))
        finally:
            client.writer.close()

    async def _one(self, client: Client) -> bool:
        """Read one request and answer it; whether another may follow on this connection."""
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            head = await read_head(client.reader)
        request = parse_request(head)
        app = self.world.app_for_host(request.host)
        if app is None:
            keep = request.keep_alive and request.framing.kind == "none"
            client.writer.write(own_answer(404, pages.NO_SUCH_APP.render(), keep, request.method))
            return keep
        exchange = Exchange(request, client, app, self.crews[app.name], self.timing)
        try:
            return await exchange.serve()
        finally:
            self.channels[app.name].router(exchange.line.render())
