"""When may a switch begin? A moment that somebody named, or the quiet hours of the day. All times are UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from time import sleep
from typing import Any

import click

STEP_SECONDS = 1.0
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Hours:
    """Quiet hours of every day; they may pass midnight."""

    begin: time
    end: time

    def __contains__(self, moment: datetime) -> bool:
        """
        >>> night = Hours(time(23), time(4, 30))
        >>> [datetime(2026, 11, 23, hour, tzinfo=UTC) in night for hour in (22, 23, 4, 5)]
        [False, True, True, False]
        """
        now = moment.time()
        if self.begin <= self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def next(self, moment: datetime) -> datetime:
        """Return when they begin next, or ``moment`` itself when it is within them.

        >>> Hours(time(2), time(4)).next(datetime(2026, 11, 23, 12, tzinfo=UTC)).isoformat()
        '2026-11-24T02:00:00+00:00'
        """
        return moment if moment in self else following(self.begin, moment)


def following(clock: time, moment: datetime) -> datetime:
    """Return the next moment at which a clock in UTC shows this.

    >>> following(time(2, 30), datetime(2026, 11, 23, 3, tzinfo=UTC)).isoformat()
    '2026-11-24T02:30:00+00:00'
    """
    today = moment.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return today if today >= moment else today + timedelta(days=1)


class Moment(click.ParamType[Any]):
    """``02:30``, the next one, or a date and time with its offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if found := _CLOCK.fullmatch(value):
            return following(time(int(found[1]), int(found[2])), datetime.now(UTC))
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; say 02:30 (UTC) or 2026-11-23T02:30Z.", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} does not say which zone; add Z for UTC, or +01:00.", param, ctx)
        if moment < datetime.now(UTC):
            self.fail(f"{value!r} has passed.", param, ctx)
        return moment.astimezone(UTC)


class Window(click.ParamType[Any]):
    """``02:00-04:30``."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Hours:
        if isinstance(value, Hours):
            return value
        parts = [_CLOCK.fullmatch(part) for part in str(value).split("-")]
        if len(parts) != 2 or not parts[0] or not parts[1]:
            self.fail(f"{value!r} are no hours; say 02:00-04:30 (UTC).", param, ctx)
        begin, end = (time(int(part[1]), int(part[2])) for part in parts if part)
        if begin == end:
            self.fail(f"{value!r} begin and end at the same time.", param, ctx)
        return Hours(begin, end)


def begins(now: datetime, at: datetime | None, window: Hours | None) -> datetime:
    """Return when to begin. Raises UsageError when the moment named is outside of the quiet hours.

    >>> begins(datetime(2026, 11, 23, tzinfo=UTC), None, None).hour
    0
    """
    moment = at or now
    if window is None:
        return moment
    if at is not None and at not in window:
        raise click.UsageError(f"--at {at:%H:%M} is outside of --window {window.begin:%H:%M}-{window.end:%H:%M} (UTC).")
    return window.next(moment)


def wait(say: Callable[[str], None], at: datetime | None, window: Hours | None) -> None:
    """Wait until a switch may begin, and say so."""
    begin = begins(datetime.now(UTC), at, window)
    if begin > datetime.now(UTC):
        say(f"Waiting until {begin:%Y-%m-%d %H:%M} UTC; Ctrl-C leaves everything as it is.")
    while (left := (begin - datetime.now(UTC)).total_seconds()) > 0:
        sleep(min(left, STEP_SECONDS))
