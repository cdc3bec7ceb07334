"""Real application servers on loopback: gunicorn with sync and with threaded workers, uvicorn or hypercorn on an event loop."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offramp.kit import processes
from offramp.rehearsal.servers.ports import free_port, listening
from offramp.telemetry.columns import Router

from . import open_loop
from .open_loop import Due

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Server:
    """``command`` with ``{port}`` in it, and how many requests it serves at once (0: no such number)."""

    name: str
    command: tuple[str, ...]
    workers: int


def gunicorn_sync(python: str, workers: int) -> Server:
    return Server(f"gunicorn sync, {workers} workers", _gunicorn(python, workers, 1), workers)


def gunicorn_threads(python: str, workers: int, threads: int) -> Server:
    name = f"gunicorn gthread, {workers} x {threads}"
    return Server(name, (*_gunicorn(python, workers, threads), "-k", "gthread"), workers * threads)


def uvicorn(python: str, workers: int) -> Server:
    command = (
        python,
        "-m",
        "uvicorn",
        "app:serve",
        "--port",
        "{port}",
        "--workers",
        str(workers),
        "--log-level",
        "warning",
    )
    return Server(f"uvicorn, {workers} workers", command, 0)


def hypercorn(python: str, workers: int) -> Server:
    return Server(
        f"hypercorn, {workers} workers",
        (python, "-m", "hypercorn", "app:serve", "-b", "127.0.0.1:{port}", "-w", str(workers)),
        0,
    )


def _gunicorn(python: str, workers: int, threads: int) -> tuple[str, ...]:
    return (
        python,
        "-m",
        "gunicorn",
        "app:application",
        "-b",
        "127.0.0.1:{port}",
        "-w",
        str(workers),
        "--threads",
        str(threads),
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """What the router wrote, and what the application says itself of the same requests, in the router's order."""

    router: Router
    queue_ms: NDArray[np.float64]
    service_ms: NDArray[np.float64]
    work_ms: NDArray[np.float64]
    """What each request was asked to sleep and compute: what it would take with the machine to itself."""


@contextmanager
def running(server: Server, timings: Path, log: Path) -> Iterator[int]:
    """Start the server and give its port; it is stopped by its pid at the end."""
    port = free_port()
    command = [part.format(port=port) for part in server.command]
    process = processes.spawn(command, env=os.environ | {"TIMINGS": str(timings)}, cwd=HERE, log=log)
    try:
        processes.wait_until(lambda: listening("127.0.0.1", port), seconds=20, what=server.name)
        yield port
    finally:
        processes.stop(process)


def measure(server: Server, due: Sequence[Due], directory: Path) -> Measured:
    """Send the schedule to the server and return both accounts of it."""
    directory.mkdir(parents=True, exist_ok=True)
    timings, lines = directory / "timings", directory / "router.log"
    with running(server, timings, directory / "server.log") as port:
        open_loop.send(due, port, lines)
    router, requests = open_loop.read(lines)
    said = {}
    for line in timings.read_text().splitlines():
        request, began, ended = line.split()
        said[request] = (int(began), int(ended))
    arrived = router.completed_us - router.service_ms.astype(np.int64) * 1000
    began_us = np.array([said[request][0] for request in requests], dtype=np.int64)
    asked = {request.request: sum(map(float, request.path.split("/")[2:])) for request in due}
    return Measured(
        router,
        np.maximum(began_us - arrived, 0) / 1000,
        (router.completed_us - began_us) / 1000,
        np.array([asked[request] for request in requests]),
    )
