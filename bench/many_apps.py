"""A Heroku with many apps, each answer late by as much as asked: what a large account looks like to ``offramp discover``.

``python -m bench.many_apps --apps 100 --latency 0.1`` prints its address and serves until it is stopped. The answers have the shapes of the
Platform API; every app has the same formation, eight config vars and three releases, one app in four a scheduler. There are no databases.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from collections.abc import Sequence
from typing import Any

from aiohttp import web

ADDRESS = "127.0.0.1"
STAMP = "2026-11-01T12:00:00Z"
NEVER = 10**9
_STATE: web.AppKey[dict[str, Any]] = web.AppKey("state", dict)


def identity(*words: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, "/".join(map(str, words))))


def app(name: str) -> dict[str, Any]:
    return {
        "id": identity("app", name), "name": name, "stack": {"name": "heroku-24"}, "build_stack": {"name": "heroku-24"},
        "generation": {"name": "cedar"}, "region": {"name": "us"}, "maintenance": False, "team": None, "space": None,
        "internal_routing": None, "acm": True, "slug_size": 1000, "web_url": f"https://{name}-1a2b.herokuapp.com/",
    }  # fmt: skip


def of_app(name: str, part: str) -> Any:
    """What Heroku answers about one app."""
    release = {
        "status": "succeeded",
        "description": "Deploy 1a2b3c4d",
        "created_at": STAMP,
        "slug": {"id": identity("slug", name)},
    }
    match part:
        case "formation":
            return [{"type": "web", "command": "gunicorn app", "quantity": 2, "size": "Standard-1X"}]
        case "releases":
            return [{"id": identity(name, n), "version": n, "current": n == 3, **release} for n in (3, 2, 1)]
        case "config-vars":
            return {"SECRET_KEY": f"hush-{name}", "DEBUG": "0", **{f"SETTING_{n}": f"value {n}" for n in range(6)}}
        case "domains":
            return [{"hostname": f"{name}.shop.example", "kind": "custom", "cname": f"{name}.herokudns.com"}]
        case "buildpack-installations":
            return [{"ordinal": 0, "buildpack": {"name": "heroku/python", "url": "urn:buildpack:heroku/python"}}]
        case "features":
            return [{"name": "log-runtime-metrics", "enabled": True}, {"name": "preboot", "enabled": False}]
        case "collaborators":
            who = {"email": f"owner-{name}@people.example"}
            return [{"user": who, "role": "owner", "permissions": [{"name": "deploy"}, {"name": "view"}]}]
        case "log-drains":
            token, url = f"d.{identity('drain', name)}", f"https://hidden:hush@logs.example/{name}"
            return [{"id": identity("drain", name), "token": token, "url": url, "addon": None}]
        case "sni-endpoints" | "webhooks":
            return []
    raise web.HTTPNotFound


def of_account(path: str, names: Sequence[str]) -> Any:
    """What Heroku answers about all apps at once."""
    scheduled = [name for number, name in enumerate(names) if number % 4 == 0]
    match path:
        case "/apps":
            return [app(name) for name in names]
        case "/addons":
            return [
                {
                    "id": identity("addon", name), "name": f"scheduler-{name}", "app": {"name": name}, "state": "provisioned",
                    "addon_service": {"name": "scheduler"}, "plan": {"name": "scheduler:standard"}, "config_vars": [],
                    "billed_price": {"cents": 0, "unit": "month"},
                }
                for name in scheduled
            ]  # fmt: skip
        case "/dyno-sizes":
            return [
                {"name": "Standard-1X", "memory": 0.5, "cost": {"cents": 2500, "unit": "month"}, "dedicated": False}
            ]
        case "/addon-attachments" | "/pipelines" | "/pipeline-couplings" | "/teams" | "/spaces":
            return []
    raise web.HTTPNotFound


async def answer(request: web.Request) -> web.Response:
    """Any GET of the API."""
    state, path = request.app[_STATE], request.path
    state["asked"].append(path)
    state["remaining"] -= 1
    if len(state["asked"]) > state["silent_after"]:
        # As a network that went away: the caller learns nothing until it is stopped.
        await asyncio.sleep(NEVER)
    await asyncio.sleep(state["latency"])
    parts = path.strip("/").split("/")
    if parts[0] == "apps" and len(parts) > 2:
        if parts[2] == "config-vars" and state["closed"]:
            return web.json_response({"id": "forbidden", "message": "You do not have access."}, status=403)
        found = slug(parts[3]) if parts[2] == "slugs" else of_app(parts[1], parts[2])
    else:
        found = of_account(path, state["names"])
    return web.json_response(found, headers={"RateLimit-Remaining": str(state["remaining"])})


def slug(of: str) -> dict[str, Any]:
    return {"id": of, "process_types": {"web": "gunicorn app", "release": "migrate"}}


async def asked(request: web.Request) -> web.Response:
    """Which paths were asked for so far; with ``go``, answer again and count anew."""
    state = request.app[_STATE]
    found = list(state["asked"])
    if "go" in request.query:
        state["silent_after"], state["asked"] = NEVER, []
    return web.json_response({"asked": found, "remaining": state["remaining"]})


def make(apps: int, latency: float, silent_after: int, remaining: int, *, closed: bool) -> web.Application:
    served = web.Application()
    names = [f"app-{number:03}" for number in range(apps)]
    served[_STATE] = {
        "names": names, "latency": latency, "silent_after": silent_after, "remaining": remaining, "asked": [], "closed": closed,
    }  # fmt: skip
    served.router.add_get("/_asked", asked)
    served.router.add_get("/{path:.*}", answer)
    return served


async def serve(application: web.Application) -> None:
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, ADDRESS, 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.Event().wait()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.many_apps", description=__doc__)
    parser.add_argument("--apps", type=int, default=100)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds before each answer")
    parser.add_argument("--silent-after", type=int, default=NEVER, help="answer so many requests and then none")
    parser.add_argument("--remaining", type=int, default=4500, help="calls left of the rate limit; it does not refill")
    parser.add_argument("--closed", action="store_true", help="forbid config vars, as for a token of the scope read")
    given = parser.parse_args(arguments)
    asyncio.run(serve(make(given.apps, given.latency, given.silent_after, given.remaining, closed=given.closed)))


if __name__ == "__main__":
    main(sys.argv[1:])
