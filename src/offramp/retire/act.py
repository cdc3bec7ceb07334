"""How is one deed of the farewell done?"""

from __future__ import annotations

from typing import assert_never

from .. import pump
from ..design.model import DatabasePlan
from ..tools import Tools
from .model import Deed, DeleteAddon, RemoveCapture, ScaleToZero, TakeBackup, names_of

BACKUP_SECONDS = 3600.0


def act(deed: Deed, tools: Tools) -> None:
    """Do one deed; safe to repeat."""
    match deed:
        case ScaleToZero(app, processes):
            tools.heroku.scale(app, dict.fromkeys(processes, 0))
        case TakeBackup(plan):
            _take_backup(tools, plan)
        case RemoveCapture(plan, project):
            url = tools.source_url_if_any(plan.app, plan.config_var)
            if url is not None:
                with tools.connect(url, "offramp retire") as heroku:
                    pump.remove(heroku)
            # Last, because the record of the switch stands there.
            if (rds := tools.aws.secrets.get(f"{project}/link/{plan.name}")) is not None:
                with tools.connect(rds, "offramp retire") as connection:
                    pump.remove(connection)
        case DeleteAddon(addon):
            tools.heroku.delete_addon(addon.app, addon.id)
        case _:
            assert_never(deed)


def _take_backup(tools: Tools, plan: DatabasePlan) -> None:
    """Begin a backup unless one is under way, and wait for its end."""
    listed = tools.data.backups(plan.app)
    running = next((found for found in listed if found.source in names_of(plan) and found.succeeded is None), None)
    addon = next(found.id for found in tools.heroku.addons(plan.app) if found.name == plan.addon)
    begun = running or tools.data.capture_backup(addon)
    tools.data.wait_for_backup(plan.app, begun.id, deadline_seconds=BACKUP_SECONDS)
