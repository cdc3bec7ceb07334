"""What do Heroku's config vars DATABASE_URL and REDIS_URL mean to Django and to the Valkey client?"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import valkey

CONNECT_SECONDS = 5


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for one database; the URL's query (``sslmode``) goes to libpq.

    Nothing here depends on session state, so a pooler in transaction mode may stand between.

    >>> made = database("postgres://u:p%40ss@db.example:5433/shop?sslmode=require")
    >>> made["PASSWORD"], made["PORT"], made["OPTIONS"]["sslmode"]
    ('p@ss', '5433', 'require')
    """
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or 5432),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"connect_timeout": CONNECT_SECONDS, "prepare_threshold": None, **dict(parse_qsl(parts.query))},
    }


def redis(url: str) -> valkey.Valkey:
    """Return a client. Heroku's Redis demands TLS with a certificate that no bundle verifies, so nobody tries to."""
    tls: dict[str, Any] = {"ssl_cert_reqs": None} if url.startswith("rediss:") else {}
    client: valkey.Valkey = valkey.Valkey.from_url(
        url, decode_responses=True, socket_connect_timeout=1, socket_timeout=3, health_check_interval=15, **tls
    )
    return client


def logging_to_stdout() -> dict[str, Any]:
    """Return Django's LOGGING: plain lines on stdout, where Logplex (or a log driver) picks them up."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "level=%(levelname)s logger=%(name)s %(message)s"}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}},
        "root": {"handlers": ["stdout"], "level": "INFO"},
        "loggers": {"httpx": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
    }
