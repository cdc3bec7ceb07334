"""Does the target take every batch whole, whatever gets in its way (cases I96 to I103)?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pump_oracles import (
    LEDGER,
    assert_history,
    assert_none_held,
    assert_same_contents,
    assert_same_sequences,
    assert_undisturbed,
    clients,
    committed,
    ledger_is_whole,
    watched,
)
from pump_pairs import FORWARD, Lab, running_world
from pump_world import LinkProcess, Pair, World, until
from tcp_shim import Shim

from offramp import pump

SCHEMA = (
    LEDGER
    + """
create table one (id int primary key, v text); create table two (id int primary key, v text);
insert into one select i, 'v' from generate_series(1, 100) i; insert into two select i, 'v' from generate_series(1, 100) i;
create table strange (id int generated always as identity primary key, n int not null, made int generated always as (n * 2) stored,
  said text default 'source', at timestamptz default '2020-01-01Z');
create table quiet (id int primary key, v text, big text);
"""
)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    with running_world(module_folder) as world:
        yield world


@pytest.fixture(scope="module")
def lab(world: World) -> Iterator[Lab]:
    lab = Lab.begin(world, SCHEMA)
    yield lab
    lab.end()


def test_a_killed_link_applies_each_commit_exactly_once(world: World) -> None:
    """I96: kill -9 at six moments while clients write, each target commit being whole. O2, O3, O4."""
    pair = world.pair(schema=LEDGER)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    with (
        watched(pair.target_url, FORWARD, ledger_is_whole) as watcher,
        clients(pair.source_url, 4, pause_seconds=0.005) as running,
    ):
        for number in range(6):
            seen, done = watcher.moments, committed(running)
            until(
                lambda seen=seen, done=done, number=number: watcher.moments > seen + number % 4 and committed(running) > done + 20,  # type: ignore[misc]
                "some commits", 40,
            )  # fmt: skip
            link.kill()
            link = pair.start(FORWARD)
        pair.wait_live(FORWARD)
    pair.drain(FORWARD)

    assert_undisturbed(running)
    assert_history(pair.target(), running)
    assert_same_contents(pair.source(), pair.target())


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_line_that_is_cut_stalled_and_slow_loses_nothing(world: World, side: str) -> None:
    """I96, B23: resets, a half-open line and 100 ms each way, between the link and one of its sides, while clients write."""
    pair = world.pair(schema=LEDGER)
    with Shim((world.source if side == "source" else world.target).port) as shim:
        pair = through(pair, shim, side)
        link = pair.start(FORWARD)
        pair.wait_live(FORWARD)
        with (
            watched(pair.target_url, FORWARD, ledger_is_whole),
            clients(pair.source_url, 3, pause_seconds=0.01) as running,
        ):
            for trouble in troubles(shim):
                done = committed(running)
                trouble()
                until(lambda done=done: committed(running) > done + 30, "commits in the meantime")  # type: ignore[misc]
                shim.mend()
            shim.delay_seconds = 0.0
            shim.cut()
        pair.drain(FORWARD, seconds=60)
        assert link.end() == 0

    assert_undisturbed(running)
    assert_history(pair.target(), running)
    assert_same_contents(pair.source(), pair.target())


def troubles(shim: Shim) -> tuple[Callable[[], None], ...]:
    """Resets, resets with refusal, a line that says nothing any more, and a slow one."""

    def slow() -> None:
        shim.delay_seconds = 0.1

    return shim.cut, lambda: shim.cut(refuse=True), shim.stall, slow


def through(pair: Pair, shim: Shim, side: str) -> Pair:
    """Let the pair's links, and only they, go through the shim on one side."""
    source, target = pair.source_url, pair.target_url

    class Shimmed(Pair):
        shimmed = False

        def start(self, link: pump.Link, *, source_command: str = "") -> LinkProcess:
            self.shimmed = True
            try:
                return super().start(link, source_command=source_command)
            finally:
                self.shimmed = False

        @property
        def source_url(self) -> str:
            return shim.through(source) if side == "source" and self.shimmed else source

        @property
        def target_url(self) -> str:
            return shim.through(target) if side == "target" and self.shimmed else target

    other = Shimmed(pair.world, pair.name)
    pair.world.made.append(other)
    return other


