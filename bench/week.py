"""What does a week of an organisation's router logs look like? Written here, the same for the same seed, with queueing that obeys its own laws.

    python -m bench.week FOLDER [--lines 10000000] [--apps 12] [--days 7] [--seed 1] [--form logplex]

Each app has dynos with workers behind a first-in-first-out queue, routes with their own service times (one of them slow), a rhythm of
day and night, and errors. A request goes to a random dyno, as Heroku's router sends it; past 30 s it is answered with H12 while the
worker goes on. One file per app, in the order in which requests end. ``truth`` tells what was put in.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WEEK_BEGINS = "2026-11-16"
DAY_SECONDS = 86_400
H12_MS = 30_000
BODY_LINES = 300
# Characters of what stands before a message's text.
HEAD = 61
FORMS = ("logplex", "heroku")
NAMES = (
    "shopfront",
    "mentors",
    "sessions",
    "billing",
    "search",
    "accounts",
    "media",
    "notify",
    "admin",
    "partners",
    "reports",
    "legacy",
)
# Method, path with one value in it, mean of the service in ms, its spread (sigma of the logarithm), share of the traffic, bytes.
ROUTES = (
    ("GET", "/", 18.0, 0.4, 22.0, 5_120),
    ("GET", "/api/items/%d", 45.0, 0.6, 26.0, 2_200),
    ("GET", "/api/items?page=%d&sort=-created", 120.0, 0.7, 18.0, 18_400),
    ("POST", "/api/orders", 160.0, 0.5, 9.0, 840),
    ("GET", "/api/v1/people/%d/slots", 75.0, 0.8, 14.0, 6_300),
    ("PUT", "/api/v1/people/%d", 60.0, 0.5, 6.0, 410),
    ("GET", "/static/app.%d.js", 4.0, 0.3, 4.0, 88_123),
    ("GET", "/reports/%d/export", 4_000.0, 0.9, 1.0, 240_133),
)  # fmt: skip


@dataclass(frozen=True)
class App:
    """One app of the week: its share of the lines, its dynos and the workers of each."""

    name: str
    lines: int
    dynos: int
    workers: int
    seed: int
    days: int


@dataclass(frozen=True)
class Written:
    """A file of the week."""

    app: App
    path: Path
    lines: int
    errors: int
    waited_ms: float
    """Mean time in the dynos' queues."""


def plan(lines: int, apps: int, days: int, seed: int) -> tuple[App, ...]:
    """Divide lines among apps, the first being the busiest; dynos are as many as its traffic keeps half busy."""
    shares = 1 / np.arange(1, apps + 1) ** 0.8
    counts = np.floor(shares / shares.sum() * lines).astype(int)
    counts[0] += lines - counts.sum()
    mean_ms = sum(route[2] * np.exp(route[3] ** 2 / 2) * route[4] for route in ROUTES) / sum(
        route[4] for route in ROUTES
    )
    found = []
    for number, count in enumerate(int(count) for count in counts):
        load = count / (days * DAY_SECONDS) * mean_ms / 1000
        workers = 2 + number % 3
        found.append(
            App(_name(number), count, max(1, round(load / 0.5 / workers)), workers, seed * 1000 + number, days)
        )
    return tuple(found)


