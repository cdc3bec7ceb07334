"""What would p50, p95 and p99 be with other workers, dynos, routing, a route mended or a faster processor? One row each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import replay
from .model import Expected, Replay, WhatIf
from .replay import Fleet, Work
from .trace import Trace
from .trial import Trial

MENDED = 20.0
"""A slow route that is mended is taken to be this many times as fast; the rows say so."""
_FASTER = 1.5
TRAFFICS = (1, 3)


@dataclass(frozen=True, slots=True)
class Scenario:
    text: str
    fleet: Fleet
    mended: tuple[int, ...] = ()
    speed: float = 1.0


def expect(work: Work, fleet: Fleet, traffic: int, objective_ms: float, seed: int) -> Expected:
    """Replay ``traffic`` times the work on the fleet."""
    thick = replay.thicker(work, traffic) if traffic > 1 else work
    total = replay.run(thick, fleet, seed)
    p50, p95, p99 = (float(value) for value in np.quantile(total, (0.5, 0.95, 0.99)))
    per_minute = len(thick) / (work.span_us / 60e6)
    busy = float(thick.service_us.sum()) / work.span_us / (fleet.dynos * fleet.workers)
    return Expected(float(traffic), per_minute, busy, p50, p95, p99, p99 <= objective_ms)


def table(trace: Trace, trial: Trial, dynos: int, slow: tuple[int, ...], seed: int) -> Replay:
    """Replay every scenario. ``slow`` are the numbers of the routes that are worth mending, worst first."""
    floor = float(np.quantile(trial.work.service_us, 0.99)) / 1000
    rows = tuple(_row(trial, scenario, seed) for scenario in _scenarios(trace, trial.workers, dynos, slow))
    return Replay(
        start_us=trace.origin_us + int(trace.arrival_us[trial.stretch].min()),
        seconds=trial.work.span_us / 1e6,
        requests=len(trial.work),
        measured_p99_ms=trial.measured_p99_ms,
        replayed_p99_ms=trial.replayed_p99_ms,
        floor_p99_ms=floor,
        thickened_by="two copies of the same requests, moved by some minutes so that they do not burst together",
        rows=rows,
    )


def _scenarios(trace: Trace, workers: int, dynos: int, slow: tuple[int, ...]) -> list[Scenario]:
    half = max(dynos // 2, 1)
    rows = [
        Scenario("as it is: the router deals at random", Fleet(dynos, workers, "random")),
        Scenario("round robin", Fleet(dynos, workers, "round robin")),
        Scenario("least outstanding requests", Fleet(dynos, workers, "least outstanding")),
        Scenario("twice the workers in each", Fleet(dynos, 2 * workers, "random")),
        Scenario("twice the workers, least outstanding", Fleet(dynos, 2 * workers, "least outstanding")),
        Scenario("twice as many dynos", Fleet(2 * dynos, workers, "random")),
        Scenario("twice as many, least outstanding", Fleet(2 * dynos, workers, "least outstanding")),
    ]
    for number in slow[:2]:
        text = f"{trace.routes[number]} {MENDED:.0f} times as fast"
        rows.append(Scenario(text, Fleet(dynos, workers, "random"), mended=(number,)))
        if half < dynos:
            rows.append(
                Scenario(f"{text}, half the dynos", Fleet(half, workers, "least outstanding"), mended=(number,))
            )
    if len(slow) > 1:
        text = f"both {MENDED:.0f} times as fast, least outstanding"
        rows.append(Scenario(text, Fleet(dynos, workers, "least outstanding"), mended=slow[:2]))
    rows.append(Scenario(f"a processor {_FASTER:g} times as fast", Fleet(dynos, workers, "random"), speed=_FASTER))
    return rows


def _row(trial: Trial, scenario: Scenario, seed: int) -> WhatIf:
    work = mended(trial.work, scenario.mended)
    work = work.served((work.service_us / scenario.speed).astype(np.int64))
    now, later = (expect(work, scenario.fleet, traffic, trial.objective_ms, seed) for traffic in TRAFFICS)
    fleet = scenario.fleet
    mean_us = max(float(work.service_us.mean()), 1.0)
    capacity = fleet.dynos * fleet.workers / mean_us * 60e6
    return WhatIf(scenario.text, fleet.dynos, fleet.workers, fleet.routing, capacity, now, later)


def mended(work: Work, routes: tuple[int, ...], by: float = MENDED) -> Work:
    """The same requests with some routes served ``by`` times as fast."""
    if not routes:
        return work
    fast = np.isin(work.route, routes)
    return work.served(np.where(fast, (work.service_us / by).astype(np.int64), work.service_us))
