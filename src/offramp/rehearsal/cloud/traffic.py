"""What would the load balancer have counted? The gateway's own access log, put into CloudWatch as ALB metrics.

There is no load balancer process; the gateway tasks write one JSON object per request to stdout (nginx ``log_format
offramp_json escape=json``) with ``status`` and ``seconds``, and are what clients reach through the balancer's name.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from .control import Control
from .ecs.model import Task
from .wire import AwsError
from .zones import Zones

log = logging.getLogger(__name__)
PERIOD_SECONDS = 1.0
NAMESPACE = "AWS/ApplicationELB"
# PutMetricData takes at most 150 distinct values a metric.
DISTINCT_VALUES = 150


@dataclass
class Second:
    """What one balancer saw since the last report."""

    statuses: Counter[str] = field(default_factory=Counter)
    times: Counter[float] = field(default_factory=Counter)

    def add(self, status: int, seconds: float) -> None:
        self.statuses[f"HTTPCode_Target_{status // 100}XX_Count"] += 1
        # Three significant digits keep the number of distinct values small.
        self.times[float(f"{seconds:.3g}")] += 1


def parse(line: str, own: str = "") -> tuple[int, float] | None:
    """Return status and seconds of an access log line, None for any other JSON.

    A balancer does not count its own health checks; those ask for the target by its address, ``own``.

    >>> parse('{"status": "200", "seconds": "0.012", "host": "www.example.com"}')
    (200, 0.012)
    >>> parse('{"status": "200", "seconds": "0.001", "host": "127.64.0.1"}', "127.64.0.1")
    """
    try:
        entry = json.loads(line)
        if own and str(entry.get("host", "")).partition(":")[0] == own:
            return None
        return int(entry["status"]), float(entry["seconds"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def metrics(balancer: str, seen: Second, now: float) -> dict[str, str]:
    """Return the query parameters of one PutMetricData call."""
    data: list[Mapping[str, str]] = []
    total = sum(seen.statuses.values())
    counts = {"RequestCount": total, **seen.statuses}
    for name, count in counts.items():
        data.append({"MetricName": name, "Value": str(count), "Unit": "Count"})
    common = seen.times.most_common(DISTINCT_VALUES)
    values = {f"Values.member.{i}": str(value) for i, (value, _) in enumerate(common, 1)}
    weights = {f"Counts.member.{i}": str(count) for i, (_, count) in enumerate(common, 1)}
    data.append({"MetricName": "TargetResponseTime", "Unit": "Seconds", **values, **weights})
    params = {"Namespace": NAMESPACE}
    for index, datum in enumerate(data, 1):
        prefix = f"MetricData.member.{index}"
        params |= {f"{prefix}.{name}": value for name, value in datum.items()}
        params |= {
            f"{prefix}.Dimensions.member.1.Name": "LoadBalancer",
            f"{prefix}.Dimensions.member.1.Value": balancer,
            f"{prefix}.StorageResolution": "1",
            f"{prefix}.Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        }
    return params


@dataclass
class Traffic:
    """Counts requests per load balancer and reports them once a second."""

    control: Control
    zones: Zones
    seen: dict[str, Second] = field(default_factory=dict)

    def observe(self, task: Task, line: str) -> None:
        """Take one line that a task behind a target group wrote."""
        found = parse(line, task.address)
        names = self.zones.picture.full_names
        if found:
            for each in task.registrations:
                if balancer := names.get(each.target_group):
                    self.seen.setdefault(balancer, Second()).add(*found)

    async def run(self) -> None:
        """Report for ever."""
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            seen, self.seen = self.seen, {}
            for balancer, second in seen.items():
                try:
                    await self.control.query("monitoring", "PutMetricData", **metrics(balancer, second, time.time()))
                except (AwsError, OSError, aiohttp.ClientError) as refused:
                    log.warning("metrics of %s were not put: %s", balancer, refused)
