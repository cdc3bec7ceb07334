"""What was gathered for an assessment, before anybody says what it means as a whole?"""

from __future__ import annotations

from dataclasses import dataclass

from ..discover.model import Estate
from .cost.model import Comparison
from .database.model import DatabaseAdvice
from .feasibility.model import Feasibility
from .latency.model import Latency
from .model import Conditions, Coverage, Gap


@dataclass(frozen=True, slots=True)
class Evidence:
    """Every part as its own package found it, and a gap for each that could not be had. ``now`` is in seconds since 1970 UTC."""

    name: str
    now: float
    version: str
    fingerprint: str
    estate: Estate
    conditions: Conditions
    latencies: tuple[Latency, ...] = ()
    databases: tuple[DatabaseAdvice, ...] = ()
    feasibility: Feasibility | None = None
    cost: Comparison | None = None
    coverage: tuple[Coverage, ...] = ()
    gaps: tuple[Gap, ...] = ()
