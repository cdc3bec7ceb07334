"""Can the proof fail? Each planted fault turns ``ok`` to false, with the line that names it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offramp.rehearsal.report import (
    DatabaseProof,
    HerokuLeft,
    Jobs,
    Latency,
    RehearsalReport,
    RollbackProof,
    StageTime,
    SwitchProof,
    Traffic,
    Writes,
)

GOOD = RehearsalReport(
    seconds=200,
    stages=(StageTime("discover", 1.0, "met"),),
    traffic=Traffic(50, 10_000, 0, Latency(10, 20, 30), Latency(8, 15, 25)),
    writes=Writes(3000, 0, 0, 0),
    jobs=Jobs(500, 500, 0, 0),
    databases=(DatabaseProof("orders", 5, 1000, 1.0, 0, 80.0),),
    switch=SwitchProof(400.0, 1),
    rollback=None,
    heroku_left=HerokuLeft(0, 0, 0),
)


def test_a_clean_trip_is_a_proof() -> None:
    assert GOOD.ok
    assert GOOD.to_json()["ok"] is True


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (replace(GOOD, stopped="the cluster is gone"), "The trip stopped early: the cluster is gone"),
        (replace(GOOD, traffic=replace(GOOD.traffic, sent=0)), "No traffic was sent, so nothing is proved."),
        (
            replace(GOOD, traffic=replace(GOOD.traffic, failed=1, first_failures=("book: status 502",))),
            "1 of 10000 requests failed, the first: book: status 502.",
        ),
        (
            replace(GOOD, writes=replace(GOOD.writes, acknowledged=0)),
            "No write was acknowledged, so nothing is proved.",
        ),
        (replace(GOOD, writes=replace(GOOD.writes, lost=1)), "1 acknowledged writes were lost."),
        (replace(GOOD, writes=replace(GOOD.writes, duplicated=2)), "2 acknowledged writes were doubled."),
        (
            replace(GOOD, writes=replace(GOOD.writes, changed=1, examples=("booking 7",))),
            "1 acknowledged writes were changed, for example booking 7.",
        ),
        (replace(GOOD, jobs=replace(GOOD.jobs, lost=3)), "3 background jobs were lost and 0 were done twice."),
        (
            replace(GOOD, databases=(replace(GOOD.databases[0], verified_share=0.5),)),
            "orders was verified to 50% only.",
        ),
        (
            replace(GOOD, databases=(replace(GOOD.databases[0], differences=1),)),
            "orders differed from its copy in 1 rows.",
        ),
        (replace(GOOD, switch=None), "Nothing was switched."),
        (replace(GOOD, rollback=RollbackProof(300.0, 4)), "The rollback lost 4 writes."),
        (
            replace(GOOD, heroku_left=HerokuLeft(0, 0, 1, ("trigger offramp_capture",))),
            "Left behind: 0 dynos, 0 add-ons, 1 capture objects (trigger offramp_capture).",
        ),
        (replace(GOOD, heroku_left=HerokuLeft(1, 0, 0)), "Left behind: 1 dynos, 0 add-ons, 0 capture objects."),
    ],
)
def test_a_planted_fault_is_no_proof(report: RehearsalReport, line: str) -> None:
    assert not report.ok
    assert report.failures == (line,)
    assert report.to_json()["ok"] is False
