"""What comes back when a browser asks? One cache of names, kept-alive connections, and a browser's patience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from .names import Names

# Heroku's router and the gateway give up at 30 s; a request that hears nothing for longer has failed.
TIMEOUT_SECONDS = 35.0
KEEP_ALIVE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


@dataclass(slots=True)
class Trip:
    """What is known of a request even if it fails: the address it went to, and whether its connection had served before."""

    address: str = ""
    reused: bool = False


class Browser:
    """One client. Requests go to the address that the name has now; a name that moves gets new connections."""

    def __init__(self, names: Names) -> None:
        self._names = names
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        self._kept = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            trace_configs=[tracing],
        )
        self._fresh = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
        )

    async def fetch(self, method: str, url: str, trip: Trip, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request and return the whole answer; ``trip`` is filled in on the way.

        A server may close an idle connection at the moment when a request enters it. Like a browser, we then send the request
        once more on a fresh connection, and only if the old one had served before and nothing had come back.
        Raises aiohttp.ClientError, TimeoutError or OSError.
        """
        parts = urlsplit(url)
        trip.address = await self._names.address(parts.hostname or "")
        at = URL(url, encoded=True).with_host(trip.address)
        headers = {**headers, "Host": parts.netloc}
        try:
            return await _send(self._kept, method, at, headers, body, trip)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError):
            if not trip.reused:
                raise
            return await _send(self._fresh, method, at, headers, body, trip)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._kept.close()
        await self._fresh.close()


async def _send(
    session: aiohttp.ClientSession, method: str, at: URL, headers: Mapping[str, str], body: bytes | None, trip: Trip
) -> Answer:
    async with session.request(
        method, at, headers=headers, data=body, allow_redirects=False, trace_request_ctx=trip
    ) as answer:
        return Answer(answer.status, await answer.read())


async def _note_reuse(
    session: aiohttp.ClientSession, context: SimpleNamespace, parameters: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.reused = True
