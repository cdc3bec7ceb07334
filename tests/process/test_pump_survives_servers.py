"""Does a link outlive restarts, refusals and read-only servers on either side, and stay out of the application's way?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import LinkProcess, World, Writer, assert_equal, fill, until

from offramp import postgres
from offramp.kit.clock import SystemClock
from offramp.kit.secret import Secret
from offramp.pump import Event, Link
from offramp.pump.throttle import Throttle
from offramp.pump.watching import Chore, Watcher

FORWARD = Link("mentors", "forward", 1)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


def _interruptions(link: LinkProcess) -> list[str]:
    return [str(event["because"]) for event in link.events() if event["event"] == "link interrupted"]


def test_both_servers_restart_in_the_middle_of_the_copy(world: World) -> None:
    """H85: source and target restart mid-copy; the copy goes on where it was."""
    pair = world.pair()
    fill(pair.app(), 60000)
    link = pair.start(FORWARD)
    until(lambda: any(event["event"] == "schema carried over" for event in link.events()), "the copy to begin")
    world.source.restart(immediately=True)
    world.target.restart(immediately=True)
    pair.wait_live(FORWARD)
    world.source.restart()
    pair.app().execute("insert into topic (title) values ('after both')")
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def test_both_servers_crash_while_writers_write(world: World) -> None:
    """H85: source and target crash mid-live, several times, while the application writes whenever it can."""
    pair = world.pair()
    fill(pair.app(), 1200)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    for turn in range(3):
        writer = Writer(pair.source_url, 70 + turn)
        writer.start()
        until(lambda writer=writer: writer.committed > 40, "forty transactions")  # type: ignore[misc]
        world.target.restart(immediately=True)
        until(lambda writer=writer: writer.committed > 60, "twenty more")  # type: ignore[misc]
        writer.stop()
        world.source.restart(immediately=turn == 1)
    pair.drain(FORWARD, seconds=60)

    assert link.end() == 0
    assert_equal(pair)


def test_a_deadlock_at_the_target_is_tried_again(world: World) -> None:
    """I98: our transaction is the victim of a deadlock; the batch comes again, exactly once."""
    pair = world.pair(schema="create table thing (id int primary key, n int)")
    app = pair.app()
    app.execute("insert into thing select i, 0 from generate_series(1, 20) i")
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    with world.target.connect(pair.name) as rogue:
        rogue.execute("set deadlock_timeout = '30s'")
        rogue.execute("begin")
        rogue.execute("select from public.thing where id = 15 for update")
        with app.transaction():
            app.execute("update thing set n = 1 where id in (3, 15)")
        with world.target.connect(pair.name) as watch:
            until(lambda: watch.execute("select from pg_locks where not granted").fetchone() is not None, "our wait")
        # Whoever of ours holds row 3 and waits for row 15 is found out after one second.
        rogue.execute("select from public.thing where id = 3 for update")
        rogue.execute("rollback")
    pair.drain(FORWARD)

    assert any("deadlock" in because for because in _interruptions(link))
    assert link.end() == 0
    assert_equal(pair)


def test_timeouts_and_cancelled_statements_at_the_target_are_tried_again(world: World) -> None:
    """I98: somebody cancels and ends our sessions at the target again and again; the pauses between tries stay bounded."""
    pair = world.pair()
    fill(pair.app(), 600)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    writer = Writer(pair.source_url, 80)
    writer.start()
    ours = "from pg_stat_activity where application_name like 'offramp-link%%' and datname = %s"
    with world.target.connect(pair.name) as admin:
        for turn in range(6):
            call = "pg_cancel_backend" if turn % 2 else "pg_terminate_backend"
            until(lambda: admin.execute(f"select {ours}", (pair.name,)).fetchone() is not None, "our session", 15)
            admin.execute(f"select {call}(pid) {ours}", (pair.name,))
            done = writer.committed
            until(lambda done=done: writer.committed > done + 10, "ten transactions")  # type: ignore[misc]
    writer.stop()
    pair.drain(FORWARD)

    assert _interruptions(link)
    assert link.end() == 0
    assert_equal(pair)


def test_a_target_that_takes_no_writes_is_waited_for(world: World) -> None:
    """H94: a read-only target is named as such, nothing is damaged, and the link goes on when it takes writes again."""
    pair = world.pair()
    fill(pair.app(), 600)
    signal = world.target.data / "standby.signal"
    world.target.stop()
    signal.touch()
    world.target.start()
    link = pair.start(FORWARD)
    until(lambda: any("read-only" in because for because in _interruptions(link)), "the link to say why it waits")
    with world.target.connect() as admin:
        admin.execute("select pg_promote(wait => true)")
    pair.wait_live(FORWARD)
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def _open(url: str) -> postgres.Connection:
    return postgres.connect(Secret(url), application_name="offramp-test")


def test_a_reader_of_ours_gives_way_to_an_exclusive_lock_within_a_second(world: World) -> None:
    """H90: the statement that somebody waits for is cancelled; the application's ALTER waits less than 1.5 s."""
    pair = world.pair(schema="create table thing (id int primary key, n int)")
    reader, app, told = _open(pair.source_url), pair.app(), list[Event]()
    ended: list[str | None] = []

    def read() -> None:
        try:
            reader.execute("select pg_sleep(30) from (select count(*) from public.thing) t")
        except psycopg.Error as error:
            ended.append(error.sqlstate)

    thread = threading.Thread(target=read, daemon=True)
    with Watcher(lambda: _open(pair.source_url), lambda: {reader.info.backend_pid}, told.append):
        thread.start()
        watch = pair.source()
        until(
            lambda: (
                watch.execute("select from pg_locks where relation = 'public.thing'::regclass").fetchone() is not None
            ),
            "our lock",
        )
        began = time.monotonic()
        app.execute("alter table thing add column m int")
        waited = time.monotonic() - began
        thread.join(5)

    assert waited < 1.5
    assert ended == ["57014"]
    assert [(event.what, event.keys["ended_session"]) for event in told] == [("stepped aside", False)]
    reader.close()


