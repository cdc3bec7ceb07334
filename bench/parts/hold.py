"""What does the switch itself cost the applications, by the ways that a team has?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from offramp.kit.secret import Secret
from offramp.pump import Event, Means, standalone
from offramp.pump.places import Place

from ..clusters import ADMIN, APP, Side
from ..figures import cell
from ..front import Front, Writers, front
from ..peers import EngineStuckError, bucardo, dump_restore, native, offramp, wait_for
from ..plan import Plan
from ..report import Section
from ..stage import Stage
from .following import FAILURES, Following, following

BEFORE_SECONDS = AFTER_SECONDS = 4.0
# New config vars restart every dyno: the quickest that anybody has seen, and generous to those who need it.
REDEPLOY_SECONDS = 10.0
CATCH_UP_SECONDS = 120.0


@dataclass
class Way:
    label: str
    back: str
    go: Callable[[Stage, Plan], Found]
    runs: list[Found] = field(default_factory=list)
    failed: int = 0


@dataclass(frozen=True)
class Found:
    seconds: float
    failed: int
    requests: int
    lost: int


def run(stage: Stage, plan: Plan) -> Section:
    ways = [
        Way("offramp", "with every write", _offramp),
        Way("native logical replication, PgBouncer paused by a script", "none", _native),
        Way("Bucardo, REVOKE, redeploy", "none", _bucardo),
        Way("pg_dump in maintenance mode, redeploy", "none", _dump),
    ]
    for repeat in range(plan.repeats):
        for way in ways:
            try:
                way.runs.append(way.go(stage, plan))
            except FAILURES as error:
                way.failed += 1
                stage.say(f"{way.label} failed: {' '.join(str(error).split())}")
            else:
                one = way.runs[-1]
                stage.say(
                    f"hold {repeat + 1}/{plan.repeats}: {way.label}: {one.seconds:.2f} s, {one.failed} failed, {one.lost} lost"
                )
    return Section(
        "hold",
        "The switch itself: 8 applications, 500 writes a second",
        ("way", "seconds without a write", "failed requests", "lost writes", "way back"),
        [_row(way) for way in ways],
        (
            f"A redeploy takes {REDEPLOY_SECONDS:g} s here. A request fails when its application gets an error; none tries again.",
            f"Databases of pgbench scale {plan.live_scale}; the followers are live before the switch begins.",
        ),
        failures=[f"{way.label}: {way.failed} of {plan.repeats} rounds failed." for way in ways if way.failed],
    )


def _row(way: Way) -> list[str]:
    if not way.runs:
        return [way.label, "failed", "-", "-", way.back]
    failed = cell([float(one.failed) for one in way.runs], 0)
    return [
        way.label, cell([one.seconds for one in way.runs]), f"{failed} of {way.runs[0].requests:,}",
        cell([float(one.lost) for one in way.runs], 0), way.back,
    ]  # fmt: skip


def _measured(writers: Writers, final: Side) -> Found:
    failed, done = sum(writers.failed), sum(map(len, writers.acknowledged))
    return Found(writers.gap(), failed, failed + done, writers.lost(final))


@contextmanager
def _before(stage: Stage, source: Side) -> Iterator[tuple[Front, Writers]]:
    """A pooler before the source, and applications that write through it."""
    with front(stage.folder / "pooler", source) as made:
        with Writers(lambda: made.url) as writers:
            yield made, writers


def _offramp(stage: Stage, plan: Plan) -> Found:
    """Writers wait at the pooler while the pump fences, drains, compares and turns round."""
    with following(stage, offramp.ALONE, plan.live_scale) as live, _before(stage, live.source) as (before, writers):
        owner = live.target.named(role=APP)
        master = live.target.named(role="master")
        pair = standalone.Pair(
            live.source.database,
            Place("source", None, lambda: Secret(live.source.url)),
            Place("target", None, lambda: Secret(master.url)),
            Means(owner=APP, dump_tools=stage.source.binaries),
        )
        time.sleep(BEFORE_SECONDS)
        with before.console() as console:

            def told(event: Event) -> None:
                move = event.keys.get("move") if event.what == "move made" else ""
                if move == "open":
                    # What takes time has been done; the fence comes next.
                    console.pause()
                elif move == "let-in":
                    before.point(console, owner)

            standalone.finish(pair, seconds=30, report=told)
        time.sleep(AFTER_SECONDS)
        writers.__exit__()
        return _measured(writers, owner.named(role=ADMIN))


def _native(stage: Stage, plan: Plan) -> Found:
    """A careful person's script: pause, wait for the subscription, set the sequences, point the pooler elsewhere."""
    with following(stage, native.KIND, plan.live_scale) as live, _before(stage, live.source) as (before, writers):
        time.sleep(BEFORE_SECONDS)
        with before.console() as console:
            console.pause()
            source = live.source.named(role=ADMIN)
            end = source.value("select pg_current_wal_lsn()::text")
            wait_for(
                lambda: (
                    live.target.value(f"select bool_and(latest_end_lsn >= '{end}') from pg_stat_subscription") is True
                ),
                "the subscription",
                seconds=CATCH_UP_SECONDS,
                every=0.005,
            )
            last = source.value("select last_value from pgbench_history_hid_seq")
            live.target.run(f"select setval('pgbench_history_hid_seq', {last})")
            before.point(console, live.target)
        time.sleep(AFTER_SECONDS)
        writers.__exit__()
        return _measured(writers, live.target)


def _bucardo(stage: Stage, plan: Plan) -> Found:
    """Writers are refused, the rest is replicated, and the applications are restarted with the new address."""
    if why := bucardo.KIND.missing(stage.source.environ, stage.source.binaries):
        raise EngineStuckError(why)
    with following(stage, bucardo.KIND, plan.live_scale) as live, _before(stage, live.source) as (_, writers):
        return _redeployed(stage, live, writers)


def _redeployed(stage: Stage, live: Following, writers: Writers) -> Found:
    admin = live.source.named(role=ADMIN)
    time.sleep(BEFORE_SECONDS)
    admin.run(f"revoke insert, update, delete, truncate on all tables in schema public from {live.source.role}")
    # Only what tells us that all has arrived may still be written.
    admin.run(f"grant insert, update on heartbeat to {live.source.role}")
    live.catch_up(CATCH_UP_SECONDS)
    time.sleep(REDEPLOY_SECONDS)
    writers.url = lambda: live.target.url
    time.sleep(AFTER_SECONDS)
    writers.__exit__()
    return _measured(writers, live.target)


def _dump(stage: Stage, plan: Plan) -> Found:
    source, target = stage.fresh_source(plan.live_scale), stage.fresh_target()
    stage.warm(source)
    with _before(stage, source) as (_, writers):
        time.sleep(BEFORE_SECONDS)
        writers.maintenance.set()
        dump_restore.piped(stage, source, target)
        admin = target.named(role=ADMIN)
        writers.url = lambda: admin.url
        time.sleep(REDEPLOY_SECONDS)
        writers.maintenance.clear()
        time.sleep(AFTER_SECONDS)
        writers.__exit__()
        return _measured(writers, admin)
