"""How many requests has the load balancer seen, and how many failed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .failures import wrapped

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

# Load balancers publish once a minute, so a window is widened to whole minutes: earlier errors count too, none is missed.
PERIOD_SECONDS = 60
# Answers of the targets (our applications and the gateway) and of the load balancer itself (no healthy target).
_ERRORS = ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count")


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests in a window, and those of them that ended with a 5xx."""

    requests: int
    errors: int

    @property
    def error_share(self) -> float:
        """Between 0 and 1; 0 when there was no request."""
        return self.errors / self.requests if self.requests else 0.0


class Metrics:
    """CloudWatch."""

    def __init__(self, client: CloudWatchClient) -> None:
        self._client = client

    def request_counts(self, load_balancer: str, since: float, until: float) -> RequestCounts:
        """Return the counts between two times (seconds since the epoch). ``load_balancer`` is its full name, ``app/x/123``."""
        start = since // PERIOD_SECONDS * PERIOD_SECONDS
        names = ("RequestCount", *_ERRORS)
        queries = [_query(f"m{number}", name, load_balancer) for number, name in enumerate(names)]
        sums = self._sums(queries, start, max(until, start + PERIOD_SECONDS))
        return RequestCounts(requests=sums.get("m0", 0), errors=sum(sums.get(f"m{n}", 0) for n in range(1, len(names))))

    def slowest_percent(self, load_balancer: str, since: float, until: float) -> float | None:
        """Return p99 of the targets' response times in seconds, over the whole minutes between two times; None without a request."""
        start, end = -(-since // PERIOD_SECONDS) * PERIOD_SECONDS, until
        if end <= start:
            return None
        # One period over all of it: percentiles of single minutes cannot be added up.
        period = int(-(-(end - start) // PERIOD_SECONDS) * PERIOD_SECONDS)
        with wrapped("read the load balancer's metrics"):
            answer = self._client.get_metric_data(
                MetricDataQueries=[_query("p99", "TargetResponseTime", load_balancer, "p99", period)],
                StartTime=datetime.fromtimestamp(start, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
            )
        values = [value for result in answer["MetricDataResults"] for value in result["Values"]]
        return max(values, default=None)

    def _sums(self, queries: Sequence[MetricDataQueryTypeDef], start: float, end: float) -> dict[str, int]:
        sums: dict[str, int] = {}
        with wrapped("read the load balancer's metrics"):
            pages = self._client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(start, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    sums[result["Id"]] = sums.get(result["Id"], 0) + round(sum(result["Values"]))
        return sums


def _query(
    key: str, metric: str, load_balancer: str, statistic: str = "Sum", period: int = PERIOD_SECONDS
) -> MetricDataQueryTypeDef:
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": metric,
                "Dimensions": [{"Name": "LoadBalancer", "Value": load_balancer}],
            },
            "Period": period,
            "Stat": statistic,
        },
    }
