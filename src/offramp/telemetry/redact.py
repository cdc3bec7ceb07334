"""What must not stay in kept logs? E-mail addresses, tokens and passwords, and the tail of internet addresses.

It happens when lines are sealed, before they are compressed: what is replaced here is not on disk afterwards. It is a net with a mesh, not a
proof: an application that prints a secret in a form of its own will have it kept.
"""

from __future__ import annotations

import re
from functools import lru_cache

HIDDEN = "***"
# Shorter ones are too easily guessed to be anybody's key.
_SECRET_LENGTH = 24

_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_IPV4 = re.compile(r"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}(?![\d.]|-\w)")
_IPV6 = re.compile(r"(?<![\w:])([0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4})(?::[0-9A-Fa-f]{0,4}){2,5}(?![\w:])")
_NAMES = (
    r"[\w.-]*(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|credential|signature|session"
    r"[_-]?(?:key|token)|csrf|otp|jwt)[\w.-]*"
)
_NAMED = re.compile(rf"(?i)({_NAMES}[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|(?:bearer |basic )?[^\s&;,\"'}}\])]+)")
_QUERY = re.compile(rf"(?i)([?&;](?:{_NAMES}|key|sig|auth|code|state|email|mail|phone|name)=)[^&;#\s\"]*")
_URL_USER = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
# Keys that tell what they are: AWS, Stripe, GitHub, Slack, Heroku, SendGrid; and JSON web tokens.
_KEYS = re.compile(
    r"\b(?:A[KS]IA[A-Z0-9]{16}|[srp]k_(?:live|test)_\w+|gh[pousr]_\w{20,}|xox[a-z]-[\w-]+|HRKU-[\w-]+|SG\.[\w-]+\.[\w-]+"
    r"|eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?)"
)
_SEGMENT = re.compile(
    r"/(?=[^/?#]*[a-z])(?=[^/?#]*[A-Z])(?=[^/?#]*\d)[A-Za-z0-9_.~-]{24,}(?=[/?#]|$)|/[0-9a-f]{40,}(?=[/?#]|$)"
)


def text(line: str) -> str:
    """Return a line without addresses of people and without secrets.

    >>> text("login of ann@example.com from 203.0.113.17 with password=hunter2")
    'login of *** from 203.0.113.0 with password=***'
    >>> text("postgres://u:p4ss@db.example.com/x")
    'postgres://u:***@db.example.com/x'
    """
    if "@" in line or "%40" in line:
        line = _EMAIL.sub(HIDDEN, _URL_USER.sub(rf"\1{HIDDEN}@", line)) if "://" in line else _EMAIL.sub(HIDDEN, line)
    if "=" in line or ":" in line:
        line = _NAMED.sub(rf"\1{HIDDEN}", line)
        if "?" in line:
            line = _QUERY.sub(rf"\1{HIDDEN}", line)
    if " " in line and ("earer" in line or "asic" in line or "EARER" in line):
        line = _BEARER.sub(rf"\1 {HIDDEN}", line)
    return addresses(_KEYS.sub(HIDDEN, line))


def path(value: str) -> str:
    """Return a request's path with its query string, without secrets.

    >>> path("/reset?token=abc&page=2")
    '/reset?token=***&page=2'
    """
    bare, mark, query = value.partition("?")
    if len(bare) > _SECRET_LENGTH:
        bare = _SEGMENT.sub(f"/{HIDDEN}", _KEYS.sub(HIDDEN, bare))
    if mark:
        query = "&".join(
            [
                pair if len(pair) < _SECRET_LENGTH and _plain(pair.partition("=")[0]) else _pair(pair)
                for pair in query.split("&")
            ]
        )
        value = f"{bare}?{query}"
    else:
        value = bare
    return _EMAIL.sub(HIDDEN, value) if "@" in value or "%40" in value else value


def is_plain_path(value: str) -> bool:
    """Whether a path cannot hold anything that ``path`` would take out; most are such, and this is quicker."""
    return len(value) <= _SECRET_LENGTH and "?" not in value and "@" not in value and "%" not in value


@lru_cache(10_000)
def _plain(name: str) -> bool:
    return _QUERY.fullmatch(f"?{name}=") is None


def _pair(pair: str) -> str:
    name = pair.partition("=")[0]
    if not _plain(name):
        return f"{name}={HIDDEN}"
    # The separator of old, and web addresses within an address, may hold pairs of their own.
    return _KEYS.sub(HIDDEN, _QUERY.sub(rf"\1{HIDDEN}", f"?{pair}")[1:])


def addresses(value: str) -> str:
    """Return a text with the last part of every internet address taken off.

    >>> addresses("198.51.100.9, 2001:db8:85a3:8d3:1319:8a2e:370:7348")
    '198.51.100.0, 2001:db8:85a3::'
    """
    if value.endswith("."):
        # Its tail was left out before it came here.
        return f"{value}0"
    if "." in value:
        value = _IPV4.sub(r"\1.0", value)
    return _IPV6.sub(r"\1::", value) if value.count(":") > 3 else value