def test_a_row_that_the_target_refuses_holds_its_own_table_and_is_never_skipped(world: World) -> None:
    """I97: the target has drifted by a constraint: the table stops with its reason, others go on, and mending it loses nothing."""
    lab = Lab.begin(
        world, "create table drifted (id int primary key, v text); create table other (id int primary key, v text)"
    )
    target = lab.pair.target()
    target.execute("alter table public.drifted add constraint drift check (v <> 'refused') not valid")
    lab.run(
        "insert into drifted values (1, 'fine'), (2, 'refused'), (3, 'fine too')",
        "insert into other values (1, 'goes on')",
    )
    held = lab.pair.wait(
        lab.link, lambda status: any(t.state == "paused" for t in status.tables), what="the table to be held"
    )
    lab.arrived()
    there = lab.count("select count(*) from public.other")
    target.execute("alter table public.drifted drop constraint drift")
    pump.resume(target, lab.link, "public.drifted")
    lab.pair.wait(lab.link, lambda status: all(t.state == "live" for t in status.tables), what="the table to go on")
    lab.check()
    lab.end()

    assert there == 1
    assert [t.name for t in held.tables if t.state == "paused"] == ["public.drifted"]
    assert "drift" in (held.held_because or "")


def test_a_deadlock_on_the_target_is_tried_again(world: World, lab: Lab) -> None:
    """I98: somebody at the target locks our tables the other way round, so that the batch is the deadlock's victim."""
    target = world.target.connect(lab.pair.name)
    before = lab.count("select deadlocks from pg_stat_database where datname = current_database()")
    for first, second in (("one", "two"), ("two", "one")):
        target.execute("set deadlock_timeout = '60s'")
        target.execute(f"begin; lock table public.{first} in share row exclusive mode")
        app = lab.app()
        with app.transaction():
            app.execute("update one set v = v || '.' where id < 10; update two set v = v || '.' where id < 10")
        app.close()
        until(lambda: waits(world, lab), "the batch to wait")
        target.execute(f"lock table public.{second} in share row exclusive mode")
        target.execute("commit")
        lab.check(seconds=40)
    until(
        lambda: lab.count("select deadlocks from pg_stat_database where datname = current_database()") > before,
        "a deadlock to be counted",
    )
    target.close()


def waits(world: World, lab: Lab) -> bool:
    """Whether the link waits for a lock at the target."""
    with world.target.connect(lab.pair.name) as admin:
        row = admin.execute(
            "select count(*) from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()"
        ).fetchone()
    return bool(row and row[0])


def test_statements_cancelled_and_sessions_ended_at_either_side_are_tried_again(world: World, lab: Lab) -> None:
    """I98: an administrator cancels and terminates the link's sessions while a batch is under way."""
    app = lab.app()
    for side, act in (
        (world.target, "pg_cancel_backend"), (world.source, "pg_cancel_backend"), (world.target, "pg_terminate_backend"),
        (world.source, "pg_terminate_backend"),
    ):  # fmt: skip
        app.execute("update one set v = v || '!'; update two set v = v || '!'")
        with side.connect(lab.pair.name) as admin:
            admin.execute(
                f"select {act}(pid) from pg_stat_activity where datname = current_database() and application_name like 'offramp%'"
            )
        lab.check(seconds=40)
    app.close()


