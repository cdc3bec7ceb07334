"""A router in small: requests leave when they are due, and each answer becomes a router line with whole milliseconds."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np

from offramp.telemetry.columns import Router

_LINE = re.compile(
    r'^(\S+) heroku\[router\]: .* path="(/[^/]+)/\S*" .*request_id=(\S+) .*connect=(\d+)ms service=(\d+)ms'
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: how often, how long it sleeps (gamma of shape 2) and computes, in milliseconds."""

    route: str
    share: float
    sleep_ms: float
    cpu_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Due:
    """A request and when it leaves, in seconds from the start."""

    after: float
    request: str
    path: str


def schedule(kinds: Sequence[Kind], rate: float, seconds: float, seed: int) -> tuple[Due, ...]:
    """Poisson arrivals at ``rate`` a second."""
    chance, after = Random(seed), 0.0
    due: list[Due] = []
    while (after := after + chance.expovariate(rate)) < seconds:
        kind = chance.choices(kinds, [kind.share for kind in kinds])[0]
        sleep = chance.gammavariate(2, kind.sleep_ms / 2) if kind.sleep_ms else 0.0
        cpu = chance.gammavariate(2, kind.cpu_ms / 2) if kind.cpu_ms else 0.0
        due.append(Due(after, f"r{len(due)}", f"/{kind.route}/{sleep:.2f}/{cpu:.2f}"))
    return tuple(due)


def send(due: Sequence[Due], port: int, lines: Path) -> None:
    """Send every request at its time over a connection of its own and write its line when it is answered."""
    asyncio.run(_send(due, port, lines))


async def _send(due: Sequence[Due], port: int, lines: Path) -> None:
    began = time.monotonic() + 0.1
    with lines.open("w") as out:

        async def one(request: Due) -> None:
            await asyncio.sleep(max(began + request.after - time.monotonic(), 0))
            out.write(await _ask(request, port))

        async with asyncio.TaskGroup() as group:
            for request in due:
                group.create_task(one(request))


async def _ask(request: Due, port: int) -> str:
    before = time.time_ns()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connected = time.time_ns()
    head = f"GET {request.path} HTTP/1.1\r\nHost: app\r\nX-Request-Id: {request.request}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    done = time.time_ns()
    writer.close()
    status = answer.split(b" ", 2)[1].decode()
    stamp = datetime.fromtimestamp(done / 1e9, UTC).isoformat(timespec="microseconds")
    return (
        f'{stamp} heroku[router]: at=info method=GET path="{request.path}" host=app request_id={request.request} '
        f'fwd="127.0.0.1" dyno=web.1 connect={round((connected - before) / 1e6)}ms '
        f"service={round((done - connected) / 1e6)}ms status={status} bytes={len(answer)} protocol=http\n"
    )


def read(lines: Path) -> tuple[Router, tuple[str, ...]]:
    """Return the lines as columns, in the order in which they were written, and their request ids."""
    rows = []
    for line in lines.read_text().splitlines():
        found = _LINE.match(line)
        assert found, line
        when = round(datetime.fromisoformat(found[1]).timestamp() * 1_000_000)
        rows.append((when, int(found[4]), int(found[5]), f"GET {found[2]}", found[3]))
    routes = tuple(sorted({row[3] for row in rows}))
    size = len(rows)
    router = Router(
        app="bench",
        completed_us=np.array([row[0] for row in rows], dtype=np.int64),
        connect_ms=np.array([row[1] for row in rows], dtype=np.int32),
        service_ms=np.array([row[2] for row in rows], dtype=np.int32),
        status=np.full(size, 200, dtype=np.int16),
        sent_bytes=np.full(size, 100, dtype=np.int64),
        dyno=np.zeros(size, dtype=np.int32),
        dynos=("web.1",),
        route=np.array([routes.index(row[3]) for row in rows], dtype=np.int32),
        routes=routes,
        code=np.zeros(size, dtype=np.int16),
        codes=("",),
    )
    return router, tuple(row[4] for row in rows)
