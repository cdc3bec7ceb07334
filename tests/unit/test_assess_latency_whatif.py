"""Does replaying the lines give what other workers, dynos and sizes truly would, and is the size that is chosen the smallest?"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from latency_worlds import PAGES, SLOW, Route, world

from offramp.assess.latency import Facts, Latency, TaskSize, assess, replay, trace, trial
from offramp.assess.latency.facts import Memory
from offramp.assess.latency.model import WhatIf
from offramp.assess.latency.quantiles import quantiles
from offramp.assess.latency.splitting import split

SIZES = tuple(
    TaskSize(cpu, memory, cpu * 0.04 + memory * 0.004)
    for cpu, memory in ((256, 512), (512, 1024), (1024, 2048), (1024, 4096), (2048, 4096), (4096, 8192))
)
QUICK = (Route("GET /a", 0.7, 30), Route("GET /b", 0.3, 90))


def row(latency: Latency, scenario: str) -> WhatIf:
    assert latency.replay is not None
    return next(row for row in latency.replay.rows if row.scenario == scenario)


@pytest.fixture(scope="module")
def slow() -> Latency:
    return assess(world((*PAGES, SLOW)).router(), Facts(), 2000, SIZES)


def test_replaying_what_is_there_gives_what_was_measured(slow: Latency) -> None:
    assert slow.replay is not None

    assert slow.replay.replayed_p99_ms == pytest.approx(slow.replay.measured_p99_ms, rel=0.02)


@pytest.mark.parametrize("workers", [4, 8])
def test_other_workers_give_what_the_simulation_knows(workers: int) -> None:
    one = world((*PAGES, SLOW))
    requests, _ = trace.from_router(one.router())
    tried = trial.prepare(requests, split(requests, Facts())[1], split(requests, Facts())[0], 2000)
    truth = float(np.quantile(replace(one, workers=workers).total_ms(), 0.99))

    assert tried.p99(workers) == pytest.approx(truth, rel=0.05)


def test_a_mended_route_on_half_the_dynos_beats_what_is_there(slow: Latency) -> None:
    mended = row(slow, "GET /export 20 times as fast, half the dynos")

    assert mended.at_1x.p99_ms < row(slow, "as it is: the router deals at random").at_1x.p99_ms / 3


def test_least_outstanding_is_never_worse_than_random(slow: Latency) -> None:
    random, least = row(slow, "as it is: the router deals at random"), row(slow, "least outstanding requests")

    assert least.at_1x.p95_ms < random.at_1x.p95_ms


def test_the_same_seed_gives_the_same_answer() -> None:
    lines = world(PAGES, requests=2000).router()

    assert assess(lines, Facts(), 500, SIZES, seed=4) == assess(lines, Facts(), 500, SIZES, seed=4)


def test_three_times_the_traffic_keeps_every_request_and_the_length() -> None:
    one = world(PAGES, requests=1000)
    work = replay.Work(one.arrival_us, one.service_us, one.route, one.dyno)
    thick = replay.thicker(work, 3)

    assert 3 * work.service_us.sum() == thick.service_us.sum()
    assert (np.diff(thick.arrival_us) >= 0).all()
    assert thick.span_us == pytest.approx(work.span_us, rel=0.01)


def test_an_unloaded_replay_is_service_alone() -> None:
    one = world(PAGES, requests=500)
    work = replay.Work(one.arrival_us, one.service_us, one.route, one.dyno)
    for routing in ("random", "round robin", "least outstanding"):
        total = replay.run(work, replay.Fleet(500, 2, routing))

        assert np.quantile(total, 0.9) == pytest.approx(np.quantile(one.service_us / 1000, 0.9), rel=0.05)


def test_the_chosen_size_meets_the_objective_and_one_task_less_does_not() -> None:
    one = world(QUICK, busy=0.8)
    found = assess(one.router(), Facts(cpu_share=0.2), 400, SIZES)
    sizing = found.sizing
    assert sizing is not None and sizing.meets
    requests, _ = trace.from_router(one.router())
    what, times = split(requests, Facts())
    thick = replay.thicker(trial.prepare(requests, times, what, 400).work, 3)
    stretch = 1 if sizing.now.cpu >= 1024 else 0.8 + 0.2 * 1024 / sizing.now.cpu
    thick = thick.served((thick.service_us * stretch).astype(np.int64))
    fewer = replay.run(
        thick, replay.Fleet(max(sizing.at_3x.tasks - 2, 1), sizing.at_3x.workers_per_task, "least outstanding")
    )

    assert sizing.now.expected.p99_ms <= 400
    assert sizing.at_3x.expected.p99_ms <= 400
    assert np.quantile(fewer, 0.99) > 400 or sizing.at_3x.tasks <= sizing.now.tasks


def test_memory_is_never_below_the_high_water_mark_and_its_margin() -> None:
    facts = Facts(memory=(Memory("web.1", 0, 1700.0),), cpu_share=0.2)
    sizing = assess(world(QUICK).router(), facts, 400, SIZES).sizing

    assert sizing is not None
    assert sizing.memory_floor_mb == 2125
    assert sizing.now.memory_mb >= 2125


def test_more_processor_time_needs_more_processors() -> None:
    one = world(QUICK, dynos=4, workers=4, busy=0.8).router()
    waits, computes = (assess(one, Facts(cpu_share=share), 400, SIZES).sizing for share in (0.05, 1.0))

    assert waits is not None and computes is not None
    assert computes.at_3x.tasks * computes.at_3x.cpu > 1.5 * waits.at_3x.tasks * waits.at_3x.cpu


def test_where_no_size_is_enough_the_route_that_holds_it_up_is_named(slow: Latency) -> None:
    assert slow.sizing is not None

    assert (slow.sizing.meets, slow.sizing.held_up_by) == (False, ("GET /export",))
    assert slow.sizing.once_mended is not None
    assert slow.sizing.once_mended.expected.p99_ms <= 2000


def test_without_sizes_there_is_no_sizing_and_without_requests_no_replay() -> None:
    lines = world(PAGES, requests=20).router()

    assert assess(world(PAGES, requests=500).router(), Facts(), 500).sizing is None
    assert assess(lines, Facts(), 500, SIZES).replay is None


def test_no_lines_at_all_are_an_answer() -> None:
    lines = world(PAGES, requests=10).router()
    none = replace(lines, **{name: getattr(lines, name)[:0] for name in _ARRAYS})

    assert assess(none, Facts(), 500, SIZES).sentence == "There are no requests to judge."


_ARRAYS = ("completed_us", "connect_ms", "service_ms", "status", "sent_bytes", "dyno", "route", "code")


def test_the_answer_is_json_without_nan(slow: Latency) -> None:
    written = json.dumps(slow.to_json(), allow_nan=False)

    assert json.loads(written)["causes"][0]["subject"] == "GET /export"


def test_a_quantiles_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    chance = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        p95 = quantiles(chance.exponential(100, 600)).p95
        held += p95.low_ms <= 100 * np.log(20) <= p95.high_ms

    assert 0.93 <= held / 400 <= 1.0


def test_a_p99_of_a_hundred_requests_says_that_it_is_not_bounded() -> None:
    assert not quantiles(np.arange(100.0)).p99.bounded
    assert quantiles(np.arange(2000.0)).p99.bounded
