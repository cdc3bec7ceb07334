"""How long does an engine need for a backlog that was made while it stood still?"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field

from .. import markers
from ..clusters import Side
from ..figures import cell, ratios
from ..plan import Plan
from ..report import Section
from ..stage import Stage
from .following import Following, following, turns

KINDS = ("distinct", "hot")


@dataclass
class Drained:
    """Seconds per repeat of both backlogs, and what the comparison afterwards said."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    results: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)


def run(stage: Stage, plan: Plan) -> Section:
    engines = turns(stage, plan)
    found: dict[str, Drained] = defaultdict(Drained)
    for repeat, kind in engines:
        with engines.trying(kind), following(stage, kind, plan.live_scale) as live:
            for backlog in KINDS:
                if not _drain(stage, plan, live, backlog, found[kind.name]):
                    break
                took = found[kind.name].seconds[backlog][-1]
                stage.say(f"drain {repeat + 1}/{plan.repeats}: {kind.label}, {backlog} {took:.2f} s")
    native = found["native"]
    rows = [
        [kind.label, *(_cell(one, backlog, native, plan) for backlog in KINDS), ", ".join(sorted(one.results))]
        for kind in engines.kinds
        for one in [found[kind.name]]
    ]
    return Section(
        "drain",
        f"Drain of a backlog made while the engine stood still ({plan.backlog:,} updates in transactions of {plan.transaction_rows:,})",
        (
            "engine",
            "distinct keys, s (ratio to native)",
            f"{plan.hot_keys:,} hot keys, s (ratio to native)",
            "compared",
        ),
        rows + engines.absent(4),
        (
            "From the resume command (for offramp the start of its process) until the row written last is on the target.",
            f"pgbench scale {plan.live_scale}; contents of all tables compared afterwards.",
        ),
        failures=engines.told(),
    )


def _drain(stage: Stage, plan: Plan, live: Following, backlog: str, found: Drained) -> bool:
    """One backlog; False when the engine did not get through it."""
    live.engine.pause()
    make_backlog(live.source, plan, backlog)
    with live.source.connect() as origin:
        marker = markers.beat(origin)
    stage.settle()
    began = time.monotonic()
    live.engine.resume()
    left = markers.arrival(live.target, marker, plan.drain_limit)
    if left is None:
        found.stuck.add(backlog)
        return False
    found.seconds[backlog].append(time.monotonic() - began)
    found.results.add(markers.verdict(live.source, live.target))
    return True


def make_backlog(source: Side, plan: Plan, backlog: str, rows: int | None = None) -> None:
    """Update accounts, ``transaction_rows`` at a time: each once, or the same ``hot_keys`` over and over."""
    rows = rows or plan.backlog
    size = plan.transaction_rows
    with source.connect() as origin:
        for turn in range(rows // size):
            low = turn * size + 1 if backlog == "distinct" else (turn * size) % plan.hot_keys + 1
            origin.execute(
                "update pgbench_accounts set abalance = abalance + 1 where aid >= %s and aid < %s", (low, low + size)
            )


def _cell(one: Drained, backlog: str, native: Drained, plan: Plan) -> str:
    """Seconds with the ratio to native of the same rounds."""
    if backlog in one.stuck:
        return f"not within {plan.drain_limit:g} s"
    seconds = one.seconds[backlog]
    beside = ratios(seconds, native.seconds[backlog]) if native is not one else []
    return f"{cell(seconds)} ({cell(beside)})" if beside else cell(seconds)
