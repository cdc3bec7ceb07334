"""What does Heroku answer? Its objects, reduced to the fields that offramp uses."""

from __future__ import annotations

from dataclasses import dataclass

from ..kit.secret import Secret


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    email: str


@dataclass(frozen=True, slots=True)
class App:
    id: str
    name: str
    stack: str
    generation: str
    """``cedar`` or ``fir``."""
    region: str
    maintenance: bool
    web_url: str
    """With scheme and a trailing slash; empty for an app that cannot be reached."""
    build_stack: str = ""
    team: str | None = None
    space: str | None = None
    internal: bool = False
    acm: bool = False
    slug_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Formation:
    """One process type and how many dynos of which size run it."""

    type: str
    command: str
    quantity: int
    size: str


@dataclass(frozen=True, slots=True)
class Dyno:
    id: str
    name: str
    type: str
    size: str
    state: str
    command: str
    release: int


@dataclass(frozen=True, slots=True)
class DynoSize:
    """``monthly_cents`` is the list price of one dyno; 0 where Heroku does not say."""

    name: str
    memory_mb: int
    monthly_cents: int
    dedicated: bool


@dataclass(frozen=True, slots=True)
class Addon:
    """``monthly_cents`` is what this customer pays, 0 where Heroku does not say."""

    id: str
    name: str
    app: str
    service: str
    plan: str
    """With its service: ``heroku-postgresql:standard-0``."""
    state: str
    config_vars: tuple[str, ...]
    monthly_cents: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """An add-on under a name in an app. ``namespace`` is set for credentials and poolers other than the default."""

    id: str
    name: str
    app: str
    addon_id: str
    addon: str
    addon_app: str
    namespace: str | None
    config_vars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    service: str
    monthly_cents: int


@dataclass(frozen=True, slots=True)
class Release:
    id: str
    version: int
    status: str
    description: str
    current: bool
    slug: str | None
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Slug:
    """``process_types`` is the Procfile, as pairs of type and command, sorted by type."""

    id: str
    process_types: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Domain:
    hostname: str
    kind: str
    """``heroku`` or ``custom``."""
    cname: str | None
    acm_status: str | None = None
    acm_reason: str | None = None
    endpoint: str | None = None
    """The name of the SNI endpoint whose certificate serves it."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Coupling:
    app_id: str
    pipeline_id: str
    stage: str


@dataclass(frozen=True, slots=True)
class Drain:
    """A log drain. Its URL may hold credentials; add-ons' drains have none that we may see."""

    id: str
    token: Secret
    url: Secret | None
    addon: str | None
    host: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An SNI endpoint with its certificate, whose chain is public; the key cannot be read. Dates as Heroku writes them."""

    name: str
    hosts: tuple[str, ...]
    expires_at: str
    issuer: str
    automatic: bool
    self_signed: bool


@dataclass(frozen=True, slots=True)
class Feature:
    """A labs feature or ``preboot``."""

    name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Collaborator:
    """``email`` is a secret to us: it is nobody's business what people are called."""

    email: Secret
    role: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    url: Secret
    host: str
    events: tuple[str, ...]
    level: str


@dataclass(frozen=True, slots=True)
class Team:
    id: str
    name: str
    role: str
    type: str


@dataclass(frozen=True, slots=True)
class Space:
    id: str
    name: str
    team: str
    region: str
    generation: str
    shield: bool
    state: str
    cidr: str
    data_cidr: str


@dataclass(frozen=True, slots=True)
class ReviewApps:
    """How a pipeline makes review apps. ``target`` is the space or region in which they run."""

    automatic: bool
    target: str
    base_name: str


@dataclass(frozen=True, slots=True)
class Credential:
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class BackupSchedule:
    hour: int
    timezone: str
    retain_weeks: int
    retain_months: int


@dataclass(frozen=True, slots=True)
class ServiceSetting:
    """One of ``pg:settings``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """What the data API tells of a Heroku Postgres add-on. ``connection_limit`` is 0 where it does not say."""

    addon_id: str
    name: str
    plan: str
    version: str
    bytes: int
    tables: int
    connections: int
    connection_limit: int
    status: str
    following: str | None
    forked_from: str | None = None
    followers: tuple[str, ...] = ()
    plan_bytes: int = 0
    pooling: str = ""
    maintenance: str = ""
    maintenance_window: str = ""
    rollback: str = ""
    continuous_protection: str = ""
    encryption: str = ""


@dataclass(frozen=True, slots=True)
class CacheStatus:
    """What the data API tells of a Heroku Key-Value Store add-on."""

    addon_id: str
    name: str
    plan: str
    version: str
    status: str
    eviction: str = ""
    timeout: str = ""
    persistence: str = ""
    maintenance_window: str = ""


@dataclass(frozen=True, slots=True)
class Backup:
    """One ``pg:backups`` capture. ``succeeded`` is None while it runs."""

    id: str
    number: int
    source: str
    finished_at: str | None
    succeeded: bool | None
    bytes: int
