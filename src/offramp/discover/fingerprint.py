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
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    return text if plain and _WORDS.fullmatch(parts.path) else None
