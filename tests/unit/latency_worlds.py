"""Simulated dynos whose truth is known: what each request waited, was served, and would have met had a flaw not been planted."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from offramp.telemetry.columns import Router

BEGAN_US = 1_790_000_000_000_000
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Route:
    """``weight`` of the mix, mean service in ms, spread as the shape of a gamma distribution, bytes of the answer."""

    name: str
    weight: float
    mean_ms: float
    shape: float = 2.0
    sent_bytes: int = 1000


PAGES = (Route("GET /a", 0.6, 60), Route("GET /b", 0.25, 150), Route("GET /c", 0.13, 400))
SLOW = Route("GET /export", 0.02, 8000)


@dataclass(frozen=True, slots=True)
class World:
    """Requests in the order in which they arrive, with what they truly need, at dynos with a number of workers."""

    arrival_us: Ints
    service_us: Ints
    route: NDArray[np.int32]
    dyno: NDArray[np.int32]
    routes: tuple[Route, ...]
    dynos: int
    workers: int

    def needing(self, service_us: Ints) -> World:
        return replace(self, service_us=service_us)

    def start_us(self) -> Ints:
        """When each request is begun by a worker of its dyno, first come, first served."""
        start = np.zeros(len(self.arrival_us), dtype=np.int64)
        for number in range(self.dynos):
            free = [0] * self.workers
            for at in np.flatnonzero(self.dyno == number).tolist():
                start[at] = max(int(self.arrival_us[at]), free[0])
                heapq.heapreplace(free, int(start[at]) + int(self.service_us[at]))
        return start

    def queue_ms(self) -> Floats:
        return (self.start_us() - self.arrival_us) / 1000

    def total_ms(self) -> Floats:
        return self.queue_ms() + self.service_us / 1000

    def above_ms(self, objective_ms: float) -> float:
        return float(np.maximum(self.total_ms() - objective_ms, 0).sum())

    def share_of(self, part_ms: Floats, objective_ms: float) -> float:
        """The truth of an attribution: a slow request's excess divided as its time is."""
        total = self.total_ms()
        above = np.maximum(total - objective_ms, 0)
        return float((above * part_ms / total).sum() / above.sum())

    def router(self, app: str = "shop") -> Router:
        """Its router lines, as they would be written: in the order of completion, service in whole milliseconds."""
        done = self.start_us() + self.service_us
        order = np.argsort(done, kind="stable")
        size = len(order)
        return Router(
            app=app,
            completed_us=BEGAN_US + done[order],
            connect_ms=np.zeros(size, dtype=np.int32),
            service_ms=np.round((done - self.arrival_us) / 1000).astype(np.int32)[order],
            status=np.full(size, 200, dtype=np.int16),
            sent_bytes=np.array([route.sent_bytes for route in self.routes], dtype=np.int64)[self.route][order],
            dyno=self.dyno[order],
            dynos=tuple(f"web.{number + 1}" for number in range(self.dynos)),
            route=self.route[order],
            routes=tuple(route.name for route in self.routes),
            code=np.zeros(size, dtype=np.int16),
            codes=("",),
        )


def world(
    routes: tuple[Route, ...],
    dynos: int = 2,
    workers: int = 2,
    busy: float = 0.5,
    requests: int = 6_000,
    seed: int = 5,
) -> World:
    """Poisson arrivals dealt at random, as Heroku's router does, at a utilisation of ``busy``."""
    chance = np.random.default_rng(seed)
    weights = np.array([route.weight for route in routes])
    route = chance.choice(len(routes), requests, p=weights / weights.sum()).astype(np.int32)
    shape = np.array([one.shape for one in routes])[route]
    mean_us = np.array([one.mean_ms * 1000 for one in routes])[route]
    service = (chance.gamma(shape, 1 / shape) * mean_us).astype(np.int64) + 1000
    span = float(service.sum()) / (busy * dynos * workers)
    arrival = np.sort(chance.random(requests) * span).astype(np.int64)
    dyno = chance.integers(0, dynos, requests).astype(np.int32)
    return World(arrival, service, route, dyno, routes, dynos, workers)
