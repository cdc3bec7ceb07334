"""Estates for the tests of feasibility: the example as discovery finds it, and small parts to change it with."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from offramp.assess.feasibility.model import Finding
from offramp.assess.feasibility.readings import Readings, SourceFile
from offramp.assess.feasibility.verdicts import judge
from offramp.discover.model import (
    App,
    Cache,
    ConfigVar,
    Database,
    Domain,
    Estate,
    OtherAddon,
    ProcessType,
    Schedule,
    Table,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "mentoring"


def config(name: str, value: str = "", attachment: str | None = None, points_at: str | None = None) -> ConfigVar:
    """A config var whose fingerprint is as good as its value: the same for the same."""
    print_ = hashlib.sha256((value or name).encode()).hexdigest()[:12]
    return ConfigVar(
        name, print_, attachment, points_at, f"https://{points_at}.mentoring.example" if points_at else None
    )


def process(kind: str, command: str, quantity: int = 1, size: str = "Standard-2X") -> ProcessType:
    return ProcessType(kind, command, quantity, size, 1024 if size == "Standard-2X" else 512)


def app(
    name: str,
    *processes: ProcessType,
    variables: tuple[ConfigVar, ...] = (),
    domains: tuple[str, ...] | None = None,
    release: str | None = None,
) -> App:
    names = (f"{name}.mentoring.example",) if domains is None else domains
    return App(
        name=name,
        id=f"{name}-id",
        stack="heroku-24",
        generation="cedar",
        region="us",
        maintenance=False,
        default_host=f"{name}-1a2b.herokuapp.com",
        buildpacks=("heroku/python",),
        processes=processes or (process("web", "gunicorn app.wsgi -w 2 --keep-alive 75 --forwarded-allow-ips '*'"),),
        release_command=release,
        release_version=7,
        config=variables,
        domains=tuple(Domain(host, f"x.{host}.herokudns.com") for host in names),
        drains=(),
    )


def database(
    owner: str, *, version: int = 170006, limit: int = 120, plan: str = "standard-0", **changes: object
) -> Database:
    made = Database(
        addon=f"postgresql-{owner}",
        app=owner,
        config_var="DATABASE_URL",
        plan=f"heroku-postgresql:{plan}",
        server_version=version,
        bytes=1_000_000_000,
        connection_limit=limit,
        extensions=("citext", "plpgsql"),
        tables=(Table("public", "thing", 1000, 8192, ("id",)),),
        attached_to=(f"{owner}:DATABASE_URL",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def cache(owner: str, plan: str = "premium-0", memory_mb: int = 50) -> Cache:
    return Cache(f"redis-{owner}", owner, "REDIS_URL", f"heroku-redis:{plan}", memory_mb, (f"{owner}:REDIS_URL",))


def other(service: str, owner: str, advice: str = "") -> OtherAddon:
    return OtherAddon(f"{service}-1", owner, service, f"{service}:standard", advice)


def estate(*apps: App, **parts: object) -> Estate:
    made = Estate(apps=apps, databases=(), caches=(), others=(), schedules=(), monthly_cents=0)
    return replace(made, **parts)  # type: ignore[arg-type]


def mentoring() -> Estate:
    """The example estate, as ``offramp discover`` finds it in a rehearsal."""
    store = tuple(config(f"{name}_URL", f"{{}}-{name}", name) for name in ("DATABASE", "REDIS"))

    def stored(owner: str) -> tuple[ConfigVar, ...]:
        return tuple(replace(one, fingerprint=config(one.name, f"{owner}{one.name}").fingerprint) for one in store)

    def secrets(owner: str) -> tuple[ConfigVar, ...]:
        return (config("SECRET_KEY", f"{owner} secret"), config("ALLOWED_HOSTS", "*"))

    migrate = "python manage.py migrate --no-input"
    mentors = app(
        "mentors-api",
        process("web", "gunicorn mentors_api.wsgi --workers 2 --threads 4"),
        variables=(*stored("mentors-api"), *secrets("mentors-api")),
        domains=("mentors.mentoring.example",),
        release=migrate,
    )
    sessions = app(
        "sessions-api",
        process("web", "gunicorn sessions_api.wsgi --workers 2 --threads 2"),
        process("worker", "python manage.py work", size="Standard-1X"),
        variables=(
            *stored("sessions-api"),
            *secrets("sessions-api"),
            config("MENTORS_API_URL", points_at="mentors-api"),
        ),
        domains=("sessions.mentoring.example",),
        release=migrate,
    )
    web = app(
        "web",
        process("web", "gunicorn front.wsgi --workers 1 --threads 4", size="Standard-1X"),
        variables=(
            *secrets("web"),
            config("MENTORS_API_ORIGIN", points_at="mentors-api"),
            config("SESSIONS_API_ORIGIN", points_at="sessions-api"),
        ),
        domains=("www.mentoring.example",),
    )
    return estate(
        mentors,
        sessions,
        web,
        databases=(database("mentors-api"), database("sessions-api")),
        caches=(cache("mentors-api"), cache("sessions-api")),
        others=(other("scheduler", "sessions-api"),),
        schedules=(Schedule("sessions-api", "python manage.py expire_sessions", "10 minutes"),),
        monthly_cents=25_500,
    )


def example_source(*apps: str) -> tuple[SourceFile, ...]:
    """The text files of the example's apps."""
    kinds = {".py", ".txt", ".toml", ".js", ".html", ""}
    return tuple(
        SourceFile(name, str(path.relative_to(EXAMPLE / name)), path.read_text("utf-8"))
        for name in apps or ("mentors-api", "sessions-api", "web")
        for path in sorted((EXAMPLE / name).rglob("*"))
        if path.is_file() and path.suffix in kinds and "__pycache__" not in path.parts
    )


def found(key: str, world: Estate, readings: Readings | None = None, **given: object) -> tuple[Finding, ...]:
    """Return the findings of one kind in an estate."""
    answer = judge(world, given.get("preflights", ()), readings or Readings(), given.get("cost", ()))  # type: ignore[arg-type]
    return tuple(finding for finding in answer.findings if finding.key == key)
