"""How is one request carried to a dyno and its answer back?"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from dataclasses import dataclass, field

from ..dynos.crew import Crew
from ..options import Timing
from ..world import App
from . import lines, pages
from .backend import Backend, UnservedError, connect
from .messages import HOP_BY_HOP, Header, MalformedError, Request, Response, parse_response, read_head, relay, render

VIA = "1.1 heroku-router"
# Heroku keeps a caller's request id when it looks like one, else it makes its own.
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_=.+/-]{20,200}$")
# Bodies up to this size are read before a dyno is chosen, so that they can be sent to another when it refuses.
BUFFERED_BYTES = 65_536


@dataclass(eq=False)
class Client:
    """The connection a request came on. ``gone`` becomes true when the client hangs up; then ``on_gone`` is called."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str
    port: int
    gone: bool = False
    abort: Backend | None = None

    def lost(self) -> None:
        self.gone = True
        if self.abort:
            self.abort.writer.transport.abort()


@dataclass(eq=False)
class Exchange:
    """One request and its answer. ``serve`` returns whether the client's connection may be used again."""

    request: Request
    client: Client
    app: App
    crew: Crew
    timing: Timing
    line: lines.Line = field(init=False)
    _begun: float = field(init=False)
    _answered: bool = False
    _body: bytes = b""

    def __post_init__(self) -> None:
        self._begun = time.monotonic()
        given = self.request.header("x-request-id")
        before = self.request.header("x-forwarded-for")
        self.line = lines.Line(
            method=self.request.method,
            path=self.request.target,
            host=self.request.host,
            request_id=given if _REQUEST_ID.match(given) else str(uuid.uuid4()),
            fwd=f"{before}, {self.client.address}" if before else self.client.address,
        )

    async def serve(self) -> bool:
        try:
            return await self._serve()
        except UnservedError as error:
            return await self._fail(error.failure)

    async def _serve(self) -> bool:
        if self.app.maintenance:
            return await self._fail(lines.MAINTENANCE)
        if not await self._buffer_body():
            return await self._fail(lines.CLIENT_GONE)
        backend = await connect(self.crew, self.timing)
        self.line.dyno, self.line.connect = backend.dyno.name, backend.connect_seconds
        self.client.abort = backend
        sent = time.monotonic()
        upload = asyncio.create_task(self._send(backend)) if self._streams else None
        try:
            if upload is None:
                backend.writer.write(self._head() + self._body)
            return await self._answer(backend)
        finally:
            self.client.abort = None
            self.line.service = time.monotonic() - sent
            if upload:
                upload.cancel()
                await asyncio.gather(upload, return_exceptions=True)
            backend.release()

    @property
    def _streams(self) -> bool:
        framing = self.request.framing
        return self.request.upgrade or framing.kind == "chunked" or framing.length > BUFFERED_BYTES

    async def _buffer_body(self) -> bool:
        """Read a small body whole; False when the client leaves before its end."""
        if self.request.header("expect").lower() == "100-continue":
            self.client.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.request.framing.kind != "length" or self._streams:
            return True
        try:
            async with asyncio.timeout(self.timing.idle):
                self._body = await self.client.reader.readexactly(self.request.framing.length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        except TimeoutError as error:
            raise UnservedError(lines.CLIENT_IDLE) from error
        return True

    async def _send(self, backend: Backend) -> None:
        """Stream a large or chunked body, or an upgraded connection, while the answer is awaited."""
        backend.writer.write(self._head())
        await relay(self.client.reader, backend.writer, self.request.framing, self.timing.idle)
        if self.request.upgrade:
            while part := await self.client.reader.read(65_536):
                backend.writer.write(part)
                await backend.writer.drain()

    async def _answer(self, backend: Backend) -> bool:
        try:
            async with asyncio.timeout(self.timing.first_byte):
                response = await self._response_head(backend)
        except TimeoutError:
            return await self._fail(lines.TIMED_OUT)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            partial = isinstance(error, asyncio.IncompleteReadError) and bool(error.partial)
            return await self._fail(lines.BAD_RESPONSE if partial else lines.NO_RESPONSE)
        except MalformedError:
            return await self._fail(lines.BAD_RESPONSE)
        return await self._return(backend, response)

    async def _response_head(self, backend: Backend) -> Response:
        while True:
            response = parse_response(await read_head(backend.reader), self.request.method)
            if response.status >= 200 or response.status == 101:
                return response

    async def _return(self, backend: Backend, response: Response) -> bool:
        self.line.status, self._answered = response.status, True
        if response.status == 101:
            return await self._tunnel(backend, response)
        writer, old = self.client.writer, self.request.version == "HTTP/1.0"
        keep = self.request.keep_alive and not (old and response.framing.kind in ("chunked", "close"))
        writer.write(render(f"HTTP/1.1 {response.status} {response.reason}", self._answer_headers(response, keep)))
        try:
            self.line.size = await relay(backend.reader, writer, response.framing, self.timing.idle, chunk=not old)
            await writer.drain()
        except TimeoutError:
            return self._broken(lines.IDLE)
        except (asyncio.IncompleteReadError, MalformedError, ConnectionError):
            return self._broken(lines.INTERRUPTED)
        # What is left of the request's body would be taken for the next request.
        return keep and not self._streams

    async def _tunnel(self, backend: Backend, response: Response) -> bool:
        """Carry an upgraded connection; the other direction runs in ``_send``."""
        headers = [*response.headers, ("Via", VIA)]
        self.client.writer.write(render(f"HTTP/1.1 101 {response.reason}", headers))
        try:
            while part := await asyncio.wait_for(backend.reader.read(65_536), self.timing.idle):
                self.client.writer.write(part)
                await self.client.writer.drain()
                self.line.size += len(part)
        except TimeoutError:
            return self._broken(lines.IDLE)
        except ConnectionError:
            pass
        return False

    def _broken(self, failure: lines.Failure) -> bool:
        """The answer had begun, so the client only learns by the end of the connection."""
        self.line.failure = lines.CLIENT_GONE if self.client.gone else failure
        if self.client.gone:
            self.line.status = lines.CLIENT_GONE.status
        return False

    async def _fail(self, failure: lines.Failure) -> bool:
        """Answer with the router's own page, unless the client has gone."""
        if self.client.gone:
            failure = lines.CLIENT_GONE
        self.line.failure, self.line.status = failure, failure.status
        if failure.status == lines.CLIENT_GONE.status:
            return False
        config = self.app.current.config if self.app.current else {}
        maintenance = failure is lines.MAINTENANCE
        page = pages.MAINTENANCE if maintenance else pages.APPLICATION_ERROR
        custom = config.get("MAINTENANCE_PAGE_URL" if maintenance else "ERROR_PAGE_URL", "")
        keep = self.request.keep_alive and (self.request.framing.kind == "none" or bool(self._body))
        self.client.writer.write(own_answer(failure.status, page.render(custom), keep, self.request.method))
        return keep

    def _head(self) -> bytes:
        """The request's head as the dyno gets it."""
        request, framing = self.request, self.request.framing
        ours = {
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-request-id",
            "x-request-start",
            "via",
            "expect",
        }
        kept = [pair for pair in request.headers if pair[0].lower() not in HOP_BY_HOP and pair[0].lower() not in ours]
        via = f"{request.header('via')}, {VIA}" if request.header("via") else VIA
        added: list[Header] = [
            ("Connection", "upgrade" if request.upgrade else "close"),
            ("X-Request-Id", self.line.request_id),
            ("X-Forwarded-For", self.line.fwd),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Port", str(self.client.port)),
            ("Via", via),
            ("Connect-Time", str(int((self.line.connect or 0) * 1000))),
            ("X-Request-Start", str(int(time.time() * 1000) - int((time.monotonic() - self._begun) * 1000))),
            ("Total-Route-Time", str(int((time.monotonic() - self._begun) * 1000))),
        ]
        if request.upgrade:
            added.append(("Upgrade", request.header("upgrade")))
        assert framing.kind != "close"
        # An old client gets no chunks, so the dyno must not send any.
        return render(f"{request.method} {request.target} {request.version}", [*kept, *added])

    def _answer_headers(self, response: Response, keep: bool) -> list[Header]:
        headers = [pair for pair in response.headers if pair[0].lower() not in HOP_BY_HOP]
        if response.framing.kind == "close" and self.request.version == "HTTP/1.1":
            headers.append(("Transfer-Encoding", "chunked"))
        return [*headers, ("Via", VIA), ("Connection", "keep-alive" if keep else "close")]


def own_answer(status: int, body: bytes, keep: bool, method: str = "GET") -> bytes:
    """Render an answer of the router's own."""
    reasons = {400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}
    headers = [
        ("Server", "heroku-router"),
        ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-cache, no-store"),
        ("Content-Length", str(len(body))),
        ("Via", VIA),
        ("Connection", "keep-alive" if keep else "close"),
    ]
    return render(f"HTTP/1.1 {status} {reasons[status]}", headers) + (b"" if method == "HEAD" else body)
