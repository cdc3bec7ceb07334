"""What is one Heroku Postgres database made of? What stays as it is until somebody changes it; what moves by itself is in ``readings``."""

from __future__ import annotations

from dataclasses import dataclass

from .readings import Readings


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
class Extension:
    name: str
    version: str
    schema: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role that may connect, own something or be granted. ``connection_limit`` -1 means none."""

    name: str
    login: bool
    superuser: bool
    replication: bool
    connection_limit: int
    member_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that is not PostgreSQL's default. ``source`` says who set it: the server's file, the database, the role."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Server:
    """How the server sorts, encodes and is set up.

    ``collation_version`` is the one the database was made with, ``collation_now`` the library's: where they differ, indexes over text
    may be out of order. ``provider`` is ``libc``, ``icu`` or ``builtin``. ``wal_level`` and ``replication`` (of the role in the URL) say
    whether logical decoding is possible.
    """

    version: str
    encoding: str
    collation: str
    ctype: str
    provider: str
    collation_version: str | None
    collation_now: str | None
    timezone: str
    wal_level: str
    replication: bool
    settings: tuple[Setting, ...]
    roles: tuple[Role, ...]
    max_connections: int
    shared_buffers: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Credential:
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class BackupSchedule:
    """A daily backup. ``retain_weeks`` and ``retain_months`` say how many of them are kept."""

    hour: int
    timezone: str
    retain_weeks: int
    retain_months: int


@dataclass(frozen=True, slots=True)
class DatabaseService:
    """What Heroku's data API says of the add-on. Empty texts where it says nothing."""

    status: str
    plan_connections: int
    plan_bytes: int
    pooling: str
    followers: tuple[str, ...]
    following: str | None
    forked_from: str | None
    credentials: tuple[Credential, ...]
    maintenance: str
    maintenance_window: str
    rollback: str
    continuous_protection: str
    encryption: str
    schedules: tuple[BackupSchedule, ...]
    last_backup_at: str | None
    settings: tuple[Setting, ...]
    """Of ``pg:settings``; ``source`` is ``heroku``."""


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
    monthly_cents: int = 0
    """What this customer pays."""
    copied_to: tuple[str, ...] = ()
    """``app:CONFIG_VAR`` that hold a URL to this database although no attachment put it there: rotation passes them by."""
    installed: tuple[Extension, ...] = ()
    """``extensions`` with versions and schemas."""
    large_objects: int = 0
    server: Server | None = None
    service: DatabaseService | None = None
    readings: Readings | None = None
