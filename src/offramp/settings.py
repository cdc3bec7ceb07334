"""What did the person say in ``offramp.toml``? Parsed once, into a type that cannot hold nonsense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from .errors import UsageError
from .kit import tables
from .kit.secret import Secret
from .kit.tables import MalformedError, Table

FILENAME = "offramp.toml"
INTERVALS = ("10 minutes", "hour", "day")
"""The three intervals of Heroku Scheduler."""

DEFAULT_TAG = "v{release}"

_SHORT_NAME = r"[a-z][a-z0-9-]{0,19}"
_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"
_APP_NAME = r"[a-z][a-z0-9-]{1,29}"


@dataclass(frozen=True, slots=True)
class HerokuSettings:
    """Where Heroku is, and which of its apps belong to this move.

    ``apps`` and ``pipeline`` choose the apps; with neither, all apps that the token sees. ``reserve`` is how many of the
    account's API calls are left for everybody else, a third of Heroku's 4,500 by default. ``handled_addons`` are add-ons a person takes care of.
    """

    api: str = "https://api.heroku.com"
    data_api: str = "https://api.data.heroku.com"
    token_env: str = "HEROKU_API_KEY"
    pipeline: str | None = None
    pipeline_stage: str = "production"
    apps: tuple[str, ...] = ()
    reserve: int = 1500
    handled_addons: tuple[str, ...] = ()

    def token(self, environ: Mapping[str, str]) -> Secret:
        """Return the API token. Raises UsageError that says how to export it."""
        value = environ.get(self.token_env, "").strip()
        if not value:
            raise UsageError(
                f"The environment variable {self.token_env} is not set, so offramp cannot talk to Heroku.",
                hint=f"Run `export {self.token_env}=$(heroku authorizations:create --scope read-protected,write-protected "
                "--description offramp --short)`.",
            )
        return Secret(value)


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """Where AWS is. Credentials come from the environment or ``profile``, as for every AWS tool.

    ``database_tls`` is the sslmode of every connection to RDS; only a rehearsal, whose PostgreSQL 18 has no TLS, says less.
    ``cache_tls`` says whether ElastiCache's certificates are checked, which public authorities have signed.
    """

    region: str
    account: str
    endpoint_url: str | None = None
    profile: str | None = None
    database_tls: str = "require"
    cache_tls: str = "verify-full"


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Which container images run. ``apps`` overrides the rule ``<registry>/<app>:<tag>`` for single apps.

    ``tag`` may hold ``{release}``, the number of the app's current Heroku release.
    """

    registry: str
    tag: str = DEFAULT_TAG
    apps: tuple[tuple[str, str], ...] = ()
    offramp: str = ""
    gateway: str = ""
    pooler: str = ""

    def of(self, app: str, release: int) -> str:
        """Return the image of an app at a Heroku release.

        >>> ImageSettings("registry.example").of("mentors-api", 3)
        'registry.example/mentors-api:v3'
        """
        return dict(self.apps).get(app) or f"{self.registry}/{app}:{self.tag.replace('{release}', str(release))}"


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """A Heroku Scheduler job, written down by a person because Heroku has no API for them."""

    app: str
    command: str
    every: str


@dataclass(frozen=True, slots=True)
class DesignSettings:
    """Hints for the blueprint's first draft. None means: let offramp choose."""

    zone: str | None = None
    namespace: str | None = None
    cidr: str = "10.80.0.0/16"
    web_port: int = 8000
    health_paths: tuple[tuple[str, str], ...] = ()
    drain_seconds: int | None = None
    gateway_port: int = 8080
    gateway_count: int = 2
    pooler_port: int = 6432
    pooler_control_port: int = 6433
    pool_size: int | None = None
    engine_version: str = "18"


@dataclass(frozen=True, slots=True)
class ShiftSettings:
    """``steps`` are percentages of traffic on AWS; each is watched for ``bake_seconds``."""

    steps: tuple[int, ...] = (10, 50, 100)
    bake_seconds: int = 300
    max_error_share: float = 0.01


@dataclass(frozen=True, slots=True)
class CutoverSettings:
    """A switch that takes longer than ``deadline_seconds`` is undone; one with more lag is not begun.

    A transaction that keeps a switch waiting for ``patience_seconds`` is named; then the switch is undone, or the transaction ended
    (``long_transactions``). For ``bake_seconds`` after it, errors and p99 are watched; ``on_breach`` says whether a person is asked.
    """

    deadline_seconds: float = 10
    max_lag_seconds: float = 5
    patience_seconds: float = 3
    long_transactions: Literal["undo", "cancel"] = "undo"
    bake_seconds: int = 300
    max_error_share: float = 0.01
    max_slowdown: float = 2
    on_breach: Literal["ask", "rollback"] = "ask"


