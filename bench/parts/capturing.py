"""How is the price of capture measured? The same work with and without it, turn by turn, each run between two without.

Every variant has a clone of the data of its own; engines that are not being measured stand still.
"""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from .. import markers
from ..clusters import ADMIN, Side
from ..peers import FOLLOWERS, EngineStuckError, Kind, wait_for
from ..plan import Plan
from ..stage import Stage
from .following import Following, following

CATCH_UP_SECONDS = 120.0
# The order of variants in a round: any, but the same in every run of the benchmark.
SEED = 7


def _nothing() -> None:
    """What a variant does that needs nothing done."""


@dataclass(frozen=True)
class Variant:
    """``enter`` sets it going, ``finish`` waits until the engine has caught up (its price belongs to the run), ``leave`` stops it."""

    name: str
    label: str
    side: Side
    enter: Callable[[], None] = _nothing
    finish: Callable[[], None] = _nothing
    leave: Callable[[], None] = _nothing


@contextmanager
def variants(stage: Stage, plan: Plan, names: Sequence[str]) -> Iterator[tuple[list[Variant], list[tuple[str, str]]]]:
    """Yield those of ``names`` that can be had, ``none`` first, and the missing ones with the reason."""
    with ExitStack() as stack:
        found = [Variant("none", "nothing", stage.fresh_source(plan.live_scale, "cap_none"))]
        stage.warm(found[0].side)
        missing: list[tuple[str, str]] = []
        live: dict[str, Following] = {}
        for name in names:
            engine = name.split()[0]
            if not plan.wants(engine):
                continue
            if engine == "slot":
                found.append(_slot(stage, plan, stack))
                continue
            kind = next(kind for kind in FOLLOWERS if kind.name == engine)
            if why := kind.missing(stage.source.environ, stage.source.binaries):
                missing.append((name, why))
                continue
            if engine not in live:
                live[engine] = _standing(stage, plan, kind, stack)
            found.append(_follower(name, live[engine]))
        yield found, missing


def _standing(stage: Stage, plan: Plan, kind: Kind, stack: ExitStack) -> Following:
    live = stack.enter_context(following(stage, kind, plan.live_scale, f"cap_{kind.name}"))
    live.engine.pause()
    return live


def _follower(name: str, live: Following) -> Variant:
    """``ENGINE running`` moves changes meanwhile, ``ENGINE stopped`` only captures them."""
    label = f"{live.kind.label}, {name.split()[1]}"

    def forget() -> None:
        if live.kind.name == "bucardo":
            _empty_deltas(live.source)

    def go() -> None:
        forget()
        live.engine.resume()
        live.catch_up()

    def finish() -> None:
        # Bucardo may stall for seconds; what it has not done by then is not charged to it.
        markers.catch_up(live.source, live.target, CATCH_UP_SECONDS)

    if name.endswith("running"):
        return Variant(name, label, live.source, go, finish, live.engine.pause)
    return Variant(name, label, live.source, forget)


def _empty_deltas(source: Side) -> None:
    """Leave no backlog of an earlier run to the next one."""
    admin = source.named(role=ADMIN)
    with admin.connect() as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'bucardo' and tablename ~ '^(delta|track)_'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"truncate {table}")


def _slot(stage: Stage, plan: Plan, stack: ExitStack) -> Variant:
    """A logical slot with a reader that throws everything away: what native replication costs its source at least."""
    side = stage.fresh_source(plan.live_scale, "cap_slot").named(role=ADMIN)
    side.run("create publication p for all tables")
    stage.warm(side)
    readers: list[subprocess.Popen[bytes]] = []

    def enter() -> None:
        side.run("select pg_create_logical_replication_slot('cap', 'pgoutput')")
        command = [
            "pg_recvlogical", "-d", side.conninfo, "--slot", "cap", "--start", "-f", "/dev/null",
            "-o", "proto_version=1", "-o", "publication_names=p",
        ]  # fmt: skip
        readers.append(subprocess.Popen(command, env=side.env(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_for(lambda: _active(side) == 1, "the slot's reader", seconds=30)

    def finish() -> None:
        end = side.value("select pg_current_wal_lsn()::text")
        wait_for(
            lambda: side.value(f"select count(*) from pg_stat_replication where sent_lsn >= '{end}'") == 1,
            "the slot's reader at the end of the log",
            seconds=CATCH_UP_SECONDS,
        )

    def leave() -> None:
        if not readers:
            return
        reader = readers.pop()
        reader.send_signal(signal.SIGINT)
        reader.wait(30)
        wait_for(lambda: _active(side) == 0, "the slot's release", seconds=30)
        side.run("select pg_drop_replication_slot('cap')")

    stack.callback(leave)
    return Variant("slot", "a logical slot, read", side, enter, finish, leave)


def _active(side: Side) -> int:
    count = side.value("select count(*) from pg_replication_slots where active")
    assert isinstance(count, int)
    return count


@dataclass(frozen=True)
class Prices:
    """Per variant: the raw figures, and their ratios to the mean of the two runs beside them that captured nothing."""

    raw: Mapping[str, list[tuple[float, ...]]]
    ratios: Mapping[str, list[tuple[float, ...]]]


def measure(
    stage: Stage, found: Sequence[Variant], rounds: int, work: Callable[[Variant], tuple[float, ...]], what: str
) -> Prices:
    """Run ``work`` for none, v, none, w, .., none in every round."""
    none, rest = found[0], list(found[1:])
    raw: dict[str, list[tuple[float, ...]]] = {variant.name: [] for variant in found}
    ratios: dict[str, list[tuple[float, ...]]] = {variant.name: [] for variant in rest}
    shuffle = random.Random(SEED)
    for turn in range(rounds):
        order = shuffle.sample(rest, len(rest))
        before = _one(stage, none, work)
        raw["none"].append(before)
        for variant in order:
            mine, after = _one(stage, variant, work), _one(stage, none, work)
            raw[variant.name].append(mine)
            raw["none"].append(after)
            ratios[variant.name].append(
                tuple(2 * value / (left + right) for value, left, right in zip(mine, before, after, strict=True))
            )
            before = after
        stage.say(f"{what}: round {turn + 1}/{rounds}")
    return Prices(raw, ratios)


def _one(stage: Stage, variant: Variant, work: Callable[[Variant], tuple[float, ...]]) -> tuple[float, ...]:
    variant.enter()
    try:
        stage.settle()
        return work(variant)
    finally:
        try:
            variant.finish()
        except EngineStuckError as error:
            stage.say(str(error))
        variant.leave()
