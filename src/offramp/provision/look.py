"""What exists of the blueprint's foundations on AWS?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..design.model import Blueprint
from ..errors import OutsideError
from . import templates
from .model import NameSeen, RoleSeen, Seen, app_url_secret, footprint, stack_names
from .stacks import Template
from .standing import checked, standing

if TYPE_CHECKING:
    from ..tools import Tools


def look(tools: Tools, want: Blueprint) -> Seen:
    """Read the stacks, the zone, the repositories and the databases' roles; write nothing."""
    network, data, platform = stack_names(want)
    zone = tools.aws.dns.zone(want.zone)
    stacks = {name: standing(tools.aws.stacks, name) for name in stack_names(want)}
    bodies = {network: templates.network(want), data: templates.data(want)}
    if zone is not None:
        bodies[platform] = templates.platform(want, zone.id)
    outputs: Mapping[str, Mapping[str, str] | None] = {
        name: tools.aws.stacks.outputs(name) if seen.phase == "complete" else None for name, seen in stacks.items()
    }
    ready = stacks[data].phase == "complete"
    return Seen(
        account=tools.aws.account(),
        zone_id=zone.id if zone else None,
        zone_servers=zone.servers if zone else (),
        repositories_missing=tools.aws.images.missing(templates.repositories(want)),
        stacks=tuple(stacks.values()),
        templates=tuple(checked(Template(name, body), want.region, stacks[name]) for name, body in bodies.items()),
        footprint=footprint(want, outputs),
        roles=tuple(RoleSeen(plan.name, _usable(tools, want, plan.name)) for plan in want.databases) if ready else (),
        names=tuple(_name(tools, zone.id, domain.hostname) for domain in want.domains) if zone else (),
    )


def _name(tools: Tools, zone_id: str, hostname: str) -> NameSeen:
    return NameSeen(hostname, tools.aws.dns.name(zone_id, hostname).aws_share)


def _usable(tools: Tools, want: Blueprint, database: str) -> bool:
    """Whether the application's role can log in with the password that is kept for it."""
    url = tools.aws.secrets.get(app_url_secret(want, database))
    if url is None:
        return False
    try:
        tools.connect(url, "offramp look").close()
    except OutsideError:
        # The deed that makes the role meets the same trouble and tells it in full.
        return False
    return True