@dataclass(frozen=True, slots=True)
class Settings:
    """``offramp.toml`` and the directory that it stands in."""

    name: str
    directory: Path
    heroku: HerokuSettings
    aws: AwsSettings
    images: ImageSettings
    schedules: tuple[ScheduleSettings, ...] = ()
    design: DesignSettings = DesignSettings()
    shift: ShiftSettings = ShiftSettings()
    cutover: CutoverSettings = CutoverSettings()

    @classmethod
    def load(cls, directory: Path) -> Settings:
        """Read ``offramp.toml`` in ``directory``. Raises UsageError that names the line and what to write instead."""
        path = directory / FILENAME
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError as error:
            raise UsageError(
                f"There is no {FILENAME} in {directory}.",
                hint="Write one (docs/reference/settings.md shows every key), or name its directory with --dir.",
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}.", hint="It must be a readable file in UTF-8.") from error
        return cls.parse(text, directory)

    @classmethod
    def parse(cls, text: str, directory: Path) -> Settings:
        """Parse the text of an ``offramp.toml``. Raises UsageError like ``load``."""
        try:
            return _settings(tables.parse(text, FILENAME), directory)
        except MalformedError as error:
            raise UsageError(str(error), hint=error.hint) from error

    @property
    def estate_path(self) -> Path:
        return self.directory / "estate.json"

    @property
    def blueprint_path(self) -> Path:
        return self.directory / "blueprint.toml"

    @property
    def journal_path(self) -> Path:
        return self.directory / "journal.db"

    @property
    def salt_path(self) -> Path:
        """The random salt of the estate's fingerprints; stays on this machine, mode 0600."""
        return self.directory / ".salt"


def _settings(root: Table, directory: Path) -> Settings:
    root.only("name", "heroku", "aws", "images", "schedule", "design", "shift", "cutover")
    aws = _aws(root.table("aws"))
    return Settings(
        name=root.text("name", pattern=_SHORT_NAME, meaning="1 to 20 lower-case letters, digits and dashes"),
        directory=directory,
        heroku=_heroku(root.table("heroku")),
        aws=aws,
        images=_images(root.table("images"), aws),
        schedules=tuple(_schedule(row) for row in root.tables("schedule")),
        design=_design(root.table("design")),
        shift=_shift(root.table("shift")),
        cutover=_cutover(root.table("cutover")),
    )


def _heroku(table: Table) -> HerokuSettings:
    default = HerokuSettings()
    table.only("api", "data_api", "token_env", "pipeline", "pipeline_stage", "apps", "reserve", "handled_addons")
    if "pipeline" in table and "apps" in table:
        raise table.malformed("apps", "`apps` and `pipeline` both choose the apps.", "Keep one of the two.")
    return HerokuSettings(
        api=_url(table, "api") or default.api,
        data_api=_url(table, "data_api") or default.data_api,
        token_env=table.text_or(
            "token_env",
            default.token_env,
            pattern=r"[A-Z][A-Z0-9_]*",
            meaning="the name of an environment variable, never the token itself",
            shown=False,
        ),
        pipeline=table.text_or("pipeline", None),
        pipeline_stage=table.text_or("pipeline_stage", default.pipeline_stage),
        apps=_app_names(table, "apps"),
        reserve=table.integer_or("reserve", default.reserve, 0, 4000),
        handled_addons=table.texts("handled_addons"),
    )


def _aws(table: Table) -> AwsSettings:
    table.only("region", "account", "endpoint_url", "profile", "database_tls", "cache_tls")
    return AwsSettings(
        region=table.text("region", pattern=r"[a-z]{2}(-[a-z]+)+-\d", meaning="a region's name, say eu-central-1"),
        account=table.text("account", pattern=r"\d{12}", meaning="the 12 digits of the AWS account, in quotes"),
        endpoint_url=_url(table, "endpoint_url"),
        profile=table.text_or("profile", None),
        database_tls=table.text_or(
            "database_tls", "require", pattern=r"prefer|require|verify-full", meaning="prefer, require or verify-full"
        ),
        cache_tls=table.text_or(
            "cache_tls", "verify-full", pattern=r"require|verify-full", meaning="require or verify-full"
        ),
    )


