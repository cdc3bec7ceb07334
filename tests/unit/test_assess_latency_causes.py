"""Are planted flaws found, and is their share of the time above the objective the one that the simulation knows?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from latency_worlds import BEGAN_US, PAGES, SLOW, Route, World, world

from offramp.assess.latency import Facts, Latency, assess
from offramp.assess.latency.facts import (
    DatabaseSample,
    Memory,
    MissingIndex,
    RequestTiming,
    Restart,
    RouteTimings,
    SlowStatement,
    Statement,
)
from offramp.assess.latency.model import Cause, PartName

POINTS = 0.10
"""Shares must be within ten points of the truth."""


def named(latency: Latency, name: str) -> Cause:
    return next(cause for cause in latency.causes if cause.name == name)


def part(latency: Latency, name: PartName) -> float:
    return next(part.share for part in latency.attribution.parts if part.name == name)


def gone(flawed: World, mended: World, objective_ms: float) -> float:
    """The truth of a cause: how much of the time above the objective goes when the flaw is not there."""
    return 1 - mended.above_ms(objective_ms) / flawed.above_ms(objective_ms)


def scaled(one: World, its: np.ndarray[tuple[int], np.dtype[np.bool_]], by: float) -> World:
    return one.needing(np.where(its, (one.service_us * by).astype(np.int64), one.service_us))


def test_a_slow_endpoint_is_the_first_cause_with_its_share() -> None:
    one = world((*PAGES, SLOW))
    found = assess(one.router(), Facts(), 2000)
    truth = gone(one, scaled(one, one.route == 3, 1 / 20), 2000)

    assert (found.causes[0].name, found.causes[0].subject) == ("slow route", "GET /export")
    assert found.causes[0].share == pytest.approx(truth, abs=POINTS)


def test_waiting_and_service_have_their_true_shares() -> None:
    one = world((*PAGES, SLOW))
    found = assess(one.router(), Facts(), 2000)

    assert part(found, "queue") == pytest.approx(one.share_of(one.queue_ms(), 2000), abs=0.02)


def test_too_few_workers_are_the_first_cause_with_their_share() -> None:
    one = world(PAGES, busy=0.93)
    found = assess(one.router(), Facts(), 1000)

    assert found.causes[0].name == "too few workers"
    assert found.causes[0].share == pytest.approx(gone(one, replace(one, workers=4), 1000), abs=POINTS)


def test_a_bad_dyno_is_named_with_its_share() -> None:
    good = world(PAGES, dynos=3, busy=0.35)
    one = scaled(good, good.dyno == 1, 3.0)
    found = assess(one.router(), Facts(), 1000)

    assert (named(found, "bad dyno").name, named(found, "bad dyno").subject) == ("bad dyno", "web.2")
    assert named(found, "bad dyno").share == pytest.approx(gone(one, good, 1000), abs=POINTS)
    assert found.dynos[0].dyno == "web.2"


def test_another_mix_is_told_from_a_slowdown() -> None:
    routes = (Route("GET /list", 0.9, 60), Route("GET /report", 0.1, 900))
    one = world(routes, dynos=4, workers=4, busy=0.03)
    middle = int(one.arrival_us.max()) // 2
    later = one.arrival_us >= middle
    more = np.where(later & (np.arange(6_000) % 3 == 0), 1, one.route).astype(np.int32)
    mean = np.array([60_000, 900_000])
    shifted = replace(one, route=more).needing((one.service_us * mean[more] / mean[one.route]).astype(np.int64))
    slower = one.needing(np.where(later, one.service_us * 3, one.service_us))
    mixed, within = (assess(w.router(), Facts(), 1000, compare_at_us=BEGAN_US + middle) for w in (shifted, slower))

    assert mixed.mix_shift is not None and within.mix_shift is not None
    assert mixed.mix_shift.between_ms > 10 * abs(mixed.mix_shift.within_ms)
    assert within.mix_shift.within_ms > 10 * abs(within.mix_shift.between_ms)
    assert named(mixed, "mix shift").subject == "GET /report"
    assert not [cause for cause in within.causes if cause.name == "mix shift"]
    assert named(mixed, "mix shift").share == pytest.approx(gone(shifted, one, 1000), abs=POINTS)


def test_kitagawas_parts_sum_to_the_change() -> None:
    found = assess(world((*PAGES, SLOW)).router(), Facts(), 2000).mix_shift

    assert found is not None
    assert found.between_ms + found.within_ms == pytest.approx(found.mean_after_ms - found.mean_before_ms)


def test_cold_dynos_after_restarts_are_found() -> None:
    good = world(PAGES, dynos=2, workers=4, busy=0.1)
    span = int(good.arrival_us.max())
    ups = tuple(range(span // 4, span, span // 4))
    cold = np.zeros(6_000, dtype=bool)
    for up in ups:
        cold |= (good.arrival_us >= up) & (good.arrival_us < up + 60_000_000)
    one = scaled(good, cold, 6.0)
    restarts = tuple(Restart(f"web.{dyno}", BEGAN_US + up) for dyno in (1, 2) for up in ups)
    facts = Facts(declared_workers=4, restarts=restarts)
    found = assess(one.router(), facts, 1000)

    assert named(found, "restarts").share == pytest.approx(gone(one, good, 1000), abs=POINTS)
    assert part(found, "restarts") == pytest.approx(
        one.share_of((one.service_us - good.service_us) / 1000, 1000), abs=POINTS
    )


def test_swapping_is_found_with_its_share() -> None:
    good = world(PAGES, dynos=2, workers=4, busy=0.2)
    third = int(good.arrival_us.max()) // 3
    swaps = (good.dyno == 0) & (good.arrival_us > third) & (good.arrival_us < 2 * third)
    one = scaled(good, swaps, 4.0)
    samples = tuple(Memory("web.1", BEGAN_US + at, 560, 48, 512, True) for at in range(third, 2 * third, 20_000_000))
    found = assess(one.router(), Facts(memory=samples), 1000)

    assert named(found, "memory swapping").share == pytest.approx(gone(one, good, 1000), abs=POINTS)


def test_calls_that_end_at_a_round_second_are_calls_outside() -> None:
    good = world(PAGES, dynos=2, workers=4, busy=0.2)
    hung = np.arange(6_000) % 60 == 0
    one = good.needing(np.where(hung, good.service_us // 4 + 5_000_000, good.service_us))
    found = assess(one.router(), Facts(), 1000)

    assert named(found, "slow dependency").share == pytest.approx(gone(one, scaled(one, hung, 0.02), 1000), abs=POINTS)
    assert part(found, "external call") == pytest.approx(one.share_of(np.where(hung, 5000.0, 0.0), 1000), abs=POINTS)


def test_a_job_at_the_same_minute_of_each_hour_is_found() -> None:
    good = world(PAGES, dynos=2, workers=2, busy=0.015, requests=10_000)
    minute = (BEGAN_US + good.arrival_us) // 60_000_000 % 60
    one = scaled(good, np.isin(minute, (17, 18, 19)), 10.0)
    found = assess(one.router(), Facts(cron_minutes=(17,)), 1000)

    assert named(found, "scheduled job").share == pytest.approx(gone(one, good, 1000), abs=POINTS)


def n_plus_one(calls: int) -> tuple[World, Statement]:
    """GET /c issues so many statements of 1.5 ms."""
    one = world((*PAGES[:2], Route("GET /c", 0.13, 700)), busy=0.6)
    requests = int((one.route == 2).sum())
    return one, Statement("select * from lines where order_id = $1", calls * requests, 1.5, "GET /c")


def test_many_small_statements_are_n_plus_one_with_their_share() -> None:
    one, statement = n_plus_one(400)
    found = assess(one.router(), Facts(statements=(statement,)), 1500)
    saved = 1 - 600 / float(one.service_us[one.route == 2].mean() / 1000)
    truth = gone(one, scaled(one, one.route == 2, saved), 1500)

    assert (found.causes[0].name, found.causes[0].subject) == ("n+1", "GET /c")
    assert found.causes[0].share == pytest.approx(truth, abs=POINTS)
    assert part(found, "database") > 0.1


def test_a_statement_a_request_is_no_n_plus_one() -> None:
    one, statement = n_plus_one(2)

    assert not [c for c in assess(one.router(), Facts(statements=(statement,)), 1500).causes if c.name == "n+1"]


def test_a_missing_index_is_named_with_its_ddl_and_share() -> None:
    one = world((*PAGES, Route("GET /search", 0.03, 4000)), busy=0.5)
    its = one.route == 3
    text = "select * from items where name = $1"
    facts = Facts(
        statements=(Statement(text, int(its.sum()), 3600, "GET /search"),),
        missing_indexes=(MissingIndex("items", "create index on items (name)", text, 0.99, "GET /search"),),
    )
    found = assess(one.router(), facts, 2000)

    assert (found.causes[0].name, found.causes[0].mend) == ("missing index", "create index on items (name)")
    assert found.causes[0].share == pytest.approx(gone(one, scaled(one, its, 1 - 0.99 * 0.9), 2000), abs=POINTS)


def test_the_applications_own_timings_leave_nothing_unknown() -> None:
    one = world((*PAGES, SLOW))
    timings = tuple(RouteTimings(route.name, 1, 100, 50, 20) for route in one.routes)
    found = assess(one.router(), Facts(route_timings=timings), 2000)
    served = 1 - part(found, "queue")

    assert part(found, "unknown") == 0
    assert part(found, "database") == pytest.approx(0.5 * served, abs=0.01)
    assert part(found, "external call") == pytest.approx(0.2 * served, abs=0.01)
    assert part(found, "application") == pytest.approx(0.3 * served, abs=0.01)


def test_slow_statements_are_given_to_the_request_in_which_they_ran() -> None:
    one = world((*PAGES, SLOW), dynos=2, workers=8, busy=0.15)
    done = one.start_us() + one.service_us
    its = np.flatnonzero((one.route == 3) & (one.service_us > 3_000_000))
    slow = tuple(
        SlowStatement(int(BEGAN_US + done[at]), one.service_us[at] / 1000 - 500, "select", "GET /export") for at in its
    )
    found = assess(one.router(), Facts(slow_statements=slow), 2000)
    truth = np.zeros(6_000)
    truth[its] = one.service_us[its] / 1000 - 500

    assert part(found, "database") == pytest.approx(one.share_of(truth, 2000), abs=POINTS)


def test_big_answers_are_told_from_slow_ones() -> None:
    one = world((*PAGES, Route("GET /file", 0.05, 3000)), dynos=3, workers=4, busy=0.3)
    lines = one.router()
    sent = np.where(lines.route == 3, lines.service_ms.astype(np.int64) * 1000, lines.sent_bytes)
    found = assess(replace(lines, sent_bytes=sent), Facts(), 2000)

    assert part(found, "transfer") > 0.6
    assert named(found, "client transfer").confidence == "low"


def test_connections_that_run_out_are_named() -> None:
    good = world(PAGES, dynos=2, workers=8, busy=0.1)
    third = int(good.arrival_us.max()) // 3
    one = scaled(good, (good.arrival_us > third) & (good.arrival_us < third + 120_000_000), 8.0)
    samples = tuple(
        DatabaseSample(BEGAN_US + third + at * 60_000_000, active_connections=119, connection_limit=120)
        for at in range(3)
    )

    assert named(assess(one.router(), Facts(database=samples), 1000), "connection exhaustion").share > 0.4


def test_an_app_within_its_objective_has_no_causes() -> None:
    found = assess(world(PAGES, busy=0.2).router(), Facts(), 60_000)

    assert (found.causes, found.attribution.above_ms) == ((), 0.0)
    assert found.sentence.startswith("No request took longer")


def test_workers_and_cause_are_found_through_timeouts() -> None:
    """Where the router cut off many requests at 30 s, their workers went on: the lines alone would mislead."""
    one = world((*PAGES, SLOW), busy=0.9)
    lines = one.router()
    cut = np.minimum(lines.service_ms, 30_000)
    late = (lines.service_ms > 30_000).astype(np.int16)
    completed = lines.completed_us - (lines.service_ms - cut).astype(np.int64) * 1000
    found = assess(replace(lines, completed_us=completed, service_ms=cut, code=late, codes=("", "H12")), Facts(), 2000)

    assert late.sum() > 50
    assert (found.split.method, found.split.workers) == ("fifo", 2)
    assert {"too few workers", "slow route"} == {cause.name for cause in found.causes}


@settings(max_examples=25, deadline=None)
@given(
    objective=st.floats(1, 20_000),
    database=st.floats(0, 200),
    outside=st.floats(0, 200),
    swaps=st.booleans(),
    timed=st.lists(st.integers(-5, 900), max_size=20),
)
def test_the_parts_sum_to_all_of_the_time_above(
    objective: float, database: float, outside: float, swaps: bool, timed: list[int]
) -> None:
    """Whatever is told, even when it contradicts the lines."""
    one = world((*PAGES, SLOW), requests=800)
    facts = Facts(
        route_timings=(RouteTimings("GET /a", 10, 100, database, outside), RouteTimings("GET /gone", 1, 1, 1)),
        request_timings=tuple(RequestTiming(at, database, outside) for at in timed),
        memory=tuple(Memory("web.1", BEGAN_US + at * 20_000_000, 600, 90, 512, True) for at in range(50))
        if swaps
        else (),
        statements=(Statement("select 1", 1_000_000, database),),
    )
    found = assess(one.router(), facts, objective).attribution
    total = one.router().service_ms.astype(float)

    assert sum(part.ms for part in found.parts) == pytest.approx(found.above_ms)
    assert found.above_ms == pytest.approx(float(np.maximum(total - objective, 0).sum()))
    assert min(part.ms for part in found.parts) >= 0
