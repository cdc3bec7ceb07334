"""Where are a wave's caches, old and new, who uses the old ones, and how does what they hold get across?"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from .. import cache
from ..deploy import config
from ..design.model import Blueprint, CachePlan
from ..errors import OutsideError
from ..kit.secret import Secret
from ..provision.model import Footprint
from ..tools import Tools


def carried_parameter(blueprint: Blueprint, wave: str) -> str:
    """Name of the parameter that says that what the old caches held has been carried over."""
    return f"/{blueprint.name}/caches/{wave}/carried"


def old_users(tools: Tools, blueprint: Blueprint, wave: str) -> tuple[str, ...]:
    """Return who works with the wave's caches on Heroku; a cache that does not answer is used by nobody."""
    found: list[str] = []
    for _, old in _old(tools, blueprint, wave):
        try:
            found.extend(cache.users(old))
        except OutsideError:
            continue
    return tuple(found)


def carry_wave(tools: Tools, blueprint: Blueprint, wave: str) -> None:
    """Carry all of them, then note that it was done."""
    footprint = Footprint.of(tools.aws.stacks, blueprint)
    for plan, old in _old(tools, blueprint, wave):
        place = footprint.cache(plan.name)
        token = config.cache_token(tools.aws.secrets.get(place.secret), place.secret)
        new = Secret(f"rediss://:{quote(token.reveal(), safe='')}@{place.host}:{place.port}")
        cache.carry(old, new, verified=tools.settings.aws.cache_tls == "verify-full")
    tools.aws.parameters.put(carried_parameter(blueprint, wave), "yes")


def _old(tools: Tools, blueprint: Blueprint, wave: str) -> Iterator[tuple[CachePlan, Secret]]:
    for name in blueprint.wave(wave).caches:
        plan = next(one for one in blueprint.caches if one.name == name)
        if (url := tools.source_url_if_any(plan.app, plan.config_var)) is not None:
            yield plan, url
