"""A transaction that does not end, a link that stands still, a lock that nobody lets go: is the switch undone in time, and who is named?"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from switch_lab import NAMES, Direction, Lab, Writers, lost, switching

from offramp import postgres as pg
from offramp import pump
from offramp.cutover import settle
from offramp.cutover.moves import BEFORE_COMMIT, go_back, run_move
from offramp.cutover.tryout import TRIED
from offramp.design.model import CutoverPlan
from offramp.errors import OfframpError, WaitingError
from offramp.kit import processes
from offramp.rehearsal.servers import postgres, programs

# The promise is 2 s. What would break it waits until somebody lets go, so this leaves room for a busy machine.
UNDO_SECONDS = 6.0
QUICK = CutoverPlan(deadline_seconds=4, max_lag_seconds=2, patience_seconds=1)


@pytest.fixture(scope="module")
def lab(module_folder: Path) -> Iterator[Lab]:
    with (
        postgres.Postgres(module_folder / "heroku", programs.source_postgres(), tls=True) as heroku,
        postgres.Postgres(module_folder / "rds", programs.target_postgres()) as rds,
    ):
        made = Lab(module_folder, heroku, rds)
        made.make()
        made.start_pooler()
        made.start_links("forward", 0)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def writers(lab: Lab) -> Iterator[Writers]:
    """They write all through a test, and none of their requests may fail."""
    thread = Writers(lab.port)
    thread.start()
    yield thread
    thread.halt.set()
    thread.join(30)
    assert thread.errors == []
    assert len(thread.acknowledged["orders"]) > 3
    assert lost(lab, thread, lab.primary()[0]) == []


@pytest.fixture
def ready(lab: Lab) -> tuple[Direction, int]:
    """The direction and epoch that a switch would have now, with the links live."""
    side, epoch = lab.primary()
    direction: Direction = "forward" if side == "heroku" else "reverse"
    lab.wait_live(direction, epoch)
    return direction, epoch


def through_pooler(lab: Lab, name: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(f"postgres://{name}:client@127.0.0.1:{lab.port}/{name}", prepare_threshold=None)


def attempt(lab: Lab, ready: tuple[Direction, int], plan: CutoverPlan) -> tuple[OfframpError | None, float, list[str]]:
    """Switch; returns what stopped it, how many seconds the pooler's clients could be held, and its notes."""
    direction, epoch = ready
    began: list[float] = []

    def note(point: str) -> None:
        if point.endswith("#hold:before"):
            began.append(time.monotonic())

    stopped: OfframpError | None = None
    with switching(lab.folder, direction, epoch + 1, plan) as switch:
        try:
            settle.perform(switch, note)
        except OfframpError as error:
            stopped = error
        assert switch.let_go_at is not None, stopped
        return stopped, switch.let_go_at - began[0], switch.notes


def waits(conn: psycopg.Connection[tuple[object, ...]], program: str) -> bool:
    """Whether a session of this program waits for a lock."""
    asked = "select from pg_stat_activity where starts_with(application_name, %s) and wait_event_type = 'Lock'"
    return conn.execute(asked, [program]).fetchone() is not None


def captured(lab: Lab, ready: tuple[Direction, int]) -> list[str]:
    """Capture on a standby whose link would fire it."""
    if ready[0] == "forward":
        return []
    left: list[str] = []
    for name in NAMES:
        with pg.connect(lab.url("heroku", name), application_name="offramp lab") as conn:
            left += [one for one in pump.leftovers(conn) if one.startswith("trigger offramp_") and "deny" not in one]
    return left


def until(fact: Callable[[], bool], what: str, seconds: float = 20) -> None:
    processes.wait_until(fact, seconds=seconds, what=what)


def assert_as_before(lab: Lab, ready: tuple[Direction, int]) -> None:
    """Nobody is held or fenced, and the primary is who it was."""
    direction, epoch = ready
    assert lab.primary() == ("heroku" if direction == "forward" else "aws", epoch)
    for name in NAMES:
        with through_pooler(lab, name) as client:
            client.execute("insert into trail (token) values ('let in again')")
        for side in ("heroku", "aws"):
            with pg.connect(lab.url(side, name), application_name="offramp lab") as conn:
                fenced = pump.fenced(conn) is not None
            assert not fenced or side != lab.primary()[0]


def test_a_transaction_that_does_not_end_is_named_and_the_switch_undone(
    lab: Lab, writers: Writers, ready: tuple[Direction, int]
) -> None:
    with through_pooler(lab, "orders") as slow:
        slow.execute("update entry set version = version where id = 1999")
        error, took, _ = attempt(lab, ready, QUICK)
        slow.execute("select 1")

    assert isinstance(error, WaitingError)
    assert "has kept the switch of main waiting for" in error.message
    assert "idle in transaction" in error.message
    assert took < QUICK.patience_seconds + UNDO_SECONDS + 1
    assert_as_before(lab, ready)


def test_by_policy_that_transaction_is_ended_and_the_switch_goes_on(
    lab: Lab, writers: Writers, ready: tuple[Direction, int]
) -> None:
    plan = CutoverPlan(deadline_seconds=10, max_lag_seconds=2, patience_seconds=1, long_transactions="cancel")
    slow = through_pooler(lab, "orders")
    slow.execute("update entry set version = version where id = 1999")
    error, _, notes = attempt(lab, ready, plan)
    with pytest.raises(psycopg.OperationalError):
        slow.execute("select 1")
    slow.close()

    assert error is None
    assert any(note.startswith("ended, so that the switch could go on") for note in notes)
    side, epoch = lab.primary()
    assert epoch == ready[1] + 1
    assert lab.sides() == {side}
    lab.start_links("reverse" if side == "aws" else "forward", epoch)


