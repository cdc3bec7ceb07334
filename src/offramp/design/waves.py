"""Which services and databases must switch together? Those connected by calls or by shared data, however indirectly."""

from __future__ import annotations

from ..discover import ties
from ..discover.model import Estate
from .model import CachePlan, DatabasePlan, Wave


def waves(estate: Estate, databases: tuple[DatabasePlan, ...], caches: tuple[CachePlan, ...]) -> tuple[Wave, ...]:
    """Return the groups of apps, each with the databases and caches of its apps; one group is called ``main``."""
    groups = ties.groups(estate)
    return tuple(
        Wave(
            name=ties.name(group, len(groups)),
            apps=group,
            databases=tuple(plan.name for plan in databases if plan.app in group),
            caches=tuple(plan.name for plan in caches if plan.app in group),
        )
        for group in groups
    )
