"""How long does a whole database take, from nothing to all rows with all keys, beside the physical limit?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .. import markers
from ..clusters import Side
from ..figures import cell, ratios
from ..peers import FOLLOWERS, dump_restore, pgcopydb, raw
from ..peers.engine import Kind, lacking
from ..peers.offramp import Offramp
from ..plan import Plan
from ..report import Section
from ..stage import Stage
from .following import FAILED, FAILURES


@dataclass(frozen=True, slots=True)
class Run:
    """One copy: set-up that a person does before, the copy itself, and the moment rows and keys were there (seconds)."""

    seconds: float
    setup: float = 0.0
    keyed: float | None = None
    cpu_source: float = 0.0
    cpu_target: float = 0.0
    result: str = ""


@dataclass
class Way:
    """One way to copy, and what its repeats gave; ``missing`` says why there are none."""

    name: str
    label: str
    go: Callable[[Stage, Side, Side], Run]
    missing: str | None = None
    runs: list[Run] = field(default_factory=list)
    failed: int = 0

    @property
    def seconds(self) -> list[float]:
        return [run.seconds for run in self.runs]


def run(stage: Stage, plan: Plan) -> Section:
    """Interleave all ways; a ratio compares with the best raw pipe of the same round."""
    ways = _ways(stage, plan)
    source = stage.fresh_source(plan.scale)
    _once(stage, source, Way("warm", "warm-up", _plain(raw.one_stream)))
    for repeat in range(plan.repeats):
        # Each round begins with another one, so that nobody is always first.
        for way in ways[repeat % len(ways) :] + ways[: repeat % len(ways)]:
            if way.missing is None:
                _try(stage, source, way, f"copy {repeat + 1}/{plan.repeats}")
    rows = source.value("select count(*) from pgbench_accounts")
    return _section(ways, f"{rows:,}")


def _try(stage: Stage, source: Side, way: Way, where: str) -> None:
    """Let one way fail without ending the measurement of the others."""
    try:
        _once(stage, source, way)
    except FAILURES as error:
        way.failed += 1
        stage.say(f"{where}: {way.label} failed: {' '.join(str(error).split())}")
    else:
        stage.say(f"{where}: {way.label} {way.runs[-1].seconds:.2f} s, {way.runs[-1].result}")


def _once(stage: Stage, source: Side, way: Way) -> None:
    target = stage.fresh_target()
    stage.warm(source)
    stage.settle()
    way.runs.append(way.go(stage, source, target))


def _ways(stage: Stage, plan: Plan) -> list[Way]:
    """All ways that the plan wants; the raw ones always, since they are the measure."""
    env, where = stage.source.environ, stage.source.binaries
    ways = [Way(f"raw {name}", f"raw limit, {name}", _plain(go)) for name, go in raw.WAYS.items()]
    rest = [
        Way("pgcopydb", "pgcopydb clone, 2 jobs", _plain(pgcopydb.clone), lacking(("pgcopydb",), env, where)),
        Way("dump_restore", "pg_dump, psql in a pipe", _plain(dump_restore.piped)),
        Way("dump_restore", "pg_dump -Fd -j2, pg_restore -j2", _plain(dump_restore.in_parallel)),
        *(Way(kind.name, kind.label, _follower(kind), kind.missing(env, where)) for kind in FOLLOWERS),
    ]
    return ways + [way for way in rest if plan.wants(way.name)]


def _plain(go: Callable[[Stage, Side, Side], None]) -> Callable[[Stage, Side, Side], Run]:
    def timed(stage: Stage, source: Side, target: Side) -> Run:
        began, before = time.monotonic(), _cpu(stage)
        go(stage, source, target)
        seconds, after = time.monotonic() - began, _cpu(stage)
        return Run(
            seconds,
            cpu_source=after[0] - before[0],
            cpu_target=after[1] - before[1],
            result=markers.verdict(source, target),
        )

    return timed


def _follower(kind: Kind) -> Callable[[Stage, Side, Side], Run]:
    def timed(stage: Stage, source: Side, target: Side) -> Run:
        engine = kind.make(stage, source, target)
        try:
            began = time.monotonic()
            engine.prepare()
            ready, before = time.monotonic(), _cpu(stage)
            engine.start()
            seconds, after = time.monotonic() - ready, _cpu(stage)
            keyed = engine.keyed_at - ready if isinstance(engine, Offramp) and engine.keyed_at else None
            return Run(
                seconds,
                ready - began,
                keyed,
                after[0] - before[0],
                after[1] - before[1],
                markers.verdict(source, target),
            )
        finally:
            engine.drop()

    return timed


def _cpu(stage: Stage) -> tuple[float, float]:
    return stage.source.cpu_seconds(), stage.target.cpu_seconds()


def _section(ways: list[Way], rows: str) -> Section:
    pipes = [way for way in ways if way.name.startswith("raw ")]
    limit = [min(seconds) for seconds in zip(*(way.seconds for way in pipes), strict=True)]
    lines = [["raw limit (best of the pipes)", cell(limit), "-", "1", "-", "-"]]
    for way in ways:
        if not way.runs:
            lines.append([way.label, way.missing or FAILED, "-", "-", "-", "-"])
            continue
        setup, keyed = [run.setup for run in way.runs], [run.keyed for run in way.runs if run.keyed]
        told = cell(way.seconds) + (f" (rows and keys there after {cell(keyed)})" if keyed else "")
        lines.append([
            way.label, told, cell(setup) if max(setup) >= 0.01 else "-", cell(ratios(way.seconds, limit)),
            f"{cell([run.cpu_source for run in way.runs], 1)} / {cell([run.cpu_target for run in way.runs], 1)}",
            _results(way),
        ])  # fmt: skip
    return Section(
        "copy",
        f"Initial copy of {rows} pgbench accounts with the other tables and all keys",
        ("way", "seconds", "set-up before, s", "ratio to the limit", "source / target CPU s", "result"),
        lines,
        (
            "The raw limit is `psql COPY | psql COPY`, binary, then the keys: no schema dump, no statistics, no capture.",
            "offramp counts from the start of its process until the link is live: schema, capture, rows, keys, statistics. "
            "The other followers' schema and registration stand beside, not in, their seconds.",
            "Peers work as superuser on both sides; offramp as the tables' owner and a master role shaped like RDS'.",
        ),
        failures=[f"{way.label}: {way.failed} rounds failed." for way in ways if way.failed],
    )


def _results(way: Way) -> str:
    """``same`` when every run was."""
    return ", ".join(sorted({run.result for run in way.runs}))
