"""What is true of every call? Credentials, the version in Accept, the rate limit, request ids, ETags and errors as JSON."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web

from .context import answer, platform
from .problems import FORBIDDEN, MISSING_VERSION, RATE_LIMIT, UNAUTHORIZED, ProblemError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What Heroku answers to anybody, and what is not Heroku's.
OPEN = ("/addon-services", "/plans/", "/schema", "/_rehearsal/", "/_logplex/", "/_backups/")
# Reads that are sent by POST, as their parameters do not fit into a path.
QUESTIONS = ("/actions/addons/resolve", "/actions/addon-attachments/resolve", "/filters/")
# The data API is another host on Heroku, with media types and limits of its own.
DATA = ("/client/", "/postgres/", "/redis/")
MIME = "application/vnd.heroku+json"


@web.middleware
async def heroku(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Wrap a route in Heroku's manners."""
    try:
        _admit(request)
        answered = await handler(request)
    except ProblemError as problem:
        answered = answer(problem.body(), problem.status)
    except web.HTTPNotFound:
        answered = answer({"id": "not_found", "message": "The requested API endpoint was not found."}, 404)
    except web.HTTPMethodNotAllowed:
        answered = answer({"id": "method_not_allowed", "message": "This method is not allowed here."}, 405)
    if answered.prepared:
        return answered
    answered.headers["Request-Id"] = request.headers.get("Request-Id") or str(uuid.uuid4())
    if not request.path.startswith(("/_", *DATA)):
        answered.headers["RateLimit-Remaining"] = str(platform(request).bucket.remaining)
    return _tagged(request, answered)


def _admit(request: web.Request) -> None:
    if request.path.startswith(OPEN):
        return
    given, here = _token(request).encode(), platform(request)
    if not hmac.compare_digest(given, here.token.encode()):
        plain = hmac.compare_digest(given, here.plain_token.encode())
        if not plain and not hmac.compare_digest(given, here.read_token.encode()):
            raise ProblemError(*UNAUTHORIZED)
        if plain and request.path.endswith("/config-vars"):
            raise ProblemError(*FORBIDDEN)
        if request.method != "GET" and not request.path.startswith(QUESTIONS):
            raise ProblemError(*FORBIDDEN)
    if request.path.startswith(DATA):
        return
    if MIME not in request.headers.get("Accept", "") or "version=3" not in request.headers.get("Accept", ""):
        raise ProblemError(*MISSING_VERSION)
    if request.path != "/account/rate-limits" and not platform(request).bucket.take():
        raise ProblemError(*RATE_LIMIT)


def _token(request: web.Request) -> str:
    """The token, as a bearer's or as the password of Basic with any user, which the data API's callers use."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _tagged(request: web.Request, answered: web.StreamResponse) -> web.StreamResponse:
    """Add an ETag to what was read, and answer 304 to a caller who has it."""
    if request.method != "GET" or not isinstance(answered, web.Response) or answered.status not in (200, 206):
        return answered
    if not isinstance(answered.body, bytes):
        return answered
    tag = f'"{hashlib.md5(answered.body, usedforsecurity=False).hexdigest()}"'
    answered.headers["ETag"] = tag
    if tag not in request.headers.get("If-None-Match", ""):
        return answered
    kept = {name: value for name, value in answered.headers.items() if name not in ("Content-Type", "Content-Length")}
    return web.Response(status=304, headers=kept)
