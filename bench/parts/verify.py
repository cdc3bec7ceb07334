"""How long does a check of everything take beside the bare query, and what does the woven check cost the application?"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from offramp import postgres as pg
from offramp import pump
from offramp.kit.secret import Secret

from .. import markers
from ..clusters import Side
from ..figures import cell, percentile, ratios
from ..peers.offramp import KIND, Offramp
from ..plan import Plan
from ..report import Section
from ..stage import TABLES, Stage, pgbench
from .following import following

OPTION = "--no-verify"


def run(stage: Stage, plan: Plan) -> Section:
    rows = [*_whole(stage, plan), *_woven(stage, plan)]
    return Section(
        "verify",
        f"Verification of {plan.scale * 100_000:,} rows, and its price while rows move",
        ("what", "seconds, or p99 ms", "ratio", "note"),
        rows,
        (
            "The bare query is `select count(*), sum(hashtextextended(t::text, 0))` of every table, on both sides at once.",
            f"Woven: pgbench, 4 clients, scale {plan.live_scale}, pump live, latency from the client's view. At a fixed rate it counts from "
            "the moment when a transaction was due.",
        ),
    )


def _whole(stage: Stage, plan: Plan) -> list[list[str]]:
    """The whole check of a quiet pair, and the bare query, in turn."""
    bare: list[float] = []
    ours: list[float] = []
    with following(stage, KIND, plan.scale) as live:
        live.engine.pause()
        assert isinstance(live.engine, Offramp)
        for repeat in range(plan.repeats + 1):
            asked = _bare(live.source, live.target)
            with (
                pg.connect(Secret(live.source.url), application_name="bench") as origin,
                pg.connect(Secret(live.target.url), application_name="bench") as receiver,
            ):
                began = time.monotonic()
                verification = pump.verify_all(origin, receiver, live.engine.link)
                checked = time.monotonic() - began
            # The first turn warms both caches.
            if repeat:
                bare.append(asked)
                ours.append(checked)
                stage.say(f"verify {repeat}/{plan.repeats}: bare {asked:.2f} s, offramp {checked:.2f} s")
    found = f"{verification.rows:,} rows, {len(verification.differences)} differences"
    return [
        ["bare query, both sides at once", cell(bare), "1", "-"],
        ["offramp verify, whole database", cell(ours), cell(ratios(ours, bare)), found],
    ]


def _bare(source: Side, target: Side) -> float:
    """Seconds until both sides have answered for every table."""

    def ask(side: Side) -> None:
        with side.connect() as connection:
            for table in TABLES:
                connection.execute(f"select count(*), sum(hashtextextended(t::text, 0)) from {table} t")

    began = time.monotonic()
    beside = threading.Thread(target=ask, args=(source,))
    beside.start()
    ask(target)
    beside.join()
    return time.monotonic() - began


def _woven(stage: Stage, plan: Plan) -> list[list[str]]:
    """Latency of pgbench with the pump's check woven in and with it off, in turn."""
    source, target = stage.fresh_source(plan.live_scale), stage.fresh_target()
    engines = {"on": Offramp(stage, source, target), "off": Offramp(stage, source, target, (OPTION,))}
    if not engines["off"].takes(OPTION):
        return [["woven check", "-", "-", f"`python -m offramp.pump link` has no {OPTION} yet"]]
    found: dict[tuple[str, int], list[float]] = {(mode, rate): [] for rate in (plan.woven_rate, 0) for mode in engines}
    try:
        engines["on"].start()
        engines["on"].pause()
        for repeat in range(plan.repeats):
            for rate in (plan.woven_rate, 0):
                for mode, engine in engines.items():
                    engine.resume()
                    markers.catch_up(source, target, plan.drain_limit)
                    stage.settle()
                    found[mode, rate].append(_p99(stage, plan, source, rate))
                    engine.pause()
            stage.say(f"verify, woven: round {repeat + 1}/{plan.repeats}")
    finally:
        for engine in engines.values():
            engine.pause()
        engines["on"].drop()
    return [row for rate in (plan.woven_rate, 0) for row in _rows(found, rate)]


def _p99(stage: Stage, plan: Plan, source: Side, rate: int) -> float:
    """Milliseconds within which 99 of 100 transactions ended."""
    prefix = stage.folder / "latency"
    pgbench(source, seconds=plan.load_seconds, rate=rate, log_prefix=prefix)
    micros: list[int] = []
    for path in stage.folder.glob("latency.*"):
        micros += _latencies(path)
        path.unlink()
    return percentile(micros, 0.99) / 1000


def _latencies(path: Path) -> list[int]:
    """The third field of pgbench's log is a transaction's time in microseconds."""
    return [int(line.split()[2]) for line in path.read_text().splitlines()]


def _rows(found: dict[tuple[str, int], list[float]], rate: int) -> list[list[str]]:
    on, off = found["on", rate], found["off", rate]
    load = f"{rate} tps" if rate else "unlimited"
    return [
        [f"pgbench {load}, no check", cell(off, 1), "1", "p99 ms"],
        [f"pgbench {load}, check woven in", cell(on, 1), cell(ratios(on, off)), "p99 ms"],
    ]
