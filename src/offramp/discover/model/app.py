"""What is one app of Heroku's made of? Everything that the Platform API tells of it, less every secret and every name of a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessType:
    """One line of an app's formation. ``quantity`` may be 0; ``size`` is Heroku's word (``Standard-2X``).

    ``monthly_cents`` is the list price of one dyno of this size; ``dedicated`` says whether it shares its processor with nobody.
    """

    type: str
    command: str
    quantity: int
    size: str
    memory_mb: int
    monthly_cents: int = 0
    dedicated: bool = False


@dataclass(frozen=True, slots=True)
class ConfigVar:
    """A config var's name, a salted fingerprint of its value, and who owns it.

    ``attachment`` is the attachment's name (``DATABASE``) when an add-on owns the variable. ``points_at`` is the app whose
    host name stands in the value, when the value is an HTTP URL to another app of the estate; ``address`` is then the value
    itself, unless it holds anything that could be a secret (a user, a query, a path that is not plain words). ``endpoint`` is a salted
    fingerprint of a data store's place (scheme, host, database), whoever logs in: the same for two credentials of one database.
    """

    name: str
    fingerprint: str
    attachment: str | None = None
    points_at: str | None = None
    address: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    """A custom domain; ``cname`` is where Heroku wants its DNS record to point.

    ``acm_status`` is how far Heroku's automatic certificate has come (``cert issued``, ``failing``), None without one;
    ``certificate`` the name of the certificate that serves it.
    """

    hostname: str
    cname: str | None
    acm_status: str | None = None
    acm_reason: str | None = None
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that Heroku serves. Its key cannot be read, so AWS needs one of its own. Dates as Heroku writes them, in UTC."""

    name: str
    hosts: tuple[str, ...]
    expires_at: str
    issuer: str
    automatic: bool
    """Heroku renews it by itself; it ends when DNS no longer points there."""
    self_signed: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may work on an app: a salted fingerprint of the e-mail address, never the address."""

    fingerprint: str
    role: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttachmentName:
    """An add-on under a name in this app. ``namespace`` is set for poolers and credentials other than the default one."""

    name: str
    addon: str
    addon_app: str
    namespace: str | None
    config_vars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Releases:
    """How often an app is released, from its newest releases (at most 100). Times as Heroku writes them, in UTC.

    ``deploys`` are the releases with new code among ``seen``; the rest are changes of config vars and add-ons.
    """

    seen: int
    deploys: int
    failed: int
    first_at: str | None
    last_at: str | None
    last_deploy_at: str | None
    last_failed_at: str | None


NO_RELEASES = Releases(0, 0, 0, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Somebody whom Heroku tells of changes of the app. ``host`` of its URL, which may hold secrets."""

    host: str
    events: tuple[str, ...]
    level: str


@dataclass(frozen=True, slots=True)
class App:
    """One app. ``features`` are the names of those switched on (labs and ``preboot``)."""

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
    build_stack: str = ""
    """The stack of the next build; another one than ``stack`` while an upgrade waits for a deploy."""
    team: str | None = None
    space: str | None = None
    internal: bool = False
    """Reachable from within its Private Space only."""
    acm: bool = False
    slug_bytes: int = 0
    features: tuple[str, ...] = ()
    attachments: tuple[AttachmentName, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    people: tuple[Person, ...] = ()
    releases: Releases = NO_RELEASES
    webhooks: tuple[Webhook, ...] = ()
    addon_drains: tuple[str, ...] = ()
    """Add-ons that get the app's log."""
