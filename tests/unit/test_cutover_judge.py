"""When does a wave switch, and what must be settled first?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from blueprints import blueprint

from offramp.cutover.judge import judge
from offramp.cutover.model import DatabaseSeen, Deed, MoveCaches, Seen, SettleWave, SwitchWave, WaveSeen, hold_order
from offramp.design.model import DomainPlan, Service
from offramp.engine.verdict import Ask, Do, Met, Verdict, Wait
from offramp.replicate.model import LinkProgress

WANT = blueprint()
LIVE = LinkProgress("live", 0.1, 80, 10, 1000, 1000, 1.0, 3, 0, 0, 0.2, (), 4)
ORDERS = DatabaseSeen(
    "orders", pooled_side="heroku", heroku_fenced=False, aws_fenced=False, progress=LIVE, runner="session 7"
)
STOCK = replace(ORDERS, name="stock")
BEFORE = WaveSeen("main", "heroku", 0, None, None, held=False, databases=(ORDERS, STOCK))
AFTER = WaveSeen(
    "main", "aws", 1, None, None, held=False,
    databases=tuple(replace(db, pooled_side="aws", heroku_fenced=True) for db in (ORDERS, STOCK)), cache_side="aws",
)  # fmt: skip


def verdict(wave: WaveSeen, **decisions: str) -> Verdict[Deed]:
    return judge(WANT, Seen((wave,)), {f"cutover/{name}": answer for name, answer in decisions.items()})[0].verdict


def test_nothing_switches_before_a_person_has_said_so() -> None:
    found = verdict(BEFORE)

    assert isinstance(found, Ask)
    assert found.decision == "cutover/main"
    assert "ready to switch" in found.because


def test_a_decided_wave_switches_to_the_next_epoch() -> None:
    found = verdict(BEFORE, main="go")

    assert isinstance(found, Do)
    assert found.deeds == (SwitchWave("main", "forward", 1, WANT),)


@pytest.mark.parametrize(
    ("database", "words"),
    [
        (replace(ORDERS, progress=None), "the link of orders is not live"),
        (replace(ORDERS, progress=replace(LIVE, lag_seconds=5.0)), "orders is 5.0 s behind (at most 2)"),
        (replace(ORDERS, progress=replace(LIVE, verified_share=0.5)), "orders is verified to 50% only"),
        (
            replace(ORDERS, progress=replace(LIVE, unfinished=2)),
            "2 tables of orders on AWS still miss a constraint or an index that they have on Heroku",
        ),
        (replace(ORDERS, runner=""), "nobody runs the link of orders yet"),
        (replace(ORDERS, progress=replace(LIVE, beat_age_seconds=60)), "the link of orders has not reported for 60 s"),
    ],
)
def test_a_shut_gate_is_waited_for_and_named(database: DatabaseSeen, words: str) -> None:
    found = verdict(replace(BEFORE, databases=(database, STOCK)), main="go")

    assert isinstance(found, Wait)
    assert found.because == words


def test_an_open_switch_is_settled_before_anything_else() -> None:
    found = verdict(replace(BEFORE, open_epoch=1, open_direction="forward", held=True))

    assert isinstance(found, Do)
    assert found.deeds == (SettleWave("main", "forward", 1, WANT),)


@pytest.mark.parametrize(
    "wreck",
    [
        replace(AFTER, held=True),
        replace(AFTER, databases=(replace(ORDERS, pooled_side="heroku", heroku_fenced=True), STOCK)),
        replace(AFTER, databases=(replace(ORDERS, pooled_side="aws", aws_fenced=True), STOCK)),
    ],
)
def test_a_committed_switch_that_did_not_end_is_settled_forward(wreck: WaveSeen) -> None:
    found = verdict(wreck, main="go")

    assert isinstance(found, Do)
    assert found.deeds == (SettleWave("main", "forward", 1, WANT),)


def test_a_switched_wave_is_met() -> None:
    assert isinstance(verdict(AFTER, main="go"), Met)


def test_going_back_is_the_same_switch_turned_round() -> None:
    found = verdict(AFTER, main="back")

    assert isinstance(found, Do)
    assert found.deeds == (SwitchWave("main", "reverse", 2, WANT),)


def test_a_wave_that_went_back_asks_before_it_switches_again() -> None:
    rested = replace(BEFORE, epoch=2, databases=tuple(replace(db, aws_fenced=True) for db in (ORDERS, STOCK)))

    assert isinstance(verdict(rested, main="back"), Ask)


def test_caches_follow_the_databases() -> None:
    cold = replace(AFTER, cache_side="heroku")
    found = judge(WANT, Seen((cold,)), {"cutover/main": "go"})[1].verdict

    assert isinstance(found, Do)
    assert found.deeds == (MoveCaches("main", WANT),)
    assert isinstance(judge(WANT, Seen((BEFORE,)), {})[1].verdict, Met)


def test_callers_are_held_before_the_services_they_call() -> None:
    calls = (("ORDERS_URL", "https://orders.shop.example"),)
    stock = Service("stock", "web", "registry.example/stock:v1", "gunicorn stock", 512, 1024, 1, 8000, "/", env=calls)
    want = replace(WANT, services=(*WANT.services, stock))

    assert hold_order(want, ("orders", "stock")) == ("stock", "orders")
    assert hold_order(WANT, ("stock", "orders")) == ("orders", "stock")


def test_services_that_call_each_other_are_held_in_some_order() -> None:
    ring = tuple(
        Service(
            app,
            "web",
            "registry.example/x:v1",
            "run",
            512,
            1024,
            1,
            8000,
            "/",
            env=(("URL", f"https://{other}.shop.example"),),
        )
        for app, other in (("orders", "stock"), ("stock", "orders"))
    )
    domains = tuple(DomainPlan(f"{app}.shop.example", app, "x") for app in ("orders", "stock"))

    assert set(hold_order(replace(WANT, services=ring, domains=domains), ("orders", "stock"))) == {"orders", "stock"}
