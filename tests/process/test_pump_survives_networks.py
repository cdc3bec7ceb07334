"""Does a link carry everything exactly once over lines that are cut, stalled and slow?"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pump_world
import pytest
from pump_world import Pair, World, Writer, assert_equal, fill, until
from tcp_shim import Shim

from offramp import postgres, pump
from offramp.kit.secret import Secret
from offramp.pump import Event, Link, bulk, footing
from offramp.pump.pulse import Line, Pulse

FORWARD = Link("mentors", "forward", 1)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


@pytest.fixture
def near(world: World) -> Iterator[Shim]:
    """The line to the source."""
    with Shim(world.source.port) as shim:
        yield shim


@pytest.fixture
def far(world: World) -> Iterator[Shim]:
    """The line to the target."""
    with Shim(world.target.port) as shim:
        yield shim


@pytest.fixture
def pair(world: World, near: Shim, far: Shim) -> Pair:
    pair = world.pair()
    fill(pair.app(), 1200)
    return pair


def _start(pair: Pair, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch) -> pump_world.LinkProcess:
    """A link that reaches both servers through the shims."""
    monkeypatch.setenv("TARGET_URL_COMMAND", f"echo '{far.through(pair.target_url)}'")
    return pair.start(FORWARD, source_command=f"echo '{near.through(pair.source_url)}'")


def test_lines_that_are_cut_again_and_again_lose_nothing(
    pair: Pair, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I96: both lines are cut in turn, during the copy and while the link is live, new connections refused for a while too."""
    writers = [Writer(pair.source_url, seed) for seed in (91, 92)]
    for writer in writers:
        writer.start()
    link = _start(pair, near, far, monkeypatch)
    for turn in range(6):
        shim = (near, far)[turn % 2]
        passed, done = shim.passed, sum(writer.committed for writer in writers)
        until(
            lambda shim=shim, passed=passed, done=done: (  # type: ignore[misc]
                shim.passed > passed + 20_000 and sum(writer.committed for writer in writers) > done + 10
            ),
            "bytes to pass", 30,
        )  # fmt: skip
        shim.cut(refuse=turn % 3 == 0)
        shim.mend()
    pair.wait_live(FORWARD)
    for writer in writers:
        writer.stop()
    pair.drain(FORWARD)

    assert any(event["event"] == "link interrupted" for event in link.events())
    assert link.end() == 0
    assert_equal(pair)
    assert pump.verify_all(pair.source(), pair.target(), FORWARD).differences == ()


def test_a_slow_line_is_only_slow(world: World, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch) -> None:
    """I96: with 200 ms there and back on both lines the link follows, and interrupts nothing."""
    pair = world.pair(schema="create table thing (id int primary key, n int)")
    link = _start(pair, near, far, monkeypatch)
    pair.wait_live(FORWARD)
    far.delay_seconds = near.delay_seconds = 0.1
    app = pair.app()
    for n in range(20):
        app.execute("insert into thing values (%s, 0)", (n,))
        app.execute("update thing set n = n + 1")
    pair.drain(FORWARD, seconds=60)
    far.delay_seconds = near.delay_seconds = 0.0

    assert [event for event in link.events() if event["event"] == "link interrupted"] == []
    assert link.end() == 0
    assert_equal(pair)


