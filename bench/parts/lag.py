"""How late does a change arrive under a light load?"""

from __future__ import annotations

import time
from collections import defaultdict

from ..figures import cell, percentile
from ..markers import Probe
from ..plan import Plan
from ..report import Section
from ..stage import Stage, pgbench
from .following import Following, following, turns

RATE = 200
FIGURES = ("first p50", "first p99", "stale p50", "stale p99", "stale max", "idle p50", "idle p99")


def run(stage: Stage, plan: Plan) -> Section:
    engines = turns(stage, plan)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for repeat, kind in engines:
        with engines.trying(kind), following(stage, kind, plan.live_scale) as live:
            told = _measure(plan, live)
            for name, value in told.items():
                found[kind.name][name].append(value)
            stage.say(
                f"lag {repeat + 1}/{plan.repeats}: {kind.label}, first seen p50 {told['first p50']:.0f} ms, p99 {told['first p99']:.0f}"
            )
    return Section(
        "lag",
        f"Lag at {RATE} transactions a second, in milliseconds",
        (
            "engine",
            "first seen p50",
            "first seen p99",
            "stale p50",
            "stale p99",
            "stale max",
            "no load: first seen p50",
            "p99",
        ),
        [[kind.label, *(cell(found[kind.name][name], 0) for name in FIGURES)] for kind in engines.kinds]
        + engines.absent(8),
        (
            "A row is written each 100 ms at the source, the target read each 20 ms. *First seen*: its age when it first shows there. "
            "*Stale*: its age at any reading; a perfect engine has 50 in the median and 100 at most.",
            f"pgbench TPC-B, 4 clients, scale {plan.live_scale}, {plan.lag_seconds} s of which the first {plan.settle_seconds:g} are left out.",
        ),
        failures=engines.told(),
    )


def _measure(plan: Plan, live: Following) -> dict[str, float]:
    """Lag without any load, then under it."""
    with Probe(live.source, live.target) as probe:
        time.sleep(plan.settle_seconds)
        began = time.monotonic()
        time.sleep(plan.settle_seconds)
        idle = probe.first_since(began)
    with Probe(live.source, live.target) as probe:
        began = time.monotonic() + plan.settle_seconds
        pgbench(live.source, threads=1, rate=RATE, seconds=plan.lag_seconds)
        stale, first = probe.stale_since(began), probe.first_since(began)
    return _told(idle, stale, first)


def _told(idle: list[float], stale: list[float], first: list[float]) -> dict[str, float]:
    shares = ((first, "first", 0.5), (first, "first", 0.99), (stale, "stale", 0.5), (stale, "stale", 0.99),
              (idle, "idle", 0.5), (idle, "idle", 0.99))  # fmt: skip
    told = {f"{name} p{share * 100:.0f}": percentile(ages, share) * 1000 for ages, name, share in shares}
    return {**told, "stale max": max(stale, default=float("nan")) * 1000}