def test_a_snapshot_of_ours_that_runs_nothing_gives_way_too(world: World) -> None:
    """H90: a session that is idle in its transaction has no statement to cancel, so it is ended; 1.5 s is still kept."""
    pair = world.pair(schema="create table thing (id int primary key, n int)")
    reader, app, told = _open(pair.source_url), pair.app(), list[Event]()
    reader.execute("begin isolation level repeatable read read only")
    reader.execute("select count(*) from public.thing")
    with Watcher(lambda: _open(pair.source_url), lambda: {reader.info.backend_pid}, told.append):
        began = time.monotonic()
        app.execute("truncate thing")
        waited = time.monotonic() - began

    assert waited < 1.5
    assert told[-1].keys["ended_session"] is True
    with pytest.raises(psycopg.OperationalError):
        reader.execute("select 1")
    reader.close()


def test_a_lock_that_we_only_ask_for_is_left_to_its_own_timeout(world: World) -> None:
    """H90: while our own request waits for somebody, nobody is in the way of anybody because of us."""
    pair = world.pair(schema="create table thing (id int primary key, n int)")
    ours, app, told = _open(pair.source_url), pair.app(), list[Event]()
    app.execute("begin")
    app.execute("insert into thing values (1, 1)")
    late = pair.app()
    ours.execute("begin")
    ours.execute("set local lock_timeout = '1200ms'")
    with Watcher(lambda: _open(pair.source_url), lambda: {ours.info.backend_pid}, told.append):
        thread = threading.Thread(target=lambda: late.execute("insert into thing values (2, 2)"), daemon=True)
        threading.Timer(0.2, thread.start).start()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            ours.execute("lock table public.thing in share row exclusive mode")
    ours.execute("rollback")
    ours.close()
    thread.join(5)

    assert told == []


def test_a_busy_source_is_seen_and_left_alone(world: World) -> None:
    """H92: more busy sessions than allowed reduce our share of the time; it recovers when they have ended."""
    pair = world.pair(schema="create table thing (id int primary key, n int)")
    throttle = Throttle(SystemClock(), source_load=2)
    busy = [pair.app() for _ in range(4)]
    threads = [threading.Thread(target=lambda one=one: _doze(one), daemon=True) for one in busy]
    chore = Chore(0.05, lambda control: throttle.look(control, []))
    with Watcher(lambda: _open(pair.source_url), lambda: set[int](), lambda event: None, chores=[chore]):
        for thread in threads:
            thread.start()
        until(lambda: throttle.share < 0.3, "our share to shrink")
        seen = throttle.load
        for one in busy:
            one.cancel_safe()
        until(lambda: throttle.share == 1.0, "our share to recover", 20)

    assert seen == 4
    for thread in threads:
        thread.join(5)


def test_the_copy_keeps_to_the_rate_that_it_is_given(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """H91, H92: ``--max-rate`` holds for the whole copy, and no snapshot of ours grows old meanwhile."""
    pair = world.pair(schema="create table thing (id int primary key, text text)")
    pair.app().execute("insert into thing select i, repeat(md5(i::text), 30) from generate_series(1, 6000) i")
    monkeypatch.setenv("OFFRAMP_MAX_RATE", "1MB")
    watch, ages = pair.source(), [0.0]
    link = pair.start(FORWARD)
    until(lambda: any(event["event"] == "schema carried over" for event in link.events()), "the copy to begin")
    began = time.monotonic()

    def indexed() -> bool:
        row = watch.execute(
            "select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8 from pg_stat_activity"
            " where application_name like 'offramp-%' and backend_xmin is not null"
        ).fetchone()
        assert row is not None
        ages.append(row[0])
        return any(event["event"] == "keys built" for event in link.events())

    until(indexed, "the end of the copy", 60)
    took = time.monotonic() - began
    pair.drain(FORWARD)

    assert took > 4.0
    assert max(ages) < 60
    assert link.end() == 0
    assert_equal(pair)


def _doze(app: psycopg.Connection) -> None:
    try:
        app.execute("select pg_sleep(60)")
    except psycopg.errors.QueryCanceled:
        pass
