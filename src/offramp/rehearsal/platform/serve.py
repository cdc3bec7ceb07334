"""How does the simulated Heroku begin and end? From options to ``ready.json``, and from SIGTERM to nothing left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import aiohttp
from aiohttp import web

from ...errors import OutsideError
from . import estate, pids, startup
from .api import application
from .dynos import orphans
from .logplex.resolver import DrainResolver
from .options import ROUTER_HOST, Options
from .platform import Platform
from .router.server import Router

# A log session that is still tailed must not hold up the end.
FAREWELL_SECONDS = 1.0


async def run(options: Options) -> None:
    """Serve until SIGTERM or SIGINT. Whatever happens, every process that was started is stopped."""
    options.directory.mkdir(parents=True, exist_ok=True)
    orphans.adopted()
    described = estate.read(options.estate)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    connector = aiohttp.TCPConnector(resolver=DrainResolver(options.dns) if options.dns else None)
    async with aiohttp.ClientSession(connector=connector) as http:
        platform = Platform(options, http, pids.Register(options.directory / "pids"))
        platform.register.add(os.getpid(), "platform")
        router = Router(
            platform.world, platform.crews, platform.channels, options.timing, ROUTER_HOST, options.http_port
        )
        runner = web.AppRunner(application.make(platform), access_log=None, shutdown_timeout=FAREWELL_SECONDS)
        try:
            await _listen(platform, runner, router)
            if await _unless(stop, startup.bring_up(platform, described)):
                write_ready(options.directory / "ready.json", platform)
                await stop.wait()
        finally:
            await router.close()
            await runner.cleanup()
            await platform.close()
            (options.directory / "ready.json").unlink(missing_ok=True)
            platform.register.remove(os.getpid())


async def _listen(platform: Platform, runner: web.AppRunner, router: Router) -> None:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", platform.options.api_port)
    await site.start()
    _, port = runner.addresses[0][:2]
    platform.api_url = f"http://127.0.0.1:{port}"
    try:
        await router.start()
    except OSError as error:
        where = f"{router.host}:{router.port}"
        raise OutsideError(
            f"The router cannot listen on {where}: {error.strerror}.", hint="Give another port."
        ) from error
    await platform.rendezvous.start()
    platform.router_address = f"{router.host}:{router.port}"


async def _unless(stop: asyncio.Event, work: object) -> bool:
    """Do the work to its end; False when ``stop`` came first. Raises what the work raises."""
    assert asyncio.iscoroutine(work)
    task, stopped = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False
    await task
    return True


def write_ready(path: Path, platform: Platform) -> None:
    """Tell the driver where everything is; the file holds tokens, so only its owner may read it."""
    options = platform.options
    found = {
        "api": platform.api_url,
        "router": f"http://{ROUTER_HOST}:{options.http_port}",
        "token": platform.token,
        "read_token": platform.read_token,
        "plain_token": platform.plain_token,
        "pid": os.getpid(),
        "pids": str(options.directory / "pids"),
        "apps": {
            app.name: {
                "host": app.host,
                "origin": platform.origin(app),
                "domains": [domain.hostname for domain in app.domains if domain.cname],
            }
            for app in platform.world.apps.values()
        },
    }
    part = path.with_name("ready.json.part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(found, indent=2) + "\n")
    part.replace(path)
