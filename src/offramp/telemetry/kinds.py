"""Of which kind is a line? Told by its source and process, then by how its text begins; a priority tells nothing on Heroku."""

from __future__ import annotations

import re

from .model import Kind

_POSTGRES_LOG = re.compile(r"postgres\.\d+")
_ADD_ONS = {
    "heroku-postgres": Kind.POSTGRES_METRICS,
    "heroku-redis": Kind.REDIS_METRICS,
    "heroku-pgbouncer": Kind.PGBOUNCER_METRICS,
}
_LOST = re.compile(r"Error L1[0-3]\b.*?(\d{1,12}) messages (?:dropped|lost)|dropped (\d{1,12}) messages", re.DOTALL)
_REQUEST_ID = re.compile(r"(?i)request[_-]?id[\"']?\s?[:=]\s?[\"']?([\w.+/=-]{20,200})")
_UUID = re.compile(r"(?<![0-9a-f-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f-])")


def of(source: str, process: str, text: str) -> Kind:
    """Return a line's kind; what nobody knows is the application's own.

    >>> of("heroku", "web.1", "Error R14 (Memory quota exceeded)")
    <Kind.RUNTIME_ERROR: 'runtime-error'>
    """
    if source == "app":
        if process == "api":
            return Kind.API
        if kind := _ADD_ONS.get(process):
            return kind if "sample#" in text else Kind.APP
        if text[:1] == "[" and _POSTGRES_LOG.fullmatch(process):
            return Kind.POSTGRES_LOG
        return Kind.APP
    if source == "heroku":
        return _platform(process, text)
    return Kind.LOGPLEX if source == "logplex" else Kind.APP


def _platform(process: str, text: str) -> Kind:
    if process == "router":
        return Kind.ROUTER
    if process in ("logplex", "log-shuttle") or text.startswith("Error L"):
        return Kind.LOGPLEX
    if text.startswith("Error R"):
        return Kind.RUNTIME_ERROR
    return Kind.DYNO_METRICS if "sample#" in text else Kind.STATE


def lost(text: str) -> int:
    """Return how many messages an L line says were lost before they reached us.

    >>> lost("Error L10 (output buffer overflow): 1310 messages dropped since 2026-09-14T09:10:02+00:00.")
    1310
    """
    found = _LOST.search(text)
    return int(found[1] or found[2]) if found else 0


def request_id(text: str) -> str:
    """Return the request that an application's line speaks of, or the empty text.

    >>> request_id('{"request_id": "7d3e0001-1b2c-4d5e-8f90-a1b2c3d4e5f6", "level": "info"}')
    '7d3e0001-1b2c-4d5e-8f90-a1b2c3d4e5f6'
    """
    if "equest" in text and (named := _REQUEST_ID.search(text)):
        return named[1]
    if text.count("-") >= 4 and (found := _UUID.search(text)):
        return found[0]
    return ""
