"""A small application that says when it began and ended each request. ``/ROUTE/SLEEP_MS/CPU_MS``; WSGI, and ASGI as ``serve``.

Standard library only: it runs inside the server under test. Each request is one line of ``TIMINGS``: request id, began, ended (us).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

_OUT = os.open(os.environ["TIMINGS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    began = time.time_ns()
    _, route, sleep_ms, cpu_ms = environ["PATH_INFO"].split("/")
    time.sleep(float(sleep_ms) / 1000)
    _burn(float(cpu_ms))
    _say(environ["HTTP_X_REQUEST_ID"], began)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(route)))])
    return [route.encode()]


async def serve(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """The same work on an event loop: the sleep lets others on, the burning does not."""
    if scope["type"] != "http":
        return
    began = time.time_ns()
    _, route, sleep_ms, cpu_ms = scope["path"].split("/")
    request = dict(scope["headers"])[b"x-request-id"].decode()
    await asyncio.sleep(float(sleep_ms) / 1000)
    _burn(float(cpu_ms))
    _say(request, began)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(route)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": route.encode()})


def _burn(ms: float) -> None:
    until = time.thread_time() + ms / 1000
    while time.thread_time() < until:
        pass


def _say(request: str, began: int) -> None:
    os.write(_OUT, f"{request} {began // 1000} {time.time_ns() // 1000}\n".encode())
