"""What happens around every view: request ids, CORS, a log line, and transactions that wait out a passing failure."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from .answers import MalformedError, problem
from .once import once, token_of
from .patience import UnavailableError, patiently

Handler = Callable[[HttpRequest], HttpResponseBase]
View = Callable[..., HttpResponseBase]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What Heroku's router accepts as a request id.
REQUEST_ID = re.compile(r"[A-Za-z0-9+/=_-]{20,200}")

log = logging.getLogger("request")


def own_transactions(view: View) -> View:
    """Mark a view that opens its transactions itself, say because it asks another app over HTTP before.

    A transaction that waits for another app holds a pooled connection for as long as that app likes.
    """
    view.own_transactions = True  # type: ignore[attr-defined]
    return view


class RequestLog:
    """Take the router's X-Request-Id or make one, give it back, and write one line per request."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        given = request.headers.get("X-Request-Id", "")
        request.id = given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers["X-Request-Id"] = request.id  # type: ignore[attr-defined]
        if request.path != "/healthz":
            log.info(
                "method=%s path=%s status=%d service_ms=%d request_id=%s",
                request.method, request.path, response.status_code, (time.monotonic() - began) * 1000, request.id,  # type: ignore[attr-defined]
            )  # fmt: skip
        return response


class Cors:
    """Let the front end's page, which lives at another origin, call this API. No cookies, so any origin may."""

    HEADERS = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key, X-Request-Id",
        "Access-Control-Max-Age": "600",
    }

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = HttpResponse(status=204) if request.method == "OPTIONS" else self.get_response(request)
        for name, value in self.HEADERS.items():
            response.headers[name] = value
        return response


class PatientTransactions:
    """Run each view in one transaction, repeated while the database is away if that is safe (see ``patience``).

    Safe are reads, and writes that carry an Idempotency-Key (see ``once``).
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if getattr(view, "own_transactions", False):
            return None
        try:
            return in_transaction(request, lambda: view(request, *args, **kwargs))
        except (UnavailableError, MalformedError) as error:
            return self.process_exception(request, error)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Turn our own exceptions into answers; Django calls this for views that open their transactions themselves."""
        if isinstance(error, UnavailableError):
            return problem(503, "the database is not available")
        return problem(400, str(error)) if isinstance(error, MalformedError) else None


def in_transaction(request: HttpRequest, work: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Run ``work`` once, in a transaction, as patiently as ``request`` allows. Raises UnavailableError."""
    if request.method in SAFE_METHODS:
        return patiently(work)
    try:
        token = token_of(request)
    except ValueError:
        return problem(400, "Idempotency-Key must be a UUID")
    return patiently(lambda: once(token, work), safe=token is not None)
