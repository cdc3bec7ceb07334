"""What is the highest load that an engine follows, when it shares the machine with it?"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field

from .. import markers
from ..figures import cell, ratios
from ..markers import Probe
from ..plan import Plan
from ..report import Section
from ..stage import Stage, pgbench
from .following import Following, following, turns

BOUND_SECONDS = 5.0
# How far a rate is lowered each time that the lag was not bounded.
LOWER = 0.85
FLOOR_TPS = 100
DRAIN_SECONDS = 180


@dataclass
class Held:
    """The highest bounded rate of each repeat, with the worst lag in its last third."""

    tps: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    lowered: int = 0
    results: set[str] = field(default_factory=set)


def run(stage: Stage, plan: Plan) -> Section:
    engines = turns(stage, plan)
    found: dict[str, Held] = defaultdict(Held)
    alone: list[float] = []
    for repeat, kind in engines:
        if len(alone) <= repeat:
            alone.append(_alone(stage, plan))
        with engines.trying(kind), following(stage, kind, plan.live_scale) as live:
            one = found[kind.name]
            _measure(stage, plan, live, one)
            stage.say(
                f"sustained {repeat + 1}/{plan.repeats}: {kind.label} {one.tps[-1]:.0f} tps, lag {one.worst[-1]:.2f} s"
            )
    native = found["native"].tps
    rows = [["nothing follows", cell(alone, 0), "-", "-", "-"]]
    for kind in engines.kinds:
        one = found[kind.name]
        beside = cell(ratios(one.tps, native)) if native else "-"
        note = f"rate lowered {one.lowered} times" if one.lowered else "unlimited"
        rows.append(
            [kind.label, f"{cell(one.tps, 0)} ({note})", beside, cell(one.worst), ", ".join(sorted(one.results))]
        )
    return Section(
        "sustained",
        f"Highest pgbench rate with a lag below {BOUND_SECONDS:g} s",
        ("engine", "transactions a second", "ratio to native", "worst lag in the last third, s", "compared after"),
        rows + engines.absent(5),
        (
            f"pgbench TPC-B, 4 clients, prepared, scale {plan.live_scale}, {plan.load_seconds} s without a limit; when the lag is not bounded, "
            f"again at {LOWER:g} of that rate, until it is.",
        ),
        failures=engines.told(),
    )


def _alone(stage: Stage, plan: Plan) -> float:
    """The rate of pgbench when nothing follows."""
    source = stage.fresh_source(plan.live_scale)
    stage.warm(source)
    stage.settle()
    return pgbench(source, threads=1, seconds=plan.load_seconds).tps


def _measure(stage: Stage, plan: Plan, live: Following, held: Held) -> None:
    rate = 0
    while True:
        tps, worst = _load(plan, live, rate)
        drained = markers.catch_up(live.source, live.target, DRAIN_SECONDS)
        if worst < BOUND_SECONDS and drained is not None:
            held.tps.append(tps)
            held.worst.append(worst)
            held.results.add(markers.verdict(live.source, live.target))
            return
        rate = int(tps * LOWER)
        held.lowered += 1
        if rate < FLOOR_TPS or drained is None:
            held.tps.append(0.0)
            held.worst.append(worst)
            held.results.add("not bounded")
            return
        stage.settle()


def _load(plan: Plan, live: Following, rate: int) -> tuple[float, float]:
    """The rate reached, and the worst age of the heartbeat in the last third of the run."""
    with Probe(live.source, live.target) as probe:
        load = pgbench(live.source, threads=1, seconds=plan.load_seconds, rate=rate)
        end = time.monotonic()
        tail = probe.stale_since(end - plan.load_seconds / 3, end)
    return load.tps, max(tail, default=float("inf"))
