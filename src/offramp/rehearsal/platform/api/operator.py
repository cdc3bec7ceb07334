"""Routes that Heroku has not: what runs here, and faults on demand. For the rehearsal's driver and for people who look around."""

from __future__ import annotations

import os

from aiohttp import web

from ..addons.postgres import HerokuPostgres
from ..views import Json
from ..world import Addon, App
from .context import answer, platform, the_addon
from .problems import invalid

routes = web.RouteTableDef()


@routes.get("/_rehearsal/state")
async def state(request: web.Request) -> web.Response:
    """Every process with its pid and address; no secrets."""
    here = platform(request)
    return answer(
        {
            "pid": os.getpid(),
            "api": here.api_url,
            "router": f"http://{here.router_address}",
            "apps": {app.name: _app(request, app) for app in here.world.apps.values()},
            "addons": {addon.name: _addon(addon, request) for addon in here.world.addons.values()},
            "deleted_databases": [
                {"addon": name, "objects": list(objects)} for name, objects in here.world.deleted_databases.items()
            ],
        }
    )


def _app(request: web.Request, app: App) -> Json:
    here = platform(request)
    return {
        "host": app.host,
        "origin": here.origin(app),
        "domains": [domain.hostname for domain in app.domains if domain.cname],
        "release": app.current.version if app.current else None,
        "maintenance": app.maintenance,
        "dynos": [
            {
                "name": dyno.name,
                "pid": dyno.pid,
                "port": dyno.plan.port,
                "state": dyno.state,
                "release": dyno.plan.release_version,
            }
            for dyno in here.crews[app.name].dynos()
        ],
    }


def _addon(addon: Addon, request: web.Request) -> Json:
    resource = addon.resource
    return {
        "plan": addon.plan.name,
        "app": addon.app,
        "attached": [f"{one.app}:{one.variable or one.name}" for one in platform(request).world.attached_to(addon)],
        "host": resource.address[0] if resource else None,
        "port": resource.address[1] if resource else None,
        "pids": list(resource.pids) if resource else [],
    }


@routes.post("/_rehearsal/postgres/{addon}/restart")
async def restart_postgres(request: web.Request) -> web.Response:
    """Restart a database's server as maintenance does; answers when it serves again."""
    addon = the_addon(request)
    if not isinstance(addon.resource, HerokuPostgres):
        raise invalid(f"{addon.name} is not a database.")
    await platform(request).addons.restart(addon, addon.resource)
    return answer(_addon(addon, request))
