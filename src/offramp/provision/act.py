"""How is one foundation laid? Each deed is one effect and looks before it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ..aws.dns import Weighted
from . import roles
from .bring import act_on_stack
from .model import CreateRepository, CreateRole, CreateZone, Deed, SeedNames
from .stacks import ProtectStack, UpdateStack

if TYPE_CHECKING:
    from ..tools import Tools


def act(deed: Deed, tools: Tools) -> None:
    """Do one deed; safe to repeat. Raises what AWS or the database answers."""
    match deed:
        case CreateZone(name):
            tools.aws.dns.create_zone(name)
        case CreateRepository(name):
            tools.aws.images.create(name)
        case UpdateStack() | ProtectStack():
            act_on_stack(deed, tools.aws.stacks, tools.clock)
        case CreateRole(endpoint, app_secret, app_url_secret):
            roles.create(tools, endpoint, app_secret, app_url_secret)
        case SeedNames(zone_id, names, load_balancer_dns):
            weighted = [Weighted(hostname, heroku, load_balancer_dns) for hostname, heroku in names]
            tools.aws.dns.set_weights(zone_id, weighted, aws_percent=0, note=f"share=0 since={tools.clock.now():.0f}")
        case _:
            assert_never(deed)
