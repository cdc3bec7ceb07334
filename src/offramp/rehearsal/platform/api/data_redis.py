"""Routes of the data API for Key-Value Store: what ``heroku redis:info`` asks for, read from the running server."""

from __future__ import annotations

import asyncio

from aiohttp import web

from .. import views
from ..addons.redis import HerokuRedis
from .context import answer, platform
from .problems import ProblemError

routes = web.RouteTableDef()


@routes.get("/redis/v0/databases/{database}")
async def show_cache(request: web.Request) -> web.Response:
    addon = platform(request).world.addon(request.match_info["database"])
    if addon is None or not isinstance(addon.resource, HerokuRedis):
        raise ProblemError(404, "not_found", "Couldn't find that Key-Value Store.")
    figures = await asyncio.to_thread(addon.resource.figures)
    version = figures.get("valkey_version") or figures.get("redis_version", "")
    rows: list[tuple[str, list[object]]] = [
        ("Plan", [addon.plan.human_name]),
        ("Status", ["available"]),
        ("Created", [addon.created.strftime("%Y-%m-%d %H:%M UTC")]),
        ("Version", [version]),
        ("Connections", [f"{figures.get('connected_clients', '0')}/{addon.plan.connections}"]),
        ("Memory", [f"{figures.get('used_memory_human', '0')} / {addon.plan.memory_mb} MB"]),
        ("Timeout", ["300"]),
        ("Maxmemory", [figures.get("maxmemory_policy", "noeviction")]),
        ("Maintenance", ["not required"]),
        ("Maintenance window", ["Thursdays 18:30 to 22:30 UTC"]),
        ("Persistence", ["AOF"]),
        ("HA Status", ["Available"]),
    ]
    return answer(
        {
            "addon_id": addon.id,
            "name": addon.name,
            "plan": addon.plan.tier,
            "version": version,
            "created_at": views.stamp(addon.created),
            "resource_url": addon.resource.url,
            "port": addon.resource.address[1],
            "formation": {"id": addon.provider_id, "primary": None},
            "info": [{"name": name, "values": values} for name, values in rows],
            "metaas_source": "",
            "customer_encryption_key": None,
            "prefer_native_tls": True,
        }
    )
