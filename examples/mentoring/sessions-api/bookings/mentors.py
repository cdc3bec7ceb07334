"""Who is this mentor? Asked of mentors-api over HTTP, with the request id passed on."""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import Any
from uuid import UUID

import httpx
from django.conf import settings

ATTEMPTS = 4
PAUSE_SECONDS = 0.1
# mentors-api waits up to 12 s for its own database; beyond that nobody is waiting for us either.
TIMEOUT = httpx.Timeout(20, connect=2)
# Answers of a gateway or router between two instances of an app.
PASSING = frozenset({502, 503, 504})

log = logging.getLogger(__name__)


class MentorsUnavailableError(Exception):
    """Mentors-api did not answer."""


@cache
def _client() -> httpx.Client:
    # A short-lived keep-alive, so that a name that has moved is looked up again; proxies of the environment are not meant.
    return httpx.Client(
        base_url=settings.MENTORS_API_URL, timeout=TIMEOUT, limits=httpx.Limits(keepalive_expiry=2), trust_env=False
    )


def find(mentor_id: UUID, request_id: str) -> dict[str, Any] | None:
    """Return the mentor's card, or None when there is no such mentor. Raises MentorsUnavailableError.

    Never call this inside a transaction: it would keep a pooled connection while the other app thinks.
    """
    answer = _get(f"/api/mentors/{mentor_id}", request_id)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    if not answer.is_success:
        raise MentorsUnavailableError(f"mentors-api answered {answer.status_code}")
    card: dict[str, Any] = answer.json()
    return card


def _get(path: str, request_id: str) -> httpx.Response:
    """Get ``path``, trying again when the connection failed or a gateway was between two instances."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = _client().get(path, headers={"X-Request-Id": request_id})
            if answer.status_code not in PASSING or attempt == ATTEMPTS:
                return answer
            why = str(answer.status_code)
        except httpx.TransportError as error:
            if isinstance(error, httpx.ReadTimeout) or attempt == ATTEMPTS:
                raise MentorsUnavailableError(type(error).__name__) from error
            why = type(error).__name__
        log.warning("event=mentors_retry attempt=%d why=%s request_id=%s", attempt, why, request_id)
        time.sleep(PAUSE_SECONDS * attempt)
    raise AssertionError("unreachable: the last attempt returns or raises")
