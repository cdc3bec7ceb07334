"""Which routes issue which statements, and how often for each request? Told from counts that move together.

No log says it. But in every interval a statement's calls are, summed over the routes, the requests times what one request issues. Traffic
varies, and differently for each route, so enough intervals leave one answer: non-negative least squares finds it. What other routes, or
calls at a steady pace (a worker, a monitor), could explain as well is not told at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import nonnegative

Floats = NDArray[np.float64]

LEAST_INTERVALS = 12
_LEAST_REQUESTS = 10
_LEAST_CALLS = 20
_INTERVALS_A_ROUTE = 3
"""So many intervals for each route that is told apart; the rest of the routes, the rarest, count as one."""
_SURE = 5.0
"""Standard errors by which the intervals must be explained worse without a tie. Some thousand pairs are tried: chance gives three."""
_LEAST_RATE = 0.05
_UNCERTAIN = 0.02
"""A request may issue in one interval and complete in the next, so no interval's calls are known better than this share of them."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an app: several apps may use one database."""

    app: str
    name: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in the same intervals, one row each: completed requests by route, calls and execution time by statement."""

    routes: tuple[Route, ...]
    statements: tuple[str, ...]
    requests: Floats
    calls: Floats
    ms: Floats


@dataclass(frozen=True, slots=True)
class Tie:
    """A route issues a statement ``calls`` times for each request, give or take ``error`` (one standard error).

    ``share`` is the part of all the statement's calls, 0 to 1; ``mean_ms`` the execution time of one. ``sigmas`` says how much worse the
    intervals are explained without this tie, in standard errors.
    """

    route: Route
    statement: str
    calls: float
    error: float
    share: float
    mean_ms: float
    sigmas: float


@dataclass(frozen=True, slots=True)
class Issued:
    """What watching one database gave. ``calls`` and ``ms`` are each statement's in all ``intervals`` together."""

    database: str
    seconds: float
    intervals: int
    calls: Mapping[str, float] = field(default_factory=dict)
    ms: Mapping[str, float] = field(default_factory=dict)
    ties: tuple[Tie, ...] = ()

    def of(self, statement: str) -> tuple[Tie, ...]:
        return tuple(tie for tie in self.ties if tie.statement == statement)


def infer(counts: Counts) -> tuple[Tie, ...]:
    """Return the ties that the counts establish; none where there are too few intervals, or they do not vary enough."""
    many = len(counts.requests)
    if many < LEAST_INTERVALS:
        return ()
    told, columns = _columns(counts)
    # An interval with more requests varies more; its own calls must not say how much, or they would pull towards the low ones.
    weight = 1 / np.sqrt(counts.requests.sum(axis=1) + 1)
    found: list[Tie] = []
    for number, statement in enumerate(counts.statements):
        if counts.calls[:, number].sum() >= _LEAST_CALLS:
            found += _of_statement(counts, number, statement, told, columns, weight)
    return tuple(found)


def _columns(counts: Counts) -> tuple[NDArray[np.int64], Floats]:
    """Return which routes are told apart, and what may explain calls: those routes, all others together, and a steady pace."""
    total = counts.requests.sum(axis=0)
    order = np.argsort(-total, kind="stable")
    most = len(counts.requests) // _INTERVALS_A_ROUTE
    told = order[total[order] >= _LEAST_REQUESTS][:most]
    others = np.delete(counts.requests, told, axis=1).sum(axis=1)
    return told, np.column_stack([counts.requests[:, told], others, np.ones(len(others))])


def _of_statement(
    counts: Counts, number: int, statement: str, told: NDArray[np.int64], columns: Floats, weight: Floats
) -> Iterator[Tie]:
    calls = counts.calls[:, number]
    matrix, measured = columns * weight[:, None], calls * weight
    rates, left = nonnegative.solve(matrix, measured)
    free = max(len(calls) - int((rates > 0).sum()), 1)
    chance = max(left / free, (_UNCERTAIN * float(measured.mean())) ** 2)
    sure: dict[int, float] = {}
    for place in np.flatnonzero(rates[: len(told)] >= _LEAST_RATE).tolist():
        _, without = nonnegative.solve(np.delete(matrix, place, axis=1), measured)
        sigmas = float(np.sqrt(max(without - left, 0.0) / chance))
        if sigmas >= _SURE:
            sure[place] = sigmas
    means = _means(counts.ms[:, number], calls, columns, rates, tuple(sure), weight)
    for (place, sigmas), mean_ms in zip(sure.items(), means, strict=True):
        rate = float(rates[place])
        share = min(rate * float(columns[:, place].sum()) / float(calls.sum()), 1.0)
        yield Tie(counts.routes[int(told[place])], statement, rate, rate / sigmas, share, mean_ms, sigmas)


def _means(
    ms: Floats, calls: Floats, columns: Floats, rates: Floats, sure: tuple[int, ...], weight: Floats
) -> list[float]:
    """Return one call's time by route: its own where that explains the times better than one mean for all does."""
    mean = float(ms.sum() / calls.sum())
    if len(sure) < 2:
        return [mean] * len(sure)
    issued = columns * rates
    rest = np.delete(issued, sure, axis=1).sum(axis=1)
    parts = np.column_stack([issued[:, sure], rest]) * weight[:, None]
    times, left = nonnegative.solve(parts, ms * weight)
    _, same = nonnegative.solve(parts.sum(axis=1, keepdims=True), ms * weight)
    chance = max(left / max(len(ms) - len(times), 1), (_UNCERTAIN * float((ms * weight).mean())) ** 2)
    differ = (same - left) / chance >= _SURE**2 and bool((times[: len(sure)] > 0).all())
    return times[: len(sure)].tolist() if differ else [mean] * len(sure)
