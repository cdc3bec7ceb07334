"""What runs on Heroku? The Estate, as it is kept in ``estate.json``: names, sizes and fingerprints, never a secret value."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "offramp/estate/1"


@dataclass(frozen=True, slots=True)
class ProcessType:
    """One line of an app's formation. ``quantity`` may be 0; ``size`` is Heroku's word (``Standard-2X``)."""

    type: str
    command: str
    quantity: int
    size: str
    memory_mb: int


@dataclass(frozen=True, slots=True)
class ConfigVar:
    """A config var's name, a salted fingerprint of its value, and who owns it.

    ``attachment`` is the attachment's name (``DATABASE``) when an add-on owns the variable. ``points_at`` is the app whose
    host name stands in the value, when the value is an HTTP URL to another app of the estate; ``address`` is then the value
    itself, unless it holds anything that could be a secret (a user, a query, a path that is not plain words).
    """

    name: str
    fingerprint: str
    attachment: str | None = None
    points_at: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    """A custom domain; ``cname`` is where Heroku wants its DNS record to point."""

    hostname: str
    cname: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A Heroku Scheduler job. Heroku has no API for them, so they come from ``offramp.toml``."""

    app: str
    command: str
    every: str


@dataclass(frozen=True, slots=True)
class App:
    name: str
    id: str
    stack: str
    generation: str
    region: str
    maintenance: bool
    default_host: str
    buildpacks: tuple[str, ...]
    processes: tuple[ProcessType, ...]
    release_command: str | None
    release_version: int
    config: tuple[ConfigVar, ...]
    domains: tuple[Domain, ...]
    drains: tuple[str, ...]
    """Drain hosts, without credentials."""
    pipeline: str | None = None
    pipeline_stage: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    schema: str
    name: str
    rows: int
    """Estimated by the planner's statistics, or counted for small tables."""
    bytes: int
    key: tuple[str, ...]
    """Columns of the usable key; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Database:
    """A Heroku Postgres add-on. ``app`` owns it; ``config_var`` holds its URL there; ``attached_to`` lists ``app:CONFIG_VAR``."""

    addon: str
    app: str
    config_var: str
    plan: str
    server_version: int
    """As ``server_version_num``, say 150018."""
    bytes: int
    connection_limit: int
    extensions: tuple[str, ...]
    tables: tuple[Table, ...]
    attached_to: tuple[str, ...]
    concerns: tuple[str, ...] = ()
    """What will not carry by itself, one sentence each."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A Heroku Key-Value Store add-on."""

    addon: str
    app: str
    config_var: str
    plan: str
    memory_mb: int
    attached_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherAddon:
    """An add-on that offramp does not move, with what to do about it."""

    addon: str
    app: str
    service: str
    plan: str
    advice: str


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything offramp knows of the Heroku side. ``monthly_cents`` is what the add-ons and dynos cost today."""

    apps: tuple[App, ...]
    databases: tuple[Database, ...]
    caches: tuple[Cache, ...]
    others: tuple[OtherAddon, ...]
    schedules: tuple[Schedule, ...]
    monthly_cents: int

    def app(self, name: str) -> App:
        return next(app for app in self.apps if app.name == name)
