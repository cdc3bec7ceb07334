"""What is in an HTTP/1.1 message head, and how is the end of its body found?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Header = tuple[str, str]

# heroku/vegur's limits.
LINE_BYTES, VALUE_BYTES, HEADERS = 8_192, 8_192, 1_000
HEAD_BYTES = 262_144
_TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
# Headers about one connection only; they are not passed on (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "upgrade", "proxy-authenticate"})


class MalformedError(Exception):
    """The bytes are not an HTTP message that may be passed on."""


@dataclass(frozen=True, slots=True)
class Framing:
    """How a body ends: none, after so many bytes, with the last chunk, or with the connection."""

    kind: Literal["none", "length", "chunked", "close"]
    length: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    version: str
    headers: tuple[Header, ...]
    framing: Framing

    def header(self, name: str) -> str:
        return first(self.headers, name)

    @property
    def host(self) -> str:
        """The host name that was asked for: lower case, without port."""
        host = self.header("host").lower()
        return host if host.endswith("]") else host.partition(":")[0]

    @property
    def keep_alive(self) -> bool:
        words = self.header("connection").lower()
        return "close" not in words if self.version == "HTTP/1.1" else "keep-alive" in words

    @property
    def upgrade(self) -> bool:
        return "upgrade" in self.header("connection").lower() and bool(self.header("upgrade"))


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: str
    headers: tuple[Header, ...]
    framing: Framing


def first(headers: Sequence[Header], name: str) -> str:
    """Return the value of the first header of that name (lower case), or an empty string."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return ""


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Read up to the empty line. Raises IncompleteReadError at the end of the stream, MalformedError when it is too long."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise MalformedError("the head is too long") from error
    return head.lstrip(b"\r\n") or await read_head(reader)


def parse_request(head: bytes) -> Request:
    r"""Parse a request's head.

    >>> parse_request(b"GET /a?b=1 HTTP/1.1\r\nHost: Shop.example:8080\r\n\r\n").host
    'shop.example'
    """
    line, headers = _split(head)
    parts = line.split(" ")
    if (
        len(parts) != 3
        or len(line) > LINE_BYTES
        or parts[2] not in ("HTTP/1.1", "HTTP/1.0")
        or not _TOKEN.match(parts[0])
    ):
        raise MalformedError(f"{line[:80]!r} is not a request line")
    length, chunked = _body(headers)
    framing = Framing("chunked") if chunked else Framing("length", length) if length else Framing("none")
    return Request(parts[0], parts[1], parts[2], headers, framing)


def parse_response(head: bytes, method: str) -> Response:
    r"""Parse a response's head; ``method`` is what was asked, since answers to HEAD have no body.

    >>> parse_response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "GET").framing
    Framing(kind='length', length=2)
    """
    line, headers = _split(head)
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not code.isdigit() or len(code) != 3:
        raise MalformedError(f"{line[:80]!r} is not a status line")
    status = int(code)
    length, chunked = _body(headers)
    if method == "HEAD" or status in (204, 304) or status < 200:
        framing = Framing("none")
    elif chunked:
        framing = Framing("chunked")
    elif length is not None:
        framing = Framing("length", length)
    else:
        framing = Framing("close")
    return Response(status, reason, headers, framing)


def _split(head: bytes) -> tuple[str, tuple[Header, ...]]:
    # Latin-1 keeps every byte as it came.
    line, *rest = head[:-4].decode("latin-1").split("\r\n")
    if len(rest) > HEADERS:
        raise MalformedError("there are too many headers")
    headers = []
    for field in rest:
        name, colon, value = field.partition(":")
        if not colon or not _TOKEN.match(name) or len(value) > VALUE_BYTES:
            raise MalformedError(f"{name[:80]!r} is not a header")
        headers.append((name, value.strip(" \t")))
    return line, tuple(headers)


def _body(headers: Sequence[Header]) -> tuple[int | None, bool]:
    lengths = {value for name, value in headers if name.lower() == "content-length"}
    codings = [value.lower() for name, value in headers if name.lower() == "transfer-encoding"]
    # Both, or several lengths, is how requests are smuggled.
    if (codings and (lengths or codings != ["chunked"])) or len(lengths) > 1:
        raise MalformedError("the length of the body is ambiguous")
    length = lengths.pop() if lengths else None
    if length is not None and not length.isdigit():
        raise MalformedError("the length of the body is not a number")
    return int(length) if length is not None else None, bool(codings)


def render(first_line: str, headers: Sequence[Header]) -> bytes:
    return "\r\n".join([first_line, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: Framing, idle: float, *, chunk: bool = True
) -> int:
    """Pass a body on as it comes and return how many bytes of content it had.

    ``chunk`` gives a body that ends with its connection an end of its own. Raises TimeoutError after ``idle`` seconds
    without a byte, IncompleteReadError when the body ends early, MalformedError when its chunks make no sense.
    """
    match framing.kind:
        case "none":
            return 0
        case "length":
            return await _relay_length(reader, writer, framing.length, idle)
        case "chunked":
            return await _relay_chunks(reader, writer, idle)
        case "close":
            return await _relay_rest(reader, writer, idle, chunk)


async def _relay_length(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int, idle: float) -> int:
    left = length
    while left:
        async with asyncio.timeout(idle):
            part = await reader.read(min(left, 65_536))
            if not part:
                raise asyncio.IncompleteReadError(b"", left)
            writer.write(part)
            await writer.drain()
        left -= len(part)
    return length


async def _relay_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> int:
    total = 0
    while True:
        async with asyncio.timeout(idle):
            line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError as error:
            raise MalformedError("a chunk has no size") from error
        writer.write(line)
        if size:
            await _relay_length(reader, writer, size + 2, idle)
            total += size
            continue
        while line not in (b"\r\n", b""):  # Trailers, up to the empty line.
            async with asyncio.timeout(idle):
                line = await reader.readuntil(b"\r\n")
            writer.write(line)
        await writer.drain()
        return total


async def _relay_rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float, chunk: bool) -> int:
    total = 0
    while True:
        async with asyncio.timeout(idle):
            part = await reader.read(65_536)
        if chunk:
            writer.write(b"%x\r\n%s\r\n" % (len(part), part) if part else b"0\r\n\r\n")
        else:
            writer.write(part)
        await writer.drain()
        if not part:
            return total
        total += len(part)