def test_nothing_at_the_target_alters_a_row(world: World) -> None:
    """I100: triggers, other defaults, another generated value's inputs, row security and rules at the target."""
    lab = Lab.begin(world, SCHEMA)
    target = lab.pair.target()
    target.execute(
        "create function public.meddle() returns trigger language plpgsql as $$ begin new.v := 'meddled'; return new; end $$;"
        "create trigger meddle before insert or update on public.one for each row execute function public.meddle();"
        "create function public.forbid() returns trigger language plpgsql as $$ begin raise exception 'forbidden'; end $$;"
        "create trigger forbid before insert or update or delete on public.two for each statement execute function public.forbid();"
        "alter table public.strange alter said set default 'target', alter at set default now();"
        "alter table public.quiet enable row level security"
    )
    lab.run(
        "insert into one values (500, 'new'); update one set v = 'changed' where id = 1; delete from one where id = 2",
        "insert into two values (500, 'new'); update two set v = 'changed' where id = 1; delete from two where id = 2",
        "insert into strange (n) select i from generate_series(1, 9) i; insert into strange (n, said, at) values (10, null, null)",
        "update strange set n = 50 where n = 5",
        "insert into quiet values (1, 'seen'); update quiet set v = 'still seen'",
    )
    lab.check()
    target.execute(
        "drop trigger meddle on public.one; drop trigger forbid on public.two; alter table public.quiet disable row level security"
    )
    lab.end()
    pump.carry_sequences(*lab.readers)
    assert_same_sequences(*lab.readers)


def test_a_change_that_changes_nothing_writes_no_row_at_the_target(lab: Lab) -> None:
    """I101: UPDATEs to the same value, and rows changed and changed back, leave the target's rows untouched."""
    lab.run("insert into quiet select i, 'v', repeat('big', 2000) from generate_series(1, 50) i")
    lab.check()
    versions = "select sum(('x' || substr(md5(xmin::text || ctid::text), 1, 8))::bit(32)::bigint) from public.quiet"
    before = lab.count(versions)
    app = lab.app()
    app.execute("update quiet set v = v")
    with app.transaction():
        app.execute("update quiet set v = 'other', big = 'other'")
        app.execute("update quiet set v = 'v', big = repeat('big', 2000)")
    lab.check()
    after = lab.count(versions)
    app.execute("update quiet set v = 'w' where id = 1")
    app.close()
    lab.check()

    assert before == after != lab.count(versions)


def test_a_batch_over_hundreds_of_tables_stays_within_the_servers_locks(world: World) -> None:
    """I102, D46: one transaction writes 160 tables, half of them without a key, and the link takes it as one batch."""
    names = [f"t{n:03}" for n in range(160)]
    schema = "".join(
        f"create table {name} (id int {'primary key' if n % 2 else ''}, v text);" for n, name in enumerate(names)
    )
    lab = Lab.begin(world, schema)
    app = lab.app()
    for n in range(3):
        with app.transaction():
            app.execute("".join(f"insert into {name} values ({n}, 'v');" for name in names))
        with app.transaction():
            app.execute("".join(f"update {name} set v = 'w{n}';" for name in names))
    app.close()
    lab.check(seconds=60)
    status = lab.pair.status(lab.link)
    lab.end()

    assert status is not None
    assert_none_held(status)
    assert status.rows_applied >= 480


def test_the_servers_may_restart_at_any_moment(world: World) -> None:
    """H85, I96: source and target crash by turns, during the copy and after it, while clients write. O2, O4."""
    pair = world.pair(schema=LEDGER + "create table big (id int primary key, v text)")
    with psycopg.connect(pair.source_url, autocommit=True) as app:
        app.execute("insert into big select i, repeat('x', 300) from generate_series(1, 40000) i")
    pair.start(FORWARD)
    with clients(pair.source_url, 3, pause_seconds=0.01) as running:
        for number, side in enumerate((world.target, world.source)):
            done = committed(running)
            until(lambda done=done, number=number: committed(running) > done + number * 30, "some commits")  # type: ignore[misc]
            side.restart(immediately=True)
            if number == 1:
                pair.wait_live(FORWARD)
    pair.drain(FORWARD, seconds=60)

    assert [refusal for client in running for refusal in client.refused] == []
    assert_history(pair.target(), running)
    assert_same_contents(pair.source(), pair.target())
