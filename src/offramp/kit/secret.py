"""How does a secret travel through the program without ever being printed?"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Secret:
    """A value whose ``repr`` and ``str`` are ``***``; ``reveal()`` is the only way out.

    >>> Secret("hunter2")
    ***
    >>> f"{Secret('hunter2')}"
    '***'
    """

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"


def password_of(url: str) -> str:
    """Return the password inside a URL, percent-decoded, or an empty string.

    >>> password_of("postgres://u:p%40ss@127.0.0.1:5432/d")
    'p@ss'
    """
    return unquote(urlsplit(url).password or "")


def without_password(url: str) -> str:
    """Return the URL as it may be shown: user, host, port and path, no password, no query.

    >>> without_password("postgres://u:p@127.0.0.1:5432/d?sslmode=require")
    'postgres://u@127.0.0.1:5432/d'
    """
    parts = urlsplit(url)
    at = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{at}{parts.hostname or ''}{port}", parts.path, "", ""))
