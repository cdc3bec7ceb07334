"""Which apps belong together? Those connected by calls or by shared data, however indirectly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .model import Estate


def groups(estate: Estate) -> tuple[tuple[str, ...], ...]:
    """Return the apps in groups that cannot be divided between two sides, sorted within and without."""
    leader = {app.name: app.name for app in estate.apps}
    for one, other in _ties(estate):
        if one in leader and other in leader:
            _join(leader, one, other)
    members: dict[str, list[str]] = {}
    for name in sorted(leader):
        members.setdefault(_find(leader, name), []).append(name)
    return tuple(sorted(tuple(names) for names in members.values()))


def name(group: tuple[str, ...], groups: int) -> str:
    """Return what one group of apps is called among so many.

    >>> name(("billing", "shop"), 1), name(("billing", "shop"), 2)
    ('main', 'billing')
    """
    return "main" if groups == 1 else group[0]


def _ties(estate: Estate) -> Iterator[tuple[str, str]]:
    """Yield pairs of apps that cannot be on different sides."""
    for app in estate.apps:
        yield from ((app.name, variable.points_at) for variable in app.config if variable.points_at)
    yield from ((call.caller, call.callee) for call in estate.calls)
    shared = [(database.app, (*database.attached_to, *database.copied_to)) for database in estate.databases]
    shared += [(cache.app, (*cache.attached_to, *cache.copied_to)) for cache in estate.caches]
    for owner, places in shared:
        yield from ((owner, place.partition(":")[0]) for place in places)


def _join(leader: dict[str, str], one: str, other: str) -> None:
    first, second = sorted((_find(leader, one), _find(leader, other)))
    leader[second] = first


def _find(leader: Mapping[str, str], name: str) -> str:
    while leader[name] != name:
        name = leader[name]
    return name