def _name(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else f"app-{number}"


def write(
    folder: Path,
    lines: int = 10_000_000,
    apps: int = 12,
    days: int = 7,
    seed: int = 1,
    form: str = "logplex",
    workers: int = 2,
) -> tuple[Written, ...]:
    """Write the week into ``folder``, a file per app; the same arguments write the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    every = plan(lines, apps, days, seed)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(write_app, every, [folder] * len(every), [form] * len(every)))


def write_app(app: App, folder: Path, form: str) -> Written:
    """Write one app's file, a day at a time."""
    random = np.random.default_rng(app.seed)
    path = folder / f"{app.name}.log"
    free = [[0.0] * app.workers for _ in range(app.dynos)]
    written = errors = 0
    waited = 0.0
    per_day = np.full(app.days, app.lines // app.days)
    per_day[: app.lines - per_day.sum()] += 1
    with path.open("wb") as file:
        for day, count in enumerate(int(count) for count in per_day):
            texts, wrong, wait = _day(app, random, day, count, free, form)
            for place in range(0, len(texts), BODY_LINES):
                file.write("".join(texts[place : place + BODY_LINES]).encode())
            written, errors, waited = written + len(texts), errors + wrong, waited + wait
    return Written(app, path, written, errors, waited / max(written, 1))


def _arrivals(random: np.random.Generator, day: int, count: int) -> NDArray[np.float64]:
    """Seconds since the week began: few at night, most at noon (thinned from a cosine)."""
    hours = np.linspace(0, 24, 1441)
    rate = 1.0 - 0.8 * np.cos(2 * np.pi * (hours - 2) / 24)
    share = np.concatenate(([0.0], np.cumsum((rate[1:] + rate[:-1]) / 2)))
    drawn = np.sort(random.random(count)) * share[-1]
    moments: NDArray[np.float64] = day * DAY_SECONDS + np.interp(drawn, share, hours * 3600)
    return moments


def _day(
    app: App, random: np.random.Generator, day: int, count: int, free: list[list[float]], form: str
) -> tuple[list[str], int, float]:
    arrived = _arrivals(random, day, count)
    weights = np.array([route[4] for route in ROUTES])
    route = random.choice(len(ROUTES), size=count, p=weights / weights.sum())
    mean, spread = (np.array([route[place] for route in ROUTES])[route] for place in (2, 3))
    work = np.maximum(mean * np.exp(spread * random.standard_normal(count)), 1.0) / 1000
    dyno = random.integers(app.dynos, size=count)
    wait = _queue(arrived, work, dyno, free)
    service = np.round((wait + work) * 1000).astype(np.int64)
    timed_out = service >= H12_MS
    service = np.where(timed_out, H12_MS, service)
    completed = arrived + service / 1000
    order = np.argsort(completed, kind="stable")
    failed = (random.random(count) < 0.002) & ~timed_out
    texts = _texts(app, random, order, completed, route, dyno, service, timed_out, failed, form)
    return texts, int((timed_out | failed).sum()), float(wait.sum() * 1000)


def _queue(
    arrived: NDArray[np.float64], work: NDArray[np.float64], dyno: NDArray[np.int64], free: list[list[float]]
) -> NDArray[np.float64]:
    """Return how long each request waits for one of its dyno's workers; ``free`` says when each is, and is moved on."""
    waits = [0.0] * len(arrived)
    replace = heapq.heapreplace
    for place, (at, spent, number) in enumerate(zip(arrived.tolist(), work.tolist(), dyno.tolist(), strict=True)):
        workers = free[number]
        begins = workers[0] if workers[0] > at else at
        replace(workers, begins + spent)
        waits[place] = begins - at
    return np.array(waits)


def _texts(
    app: App, random: np.random.Generator, order: NDArray[np.int64], completed: NDArray[np.float64], route: NDArray[np.int64],
    dyno: NDArray[np.int64], service: NDArray[np.int64], timed_out: NDArray[np.bool_], failed: NDArray[np.bool_], form: str,
) -> list[str]:  # fmt: skip
    count = len(order)
    ids = random.bytes(16 * count).hex()
    values = random.integers(1, 40_000, size=count).tolist()
    clients = random.integers(1, 250, size=(count, 2)).tolist()
    begins = np.datetime64(WEEK_BEGINS, "us")
    times = np.datetime_as_string(
        begins + np.round(completed[order] * 1e6).astype("timedelta64[us]"), unit="us"
    ).tolist()
    columns = (
        route[order].tolist(),
        dyno[order].tolist(),
        service[order].tolist(),
        timed_out[order].tolist(),
        failed[order].tolist(),
    )
    host = f"{app.name}-3f2a1b0c9d8e.herokuapp.com"
    found = []
    for place, (at, kind, number, spent, late, wrong) in enumerate(zip(times, *columns, strict=True)):
        method, path, _, _, _, size = ROUTES[kind]
        if "%d" in path:
            path = path % values[place]
        digits = ids[32 * place : 32 * place + 32]
        client = clients[place]
        head = 'at=error code=H12 desc="Request timeout"' if late else "at=info"
        status, size = (503, 0) if late else (500, 145) if wrong else (200, size)
        text = (
            f'{head} method={method} path="{path}" host={host} request_id={digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}'
            f' fwd="203.0.{client[0]}.{client[1]}" dyno=web.{number + 1} connect=0ms service={spent}ms status={status} bytes={size}'
            " protocol=http1.1 tls=true tls_version=tls1.3\n"
        )
        if form == "heroku":
            found.append(f"{at}+00:00 heroku[router]: {text}")
        else:
            # All of it is ASCII, so characters are bytes.
            found.append(f"{HEAD + len(text)} <134>1 {at}+00:00 host heroku router - {text}")
    return found


def main(arguments: Sequence[str]) -> Iterator[Written]:
    parser = argparse.ArgumentParser(prog="python -m bench.week", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--apps", type=int, default=12)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--form", choices=FORMS, default="logplex")
    options = parser.parse_args(arguments)
    yield from write(options.folder, options.lines, options.apps, options.days, options.seed, options.form)


if __name__ == "__main__":
    for done in main(sys.argv[1:]):
        size = f"{done.app.dynos} dynos x {done.app.workers} workers"
        print(f"{done.path}: {done.lines:,} lines, {done.errors:,} errors, mean wait {done.waited_ms:.0f} ms, {size}")
