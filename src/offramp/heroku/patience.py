"""How long do we wait before we ask again, and how much of the customer's rate limit do we leave alone?

Heroku gives each account a bucket of 4,500 calls that fills by 75 a minute and tells what is left in ``RateLimit-Remaining``
(Dev Center, Platform API reference, rate limits). Below the reserve we wait, so that the customer's own deploys never starve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

REFILL_PER_SECOND = 75 / 60
FIRST_SECONDS = 0.25
LONGEST_SECONDS = 20.0


def pause(attempt: int, jitter: float, asked: float | None = None) -> float:
    """Return the seconds to wait after failed attempt number ``attempt`` (from 0); ``jitter`` is from 0 to 1.

    What the server asked for is a floor. Without it: exponential, with full jitter above a quarter of the step.

    >>> pause(0, 1.0), pause(3, 1.0), pause(0, 0.0), pause(0, 0.0, asked=7)
    (0.25, 2.0, 0.0625, 7.0)
    """
    step = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**attempt)
    if asked is not None:
        return float(asked) + step * jitter
    return step / 4 + step * 3 / 4 * jitter


def retry_after(header: str | None) -> float | None:
    """Return the seconds in a Retry-After header; a date or nonsense counts as not given.

    >>> retry_after("3"), retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), retry_after(None)
    (3.0, None, None)
    """
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 3600 else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was left of the rate limit at a moment of the monotonic clock."""

    remaining: int
    at: float

    def wait(self, reserve: int, now: float) -> float:
        """Return the seconds until the bucket is back above ``reserve``.

        >>> Bucket(475, at=100.0).wait(500, now=100.0), Bucket(475, at=100.0).wait(500, now=200.0)
        (20.0, 0.0)
        """
        missing = reserve - self.remaining - (now - self.at) * REFILL_PER_SECOND
        return max(0.0, missing / REFILL_PER_SECOND)

    def less_one(self, calls: int = 1) -> Bucket:
        """Return the bucket after a call that was sent and not yet answered."""
        return replace(self, remaining=self.remaining - calls)


def bucket(header: str | None, now: float) -> Bucket | None:
    """Parse RateLimit-Remaining; None when the answer does not carry it."""
    return Bucket(int(header), now) if header and header.isdigit() else None
