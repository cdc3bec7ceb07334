"""What may be asked of a rehearsal?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FAULTS = ("kill-pump", "kill-controller", "restart-source", "rotate-credentials")

EXAMPLE = Path(__file__).parents[3] / "examples" / "mentoring"
"""The example estate of a checkout; an installed wheel has none, so ``--estate`` is needed there."""


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """``rate`` is in requests a second; ``rows`` is filled in over all databases; ``faults`` are names from FAULTS."""

    estate: Path = EXAMPLE
    rate: float = 50
    rows: int = 300_000
    with_rollback: bool = False
    faults: tuple[str, ...] = ()
    keep: Path | None = None
    seed: int = 1
