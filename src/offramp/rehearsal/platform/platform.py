"""How are the parts of the simulated Heroku tied together? One object that the routes are given."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from . import catalogue, pids
from .addons.backups import Backups
from .addons.provision import Addons
from .certificates import Certificates
from .dynos.crew import Crew
from .dynos.launcher import Launcher
from .dynos.rendezvous import Rendezvous
from .dynos.schedule import Schedule
from .limits import Bucket
from .logplex.channel import Channel
from .logplex.drain import DrainDelivery
from .names import Names, api_token
from .options import Options
from .releases import Releases
from .world import Account, App, Domain, Drain, FormationRow, World, now


@dataclass(slots=True)
class LogSession:
    """What a caller of log-sessions asked for; good for some minutes."""

    app: str
    dyno: str
    source: str
    lines: int
    tail: bool
    expires: float


@dataclass(eq=False)
class Platform:
    """The whole simulated Heroku, less its listeners. ``http`` carries log drains."""

    options: Options
    http: aiohttp.ClientSession
    register: pids.Register
    monotonic: Callable[[], float] = time.monotonic
    token: str = field(default_factory=api_token, repr=False)
    read_token: str = field(default_factory=api_token, repr=False)
    """Of scope read-protected: sees everything, config vars too, and changes nothing."""
    plain_token: str = field(default_factory=api_token, repr=False)
    """Of scope read: sees everything but config vars, and changes nothing."""
    api_url: str = ""
    router_address: str = ""
    certificates: Certificates = field(default_factory=Certificates)
    sessions: dict[str, LogSession] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    crews: dict[str, Crew] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    world: World = field(init=False)
    launcher: Launcher = field(init=False)
    releases: Releases = field(init=False)
    addons: Addons = field(init=False)
    backups: Backups = field(init=False)
    bucket: Bucket = field(init=False)
    rendezvous: Rendezvous = field(init=False)

    def __post_init__(self) -> None:
        names = Names(self.options.seed)
        self.world = World(names, Account(names.uuid(), "owner@rehearsal.example", "Rehearsal", now()))
        self.launcher = Launcher(self.world, self.options, self.channels, self.register)
        self.releases = Releases(self.world, self.crews, self.channels)
        self.addons = Addons(self.world, self.options, self.releases, self.register)
        self.backups = Backups(self.options.directory / "backups")
        self.rendezvous = Rendezvous(self.options.directory / "rendezvous")
        self.bucket = Bucket(self.options.rate_limit, self.monotonic)

    @property
    def user(self) -> str:
        return self.world.account.email

    def create_app(self, name: str) -> App:
        """Add an app with nothing in it but its own domain and first release."""
        at, names = now(), self.world.names
        app = App(names.uuid(), name, names.app_suffix(), "us", catalogue.DEFAULT_STACK, at, at)
        app.domains.append(Domain(names.uuid(), app.host, None, at))
        self.world.apps[name] = app
        self.channels[name] = Channel(name, now)
        self.crews[name] = Crew(app, self.launcher)
        self.releases.create(app, "Initial release", by=self.user)
        return app

    def add_domain(self, app: App, hostname: str) -> Domain:
        names = self.world.names
        domain = Domain(names.uuid(), hostname.lower(), f"{names.dns_target()}.herokudns.com", now())
        app.domains.append(domain)
        return domain

    def add_drain(self, app: App, url: str) -> Drain:
        """Start to deliver the app's log to a URL."""
        names = self.world.names
        drain = Drain(names.uuid(), f"d.{names.uuid()}", url, now())
        app.drains.append(drain)
        delivery = DrainDelivery(drain.token, url, self.http, now)
        self.channels[app.name].drains[drain.id] = delivery
        delivery.start()
        return drain

    async def remove_drain(self, app: App, drain: Drain) -> None:
        app.drains.remove(drain)
        await self.channels[app.name].drains.pop(drain.id).close()

    def scale(self, app: App, rows: list[FormationRow]) -> None:
        """Note a change of these rows and bring the dynos in line."""
        at = now()
        for row in rows:
            row.updated = at
        words = " ".join(f"{row.type}@{row.quantity}:{row.size}" for row in rows)
        self.channels[app.name].api(f"Scaled to {words} by user {self.user}")
        self.crews[app.name].converge()

    def origin(self, app: App) -> str:
        """The URL under which the app's default host answers in this rehearsal."""
        return f"http://{app.host}:{self.options.http_port}"

    async def close(self) -> None:
        """Stop everything: schedules, releases, dynos, logs, servers, in this order."""
        for schedule in self.schedules.values():
            await schedule.close()
        await self.releases.close()
        await self.rendezvous.close()
        await asyncio.gather(*(crew.close() for crew in self.crews.values()))
        for channel in self.channels.values():
            await channel.close()
        await self.addons.close()
