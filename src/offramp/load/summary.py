"""How fast was it, on each side, and what failed?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .samples import Sample, Side

SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in milliseconds, counted from when a request was due; zero when nothing was sent there."""

    requests: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Summary:
    """``failures`` are the first few failed requests, earliest first."""

    rate_per_second: float
    sent: int
    failed: int
    heroku: Latency
    aws: Latency
    failures: tuple[Sample, ...]


def summary(samples: Iterable[Sample]) -> Summary:
    """Summarise the samples of a run, in any order."""
    ordered = sorted(samples, key=lambda sample: sample.at)
    failures = [sample for sample in ordered if sample.failed]
    return Summary(
        rate_per_second=rate(ordered),
        sent=len(ordered),
        failed=len(failures),
        heroku=latency(ordered, "heroku"),
        aws=latency(ordered, "aws"),
        failures=tuple(failures[:SHOWN_FAILURES]),
    )


def rate(ordered: Sequence[Sample]) -> float:
    """Return the requests per second that were due, between the first and the last."""
    if len(ordered) < 2 or ordered[-1].at == ordered[0].at:
        return 0.0
    return round((len(ordered) - 1) / (ordered[-1].at - ordered[0].at), 2)


def latency(samples: Iterable[Sample], side: Side) -> Latency:
    """Return the percentiles of one side; failed requests count too, since somebody waited for them."""
    felt = sorted(sample.ms for sample in samples if sample.side == side)
    return Latency(len(felt), percentile(felt, 50), percentile(felt, 95), percentile(felt, 99))


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of sorted values: the smallest that at least ``percent`` % do not exceed.

    >>> percentile([1, 2, 3, 4], 50), percentile([1, 2, 3, 4], 99), percentile([], 50)
    (2, 4, 0.0)
    """
    if not ordered:
        return 0.0
    return ordered[max(math.ceil(percent / 100 * len(ordered)), 1) - 1]
