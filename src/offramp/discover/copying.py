"""Which values stand in more than one app without an attachment that keeps them alike? Compared by fingerprints only. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..kit.secret import Secret
from . import fingerprint
from .model import App, Copied

SHORT = 12
"""Shorter values than this (``true``, ``production``, ``info``) are alike by chance and hold nothing."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where each fingerprint stands: ``app:CONFIG_VAR``, with whether an attachment put it there."""

    values: Mapping[str, tuple[tuple[str, bool], ...]]
    endpoints: Mapping[str, tuple[tuple[str, bool], ...]]


def places(apps: Iterable[App], long: frozenset[tuple[str, str]]) -> Places:
    """Gather the fingerprints. ``long`` are the ``(app, CONFIG_VAR)`` whose values are long enough to be meant."""
    values: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    endpoints: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for app in apps:
        for one in app.config:
            place = (f"{app.name}:{one.name}", one.attachment is not None)
            if (app.name, one.name) in long and one.points_at is None:
                values[one.fingerprint].append(place)
            if one.endpoint:
                endpoints[one.endpoint].append(place)
    return Places(
        {key: tuple(found) for key, found in values.items()}, {key: tuple(found) for key, found in endpoints.items()}
    )


def long_enough(configs: Mapping[str, Mapping[str, Secret]]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (app, name)
        for app, config in configs.items()
        for name, value in config.items()
        if len(value.reveal()) >= SHORT and not fingerprint.is_plain(value)
    )


def copies(found: Places) -> tuple[Copied, ...]:
    """Return what stands in two apps or more, at least once without an attachment; first equal values, then equal stores."""
    made = [Copied("value", key, _names(where)) for key, where in found.values.items() if _copied(where)]
    told = {one.places for one in made}
    made += [
        Copied("endpoint", key, _names(where))
        for key, where in found.endpoints.items()
        if _copied(where) and _names(where) not in told
    ]
    return tuple(sorted(made, key=lambda one: (one.kind, one.places)))


def copied_to(found: Places, endpoint: str | None) -> tuple[str, ...]:
    """Return the places that reach a store by a URL of their own."""
    where = found.endpoints.get(endpoint, ()) if endpoint else ()
    return tuple(sorted(place for place, attached in where if not attached))


def _copied(where: tuple[tuple[str, bool], ...]) -> bool:
    apps = {place.partition(":")[0] for place, _ in where}
    return len(apps) > 1 and not all(attached for _, attached in where)


def _names(where: tuple[tuple[str, bool], ...]) -> tuple[str, ...]:
    return tuple(sorted(place for place, _ in where))
