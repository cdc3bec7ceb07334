"""What does capture cost a statement that changes very many rows?"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import psycopg

from ..clusters import TICKS, cpu_ticks
from ..figures import cell
from ..plan import Plan
from ..report import Section
from ..stage import Stage
from .capturing import Prices, Variant, measure, variants

VARIANTS = ("offramp stopped", "offramp running", "bucardo stopped")
UPDATE = "update pgbench_accounts set abalance = abalance + 1 where aid between %s and %s"
INSERT = "insert into bulk select g, g %% 1000, md5(g::text) from generate_series(1, %s::int) g"


def run(stage: Stage, plan: Plan) -> Section:
    # Which accounts are updated is chance, but the same in every run of the benchmark.
    choice = random.Random(SEED)
    works: dict[str, Callable[[Variant], tuple[float, float]]] = {
        f"UPDATE of {plan.bulk_update:,}": lambda variant: _update(plan, variant, choice),
        f"INSERT .. SELECT of {plan.bulk_insert:,}": lambda variant: _insert(plan, variant),
    }
    rows: list[list[str]] = []
    with variants(stage, plan, VARIANTS) as (found, missing):
        for label, work in works.items():
            prices = measure(stage, found, max(3, plan.repeats) if plan.repeats > 1 else 1, work, label)
            rows += [_row(variant, label, prices) for variant in found]
    rows += [[name, "-", why, "-", "-", "-"] for name, why in missing]
    return Section(
        "bulk",
        "Price of capture for one large statement",
        ("captured by", "statement", "seconds", "time, ratio to nothing", "backend CPU s", "CPU, ratio"),
        rows,
        (
            f"One session at scale {plan.live_scale}; each run is compared with the two beside it that captured nothing.",
            "*Running* means that the pump reads and applies on the same cores meanwhile.",
        ),
    )


SEED = 11


def _update(plan: Plan, variant: Variant, choice: random.Random) -> tuple[float, float]:
    low = choice.randrange(1, plan.live_scale * 100_000 - plan.bulk_update)
    with variant.side.connect() as connection:
        return _timed(connection, UPDATE, (low, low + plan.bulk_update - 1))


def _insert(plan: Plan, variant: Variant) -> tuple[float, float]:
    with variant.side.connect() as connection:
        connection.execute("truncate bulk")
        variant.finish()
        return _timed(connection, INSERT, (plan.bulk_insert,))


def _timed(connection: psycopg.Connection, statement: str, values: tuple[int, ...]) -> tuple[float, float]:
    """Seconds, and CPU seconds of the backend."""
    pid = connection.info.backend_pid
    began, before = time.monotonic(), cpu_ticks(pid)[0]
    connection.execute(statement, values)
    return time.monotonic() - began, max(cpu_ticks(pid)[0] - before, 1) / TICKS


def _row(variant: Variant, label: str, prices: Prices) -> list[str]:
    raw, ratios = prices.raw[variant.name], prices.ratios.get(variant.name, [])
    return [
        variant.label, label, cell([seconds for seconds, _ in raw]), cell([seconds for seconds, _ in ratios]) if ratios else "1",
        cell([cpu for _, cpu in raw]), cell([cpu for _, cpu in ratios]) if ratios else "1",
    ]  # fmt: skip
