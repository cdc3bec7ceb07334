"""Which requests are of the same kind? Paths lose what names one thing: numbers, uuids, digests, slugs, and the query string."""

from __future__ import annotations

import re
from functools import lru_cache

_VERSION = re.compile(r"v\d{1,2}(?:\.\d{1,2})?", re.IGNORECASE)
# oauth2, s3, step1: a word with one figure is part of the address more often than not.
_WORD = re.compile(r"[A-Za-z_-]{1,12}\d")
_FILE = re.compile(r"(.+)(\.[A-Za-z][A-Za-z0-9]{0,4})")
_RANDOM = re.compile(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{20,}")
_HYPHENS, _LONG = 3, 40
_ROUTE_PARTS = 16


def template(path: str) -> str:
    """Return the route of a path, with or without its query string.

    >>> template("/api/mentors/17/slots/?page=2")
    '/api/mentors/{id}/slots/'
    >>> template("/api/v1/orders/0c8f9a52-77ad-4c1f-9d3c-1a2b3c4d5e6f")
    '/api/v1/orders/{id}'
    >>> template("/static/app.8d3f.js")
    '/static/{id}.js'
    >>> template("/blog/how-we-left-our-home")
    '/blog/{slug}'
    """
    parts = path.partition("?")[0].split("/", _ROUTE_PARTS)
    if len(parts) > _ROUTE_PARTS:
        parts[-1] = "{rest}"
    return "/".join(["{id}" if part.isdigit() else segment(part) for part in parts])


@lru_cache(10_000)
def segment(part: str) -> str:
    """Return what stands in a route for one part of a path.

    >>> [segment(part) for part in ("v2", "oauth2", "order-4711", "J%C3%B6rg", "me@example.com", "wp-login.php")]
    ['v2', 'oauth2', '{id}', '{id}', '{id}', 'wp-login.php']
    """
    part = part.partition("#")[0]
    if not part or part == "{rest}" or (part.isalpha() and part.isascii() and len(part) < _LONG):
        return part
    if part.isdigit():
        return "{id}"
    if not part.isascii() or "%" in part or "@" in part or len(part) >= _LONG:
        return "{id}"
    if _VERSION.fullmatch(part) or _WORD.fullmatch(part):
        return part
    if file := _FILE.fullmatch(part):
        inner = segment(file[1])
        return inner + file[2] if not any(letter.isdigit() for letter in file[2][1:]) or inner == file[1] else "{id}"
    if any(letter.isdigit() for letter in part) or _RANDOM.fullmatch(part):
        return "{id}"
    return "{slug}" if part.count("-") >= _HYPHENS else part