def test_a_link_that_stands_still_undoes_the_switch_at_its_deadline(
    lab: Lab, writers: Writers, ready: tuple[Direction, int]
) -> None:
    with through_pooler(lab, "stock") as client:
        client.execute("insert into trail (token) values ('behind')")
    lab.links["stock"].send_signal(signal.SIGSTOP)
    try:
        error, took, _ = attempt(lab, ready, QUICK)
    finally:
        lab.links["stock"].send_signal(signal.SIGCONT)

    assert isinstance(error, WaitingError)
    assert "did not end within 4 s" in error.message
    assert took < QUICK.deadline_seconds + UNDO_SECONDS
    assert_as_before(lab, ready)


def test_a_link_that_stands_still_in_the_middle_of_a_batch_keeps_no_client_waiting(
    lab: Lab, writers: Writers, ready: tuple[Direction, int]
) -> None:
    """Its open transactions hold locks on both sides, and a dump reads the primary: the undo waits for none of them."""
    origin, receiver = ("heroku", "aws") if ready[0] == "forward" else ("aws", "heroku")
    with psycopg.connect(lab.url(receiver, "stock").reveal(), autocommit=True) as watch:
        with psycopg.connect(lab.url(receiver, "stock").reveal()) as held:
            held.execute("set transaction read write")
            held.execute("select from entry where id <= 1000 for update")
            until(lambda: waits(watch, "offramp-link-stock"), "the batch to wait for a row")
            lab.links["stock"].send_signal(signal.SIGSTOP)
        try:
            with psycopg.connect(lab.url(origin, "stock").reveal(), application_name="pg_dump") as dump:
                dump.execute("lock table parent, entry, trail in access share mode")
                error, took, _ = attempt(lab, ready, QUICK)
        finally:
            lab.links["stock"].send_signal(signal.SIGCONT)

    assert isinstance(error, WaitingError)
    assert "did not end within 4 s" in error.message
    assert took < QUICK.deadline_seconds + UNDO_SECONDS
    assert "were left on the primary of stock" in error.hint
    assert "pg_dump" in error.hint
    assert_as_before(lab, ready)
    until(lambda: not captured(lab, ready), "capture on the standby to be gone")
    lab.wait_live(*ready)


def test_a_statement_that_hangs_is_cancelled_at_the_deadline(
    lab: Lab, writers: Writers, ready: tuple[Direction, int]
) -> None:
    """Somebody locks a table where the switch must look: on the receiving side, which no fence has emptied of others."""
    receiver = "aws" if ready[0] == "forward" else "heroku"
    with psycopg.connect(lab.url(receiver, "orders").reveal()) as rude:
        rude.execute("lock table parent, entry in access exclusive mode")
        error, took, _ = attempt(lab, ready, QUICK)

    assert isinstance(error, OfframpError)
    assert "so it was undone" in error.message or "somebody else holds" in error.message
    assert took < QUICK.deadline_seconds + UNDO_SECONDS
    assert_as_before(lab, ready)
    until(lambda: not captured(lab, ready), "capture on the standby to be gone")
    lab.wait_live(*ready)


def test_a_dry_run_changes_nothing_and_fails_nobody(lab: Lab, writers: Writers, ready: tuple[Direction, int]) -> None:
    direction, epoch = ready
    with switching(lab.folder, direction, epoch + 1, QUICK) as switch:
        for move in BEFORE_COMMIT:
            if move.name in TRIED:
                run_move(move, switch, lambda point: None)
        began = time.monotonic()
        go_back(switch)
        undo = time.monotonic() - began

    assert undo < UNDO_SECONDS
    assert set(switch.timings) == set(TRIED)
    assert_as_before(lab, ready)


def test_stragglers_are_ended_named_and_refused_after_the_switch(
    lab: Lab, writers: Writers, ready: tuple[Direction, int]
) -> None:
    """A worker that nobody thought of, straight at the old primary: before, during and after the switch, with every kind of write."""
    old = "heroku" if ready[0] == "forward" else "aws"
    url, refused, stop = lab.app_url(old, "orders").reveal(), set[str | None](), threading.Event()

    def forgotten() -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(url, autocommit=True, application_name="worker.7") as worker:
                    while not stop.is_set():
                        worker.execute("insert into trail (token) values ('straggler')")
                        worker.execute("select nextval('parent_id_seq')")
                        time.sleep(0.02)
            except psycopg.Error as error:
                refused.add(error.sqlstate)
                time.sleep(0.05)

    thread = threading.Thread(target=forgotten, daemon=True)
    thread.start()
    error, _, _ = attempt(lab, ready, CutoverPlan(deadline_seconds=10, max_lag_seconds=2))
    time.sleep(1)
    with psycopg.connect(url, autocommit=True, application_name="worker.7") as late:
        for statement in ("select nextval('parent_id_seq')", "create table sneaked (id int)", "truncate trail"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                late.execute(statement.encode())
        with pg.connect(lab.url(old, "orders"), application_name="offramp lab") as conn:
            named = [one.program for one in pump.visitors(conn)]
    stop.set()
    thread.join(10)

    assert error is None
    assert "25006" in refused
    assert "worker.7" in named
    side, epoch = lab.primary()
    with psycopg.connect(lab.app_url(side, "orders").reveal()) as there, psycopg.connect(url) as here:
        counts = [
            conn.execute("select count(*) from trail where token = 'straggler'").fetchone() for conn in (there, here)
        ]
    assert counts[0] == counts[1]
    lab.start_links("reverse" if side == "aws" else "forward", epoch)
