"""Which EventBridge schedules are due? Their ECS tasks are really run, in time-lapse.

A rehearsal lasts minutes, so periods are multiplied by a scale: with 0.05, "every ten minutes" is every thirty seconds. A cron
expression is taken as the period between its first two firings.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from .control import Control
from .ecs.model import Wire
from .wire import AwsError

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0
_RATE = re.compile(r"^rate\((\d+) (minute|hour|day)s?\)$")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_HORIZON_MINUTES = 60 * 24 * 40


def period(expression: str) -> float | None:
    """Return a schedule's period in seconds, None for one that fires only once or cannot be read.

    >>> period("rate(10 minutes)"), period("cron(0/15 * * * ? *)"), period("cron(0 3 * * ? *)")
    (600.0, 900.0, 86400.0)
    """
    if found := _RATE.match(expression):
        return float(int(found[1]) * _SECONDS[found[2]])
    if expression.startswith("cron("):
        return _cron_period(expression[5:-1].split())
    return None


def _cron_period(fields: list[str]) -> float | None:
    if len(fields) != 6:
        return None
    begin, first = datetime(2026, 1, 1, tzinfo=UTC), None
    minutes, hours, days, months, weekdays, _years = fields
    for minute in range(_HORIZON_MINUTES):
        at = begin + timedelta(minutes=minute)
        weekday = at.isoweekday() % 7 + 1
        fits = (
            _fits(minutes, at.minute) and _fits(hours, at.hour) and _fits(days, at.day)
            and _fits(months, at.month) and _fits(weekdays, weekday, 1)
        )  # fmt: skip
        if fits and first is not None:
            return (at - first).total_seconds()
        first = at if fits else first
    return None


def _fits(text: str, value: int, base: int = 0) -> bool:
    """
    >>> _fits("1-5,9", 3), _fits("0/15", 45), _fits("MON-FRI", 7, 1)
    (True, True, False)
    """
    for index, name in enumerate(_DAYS, 1):
        text = text.replace(name, str(index))
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        if low in ("*", "?"):
            begin, end = base, 10**6
        else:
            begin, end = int(low), int(high) if high else (10**6 if step else int(low))
        if begin <= value <= end and (value - begin) % int(step or 1) == 0:
            return True
    return False


@dataclass
class Schedules:
    """Reads ministack's schedules and runs what is due."""

    control: Control
    call: Callable[[str, Wire], Awaitable[Wire]]
    scale: float
    due: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
            except (AwsError, OSError, aiohttp.ClientError) as refused:
                log.warning("schedules could not be read: %s", refused)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        listing = json.loads(await self.control.get("scheduler", "/schedules"))
        now = time.monotonic()
        present = set()
        for each in listing.get("Schedules") or ():
            if each.get("State") != "ENABLED" or ":ecs:" not in (each.get("Target") or {}).get("Arn", ""):
                continue
            key = f"{each.get('GroupName', 'default')}/{each['Name']}"
            present.add(key)
            await self._consider(key, each, now)
        self.due = {key: at for key, at in self.due.items() if key in present}

    async def _consider(self, key: str, listed: dict[str, Any], now: float) -> None:
        group = listed.get("GroupName", "default")
        schedule = json.loads(await self.control.get("scheduler", f"/schedules/{listed['Name']}?groupName={group}"))
        seconds = period(str(schedule.get("ScheduleExpression", "")))
        if seconds is None:
            return
        wait = max(seconds * self.scale, 1.0)
        if now >= self.due.setdefault(key, now + wait):
            self.due[key] = now + wait
            await self._fire(key, schedule["Target"])

    async def _fire(self, key: str, target: dict[str, Any]) -> None:
        parameters = target.get("EcsParameters") or {}
        body: Wire = {
            "cluster": str(target["Arn"]).rpartition("/")[2],
            "taskDefinition": parameters.get("TaskDefinitionArn"),
            "count": parameters.get("TaskCount", 1),
            "startedBy": f"chronos-schedule/{key}"[:128],
        }
        if target.get("Input"):
            body["overrides"] = json.loads(target["Input"])
        try:
            await self.call("RunTask", body)
        except AwsError as refused:
            log.warning("schedule %s could not run its task: %s", key, refused)
