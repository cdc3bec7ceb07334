"""Which engine loses committed rows: when two transactions begin in one microsecond, and under plain load?"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from .. import markers
from ..clusters import Side
from ..peers import Kind, wait_for
from ..plan import Plan
from ..report import Section
from ..stage import Stage, pgbench
from .following import Following, following, turns
from .same_instant import Pairs, pairs

CATCH_UP_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows that one load left wrong at the target."""

    clients: int
    transactions: int
    missing: int
    different: int
    caught_up: bool


def run(stage: Stage, plan: Plan) -> Section:
    # Logical decoding orders by commit and cannot lose these; native stands for it.
    engines = turns(stage, plan, without=("pglogical",), repeats=1)
    rows: list[list[str]] = []
    for _, kind in engines:
        with engines.trying(kind):
            rows.append(_row(stage, plan, kind))
    loads = ", ".join(str(count) for count in plan.lost_clients)
    return Section(
        "lost",
        "Rows lost",
        (
            "engine",
            "same-microsecond pairs lost",
            "bursts until the pairs were found",
            "plain load: transactions",
            "rows missing",
            "rows different",
        ),
        rows + engines.absent(6),
        (
            "Pairs: two transactions with equal `now()`, one committed and arrived before the other commits; lost means not there "
            f"{plan.lost_wait:g} s after its commit. Bucardo knows a change by `now()` (its issue 216).",
            f"Plain load: pgbench TPC-B, scale {plan.live_scale}, {loads} clients in turn, no further for an engine that did not arrive; "
            "then every history row and changed account is compared.",
        ),
        failures=engines.told(),
    )


def _row(stage: Stage, plan: Plan, kind: Kind) -> list[str]:
    with following(stage, kind, plan.live_scale) as live:
        instant = pairs(live.source, live.target, plan.pairs, plan.lost_wait)
        stage.say(f"lost: {kind.label}, {instant.lost} of {instant.found} pairs")
        losses = []
        for clients in plan.lost_clients:
            losses.append(_load(plan, live, clients))
            stage.say(f"lost: {kind.label}, {losses[-1]}")
            if not losses[-1].caught_up:
                # More clients are for who keeps up with fewer; nobody waits an hour for the others.
                break
    return [kind.label, *_told(instant, losses)]


def _load(plan: Plan, live: Following, clients: int) -> Loss:
    share = plan.lost_transactions // len(plan.lost_clients) // clients
    load = pgbench(live.source, clients=clients, transactions=share)
    arrived = markers.catch_up(live.source, live.target, CATCH_UP_SECONDS) is not None
    if arrived:
        # An engine that is not ordered by commit may show the marker before older rows; give those their time.
        _settle(live, plan.lost_wait)
    missing, different = compare(live.source, live.target)
    return Loss(clients, load.transactions, missing, different, arrived)


def _settle(live: Following, seconds: float) -> None:
    """Wait until both sides count the same history, at most ``seconds``."""
    query = "select count(*) from pgbench_history"
    try:
        wait_for(lambda: live.source.value(query) == live.target.value(query), "equal counts", seconds=seconds)
    except RuntimeError:
        return


def compare(source: Side, target: Side) -> tuple[int, int]:
    """History rows of the source that the target lacks, and changed accounts that are not the same."""
    with source.connect() as origin, target.connect() as receiver:
        history = "copy (select hid from pgbench_history) to stdout"
        missing = len(_lines(origin, history) - _lines(receiver, history))
        accounts = "copy (select aid, abalance from pgbench_accounts where abalance <> 0) to stdout"
        here, there = _lines(origin, accounts), _lines(receiver, accounts)
        keys = {line.split(b"\t")[0] for line in here ^ there}
    return missing, len(keys)


def _lines(side: psycopg.Connection, statement: str) -> set[bytes]:
    found: set[bytes] = set()
    rest = b""
    with side.cursor().copy(statement.encode()) as copy:
        for block in copy:
            lines = (rest + bytes(block)).split(b"\n")
            rest = lines.pop()
            found.update(lines)
    return found


def _told(instant: Pairs, losses: list[Loss]) -> list[str]:
    late = "" if all(loss.caught_up for loss in losses) else f" (marker not within {CATCH_UP_SECONDS} s)"
    each = ", ".join(f"{loss.missing} at {loss.clients}" for loss in losses)
    return [
        f"{instant.lost} of {instant.found}",
        f"{instant.bursts}",
        f"{sum(loss.transactions for loss in losses):,}",
        f"{sum(loss.missing for loss in losses)} ({each} clients){late}",
        f"{max((loss.different for loss in losses), default=0)}",
    ]
