"""Is each statement told by the routes that issue it, from counts alone, and is nothing told that the counts do not say?"""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from numpy.typing import NDArray

from offramp.assess.database.counters import Counters, between
from offramp.assess.gather import tying
from offramp.assess.latency import issuing, nonnegative
from offramp.assess.latency.issuing import Counts, Route, Tie
from offramp.telemetry.columns import Router

Floats = NDArray[np.float64]

NAMES = ("GET /api/mentors", "GET /api/mentors/{id}", "GET /api/search", "POST /api/views", "GET /api/topics")
PER_INTERVAL = (14.0, 12.0, 12.0, 3.0, 4.0)
ROUTES = tuple(Route("mentors-api", name) for name in NAMES)
LOOKUP, LIST, BEGIN = "lookup", "list", "begin"
# What one request of each route issues.
TRUE = {LOOKUP: (5, 1, 0, 0, 0), LIST: (1, 0, 0, 0, 0), BEGIN: (1, 1, 1, 1, 1)}
COST_MS = {LOOKUP: 0.05, LIST: 2.0, BEGIN: 0.01}


def counted(requests: Floats, steady: float = 0.0, noise: float = 0.0, seed: int = 1) -> Counts:
    """What would be counted, with calls that no request makes (``steady`` an interval) and some that are late (``noise``, a share)."""
    chance = np.random.default_rng(seed)
    calls = np.column_stack([requests @ np.array(TRUE[name], dtype=float) for name in TRUE]) + steady
    calls = np.maximum(np.round(calls * (1 + noise * chance.standard_normal(calls.shape))), 0)
    return Counts(ROUTES, tuple(TRUE), requests, calls, calls * np.array([COST_MS[name] for name in TRUE]))


def poisson(intervals: int = 60, seed: int = 7) -> Floats:
    return np.random.default_rng(seed).poisson(PER_INTERVAL, (intervals, len(NAMES))).astype(np.float64)


def told(ties: tuple[Tie, ...], statement: str) -> dict[str, float]:
    return {tie.route.name: round(tie.calls, 2) for tie in ties if tie.statement == statement}


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(nonnegative) == (0, 3)


def test_each_route_is_told_how_often_it_issues_a_statement() -> None:
    ties = issuing.infer(counted(poisson()))

    assert told(ties, LOOKUP) == {"GET /api/mentors": 5, "GET /api/mentors/{id}": 1}
    assert told(ties, LIST) == {"GET /api/mentors": 1}
    assert told(ties, BEGIN) == dict.fromkeys(NAMES, 1)


def test_shares_are_those_of_the_calls() -> None:
    requests = poisson()
    (many, few) = (tie for tie in issuing.infer(counted(requests)) if tie.statement == LOOKUP)
    whole = 5 * requests[:, 0].sum() + requests[:, 1].sum()

    assert (many.share, few.share) == pytest.approx((5 * requests[:, 0].sum() / whole, requests[:, 1].sum() / whole))


@pytest.mark.parametrize("seed", range(10))
def test_noise_and_a_worker_of_its_own_pace_tie_nothing_wrongly(seed: int) -> None:
    ties = issuing.infer(counted(poisson(90, seed), steady=6, noise=0.03, seed=seed))

    assert set(told(ties, LOOKUP)) <= {"GET /api/mentors", "GET /api/mentors/{id}"}
    assert told(ties, LOOKUP)["GET /api/mentors"] == pytest.approx(5, abs=0.3)
    assert set(told(ties, LIST)) == {"GET /api/mentors"}


def test_errors_are_as_large_as_the_estimates_are_wrong() -> None:
    off = []
    for seed in range(40):
        ties = issuing.infer(counted(poisson(60, seed), steady=6, noise=0.08, seed=seed))
        off += [(tie.calls - 5) / tie.error for tie in ties if (tie.statement, tie.route) == (LOOKUP, ROUTES[0])]

    assert len(off) == 40
    assert 0.5 < float(np.std(off)) < 2


@pytest.mark.parametrize("requests", [np.tile(PER_INTERVAL, (60, 1)), poisson(60)[:, :1] * PER_INTERVAL])
def test_routes_that_do_not_vary_or_vary_together_are_tied_to_nothing(requests: Floats) -> None:
    assert issuing.infer(counted(requests)) == ()


def test_too_few_intervals_tie_nothing() -> None:
    assert issuing.infer(counted(poisson(issuing.LEAST_INTERVALS - 1))) == ()


def test_a_statement_of_no_route_is_tied_to_none() -> None:
    requests = poisson()
    elsewhere = np.random.default_rng(3).poisson(40, (len(requests), 1)).astype(np.float64)
    ties = issuing.infer(Counts(ROUTES, ("worker",), requests, elsewhere, elsewhere))

    assert ties == ()


