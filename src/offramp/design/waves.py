"""Which services and databases must switch together? Those connected by calls or by shared data, however indirectly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..discover.model import Estate
from .model import CachePlan, DatabasePlan, Wave


def waves(estate: Estate, databases: tuple[DatabasePlan, ...], caches: tuple[CachePlan, ...]) -> tuple[Wave, ...]:
    """Return the groups of apps, each with the databases and caches of its apps; one group is called ``main``."""
    groups = sorted(_groups(estate))
    return tuple(
        Wave(
            name="main" if len(groups) == 1 else group[0],
            apps=group,
            databases=tuple(plan.name for plan in databases if plan.app in group),
            caches=tuple(plan.name for plan in caches if plan.app in group),
        )
        for group in groups
    )


def _groups(estate: Estate) -> Iterator[tuple[str, ...]]:
    leader = {app.name: app.name for app in estate.apps}
    for one, other in _ties(estate):
        if one in leader and other in leader:
            _join(leader, one, other)
    members: dict[str, list[str]] = {}
    for name in sorted(leader):
        members.setdefault(_find(leader, name), []).append(name)
    yield from (tuple(names) for names in members.values())


def _ties(estate: Estate) -> Iterator[tuple[str, str]]:
    """Yield pairs of apps that cannot be on different sides."""
    for app in estate.apps:
        yield from ((app.name, variable.points_at) for variable in app.config if variable.points_at)
    shared = [(database.app, database.attached_to) for database in estate.databases]
    shared += [(cache.app, cache.attached_to) for cache in estate.caches]
    for owner, places in shared:
        yield from ((owner, place.partition(":")[0]) for place in places)


def _join(leader: dict[str, str], one: str, other: str) -> None:
    first, second = sorted((_find(leader, one), _find(leader, other)))
    leader[second] = first


def _find(leader: Mapping[str, str], name: str) -> str:
    while leader[name] != name:
        name = leader[name]
    return name