def test_lines_that_swallow_everything_are_given_up(
    pair: Pair, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I96: half-open: both lines acknowledge bytes and pass none, for ever; the link is back within 30 s, with nothing twice."""
    link = _start(pair, near, far, monkeypatch)
    pair.wait_live(FORWARD)
    app = pair.app()
    app.execute("insert into ledger (account, cents) select 1, i from generate_series(1, 50) i")
    far.stall()
    began = time.monotonic()
    app.execute("insert into ledger (account, cents) select 2, i from generate_series(1, 50) i")
    near.stall()
    count = "select count(*) from public.ledger where account = 2 and cents <= 50"
    sent = app.execute(count).fetchone()
    with pair.target() as target:
        until(lambda: target.execute(count).fetchone() == sent, "the rows behind the stall", 40)
    back = time.monotonic() - began
    pair.drain(FORWARD)

    assert back < 30
    assert any(event["event"] == "line given up" for event in link.events())
    assert link.end() == 0
    assert_equal(pair)


def test_a_line_that_is_given_up_takes_the_idle_one_with_it(
    pair: Pair, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I96: nothing is on its way to the target when both lines are swallowed, so its server waits for us for ever, with our lock."""
    link = _start(pair, near, far, monkeypatch)
    pair.wait_live(FORWARD)
    near.stall()
    far.stall()
    began = time.monotonic()
    pair.app().execute("insert into ledger (account, cents) select 3, i from generate_series(1, 50) i")
    pair.drain(FORWARD, seconds=60)

    assert time.monotonic() - began < 30
    assert [event["event"] for event in link.events() if "ended" in event["event"]] == []
    assert link.end() == 0
    assert_equal(pair)


def test_a_killed_link_whose_lines_were_swallowed_is_replaced(
    pair: Pair, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I96: neither server hears that the process died; the next one ends its sessions, and only once nobody hears of it any more."""
    first = _start(pair, near, far, monkeypatch)
    pair.wait_live(FORWARD)
    second = _start(pair, near, far, monkeypatch)
    until(lambda: "Another process runs" in str(second.events()), "the second to wait", 20)
    near.stall()
    far.stall()
    first.kill()
    until(lambda: "silent runner ended" in str(second.events()), "the first one's sessions to be ended", 60)
    pair.app().execute("insert into ledger (account, cents) select 4, i from generate_series(1, 50) i")
    pair.drain(FORWARD, seconds=60)

    assert second.end() == 0
    assert_equal(pair)


def test_checks_beside_the_batches_never_make_them_wait_for_a_swallowed_line(
    pair: Pair, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I96: the lines that verification has for itself stall while both sides look at one moment: they are cut, there and here."""
    monkeypatch.setattr(footing, "STAND_SECONDS", 0.5)
    with (
        postgres.connect(Secret(near.through(pair.source_url)), application_name="near") as origin,
        postgres.connect(Secret(far.through(pair.target_url)), application_name="far") as receiver,
        pair.source() as source,
        pair.target() as target,
    ):
        beside = footing.beside(origin, receiver)
        far.stall()
        source.execute("begin isolation level repeatable read read only")
        with pytest.raises(footing.StalledError):
            beside.stand(footing.export(source))
        source.execute("rollback")
        beside.cut(source, target)
        until(lambda: not beside.sound, "the threads that waited to notice")
        known = "select count(*) from pg_stat_activity where application_name = %s"
        until(lambda: target.execute(known, (footing.APPLICATION,)).fetchone() == (0,), "the session there to end")
        beside.close()
        far.mend()


def test_a_copy_over_a_swallowed_line_gives_up(pair: Pair, near: Shim, far: Shim) -> None:
    """I96: a lane of the copy stalls in the middle of a range: nothing of it is kept, and nobody waits for ever."""

    async def unchanged(origin: object) -> None:
        pass

    with (
        postgres.connect(Secret(near.through(pair.source_url)), application_name="near") as origin,
        postgres.connect(Secret(pair.target_url), application_name="far") as receiver,
    ):
        receiver.execute("create table public.landed (n text)")

        def admit(size: int) -> float:
            near.stall()
            return 0.0

        with bulk.Lane(origin, receiver, admit, stall_seconds=1) as lane, pytest.raises(bulk.OriginLaneError):
            lane.copy(
                ["select repeat('x', 1000) from generate_series(1, 100000)"],
                bulk.Into("public", "landed", ("n",), "text"),
                unchanged,
                lambda passed: (),
            )
        near.mend()
        assert receiver.execute("select count(*) from public.landed").fetchone() == (0,)


def test_a_line_that_stalls_for_a_moment_is_kept(
    pair: Pair, near: Shim, far: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I96: three seconds without a byte are no reason to begin again."""
    link = _start(pair, near, far, monkeypatch)
    pair.wait_live(FORWARD)
    far.stall()
    near.stall()
    pair.app().execute("insert into topic (title) values ('during the stall')")
    stalled = time.monotonic()
    until(lambda: time.monotonic() > stalled + 3, "three seconds")
    far.mend()
    near.mend()
    pair.drain(FORWARD)

    assert [event for event in link.events() if event["event"] == "link interrupted"] == []
    assert link.end() == 0
    assert_equal(pair)


def test_a_statement_that_only_takes_long_is_not_given_up(world: World) -> None:
    """I96: the server is asked before a line is shut, and one that is at work for us says so; so does a slow reader of ours."""
    pair = world.pair(schema="create table thing (id int primary key, text text)")
    pair.app().execute("insert into thing select i, repeat('x', 800) from generate_series(1, 30000) i")
    told: list[Event] = []

    def another() -> postgres.Connection:
        return postgres.connect(Secret(pair.source_url), application_name="test")

    with another() as busy, another() as slow:
        lines = (Line("origin", busy, another), Line("slow", slow, another))
        with (
            Pulse(lambda: lines, told.append),
            slow.cursor() as cursor,
            cursor.copy("copy public.thing to stdout") as copy,
        ):
            first = copy.read()
            busy.execute("select pg_sleep(2)")
            rest = sum(len(block) for block in copy)

    assert told == []
    assert len(first) + rest > 30000 * 800


def test_a_client_that_is_gone_is_noticed_by_both_ends(world: World) -> None:
    """I96, B23: after a network split the server ends the lost session, whose locks go with it, and we end ours, within 30 s."""
    pair = world.pair(schema="create table thing (id int primary key)")
    with postgres.connect(Secret(pair.source_url), application_name="test") as connection:
        found: dict[str, int] = dict(
            connection.execute(
                "select name, setting::int from pg_settings where name like 'tcp_%' or name = 'client_connection_check_interval'"
            ).fetchall()
        )
        end = socket.socket(fileno=os.dup(connection.fileno()))
        with end:
            idle = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            interval = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
            count = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
            unacknowledged = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert idle + interval * count < 30
    assert unacknowledged < 30_000
    assert found["tcp_keepalives_idle"] + found["tcp_keepalives_interval"] * found["tcp_keepalives_count"] < 30
    assert found["tcp_user_timeout"] < 30_000
    assert 0 < found["client_connection_check_interval"] < 30_000