def _images(table: Table, aws: AwsSettings) -> ImageSettings:
    table.only("registry", "tag", "apps", "offramp", "gateway", "pooler")
    registry = table.text_or("registry", f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com").rstrip("/")
    # Not "latest": a task that starts next month must run the program that was tested today.
    version = metadata.version("offramp")
    return ImageSettings(
        registry=registry,
        tag=table.text_or("tag", DEFAULT_TAG),
        apps=table.mapping("apps"),
        offramp=table.text_or("offramp", f"{registry}/offramp:{version}"),
        gateway=table.text_or("gateway", f"{registry}/offramp-nginx:{version}"),
        pooler=table.text_or("pooler", f"{registry}/offramp-pgbouncer:{version}"),
    )


def _schedule(table: Table) -> ScheduleSettings:
    table.only("app", "command", "every")
    every = table.text("every")
    if every not in INTERVALS:
        raise table.malformed("every", f"`every` is {every!r}.", f"It must be one of: {', '.join(INTERVALS)}.")
    return ScheduleSettings(app=table.text("app"), command=table.text("command"), every=every)


def _design(table: Table) -> DesignSettings:
    default = DesignSettings()
    table.only(
        "zone", "namespace", "cidr", "web_port", "health_paths", "drain_seconds", "gateway_port", "gateway_count",
        "pooler_port", "pooler_control_port", "pool_size", "engine_version",
    )  # fmt: skip
    return DesignSettings(
        zone=table.text_or("zone", None, pattern=_HOST, meaning="a domain, say mentoring.example"),
        namespace=table.text_or("namespace", None, pattern=_HOST, meaning="a private domain, say mentoring.internal"),
        cidr=table.text_or("cidr", default.cidr, pattern=r"[\d.]+/\d+", meaning="an address range, say 10.80.0.0/16"),
        web_port=_port(table, "web_port", default.web_port),
        health_paths=_health_paths(table),
        drain_seconds=table.integer_or("drain_seconds", None, 0, 110),
        gateway_port=_port(table, "gateway_port", default.gateway_port),
        gateway_count=table.integer_or("gateway_count", default.gateway_count, 1, 20),
        pooler_port=_port(table, "pooler_port", default.pooler_port),
        pooler_control_port=_port(table, "pooler_control_port", default.pooler_control_port),
        pool_size=table.integer_or("pool_size", None, 1, 1000),
        engine_version=table.text_or(
            "engine_version",
            default.engine_version,
            pattern=r"1[4-9](\.\d+)?",
            meaning='a PostgreSQL version, say "18"',
        ),
    )


def _health_paths(table: Table) -> tuple[tuple[str, str], ...]:
    pairs = table.mapping("health_paths")
    for app, path in pairs:
        if not path.startswith("/"):
            raise table.table("health_paths").malformed(app, f"`{app}` is {path!r}.", "A path begins with a slash.")
    return pairs


def _shift(table: Table) -> ShiftSettings:
    default = ShiftSettings()
    table.only("steps", "bake_seconds", "max_error_share")
    steps = table.integers("steps", 1, 100) or default.steps
    if list(steps) != sorted(set(steps)) or steps[-1] != 100:
        raise table.malformed("steps", "`steps` must rise and end at 100.", "Say [10, 50, 100].")
    return ShiftSettings(
        steps=steps,
        bake_seconds=table.integer_or("bake_seconds", default.bake_seconds, 1, 86_400),
        max_error_share=table.number_or("max_error_share", default.max_error_share, 0, 1),
    )


def _cutover(table: Table) -> CutoverSettings:
    default = CutoverSettings()
    table.only(*(field.name for field in fields(CutoverSettings)))
    return CutoverSettings(
        deadline_seconds=table.number_or("deadline_seconds", default.deadline_seconds, 1, 600),
        max_lag_seconds=table.number_or("max_lag_seconds", default.max_lag_seconds, 0.1, 600),
        patience_seconds=table.number_or("patience_seconds", default.patience_seconds, 0.1, 600),
        long_transactions=table.choice_or("long_transactions", default.long_transactions, ("undo", "cancel")),
        bake_seconds=table.integer_or("bake_seconds", default.bake_seconds, 0, 86_400),
        max_error_share=table.number_or("max_error_share", default.max_error_share, 0, 1),
        max_slowdown=table.number_or("max_slowdown", default.max_slowdown, 1, 1000),
        on_breach=table.choice_or("on_breach", default.on_breach, ("ask", "rollback")),
    )


def _app_names(table: Table, key: str) -> tuple[str, ...]:
    names = table.texts(key)
    for name in names:
        if not re.fullmatch(_APP_NAME, name):
            raise table.malformed(key, f"{name!r} cannot be the name of a Heroku app.", "`heroku apps` lists them.")
    return names


def _port(table: Table, key: str, default: int) -> int:
    return table.integer_or(key, default, 1, 65_535)


def _url(table: Table, key: str) -> str | None:
    """Return an http(s) origin without its trailing slash, None when the key is absent."""
    if key not in table:
        return None
    value = table.text(key).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise table.malformed(key, f"`{key}` is not the address of an API.", "Say https://host or http://host:port.")
    return value
