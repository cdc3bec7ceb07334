"""How does one request reach Heroku and come back? Paging, patience, and errors a person can act on.

Protocol facts: Platform API reference (Accept header, Range paging with 206 and Next-Range, RateLimit-Remaining, error bodies
with ``id`` and ``message``). There is no idempotency key, so only GET and DELETE are repeated when a request may have arrived.
"""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable, Iterator, Mapping

import httpx

from ..errors import OutsideError, RateLimitedError, UnreachableError
from ..kit.clock import Clock
from ..kit.secret import Secret
from . import patience
from .answer import Answer
from .refusal import refusal

ACCEPT = "application/vnd.heroku+json; version=3"
REPEATABLE = ("GET", "DELETE")
PAGE = "id ..; max=1000"
DEADLINE_SECONDS = 60.0
RATE_DEADLINE_SECONDS = 900.0
RESERVE_DEADLINE_SECONDS = 1800.0
"""A reserve of 1,500 calls refills from nothing in 1,200 s; waiting much longer than that needs a person."""


class _Shared:
    """What clients of one account know together, however much each leaves to others."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bucket: patience.Bucket | None = None


class Wire:
    """A connection to one of Heroku's APIs. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        token: Secret,
        *,
        clock: Clock,
        reserve: int = 0,
        jitter: Callable[[], float] = random.random,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Accept": ACCEPT, "Authorization": f"Bearer {token.reveal()}", "User-Agent": "offramp"},
            timeout=httpx.Timeout(30, connect=5),
            # A redirect would carry the token to another host.
            follow_redirects=False,
        )
        self._base_url = base_url
        self._clock = clock
        self._reserve = reserve
        self._jitter = jitter
        self._deadline_seconds = deadline_seconds
        self._shared = _Shared()

    def close(self) -> None:
        self._http.close()

    def leaving(self, reserve: int) -> Wire:
        """Return the same connection with another reserve."""
        other = copy.copy(self)
        other._reserve = reserve
        return other

    def one(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET one object."""
        return Answer(_json(self._send("GET", path, headers=headers)), f"GET {path}")

    def many(
        self, path: str, *, page: str = PAGE, pages: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[Answer]:
        """GET a list, following Next-Range to its end, or for ``pages`` pages."""
        wanted, read = page, 0
        while wanted and (pages is None or read < pages):
            response = self._send("GET", path, headers={**(headers or {}), "Range": wanted})
            items = _json(response)
            if not isinstance(items, list):
                raise OutsideError(f"Heroku's answer to GET {path} is not a list.", hint=_ADDRESS_HINT)
            yield from (Answer(item, f"GET {path}") for item in items)
            read += 1
            following = response.headers.get("Next-Range", "") if response.status_code == 206 else ""
            if following == wanted:
                raise OutsideError(f"Heroku's list {path} does not end: it repeats its page.", hint="Try again later.")
            wanted = following

    def change(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """POST, PATCH or PUT, and return the object that comes back."""
        return Answer(_json(self._send(method, path, body=body)), f"{method} {path}")

    def apply(self, method: str, path: str, body: Mapping[str, object]) -> None:
        """Like ``change``, for links whose answer nobody reads."""
        self._send(method, path, body=body)

    def delete(self, path: str, body: Mapping[str, object] | None = None) -> None:
        """DELETE; what is gone already is success, because the world then agrees."""
        self._send("DELETE", path, body=body, gone_is_fine=True)

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        gone_is_fine: bool = False,
    ) -> httpx.Response:
        """Send until there is an answer that is final, or the deadline has passed."""
        began = self._clock.monotonic()
        attempt = 0
        while True:
            self._respect_reserve(began)
            outcome = self._attempt(method, path, headers, body)
            if isinstance(outcome, httpx.Response):
                final = outcome.status_code != 429 and not (outcome.status_code >= 500 and method in REPEATABLE)
                if outcome.is_success or (gone_is_fine and outcome.status_code in (404, 410)):
                    return outcome
                if final:
                    raise refusal(outcome.status_code, _error_body(outcome), method, path)
            elif method not in REPEATABLE and not isinstance(outcome, httpx.ConnectError):
                # It may have arrived, and a second POST would make a second thing: look again instead.
                raise self._unreachable(method, path, outcome)
            self._wait(outcome, attempt, began, method, path)
            attempt += 1

    def _attempt(
        self, method: str, path: str, headers: Mapping[str, str] | None, body: Mapping[str, object] | None
    ) -> httpx.Response | httpx.TransportError:
        try:
            response = self._http.request(method, path, headers=headers, json=body)
        except httpx.TransportError as error:
            return error
        except httpx.HTTPError as error:
            raise OutsideError(f"{method} {path} at {self._base_url} failed: {error}.", hint=_ADDRESS_HINT) from error
        if seen := patience.bucket(response.headers.get("RateLimit-Remaining"), self._clock.monotonic()):
            with self._shared.lock:
                self._shared.bucket = seen
        return response

    def _respect_reserve(self, began: float) -> None:
        with self._shared.lock:
            bucket = self._shared.bucket
            if bucket is None:
                return
            seconds = bucket.wait(self._reserve, self._clock.monotonic())
            # Spent before the answer says so: threads that wait side by side must not all count on the same call.
            self._shared.bucket = bucket.less_one()
        if seconds > RESERVE_DEADLINE_SECONDS - (self._clock.monotonic() - began):
            self._put_back()
            raise RateLimitedError(
                f"Only {bucket.remaining} of the Heroku account's API calls are left, and {self._reserve} are reserved.",
                hint="Find what else uses the account's API, or lower `heroku.reserve` in offramp.toml.",
            )
        if seconds:
            self._clock.sleep(seconds)

    def _put_back(self) -> None:
        with self._shared.lock:
            self._shared.bucket = self._shared.bucket.less_one(-1) if self._shared.bucket else None

    def _wait(
        self, outcome: httpx.Response | httpx.TransportError, attempt: int, began: float, method: str, path: str
    ) -> None:
        limited = isinstance(outcome, httpx.Response) and outcome.status_code == 429
        asked = (
            patience.retry_after(outcome.headers.get("Retry-After")) if isinstance(outcome, httpx.Response) else None
        )
        seconds = patience.pause(attempt, self._jitter(), asked)
        allowed = RATE_DEADLINE_SECONDS if limited else self._deadline_seconds
        if self._clock.monotonic() - began + seconds <= allowed:
            self._clock.sleep(seconds)
            return
        if limited:
            raise RateLimitedError(
                f"Heroku still limits {method} {path} after {allowed:g} s of waiting.",
                hint="Find what else uses the account's API, and run the same command again later.",
            )
        raise self._unreachable(method, path, outcome)

    def _unreachable(self, method: str, path: str, outcome: httpx.Response | httpx.TransportError) -> UnreachableError:
        what = f"status {outcome.status_code}" if isinstance(outcome, httpx.Response) else type(outcome).__name__
        error = UnreachableError(
            f"Heroku at {self._base_url} did not answer {method} {path} ({what}).",
            hint="Look at https://status.heroku.com and at the network, then run the same command again.",
        )
        error.__cause__ = outcome if isinstance(outcome, Exception) else None
        return error


_ADDRESS_HINT = "Check that `heroku.api` and `heroku.data_api` in offramp.toml are the addresses of Heroku's APIs."


def _json(response: httpx.Response) -> object:
    try:
        return response.json()
    except ValueError as error:
        request = response.request
        raise OutsideError(
            f"The answer to {request.method} {request.url.path} is not JSON.", hint=_ADDRESS_HINT
        ) from error


def _error_body(response: httpx.Response) -> tuple[str, str]:
    """Return the ``id`` and ``message`` of an error body, empty where there are none."""
    try:
        body = response.json()
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("id") or ""), str(body.get("message") or body.get("error") or "")
