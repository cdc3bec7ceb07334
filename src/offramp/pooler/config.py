"""What does the pooler's secret say, and which PgBouncer configuration follows from it?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import UsageError
from ..kit.secret import Secret

# Weakest first: PgBouncer 1.18 has one server_tls_sslmode for all databases.
_TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one pooled database lives now. ``side`` is ``heroku`` or ``aws``.

    ``source`` is the Heroku app and config var that hold the URL; on the ``heroku`` side they are read afresh, because Heroku
    rotates credentials.
    """

    side: str
    host: str
    port: int
    dbname: str
    user: str
    password: Secret
    sslmode: str = "require"
    source: tuple[str, str] | None = None

    def at(self, url: Secret) -> Target:
        """Return the same target with the place and credentials of a libpq URL."""
        return replace(target_from_url(url, self.side), source=self.source)


@dataclass(frozen=True, slots=True)
class PoolerConfig:
    """Everything the pooler serves. ``clients`` maps a database's name to the password applications use for it.

    ``held`` are the databases of a switch that has begun: a pooler that starts while one is under way keeps their clients waiting.
    """

    databases: Mapping[str, Target]
    clients: Mapping[str, Secret]
    admin_user: str
    admin_password: Secret
    control_token: Secret
    pool_size: int
    held: tuple[str, ...] = ()


def target_from_url(url: Secret, side: str) -> Target:
    """Parse a libpq URL. Raises UsageError, without showing the URL, when a part is missing."""
    parts = urlsplit(url.reveal())
    name = parts.path.lstrip("/")
    if not (parts.hostname and parts.username and name):
        raise UsageError("A database URL lacks host, user or database name.", hint="Check the config var it came from.")
    mode = parse_qs(parts.query).get("sslmode", ["prefer"])[0]
    secret = Secret(unquote(parts.password or ""))
    return Target(side, parts.hostname, parts.port or 5432, unquote(name), unquote(parts.username), secret, mode)


def parse(text: str) -> PoolerConfig:
    """Read the pooler's secret. Raises UsageError when it is not the document that offramp writes."""
    try:
        document = json.loads(text)
        databases = {name: _target(entry) for name, entry in document["databases"].items()}
        return PoolerConfig(
            databases=databases,
            clients={name: Secret(password) for name, password in document["clients"].items()},
            admin_user=document["admin"]["user"],
            admin_password=Secret(document["admin"]["password"]),
            control_token=Secret(document["control_token"]),
            pool_size=int(document.get("pool_size", 20)),
            held=tuple(str(name) for name in document.get("held", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"The pooler's secret is not the document that offramp writes: {type(error).__name__}.",
            hint="Run `offramp run` to write it again.",
        ) from None


def _target(entry: Mapping[str, object]) -> Target:
    source = entry.get("source")
    return Target(
        side=str(entry.get("side", "heroku")),
        host=str(entry["host"]),
        port=int(str(entry["port"])),
        dbname=str(entry["dbname"]),
        user=str(entry["user"]),
        password=Secret(str(entry["password"])),
        sslmode=str(entry.get("sslmode", "require")),
        source=(str(source["app"]), str(source["config_var"])) if isinstance(source, dict) else None,
    )


def dump(config: PoolerConfig) -> Secret:
    """Return the secret's text, the inverse of ``parse``."""
    return Secret(
        json.dumps(
            {
                "databases": {name: _entry(target) for name, target in sorted(config.databases.items())},
                "clients": {name: password.reveal() for name, password in sorted(config.clients.items())},
                "admin": {"user": config.admin_user, "password": config.admin_password.reveal()},
                "control_token": config.control_token.reveal(),
                "pool_size": config.pool_size,
                **({"held": list(config.held)} if config.held else {}),
            },
            indent=1,
        )
    )


def _entry(target: Target) -> dict[str, object]:
    entry: dict[str, object] = {
        "side": target.side, "host": target.host, "port": target.port, "dbname": target.dbname, "user": target.user,
        "password": target.password.reveal(), "sslmode": target.sslmode,
    }  # fmt: skip
    if target.source:
        entry["source"] = {"app": target.source[0], "config_var": target.source[1]}
    return entry


def digest(config: PoolerConfig) -> str:
    """Return a short fingerprint of what is served, to see that a reload took the wanted document."""
    return hashlib.sha256(dump(config).reveal().encode()).hexdigest()[:16]


def _quoted(value: str) -> str:
    """Quote one value of a connect string in PgBouncer's configuration.

    >>> _quoted("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def render_ini(config: PoolerConfig, *, address: str, port: int, folder: str) -> str:
    """Return ``pgbouncer.ini``. Clients are told apart by database name; each pools its own server role."""
    lines = ["[databases]"]
    for name, target in sorted(config.databases.items()):
        place = f"host={_quoted(target.host)} port={target.port} dbname={_quoted(target.dbname)}"
        lines.append(f"{name} = {place} user={_quoted(target.user)} password={_quoted(target.password.reveal())}")
    weakest = min((target.sslmode for target in config.databases.values()), key=_TLS_MODES.index, default="prefer")
    settings = {
        "listen_addr": address,
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": f"{folder}/userlist.txt",
        "admin_users": config.admin_user,
        "pool_mode": "transaction",
        "default_pool_size": config.pool_size,
        "max_client_conn": 2000,
        "max_prepared_statements": None,
        # Clients wait through a switch or a server restart instead of failing; a web request gives up at 30 s anyway.
        "query_wait_timeout": 120,
        "server_login_retry": 1,
        "server_connect_timeout": 5,
        "server_idle_timeout": 60,
        "server_check_delay": 5,
        "server_tls_sslmode": weakest,
        # Drivers send these on connecting; PgBouncer tracks the common ones itself.
        "ignore_startup_parameters": "extra_float_digits,options,search_path,statement_timeout",
        "log_connections": 0,
        "log_disconnections": 0,
    }
    lines += ["", "[pgbouncer]", *(f"{key} = {value}" for key, value in settings.items() if value is not None)]
    return "\n".join(lines) + "\n"


def render_users(config: PoolerConfig) -> str:
    """Return ``userlist.txt``: one client per database, and the admin."""
    users = {**config.clients, config.admin_user: config.admin_password}
    return "".join(
        f'"{name}" "{password.reveal().replace(chr(34), chr(34) * 2)}"\n' for name, password in sorted(users.items())
    )
