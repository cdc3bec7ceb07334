"""How does this cloud come up, and how does it end without leaving anything behind?"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from ..servers.ports import free_port
from .addresses import Addresses
from .balancers import Balancers
from .caches import Caches
from .cloudmap import CloudMap
from .control import Control
from .databases import Databases
from .dns import Names, Server
from .ecs.api import Ecs
from .ecs.book import Book
from .ecs.environment import Surroundings
from .ecs.images import Images
from .ecs.scheduler import Scheduler
from .ecs.task import Ground
from .ecs.tasks import Tasks
from .front import Front
from .logs import Logs
from .operator import Operator
from .pidbook import Pidbook
from .schedules import Schedules
from .standins import Standins
from .traffic import Traffic
from .wire import ACCOUNT
from .zones import Zones

log = logging.getLogger(__name__)
TASK_NETWORK, DATA_NETWORK = 64, 65


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says. ``dns`` is ``IP:PORT``."""

    folder: Path
    http_port: int
    dns: str
    images: Path
    scheduler_scale: float = 0.05
    region: str = ""
    seed: int | None = None


async def run(settings: Settings) -> None:
    """Run the cloud until SIGTERM or SIGINT; ``ready.json`` appears when everything answers."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    settings.folder.mkdir(parents=True, exist_ok=True)
    ready = settings.folder / "ready.json"
    ready.unlink(missing_ok=True)
    world = World.build(settings)
    try:
        await world.start()
        part = ready.with_suffix(".part")
        content = {"endpoint": world.endpoint, "pid": os.getpid(), "ministack": world.control.url, "dns": settings.dns}
        part.write_text(json.dumps(content))
        part.rename(ready)
        await stop.wait()
    finally:
        ready.unlink(missing_ok=True)
        await world.end()


@dataclass
class World:
    """Every part, wired."""

    settings: Settings
    endpoint: str
    control: Control
    front: Front
    tasks: Tasks
    scheduler: Scheduler
    names: Server
    standins: Standins
    traffic: Traffic
    loops: tuple[asyncio.Task[None], ...] = ()
    runner: web.AppRunner | None = None
    networks: tuple[Addresses, ...] = ()

    @classmethod
    def build(cls, settings: Settings) -> World:
        endpoint = f"http://127.0.0.1:{free_port()}"
        folder = settings.folder.resolve()
        networks = Addresses(TASK_NETWORK), Addresses(DATA_NETWORK)
        task_addresses, data_addresses = iter(networks[0]), iter(networks[1])
        control = Control(folder, endpoint, settings.region or "us-east-1")
        pids = Pidbook(folder / "pids")
        zones, cloudmap, balancers = Zones(control), CloudMap(control), Balancers(control)
        traffic = Traffic(control, zones)
        databases = Databases(folder / "rds", pids, data_addresses)
        caches = Caches(folder / "elasticache", pids, data_addresses)
        standins = Standins(folder / "forwarder", settings.dns, cloudmap, data_addresses, pids)
        around = Surroundings(settings.dns, endpoint, lambda: control.region, standins.of)
        ground = Ground(
            folder, control, Images(settings.images), cloudmap, balancers, Logs(control), pids, task_addresses, around,
            traffic.observe,
        )  # fmt: skip
        tasks = Tasks(ground, lambda: control.region, ACCOUNT)
        book = Book(lambda: control.region)
        scheduler = Scheduler(tasks, balancers, book.clusters)
        tasks.changed = balancers.changed = scheduler.wake
        ecs = Ecs(book, scheduler)
        outside: dict[str, str] = {}
        operator = Operator(tasks, databases, caches, zones, outside)
        front = Front(control, ecs, balancers, databases, caches, cloudmap, zones, operator, settings.region)
        names = Server(Names(zones, balancers, cloudmap, random.Random(settings.seed), outside))
        return cls(settings, endpoint, control, front, tasks, scheduler, names, standins, traffic, networks=networks)

    async def start(self) -> None:
        """Start everything; returns when it answers. Raises OSError when the DNS address is taken."""
        host, _, port = self.settings.dns.rpartition(":")
        await self.names.start(host, int(port))
        self.runner = web.AppRunner(self.front.app(), access_log=None, shutdown_timeout=1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", int(self.endpoint.rpartition(":")[2])).start()
        await self.control.start()
        ground = self.tasks.ground
        assert self.control.pid is not None
        ground.pids.write(self.control.pid, "ministack")
        schedules = Schedules(self.control, self.front.ecs.call, self.settings.scheduler_scale)
        self.loops = tuple(
            asyncio.ensure_future(loop)
            for loop in (
                self.scheduler.run(),
                ground.cloudmap.mirror(),
                ground.logs.run(),
                schedules.run(),
                self.traffic.run(),
            )
        )

    async def end(self) -> None:
        """Stop what was started, tasks first, ministack last."""
        for loop in self.loops:
            loop.cancel()
        await self.tasks.end()
        await self.front.balancers.stop()
        await asyncio.gather(
            self.front.databases.end(), self.front.caches.end(), self.standins.end(), return_exceptions=True
        )
        if self.runner:
            await self.runner.cleanup()
        await self.names.stop()
        await self.control.stop()
        for network in self.networks:
            network.release()


def main(settings: Settings) -> int:
    """Run to the end; a world that cannot start says why and returns 1."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    try:
        asyncio.run(run(settings))
    except (OSError, RuntimeError, TimeoutError) as failed:
        sys.stderr.write(f"The emulated cloud could not start: {failed}\n")
        return 1
    return 0
