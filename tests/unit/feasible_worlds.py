"""Worlds for the judge of feasibility, and what a case is: what makes a rule speak, and what is nearly so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from feasible import app, cache, config, database, estate, process

from offramp.assess.feasibility.readings import (
    CodeSeen,
    Concern,
    CostHint,
    JobSeen,
    Preflight,
    Readings,
    SourceFile,
)
from offramp.discover.model import (
    Activity,
    App,
    AttachmentName,
    CacheReadings,
    Credential,
    DatabaseService,
    Estate,
    Queue,
    Server,
    Space,
    Statements,
    Waiting,
)
from offramp.discover.model import Readings as DatabaseReadings


@dataclass(frozen=True)
class World:
    """Everything that is given to the judge."""

    estate: Estate
    readings: Readings = field(default_factory=Readings)
    preflights: tuple[Preflight, ...] = ()
    cost: tuple[CostHint, ...] = ()


@dataclass(frozen=True)
class Case:
    key: str
    fires: World
    near_miss: World
    name: str = ""

    @property
    def label(self) -> str:
        return f"{self.key} {self.name}".strip()


QUIET = "gunicorn shop.wsgi -w 2 --keep-alive 75 --forwarded-allow-ips '*'"


def shop(*commands: str, **changes: object) -> App:
    """One app whose web process gives no cause for anything."""
    made = app("shop", process("web", QUIET), *(process(f"p{number}", one) for number, one in enumerate(commands)))
    return replace(made, **changes)  # type: ignore[arg-type]


def web(command: str, **changes: object) -> App:
    return replace(app("shop", process("web", command)), **changes)  # type: ignore[arg-type]


def on(*apps: App, **parts: object) -> World:
    return World(estate(*(apps or (shop(),)), **parts))


def stored(**changes: object) -> World:
    """The shop with a database of its own."""
    owned = config("DATABASE_URL", "the address", "DATABASE")
    return on(shop(config=(owned,)), databases=(replace(database("shop"), **changes),))  # type: ignore[arg-type]


def read(world: World, **readings: object) -> World:
    return replace(world, readings=replace(world.readings, **readings))  # type: ignore[arg-type]


def file(text: str, path: str = "settings.py", owner: str = "shop") -> dict[str, object]:
    return {"files": (SourceFile(owner, path, text),)}


def code(name: str, times: int = 12) -> dict[str, object]:
    return {"codes": (CodeSeen("shop", name, times, "web", "/reports"),)}


def said(why: str, blocking: bool, thing: str = "public.audit", stand_in: bool = True) -> World:
    return replace(
        stored(), preflights=(Preflight("postgresql-shop", (Concern(thing, why, "Do so.", blocking),), stand_in),)
    )


NOBODY = Activity(
    used=1, limit=120, active=0, idle=1, idle_in_transaction=0, by_application=(), open_long=(), waiting=()
)


def health(**changes: object) -> DatabaseReadings:
    quiet = DatabaseReadings(
        at=0.0, counted_since=None, growth=None, statements=Statements((), 0.0, 0, None), tables=(), indexes=(), index_bytes=0,
        numbers=(), unusual=(), activity=NOBODY, heap_hit=None, index_hit=None, oldest_xid_age=1000, frozen_limit=200_000_000,
        commits=0, rollbacks=0, deadlocks=0, temporary_bytes=0,
    )  # fmt: skip
    return replace(quiet, **changes)  # type: ignore[arg-type]


def server(made_with: str, now: str) -> Server:
    return Server(
        "17.6", "UTF8", "en_US.UTF-8", "en_US.UTF-8", "libc", made_with, now, "UTC", "replica", False, (), (), 120, 0
    )


def service(*credentials: str) -> DatabaseService:
    named = tuple(Credential(name, "active") for name in credentials)
    return DatabaseService("Available", 120, 0, "", (), None, None, named, "", "", "", "", "", (), None, ())


def keys(*libraries: str, queues: tuple[Queue, ...] = ()) -> CacheReadings:
    return CacheReadings(
        at=0.0, version="7.2", engine="valkey", used_bytes=0, peak_bytes=0, limit_bytes=0, eviction="noeviction", keys=1, expiring=0,
        evicted=0, hits=0, misses=0, clients=1, client_limit=40, persistence="", sampled=1, complete=True, patterns=(),
        libraries=libraries, queues=queues,
    )  # fmt: skip


def waiting(seconds: float) -> Activity:
    return replace(NOBODY, open_long=(Waiting(7, "shell", "idle in transaction", "insert", seconds, "", ()),))


def pooled(namespace: str | None) -> World:
    attached = (AttachmentName("DATABASE_POOL", "postgresql-shop", "shop", namespace, ("DATABASE_POOL_URL",)),)
    return on(shop(attachments=attached), databases=(database("shop"),))


def copied(name: str, value: str) -> World:
    """A second app with a config var of this value beside the shop's own stores."""
    owner = shop(config=(config("DATABASE_URL", "the address", "DATABASE"), config("REDIS_URL", "the cache", "REDIS")))
    second = app("billing", variables=(config(name, value),))
    return on(owner, second, databases=(database("shop"),), caches=(cache("shop"),))


def staged(one: str | None, two: str | None, name: str = "STRIPE_SECRET_KEY") -> World:
    """Two apps with one value, at two stages."""
    first = replace(app("shop", variables=(config(name, "same"),)), pipeline="p", pipeline_stage=one)
    return on(first, replace(app("shop-b", variables=(config(name, "same"),)), pipeline="p", pipeline_stage=two))


SPACE = Space("vault", "team", "virginia", "cedar", False, "allocated", "10.0.0.0/16", "10.1.0.0/16", ())
SMALL = (process("web", QUIET, size="Basic"),)
DEPENDS = "requirements.txt"
NIGHTLY = JobSeen("shop", "python tidy.py", 9, "hour")
