"""How is one deed of shifting done?"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ..aws.dns import Weighted
from .model import (
    Deed,
    Mark,
    MoveTraffic,
    RemoveScheduler,
    SetOrigins,
    StartWorkers,
    StopDynos,
    SwitchOnSchedule,
    write_mark,
)

if TYPE_CHECKING:
    from ..tools import Tools


def act(deed: Deed, tools: Tools) -> None:
    """Do one deed; safe to repeat."""
    match deed:
        case SetOrigins(app, values):
            tools.heroku.set_config(app, dict(values))
        case MoveTraffic():
            _move(deed, tools)
        case StopDynos(app, process):
            tools.heroku.scale(app, {process: 0})
        case RemoveScheduler(app, addon):
            tools.heroku.delete_addon(app, addon)
        case StartWorkers(cluster, service, count):
            tools.aws.ecs.set_desired(cluster, service, count)
        case SwitchOnSchedule(_, name):
            tools.aws.schedules.switch(name, on=True)
        case _:
            assert_never(deed)


def _move(deed: MoveTraffic, tools: Tools) -> None:
    """Change the weights and note the time of the change beside them, in one batch."""
    mark = Mark(deed.share, tools.clock.now(), deed.returned, deed.requests, deed.errors)
    names = [Weighted(hostname, heroku, deed.load_balancer_dns) for hostname, heroku in deed.names]
    tools.aws.dns.set_weights(deed.zone_id, names, aws_percent=deed.share, note=write_mark(mark))
