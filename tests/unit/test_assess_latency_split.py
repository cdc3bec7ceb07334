"""Is each request's time split as it truly was, and is the number of workers read from the lines alone?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latency_worlds import BEGAN_US, PAGES, SLOW, Route, World, world

from offramp.assess.latency import fifo, splitting, trace, workers
from offramp.assess.latency.facts import Facts, Restart
from offramp.assess.latency.model import Split


def split_of(one: World, facts: Facts | None = None) -> tuple[trace.Trace, Split, splitting.Times]:
    requests, left_out = trace.from_router(one.router(), facts.restarts if facts else ())
    split, times = splitting.split(requests, facts or Facts(), left_out)
    return requests, split, times


def in_order_of(
    requests: trace.Trace, one: World, truth: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The world is in order of arrival, lines are in order of completion."""
    done = one.start_us() + one.service_us
    return truth[np.argsort(done, kind="stable")][requests.position]


@pytest.mark.parametrize(
    "dynos, count, busy",
    [
        (2, 1, 0.5),
        (2, 1, 0.9),
        (2, 2, 0.3),
        (2, 2, 0.6),
        (3, 3, 0.5),
        (3, 3, 0.8),
        (2, 4, 0.8),
        (2, 8, 0.5),
        (1, 16, 0.9),
    ],
)
@pytest.mark.parametrize(
    "routes", [(*PAGES, SLOW), (Route("GET /a", 0.65, 20), Route("GET /b", 0.3, 50), Route("GET /c", 0.05, 300))]
)
def test_the_number_of_workers_is_read_from_the_lines(
    dynos: int, count: int, busy: float, routes: tuple[Route, ...]
) -> None:
    _, split, _ = split_of(world(routes, dynos, count, busy, requests=15_000))

    assert ("fifo", count) == (split.method, split.workers)


def test_waiting_is_off_by_less_than_the_lines_round() -> None:
    one = world((*PAGES, SLOW), 2, 2, 0.6)
    requests, _, times = split_of(one)

    assert np.abs(times.queue - in_order_of(requests, one, one.queue_ms())).mean() < 1.0


def test_a_restart_forgets_what_the_dyno_had_accepted() -> None:
    """Two long requests are cut off by a restart; the next ones do not wait for them."""
    arrival = np.array([0, 0, 1_000_000, 1_100_000, 5_000_000, 6_000_000])
    service = np.array([20_000_000, 20_000_000, 100_000, 100_000, 100_000, 100_000])
    free = World(arrival, service, np.zeros(6, np.int32), np.array([0, 0, 1, 1, 1, 1], np.int32), PAGES[:1], 2, 2)
    lines = replace(free.router(), dyno=np.zeros(6, dtype=np.int32), dynos=("web.1",))
    broken, _ = trace.from_router(lines, (Restart("web.1", BEGAN_US + 500_000),))
    whole, _ = trace.from_router(lines)

    assert (broken.lives, whole.lives) == (2, 1)
    assert fifo.waits(broken, 2).max() == 0
    assert fifo.waits(whole, 2).max() > 13_000_000


def test_a_worker_that_was_given_up_on_stays_busy() -> None:
    """The router gives up after 30 s; the request had waited all that time and is served afterwards nevertheless."""
    arrival = np.array([0, 100_000, 200_000])
    service = np.array([35_000_000, 1_000_000, 1_000_000])
    one = World(arrival, service, np.zeros(3, np.int32), np.zeros(3, np.int32), PAGES[:1], 1, 1)
    lines = one.router()
    cut = np.minimum(lines.service_ms, 30_000)
    late = lines.service_ms > 30_000
    lines = replace(
        lines,
        completed_us=lines.completed_us - (lines.service_ms - cut).astype(np.int64) * 1000,
        service_ms=cut,
        code=late.astype(np.int16),
        codes=("", "H12"),
    )
    requests, _ = trace.from_router(lines)

    assert requests.unfinished.all()
    assert fifo.waits(requests, 1, np.array([1000.0])).tolist() == [0, 29_900_000, 30_800_000]