def test_more_routes_than_intervals_can_tell_apart_tie_only_the_busy_ones() -> None:
    chance = np.random.default_rng(5)
    requests = np.column_stack([poisson(30), chance.poisson(0.8, (30, 40))]).astype(np.float64)
    many = (*ROUTES, *(Route("mentors-api", f"GET /rare/{number}") for number in range(40)))
    calls = 5 * requests[:, :1] + requests[:, 1:2]
    ties = issuing.infer(Counts(many, (LOOKUP,), requests, calls, calls))

    assert {tie.route.name for tie in ties} <= {"GET /api/mentors", "GET /api/mentors/{id}"}
    assert told(ties, LOOKUP)["GET /api/mentors"] == pytest.approx(5, abs=0.5)


def test_a_statement_that_takes_longer_for_one_route_has_its_time_by_route() -> None:
    plain = counted(poisson())
    slow, quick = 5 * plain.requests[:, 0] * 8.0, plain.requests[:, 1] * 0.5
    ms = plain.ms.copy()
    ms[:, 0] = slow + quick
    ties = issuing.infer(Counts(plain.routes, plain.statements, plain.requests, plain.calls, ms))

    means = {tie.route.name: tie.mean_ms for tie in ties if tie.statement == LOOKUP}
    assert means == pytest.approx({"GET /api/mentors": 8.0, "GET /api/mentors/{id}": 0.5}, rel=0.02)


def test_one_mean_time_stands_where_routes_do_not_differ() -> None:
    means = [tie.mean_ms for tie in issuing.infer(counted(poisson())) if tie.statement == LOOKUP]

    assert means == pytest.approx([0.05, 0.05])


# Looks at the counters, and the lines of the same time


def test_a_counter_that_fell_counts_from_its_reset() -> None:
    looks = (
        Counters(10.0, {"a": 5, "b": 7}, {"a": 1.0, "b": 2.0}),
        Counters(12.0, {"a": 9, "b": 3}, {"a": 1.5, "b": 0.5}),
        Counters(14.0, {"a": 9, "b": 4, "c": 2}, {"a": 1.5, "b": 0.75, "c": 4.0}),
    )
    deltas = between(looks)

    assert deltas.statements == ("a", "b", "c")
    assert deltas.calls.tolist() == [[4, 3, 0], [0, 1, 2]]
    assert deltas.ms.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.25, 4.0]]


def router(app: str, completed: Floats, route: NDArray[np.int64]) -> Router:
    size = len(completed)
    order = np.argsort(completed, kind="stable")
    return Router(
        app=app,
        completed_us=(completed[order] * 1e6).astype(np.int64),
        connect_ms=np.zeros(size, dtype=np.int32),
        service_ms=np.full(size, 10, dtype=np.int32),
        status=np.full(size, 200, dtype=np.int16),
        sent_bytes=np.zeros(size, dtype=np.int64),
        dyno=np.zeros(size, dtype=np.int32),
        dynos=("web.1",),
        route=route[order].astype(np.int32),
        routes=NAMES,
        code=np.zeros(size, dtype=np.int16),
        codes=("",),
    )


def looked(app_requests: list[Floats], began: float = 1000.0) -> tuple[tuple[Counters, ...], list[Router]]:
    """Two-second looks at a database that several apps use, and the lines of each app."""
    calls = sum(requests @ np.array(TRUE[LOOKUP], dtype=float) for requests in app_requests)
    total = np.concatenate([[3.0], 3.0 + np.cumsum(calls)])
    looks = tuple(Counters(began + 2.0 * n, {LOOKUP: value}, {LOOKUP: value * 0.05}) for n, value in enumerate(total))
    routers = []
    for number, requests in enumerate(app_requests):
        chance = np.random.default_rng(number)
        counts = requests.astype(int)
        interval = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
        route = np.concatenate([np.repeat(np.arange(len(NAMES)), row) for row in counts])
        at = began + 2.0 * (interval + chance.uniform(0.01, 0.99, len(interval)))
        routers.append(router(f"app-{number}", at, route))
    return looks, routers


def test_apps_that_share_a_database_are_told_apart() -> None:
    looks, routers = looked([poisson(60, 1), poisson(60, 2)])
    issued = tying.tell("db", between(looks), routers)

    assert {(tie.route.app, tie.route.name): round(tie.calls) for tie in issued.ties} == {
        ("app-0", "GET /api/mentors"): 5,
        ("app-0", "GET /api/mentors/{id}"): 1,
        ("app-1", "GET /api/mentors"): 5,
        ("app-1", "GET /api/mentors/{id}"): 1,
    }


def test_lines_that_have_not_come_yet_end_the_watch_early() -> None:
    looks, (lines,) = looked([poisson(60, 1)])
    kept = lines.completed_us < (1000 + 80) * 1_000_000
    cut = router("app-0", lines.completed_us[kept] / 1e6, lines.route[kept].astype(np.int64))
    issued = tying.tell("db", between(looks), [cut])

    assert issued.intervals in (39, 40)
    assert told(issued.ties, LOOKUP) == {"GET /api/mentors": 5, "GET /api/mentors/{id}": 1}


def test_without_any_line_nothing_is_tied() -> None:
    looks, _ = looked([poisson(60, 1)])

    assert tying.tell("db", between(looks), []).ties == ()
