"""How does what was gathered become an Assessment? Pure: the same evidence gives the same assessment, and none is refused."""

from __future__ import annotations

from decimal import Decimal

from . import answers, asking
from .evidence import Evidence
from .model import Assessment, Scope


def compose(found: Evidence) -> Assessment:
    """Put the three answers over their evidence; the apps with the most time above the objective come first."""
    latencies = tuple(sorted(found.latencies, key=lambda one: (-one.attribution.above_ms, -one.total.p99.ms, one.app)))
    return Assessment(
        name=found.name,
        made_at=found.now,
        made_by=found.version,
        estate=found.fingerprint,
        scope=Scope(
            apps=tuple(app.name for app in found.estate.apps),
            databases=tuple(database.addon for database in found.estate.databases),
            caches=tuple(cache.addon for cache in found.estate.caches),
        ),
        conditions=found.conditions,
        slow=answers.slow(latencies, found.gaps),
        move=answers.move(found.feasibility, found.gaps),
        worth=answers.worth(found.cost, found.gaps, _traffic(found)),
        latencies=latencies,
        databases=found.databases,
        feasibility=found.feasibility,
        cost=found.cost,
        coverage=found.coverage,
        gaps=found.gaps,
    )


def _traffic(found: Evidence) -> Decimal:
    return asking.flags(found.conditions.what_if, found.conditions.region).traffic
