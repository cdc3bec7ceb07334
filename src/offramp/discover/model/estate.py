"""What runs on Heroku? Apps, what they store, how they stand together, and what all of it costs."""

from __future__ import annotations

from dataclasses import dataclass

from .app import App
from .cache import Cache
from .database import Database

SCHEMA = "offramp/estate/2"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A Heroku Scheduler job. Heroku has no API for them, so they come from ``offramp.toml``."""

    app: str
    command: str
    every: str


@dataclass(frozen=True, slots=True)
class SeenJob:
    """A Scheduler job that was seen in the log. ``every`` is an interval of Heroku Scheduler, or ``unknown`` after too few runs.

    ``listed`` says whether ``offramp.toml`` has a ``[[schedule]]`` for it. ``last`` is when it ran last, in seconds since 1970.
    """

    app: str
    command: str
    every: str
    runs: int
    last: float
    listed: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One app calls another. ``evidence`` says how we know: ``config API_URL`` or ``142 requests in the log``."""

    caller: str
    callee: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Copied:
    """One value in config vars of several apps that no attachment keeps alike: a secret copied by hand.

    ``kind`` is ``value``, or ``endpoint`` when the same data store is reached by different logins. ``places`` are ``app:CONFIG_VAR``.
    """

    kind: str
    fingerprint: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherAddon:
    """An add-on that offramp does not move, with what to do about it."""

    addon: str
    app: str
    service: str
    plan: str
    advice: str
    monthly_cents: int = 0
    config_vars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Team:
    """A team whose apps the token sees; ``role`` is what its account is there."""

    name: str
    role: str
    type: str


@dataclass(frozen=True, slots=True)
class Space:
    """A Private Space. AWS's network must not overlap ``cidr`` and ``data_cidr``; ``outbound`` are its fixed addresses to the outside."""

    name: str
    team: str
    region: str
    generation: str
    shield: bool
    state: str
    cidr: str
    data_cidr: str
    outbound: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """An app at a stage of a pipeline; ``in_estate`` is false for apps that are not part of this move."""

    app: str
    stage: str
    in_estate: bool


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline in which an app of the estate stands. ``review_apps`` says how they are made: ``automatic``, ``on request`` or ``off``."""

    name: str
    apps: tuple[Placed, ...]
    review_apps: str
    open_review_apps: int
    review_target: str


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything offramp knows of the Heroku side. ``monthly_cents`` is what the add-ons and dynos cost today.

    ``unread`` says in one sentence each what could not be read and is therefore missing here.
    """

    apps: tuple[App, ...]
    databases: tuple[Database, ...]
    caches: tuple[Cache, ...]
    others: tuple[OtherAddon, ...]
    schedules: tuple[Schedule, ...]
    monthly_cents: int
    pipelines: tuple[Pipeline, ...] = ()
    teams: tuple[Team, ...] = ()
    spaces: tuple[Space, ...] = ()
    calls: tuple[Call, ...] = ()
    copies: tuple[Copied, ...] = ()
    seen_jobs: tuple[SeenJob, ...] = ()
    unread: tuple[str, ...] = ()

    def app(self, name: str) -> App:
        return next(app for app in self.apps if app.name == name)