def test_lines_without_a_dyno_and_websockets_are_left_out_and_counted() -> None:
    lines = world(PAGES, requests=200).router()
    service, status = lines.service_ms.copy(), lines.status.copy()
    service[:7], status[7:10] = -1, 101
    requests, left_out = trace.from_router(replace(lines, service_ms=service, status=status))

    assert len(requests) == 190
    assert [row.requests for row in left_out] == [7, 3]


def test_a_dyno_that_is_never_crowded_has_no_queue() -> None:
    _, split, times = split_of(world(PAGES, 4, 4, 0.02, requests=3000))

    assert split.method == "no queue seen"
    assert times.queue.max() == 0


def test_an_event_loop_is_not_taken_for_workers() -> None:
    """All requests are served at once and each takes longer the more there are: no number of workers explains that."""
    chance = np.random.default_rng(3)
    one = world(PAGES, 1, 1, 0.7, requests=6000)
    ahead = np.zeros(6000)
    done = one.arrival_us + one.service_us
    for at in range(6000):
        ahead[at] = (done[max(at - 60, 0) : at] > one.arrival_us[at]).sum()
        done[at] = one.arrival_us[at] + int(one.service_us[at] * (1 + ahead[at] * chance.uniform(0.8, 1.2)))
    alone = World(one.arrival_us, done - one.arrival_us, one.route, one.dyno, one.routes, 1, 4000)
    _, split, times = split_of(alone)

    assert split.method == "contention"
    assert split.confidence != "high"
    # On average, what requests took longer than alone is found, to a quarter.
    assert times.queue.mean() == pytest.approx(float((done - one.arrival_us - one.service_us).mean() / 1000), rel=0.25)


def test_lost_lines_lower_the_confidence() -> None:
    one = world((*PAGES, SLOW))
    _, whole, _ = split_of(one)
    _, holed, _ = split_of(one, Facts(coverage=0.97))

    assert (whole.confidence, holed.confidence) == ("high", "medium")


def test_a_few_requests_are_not_split() -> None:
    _, split, times = split_of(world(PAGES, requests=50))

    assert (split.method, times.queue.max()) == ("none", 0.0)


moments = st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1_000, 3_000_000)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(moments, st.integers(1, 5))
def test_the_split_of_the_true_number_is_exact(requests: list[tuple[int, int]], count: int) -> None:
    """Whatever the arrivals and services: with unrounded lines the starts are those of the simulation."""
    requests.sort()
    arrival, service = (np.array(column, dtype=np.int64) for column in zip(*requests, strict=True))
    one = World(
        arrival, service, np.zeros(len(arrival), np.int32), np.zeros(len(arrival), np.int32), PAGES[:1], 1, count
    )
    start = one.start_us()
    *_, free = (bound.copy() for bound in fifo.worker_free(start + service, count))

    assert np.array_equal(np.maximum(arrival, free), start)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000_000), st.integers(0, 40_000)), min_size=1, max_size=200))
def test_time_is_conserved_whatever_the_lines(lines: list[tuple[int, int]]) -> None:
    base = world(PAGES, requests=len(lines)).router()
    completed, service = zip(*lines, strict=True)
    odd = replace(
        base, completed_us=BEGAN_US + np.array(completed, dtype=np.int64), service_ms=np.array(service, dtype=np.int32)
    )
    requests, _ = trace.from_router(odd)
    _, times = splitting.split(requests, Facts())

    assert np.allclose(times.total, requests.total_ms())
    assert times.queue.min() >= 0
    assert times.service.min() >= 0


def test_the_busiest_stretch_has_the_size_that_was_asked_for() -> None:
    requests, _ = trace.from_router(world(PAGES, requests=5000).router())

    assert len(workers.busiest(requests, 1000)) == 1000
