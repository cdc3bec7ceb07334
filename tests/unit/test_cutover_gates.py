"""What must be true before a switch, and what is asked, or done, when it did harm?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from blueprints import blueprint

from offramp.cutover.gates import breach, gates, shut
from offramp.cutover.judge import judge
from offramp.cutover.model import DatabaseSeen, Deed, Health, Seen, SettleWave, SwitchWave, WaveSeen
from offramp.design.model import Blueprint
from offramp.engine.verdict import Ask, Do, Met, Verdict, Wait
from offramp.replicate.model import LinkProgress

WANT = blueprint()
PLAN = WANT.cutover
LIVE = LinkProgress("live", 0.1, 80, 10, 1000, 1000, 1.0, 3, 0, 0, 0.2, (), 4)
ORDERS = DatabaseSeen(
    "orders", pooled_side="heroku", heroku_fenced=False, aws_fenced=False, progress=LIVE, runner="session 7"
)
BEFORE = WaveSeen("main", "heroku", 0, None, None, held=False, databases=(ORDERS,))
AFTER = WaveSeen(
    "main", "aws", 1, None, None, held=False,
    databases=(replace(ORDERS, pooled_side="aws", heroku_fenced=True),), cache_side="aws",
)  # fmt: skip
WELL = Health(now=1060, since=1000, requests=1000, errors=0, p99_ms=90, before_p99_ms=80)
FAILING = replace(WELL, errors=30)
SLOW = replace(WELL, p99_ms=400)


def verdict(wave: WaveSeen, want: Blueprint = WANT, **decisions: str) -> Verdict[Deed]:
    given = {name.replace("__", "/").replace("_", "-"): answer for name, answer in decisions.items()}
    return judge(want, Seen((wave,)), given)[0].verdict


def test_each_gate_shows_its_present_value() -> None:
    wave = replace(
        BEFORE,
        databases=(replace(ORDERS, longest="psql", longest_seconds=0.4, free_share=0.62),),
        health=Health(5, 0, 200, 1),
    )

    assert {gate.name: gate.shows for gate in gates(wave, PLAN)} == {
        "pooler": "answers",
        "orders link": "live",
        "orders lag": "0.1 s, at most 2",
        "orders verified": "100%, the oldest part 3 s ago",
        "orders longest transaction": "0.4 s, at most 3",
        "orders free disk": "62%, at least 10%",
        "jobs": "none on Heroku",
        "error rate": "1 of 200 requests failed, at most 1.0%",
    }
    assert shut(gates(wave, PLAN)) == ()
    facts = dict(judge(WANT, Seen((wave,)), {})[0].facts)
    assert facts["gate orders lag"] == "open: 0.1 s, at most 2"


@pytest.mark.parametrize(
    ("wave", "words"),
    [
        (replace(BEFORE, pooler_reachable=False), "the pooler does not answer"),
        (
            replace(BEFORE, databases=(replace(ORDERS, longest="psql (role x)", longest_seconds=9.0),)),
            "on orders, psql (role x) keeps a transaction open",
        ),
        (
            replace(BEFORE, databases=(replace(ORDERS, free_share=0.04),)),
            "only 4% of the storage of orders on AWS is free",
        ),
        (
            replace(BEFORE, heroku_jobs=("worker.1 of orders",)),
            "jobs would run on both sides: worker.1 of orders still runs on Heroku",
        ),
        (replace(BEFORE, health=Health(5, 0, 100, 9)), "9 of 100 requests failed in the last minutes, more than 1.0%"),
    ],
)
def test_a_shut_gate_says_why(wave: WaveSeen, words: str) -> None:
    assert shut(gates(wave, PLAN)) == (words,)
    assert isinstance(verdict(wave, cutover__main="go"), Wait)


def test_failures_on_aws_never_keep_anybody_from_going_back() -> None:
    wave = replace(
        AFTER, health=replace(FAILING, errors=1000), databases=(replace(AFTER.databases[0], free_share=0.0),)
    )
    found = verdict(wave, cutover__main="back")

    assert isinstance(found, Do)
    assert found.deeds == (SwitchWave("main", "reverse", 2, WANT),)


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (FAILING, "30 of 1000 requests (3.0%) failed since the switch"),
        (SLOW, "p99 is 400 ms since the switch, 80 ms before it"),
        (replace(SLOW, before_p99_ms=None), ""),
        (replace(FAILING, requests=30), ""),
        (WELL, ""),
        (None, ""),
    ],
)
def test_what_is_worse_than_before_is_a_breach(health: Health | None, words: str) -> None:
    assert breach(health, PLAN) == words


def test_a_switch_is_watched_for_its_bake_time_and_then_met() -> None:
    watched = verdict(replace(AFTER, health=WELL), cutover__main="go")
    over = verdict(replace(AFTER, health=replace(FAILING, now=1000 + PLAN.bake_seconds + 1)), cutover__main="go")

    assert isinstance(watched, Wait)
    assert "watched for 240 s more" in watched.because
    assert isinstance(over, Met)


def test_a_breach_asks_a_person() -> None:
    wave = replace(AFTER, health=FAILING)
    found = verdict(wave, cutover__main="go")

    assert isinstance(found, Ask)
    assert (found.decision, found.answers) == ("bake/main-1", ("keep",))
    assert "offramp rollback main" in found.because
    assert isinstance(verdict(wave, cutover__main="go", bake__main_1="keep"), Met)


def test_a_breach_goes_back_by_itself_when_the_policy_says_so() -> None:
    want = replace(WANT, cutover=replace(PLAN, on_breach="rollback"))
    found = verdict(replace(AFTER, health=FAILING), want, cutover__main="go")

    assert isinstance(found, Do)
    assert found.deeds == (
        SwitchWave("main", "reverse", 2, want, "30 of 1000 requests (3.0%) failed since the switch"),
    )


def test_after_it_went_back_by_itself_a_person_is_asked_before_another_try() -> None:
    wave = replace(BEFORE, epoch=2, reason="30 of 1000 requests (3.0%) failed since the switch")
    found = verdict(wave, cutover__main="go")

    assert isinstance(found, Ask)
    assert found.decision == "bake/main-2"
    assert "30 of 1000" in found.because
    again = verdict(wave, cutover__main="go", bake__main_2="again")
    assert isinstance(again, Do)
    assert again.deeds == (SwitchWave("main", "forward", 3, WANT),)


def test_a_side_that_was_left_open_for_stragglers_is_settled() -> None:
    wave = replace(AFTER, databases=(replace(AFTER.databases[0], stranded=False),))
    found = verdict(wave, cutover__main="go")

    assert isinstance(found, Do)
    assert found.deeds == (SettleWave("main", "forward", 1, WANT),)


def test_stragglers_are_named_on_the_one_screen() -> None:
    wave = replace(AFTER, databases=(replace(AFTER.databases[0], stragglers=("worker.1 (role u)", "psql (role u)")),))
    found = verdict(wave, cutover__main="go")

    assert isinstance(found, Met)
    assert (
        "2 still connected to the old primary of orders, which refuses their writes: worker.1 (role u)" in found.because
    )
