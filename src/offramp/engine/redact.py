"""How do we keep a secret out of a text that somebody else wrote, say an error message of a driver?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# Their values never reach a file, even when a foreign library puts them into an error text.
SECRET_VARIABLES = ("HEROKU_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD")

_PATTERNS = (
    # The password of a URL: everything up to the last @ before the path, since passwords may hold an unescaped @.
    (re.compile(r"(?<=://)([^\s/:@'\"]*):[^\s/'\"]+@"), r"\1:***@"),
    # A header's value has several words.
    (re.compile(r"(?i)\b(authorization)(\s*[=:]\s*)[^\r\n'\"]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(password|passwd|secret|token)(\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|\S+)"), r"\1\2***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\bHRKU-[A-Za-z0-9_-]+"), "***"),
)


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return ``text`` without passwords of URLs, ``password=...`` pairs, tokens, and the ``known`` values.

    >>> redact("cannot reach postgres://u:p@ss@db.example:5432/d")
    'cannot reach postgres://u:***@db.example:5432/d'
    >>> redact("connection with password=hunter2 host=db failed")
    'connection with password=*** host=db failed'
    >>> redact("Authorization: Bearer abcdefgh1234")
    'Authorization: ***'
    >>> redact("key abc123 was refused", ["abc123"])
    'key *** was refused'
    """
    # A value of one or two characters would turn the whole text into stars and protect nobody.
    for value in sorted((value for value in known if len(value) > 3), key=len, reverse=True):
        text = text.replace(value, "***")
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def known_secrets(environ: Mapping[str, str], *more: str) -> tuple[str, ...]:
    """Return the values of the variables that hold secrets, and of those named in ``more``.

    >>> known_secrets({"HEROKU_API_KEY": "abc123", "HOME": "/root"})
    ('abc123',)
    """
    return tuple(environ[name] for name in (*SECRET_VARIABLES, *more) if environ.get(name))
