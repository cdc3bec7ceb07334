"""How far is the split of router lines from what real servers say of themselves, and how fast is it?

``python -m bench.split`` runs gunicorn sync, gunicorn gthread and uvicorn (or hypercorn) on loopback under open-loop traffic, writes router
lines in whole milliseconds, splits them, and puts the result beside the application's own timings of the same requests.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offramp.assess.latency import Facts, TaskSize, assess, fifo, splitting, trace
from offramp.telemetry.columns import Router

from .latency import open_loop, servers
from .latency.open_loop import Kind
from .latency.servers import Measured, Server

RESULTS = Path(__file__).parent / "results-split.md"

WAITING = (Kind("fast", 0.6, 20), Kind("middle", 0.36, 60), Kind("slow", 0.04, 1200))
COMPUTING = (Kind("fast", 0.6, 15, 2), Kind("middle", 0.36, 40, 5), Kind("slow", 0.04, 400, 100))
SIZES = tuple(TaskSize(cpu, 2 * cpu, cpu / 1024 * 0.04 + cpu / 512 * 0.0044) for cpu in (256, 512, 1024, 2048, 4096))


@dataclass(frozen=True, slots=True)
class Case:
    server: Server
    kinds: tuple[Kind, ...]
    work: str
    rate: float


def cases(python: str) -> list[Case]:
    loop = servers.uvicorn if _has(python, "uvicorn") else servers.hypercorn
    sync, threads = servers.gunicorn_sync(python, 2), servers.gunicorn_threads(python, 1, 4)
    return [
        Case(sync, WAITING, "waits", 17),
        Case(sync, COMPUTING, "waits and computes", 14),
        Case(threads, WAITING, "waits", 34),
        Case(threads, COMPUTING, "waits and computes", 18),
        Case(servers.gunicorn_threads(python, 2, 4), WAITING, "waits", 65),
        Case(loop(python, 1), WAITING, "waits", 40),
        Case(loop(python, 1), COMPUTING, "waits and computes", 22),
        Case(loop(python, 2), COMPUTING, "waits and computes", 36),
    ]


def _has(python: str, module: str) -> bool:
    if python == sys.executable:
        return importlib.util.find_spec(module) is not None
    return not os.spawnv(os.P_WAIT, python, [python, "-c", f"import {module}"])


def row(case: Case, measured: Measured) -> str:
    requests, _ = trace.from_router(measured.router)
    split, times = splitting.split(requests, Facts())
    app = measured.queue_ms[requests.position]
    beyond = np.maximum(times.total - measured.work_ms[requests.position], 0)
    found = f"{split.method}, {split.workers or '-'} ({split.confidence})"
    error = f"{np.abs(times.queue - app).mean():.1f}" if split.method != "contention" else "-"
    cells = [
        case.server.name,
        case.work,
        f"{len(requests)}",
        found,
        _three(app),
        _three(beyond),
        _three(times.queue),
        error,
    ]
    return "| " + " | ".join(cells) + " |"


def _three(values: NDArray[np.float64]) -> str:
    p95, p99 = np.quantile(values, (0.95, 0.99))
    return f"{values.mean():.0f} / {p95:.0f} / {p99:.0f}"


def week(requests: int, apps: int, seed: int = 7) -> list[Router]:
    """A synthetic week: each app with three dynos of two FIFO workers, forty routes, days and nights, one slow route."""
    return [_app(requests // apps, number, seed + number) for number in range(apps)]


def _app(requests: int, number: int, seed: int) -> Router:
    chance = np.random.default_rng(seed)
    week_us = 7 * 86_400_000_000
    uniform = chance.random(2 * requests) * week_us
    day = 0.55 + 0.45 * np.sin(uniform / 86_400_000_000 * 2 * np.pi)
    arrival = np.sort(uniform[chance.random(2 * requests) < day])[:requests].astype(np.int64)
    size = len(arrival)
    route = np.minimum(chance.geometric(0.12, size) - 1, 39).astype(np.int32)
    mean_ms = np.append(chance.lognormal(4.2, 0.6, 39), 3000.0)
    service = (chance.gamma(2, 0.5, size) * mean_ms[route] * 1000).astype(np.int64) + 2000
    dyno = chance.integers(0, 3, size).astype(np.int32)
    done = np.empty(size, dtype=np.int64)
    for one in range(3):
        its, free = np.flatnonzero(dyno == one), [0, 0]
        ends = []
        for begin, needs in zip(arrival[its].tolist(), service[its].tolist(), strict=True):
            first = 0 if free[0] <= free[1] else 1
            free[first] = max(begin, free[first]) + needs
            ends.append(free[first])
        done[its] = ends
    order = np.argsort(done, kind="stable")
    return Router(
        f"app-{number}",
        (1_790_000_000_000_000 + done)[order],
        np.zeros(size, np.int32),
        np.round((done - arrival) / 1000).astype(np.int32)[order],
        np.full(size, 200, np.int16),
        np.full(size, 4000, np.int64),
        dyno[order],
        ("web.1", "web.2", "web.3"),
        route[order],
        tuple(f"GET /r{n}/{{id}}" for n in range(40)),
        np.zeros(size, np.int16),
        ("",),
    )


def speed(requests: int) -> list[str]:
    """Split a million requests for one to eight workers; then assess a week of several apps, one app after the other."""
    requests_, _ = trace.from_router(_app(1_000_000, 0, 3))
    lines = []
    for workers in (1, 2, 4, 8):
        began = time.process_time()
        fifo.waits(requests_, workers)
        seconds = time.process_time() - began
        lines.append(
            f"| the exact split, {workers} workers | {len(requests_):,} | {seconds:.3f} | {len(requests_) / seconds / 1e6:.0f} M/s |"
        )
    whole, many = 0.0, 0
    for number in range(12):
        router = _app(requests // 12, number, 7 + number)
        began = time.process_time()
        assess(router, Facts(), 1000.0, SIZES)
        whole, many = whole + time.process_time() - began, many + len(router)
    lines.append(f"| `assess`, 12 apps, whole | {many:,} | {whole:.1f} | {many / whole / 1e3:.0f} k/s |")
    return lines


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.split", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="an interpreter with gunicorn and uvicorn")
    parser.add_argument("--seconds", type=float, default=60, help="how long each server is sent requests")
    parser.add_argument("--lines", type=int, default=10_000_000, help="router lines of the synthetic week")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory(prefix="offramp-split-") as directory:
        for number, case in enumerate(cases(options.python)):
            due = open_loop.schedule(case.kinds, case.rate, options.seconds, seed=3)
            rows.append(row(case, servers.measure(case.server, due, Path(directory) / str(number))))
            print(rows[-1], flush=True)
    fast = speed(options.lines)
    print("\n".join(fast), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    options.results.write_text(_document(rows, fast, peak, options.seconds, options.lines))
    return 0


def _document(rows: Sequence[str], fast: Sequence[str], peak_mb: int, seconds: float, lines: int) -> str:
    when = datetime.now(UTC).date().isoformat()
    machine = (
        f"{os.cpu_count()} cores shared with others, {platform.machine()}, Python {platform.python_version()}, {when}"
    )
    return "\n".join(
        [
            "# The split of router lines beside the applications' own timings",
            "",
            "Milliseconds as mean / p95 / p99. *App's queue*: from arrival at the server to the first line of the application, as the",
            "application logs it. *Beyond its work*: all that a request took longer than it was asked to sleep and compute, so also what it",
            "waited for others within the server (interpreter lock, event loop, processor). *Estimate*: from router lines alone. *Error*:",
            "mean absolute difference of estimate and app's queue, request by request.",
            "",
            "| server | requests' work | requests | method, workers found | app's queue | beyond its work | estimate | error |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "Where workers take requests in turn the estimate is the app's queue. Where they do not, no single request can be split: the",
            "estimate is of the distribution of time beyond a request's own work, and to be read as a range between the two columns before it.",
            "",
            "## Speed",
            "",
            "| step | requests | CPU s | rate |",
            "|---|---|---|---|",
            *fast,
            "",
            f"Largest memory of the process, with the synthetic lines: {peak_mb} MB.",
            "",
            f"Made by `python -m bench.split --seconds {seconds:g} --lines {lines}`: {machine}.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
