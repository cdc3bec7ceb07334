"""How do two values compare without either being kept? By a salted fingerprint; and which part of a value may be kept?"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..kit.secret import Secret

SALT_BYTES = 32
_LENGTH = 12
# /api/v1/mentors reads as words; /services/T024BE7LD/B0/x8fEw is a webhook's secret.
_WORDS = re.compile(r"(/[a-z]+(-[a-z]+)*|/v\d{1,2})*/?")


def fingerprint(value: Secret, salt: Secret) -> str:
    """Return 12 hex digits that change with the value and cannot be guessed back without the salt.

    48 bits: two different values of one variable look equal once in 280 million million comparisons.
    """
    digest = hmac.new(salt.reveal().encode(), value.reveal().encode(), hashlib.sha256)
    return digest.hexdigest()[:_LENGTH]


# What names a database on a server in its path; a cache has the server for itself.
_STORES = {"postgres": True, "postgresql": True, "mysql": True, "mysql2": True, "mongodb": True, "mongodb+srv": True,
           "redis": False, "rediss": False, "amqp": True, "amqps": True}  # fmt: skip
_SAME = {"postgresql": "postgres", "rediss": "redis", "mysql2": "mysql", "mongodb+srv": "mongodb", "amqps": "amqp"}


def endpoint(value: Secret, salt: Secret) -> str | None:
    """Return the fingerprint of the store that a URL reaches, whoever logs in, None for what is no such URL.

    A database is its host and its name, whatever the port: Heroku's pooler listens on another. A cache is its host and port.

    >>> one, other = Secret("postgres://a:x@db.example:5432/d1"), Secret("postgresql://b:y@DB.example:6432/d1?sslmode=require")
    >>> endpoint(one, Secret("s")) == endpoint(other, Secret("s")), endpoint(Secret("https://db.example/d1"), Secret("s"))
    (True, None)
    """
    try:
        parts = urlsplit(value.reveal().strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in _STORES:
        return None
    kind = _SAME.get(parts.scheme, parts.scheme)
    place = parts.path if _STORES[parts.scheme] else f":{port or ''}"
    return fingerprint(Secret(f"{kind}://{host}{place}"), salt)


def is_plain(value: Secret) -> bool:
    """Whether a value is an address that holds nothing secret: it is public, and alike for good reason.

    >>> is_plain(Secret("https://api.example.org/v1")), is_plain(Secret("sk_live_0123456789")), is_plain(Secret("redis://h:1"))
    (True, False, False)
    """
    try:
        return urlsplit(value.reveal().strip()).scheme in ("http", "https") and address(value) is not None
    except ValueError:
        return False


def target(value: Secret, hosts: Mapping[str, str]) -> str | None:
    """Return the app that an HTTP URL points at; ``hosts`` maps host names to apps.

    >>> target(Secret("https://a.example:8443/x"), {"a.example": "mentors-api"})
    'mentors-api'
    """
    try:
        parts = urlsplit(value.reveal().strip())
        host = parts.hostname
    except ValueError:
        return None
    return hosts.get(host) if host and parts.scheme in ("http", "https") else None


def address(value: Secret) -> str | None:
    """Return a URL that holds nothing secret, None when it might.

    >>> address(Secret("http://a.example:8080/api/v1"))
    'http://a.example:8080/api/v1'
    >>> address(Secret("https://a.example/hooks/x8fEwT0")), address(Secret("https://u:p@a.example"))
    (None, None)
    """
    text = value.reveal().strip()
    parts = urlsplit(text)
    plain = parts.scheme in ("http", "https") and not (
        parts.username or parts.password or parts.query or parts.fragment
    )
    return text if plain and _WORDS.fullmatch(parts.path) else None
