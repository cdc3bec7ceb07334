"""What does capture cost the application, and the source's processors, per transaction?"""

from __future__ import annotations

from functools import partial

from ..figures import cell
from ..plan import Plan
from ..report import Section
from ..stage import Stage, pgbench
from .capturing import Prices, Variant, measure, variants

VARIANTS = ("offramp stopped", "offramp running", "bucardo stopped", "bucardo running", "slot")
MODES = ("prepared", "simple")


def run(stage: Stage, plan: Plan) -> Section:
    rows: list[list[str]] = []
    with variants(stage, plan, VARIANTS) as (found, missing):
        for mode in MODES:
            work = partial(_load, stage, plan, mode)
            prices = measure(stage, found, plan.capture_rounds, work, f"capture, {mode}")
            rows += [_row(variant, mode, prices) for variant in found]
    rows += [[name, "-", why, "-", "-", "-"] for name, why in missing]
    return Section(
        "capture",
        "Price of capture at the source: pgbench TPC-B, 4 clients",
        (
            "captured by",
            "protocol",
            "transactions a second",
            "rate, ratio to nothing",
            "source CPU us per transaction",
            "CPU, ratio",
        ),
        rows,
        (
            f"Runs of {plan.capture_seconds} s at scale {plan.live_scale}; each is compared with the two beside it that captured nothing.",
            "Source CPU is that of the whole source cluster, until the engine has caught up. A running engine, its target and pgbench "
            "are on the same cores, which lowers its rate but not its CPU ratio.",
        ),
    )


def _load(stage: Stage, plan: Plan, mode: str, variant: Variant) -> tuple[float, float]:
    """Transactions a second, and CPU microseconds of the source cluster per transaction."""
    before = stage.source.cpu_seconds()
    load = pgbench(variant.side, mode=mode, seconds=plan.capture_seconds)
    variant.finish()
    return load.tps, (stage.source.cpu_seconds() - before) / load.transactions * 1e6


def _row(variant: Variant, mode: str, prices: Prices) -> list[str]:
    raw, ratios = prices.raw[variant.name], prices.ratios.get(variant.name, [])
    return [
        variant.label, mode, cell([tps for tps, _ in raw], 0), cell([tps for tps, _ in ratios]) if ratios else "1",
        cell([cpu for _, cpu in raw], 0), cell([cpu for _, cpu in ratios]) if ratios else "1",
    ]  # fmt: skip
