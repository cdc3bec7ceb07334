"""How large, how long and how often is a measurement? The full size is the one whose figures are published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of every part. A pgbench scale is 100,000 accounts; times are seconds."""

    scale: int = 100
    live_scale: int = 20
    repeats: int = 3
    memory_repeats: int = 1
    peers: tuple[str, ...] = ()
    load_seconds: int = 25
    capture_seconds: int = 6
    capture_rounds: int = 6
    lag_seconds: int = 40
    settle_seconds: float = 5
    bulk_update: int = 100_000
    bulk_insert: int = 1_000_000
    backlog: int = 1_000_000
    hot_keys: int = 10_000
    transaction_rows: int = 10_000
    drain_limit: float = 400
    pairs: int = 3
    lost_transactions: int = 1_000_000
    lost_clients: tuple[int, ...] = (16, 100, 300)
    lost_wait: float = 15
    woven_rate: int = 400

    def wants(self, engine: str) -> bool:
        return not self.peers or engine in self.peers


SMOKE = Plan(
    scale=1,
    live_scale=1,
    repeats=1,
    load_seconds=3,
    capture_seconds=2,
    capture_rounds=1,
    lag_seconds=4,
    settle_seconds=1,
    bulk_update=20_000,
    bulk_insert=20_000,
    backlog=50_000,
    hot_keys=1_000,
    transaction_rows=1_000,
    drain_limit=60,
    pairs=1,
    lost_transactions=3_000,
    lost_clients=(8, 30),
    lost_wait=8,
    woven_rate=100,
)
"""Every part in seconds: shows that all of it runs; its figures mean nothing."""
