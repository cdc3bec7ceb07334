"""What exists on the simulated Heroku just now? The state behind the API; nothing of it is written to disk.

Everything is read and changed on the event loop's one thread, so there are no locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from . import catalogue
from .names import Names

ReleaseStatus = Literal["pending", "succeeded", "failed", "expired"]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Account:
    id: str
    email: str
    name: str
    created: datetime


@dataclass(slots=True)
class Slug:
    """A built app: where its files are, and its process types from the Procfile."""

    id: str
    folder: Path
    process_types: dict[str, str]
    bytes: int
    checksum: str
    created: datetime


@dataclass(slots=True)
class Release:
    """``config`` is the whole environment that dynos of this release get."""

    id: str
    version: int
    description: str
    status: ReleaseStatus
    slug: Slug | None
    config: dict[str, str]
    plans: tuple[str, ...]
    user: str
    created: datetime
    updated: datetime


@dataclass(slots=True)
class FormationRow:
    id: str
    type: str
    command: str
    quantity: int
    size: str
    created: datetime
    updated: datetime


@dataclass(slots=True)
class Domain:
    """``cname`` is where the owner's DNS record must point; None for the app's own herokuapp.com name."""

    id: str
    hostname: str
    cname: str | None
    created: datetime


@dataclass(slots=True)
class Drain:
    id: str
    token: str
    url: str
    created: datetime


class Resource(Protocol):
    """The real server behind an add-on: PostgreSQL or Valkey."""

    @property
    def url(self) -> str:
        """The URL that attached apps get; it holds a password."""

    @property
    def pids(self) -> tuple[int, ...]: ...

    @property
    def address(self) -> tuple[str, int]: ...

    def stop(self) -> None: ...


@dataclass(slots=True)
class Addon:
    """``resource`` is None for add-ons without a server (Scheduler)."""

    id: str
    name: str
    app: str
    plan: catalogue.Plan
    provider_id: str
    resource: Resource | None
    created: datetime
    updated: datetime
    state: Literal["provisioning", "provisioned", "deprovisioned"] = "provisioned"


@dataclass(slots=True)
class Attachment:
    """One add-on under one name in one app. ``variable`` is the config var it owns there, if any."""

    id: str
    name: str
    addon: Addon
    app: str
    namespace: str | None
    created: datetime

    @property
    def variable(self) -> str | None:
        return f"{self.name}_URL" if self.addon.resource else None


@dataclass(slots=True)
class App:
    id: str
    name: str
    suffix: str
    region: str
    stack: str
    created: datetime
    updated: datetime
    buildpacks: tuple[str, ...] = ()
    maintenance: bool = False
    features: tuple[str, ...] = ()
    config: dict[str, str] = field(default_factory=dict)
    """Only the app's own variables; attachments add theirs."""
    formation: dict[str, FormationRow] = field(default_factory=dict)
    domains: list[Domain] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    drains: list[Drain] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"{self.name}-{self.suffix}.herokuapp.com"

    @property
    def current(self) -> Release | None:
        """The release that dynos run: the newest that succeeded."""
        return next((release for release in reversed(self.releases) if release.status == "succeeded"), None)

    @property
    def slug(self) -> Slug | None:
        return self.current.slug if self.current else None


@dataclass(slots=True)
class Pipeline:
    id: str
    name: str
    created: datetime


@dataclass(slots=True)
class Coupling:
    id: str
    app: App
    pipeline: Pipeline
    stage: str
    created: datetime
    updated: datetime


@dataclass(slots=True)
class World:
    """Everything, with the look-ups that more than one route needs."""

    names: Names
    account: Account
    apps: dict[str, App] = field(default_factory=dict)
    addons: dict[str, Addon] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    couplings: list[Coupling] = field(default_factory=list)
    deleted_databases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What offramp had left in a database when its add-on was deleted, by the add-on's name."""

    def app(self, identity: str) -> App | None:
        """Find an app by name or id."""
        return self.apps.get(identity) or next((app for app in self.apps.values() if app.id == identity), None)

    def addon(self, identity: str) -> Addon | None:
        """Find an add-on by name, id or its provider's id."""
        return self.addons.get(identity) or next(
            (addon for addon in self.addons.values() if identity in (addon.id, addon.provider_id)), None
        )

    def app_for_host(self, host: str) -> App | None:
        """Find the app that serves a host name (lower case, no port)."""
        for app in self.apps.values():
            if app.host == host or any(domain.hostname == host for domain in app.domains):
                return app
        return None

    def attachments_of(self, app: App) -> list[Attachment]:
        return [one for one in self.attachments if one.app == app.name]

    def attached_to(self, addon: Addon) -> list[Attachment]:
        return [one for one in self.attachments if one.addon is addon]

    def attached_config(self, app: App) -> dict[str, str]:
        """The variables that attachments own, with the values of this moment."""
        return {
            one.variable: one.addon.resource.url
            for one in self.attachments_of(app)
            if one.variable and one.addon.resource
        }

    def config(self, app: App) -> dict[str, str]:
        """The whole environment as config vars show it."""
        return {**app.config, **self.attached_config(app)}

    def plans(self, app: App) -> tuple[str, ...]:
        return tuple(sorted(addon.plan.name for addon in self.addons.values() if addon.app == app.name))

    def apps_using(self, addon: Addon) -> Iterator[App]:
        """The apps that see this add-on's variables, the owner first."""
        seen = {one.app for one in self.attached_to(addon)}
        for name in sorted(seen, key=lambda name: (name != addon.app, name)):
            yield self.apps[name]


def free_name(taken: Iterable[str], wanted: str, fallback: Iterable[str]) -> str:
    """Return ``wanted`` if nobody has it, else the first free of ``fallback``.

    >>> free_name(["DATABASE"], "DATABASE", ["HEROKU_POSTGRESQL_RED"])
    'HEROKU_POSTGRESQL_RED'
    """
    used = set(taken)
    return wanted if wanted not in used else next(name for name in fallback if name not in used)


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the names that were set and those that were removed.

    >>> changed({"A": "1", "B": "2"}, {"A": "3"})
    (['A'], ['B'])
    """
    return [name for name in after if before.get(name) != after[name]], [name for name in before if name not in after]
