"""Does a running link find whatever becomes different behind its back, raise no false alarm, and mend it? (M117)"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from psycopg import sql
from pump_world import Pair, World, assert_equal, until

from offramp import pump
from offramp.kit.clock import SystemClock
from offramp.pump import Link, foreseeing

LINK = Link("proof", "forward", 1)
ROWS = 3000
SCHEMA = f"""
create extension if not exists citext;
create type mood as enum ('sad', 'fine', 'glad');
create table plain (id bigint primary key, body text, raw bytea, n int, own boolean not null default false);
create table worded (word text primary key, at timestamptz, price numeric, own boolean not null default false);
create table paired (word citext, day date, x double precision, y interval, primary key (word, day), own boolean not null default false);
create table moody (id uuid primary key default gen_random_uuid(), mood mood, doc json, tags text[], own boolean not null default false);
create table bare (a text, n int, own boolean not null default false);
insert into plain select i, 'body ' || i, decode(md5(i::text), 'hex'), i, i % 3 = 0 from generate_series(1, {ROWS}) i;
insert into worded select md5(i::text), timestamptz '2024-01-01Z' + i * interval '1 s', i / 4.0, i % 3 = 0 from generate_series(1, {ROWS}) i;
insert into paired select 'Word' || i % 500, date '2024-01-01' + i, i / 3.0, i * interval '1 min', i % 3 = 0 from generate_series(1, {ROWS}) i;
insert into moody (mood, doc, tags, own) select (enum_range(null::mood))[1 + i % 3], json_build_object('i', i), array['a' || i, null], i % 3 = 0
  from generate_series(1, {ROWS}) i;
insert into bare select 'a' || i % 700, i % 5, i % 3 = 0 from generate_series(1, {ROWS}) i;
"""
# What a rogue does to one row: the table, what of it, and what the check must call it. Rows marked "own" are the rogue's alone,
# since what an application rewrites meanwhile is mended before it can be found.
HARMS: tuple[tuple[str, str, str], ...] = (
    ("plain", "update plain set raw = set_bit(raw, 5, 1 - get_bit(raw, 5))", "changed"),
    ("plain", "update plain set n = n # 65536", "changed"),
    ("plain", "update plain set body = body || ' '", "changed"),
    ("plain", "update plain set body = ''", "changed"),
    ("plain", "update plain set body = null", "changed"),
    ("plain", "delete from plain", "missing"),
    ("worded", "update worded set at = at + interval '1 us'", "changed"),
    ("worded", "update worded set price = price * 1.000", "changed"),
    ("worded", "update worded set price = -price", "changed"),
    ("worded", "delete from worded", "missing"),
    ("paired", "update paired set x = nullif(x, 0) * (1 + 1e-15)", "changed"),
    ("paired", "update paired set y = y + interval '1 day' - interval '24 hours'", "changed"),
    ("paired", "update paired set word = upper(word::text)", "changed"),
    ("paired", "delete from paired", "missing"),
    ("moody", "update moody set mood = case mood when 'sad' then 'glad' else 'sad' end::mood", "changed"),
    ("moody", "update moody set doc = replace(doc::text, ' ', '')::json", "changed"),
    ("moody", "update moody set tags = tags || 'more'::text", "changed"),
    ("moody", "delete from moody", "missing"),
)
BARE: tuple[str, ...] = (
    "update bare set a = a || ' '",
    "delete from bare",
)
KEYS = {"plain": "id::text", "worded": "word", "paired": "word || ', ' || day", "moody": "id::text"}


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    # A shutdown's checkpoint would take longer than the tests.
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


class Load(threading.Thread):
    """An application that rewrites, adds and takes away its own rows of every table, as fast as it can."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(daemon=True, name=f"load-{seed}")
        self.url, self.random = url, random.Random(seed)
        self.stopping = threading.Event()
        self.committed = 0

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as app:
            while not self.stopping.is_set():
                n = self.random.randrange(1, ROWS)
                for statement in self.random.sample(self.statements(n), 3):
                    app.execute(statement)
                    self.committed += 1

    def statements(self, n: int) -> list[str]:
        return [
            f"update plain set body = 'new {n}', n = n + 1 where id = {n} and not own",
            f"insert into plain values ({n + 10**6}, 'more') on conflict do nothing",
            f"delete from plain where id = {n + 10**6}",
            f"update worded set price = price + 0.25 where word = md5('{n}') and not own",
            f"update paired set x = x + 1 where day = date '2024-01-01' + {n} and not own",
            f"insert into paired values ('new{n}', '2000-01-01') on conflict do nothing",
            f"update moody set mood = 'fine' where id in (select id from moody where not own limit 1 offset {n % 90})",
            f"insert into bare values ('b{n}', 1)",
            f"delete from bare where a = 'b{n}'",
            f"update bare set n = n + 1 where a = 'a{n % 700}' and n = {n % 5} and not own",
        ]

    def stop(self) -> None:
        self.stopping.set()
        self.join(20)


def rogue(world: World, pair: Pair) -> psycopg.Connection:
    """A superuser of the target who fires no trigger."""
    connection = world.target.connect(pair.name)
    connection.execute("set session_replication_role = replica")
    pair.connections.append(connection)
    return connection


def harm(hand: psycopg.Connection, seed: int) -> tuple[set[tuple[str, str, str]], int]:
    """Do each harm to some random rows; returns table, key and kind of each, and how many rows of ``bare`` were harmed."""
    dice = random.Random(seed)
    hand.execute("select setseed(%s)", (seed / 100,))
    done: set[tuple[str, str, str]] = set()
    touched: set[tuple[str, str]] = set()
    for table, statement, kind in HARMS:
        key = KEYS[table]
        rows = hand.execute(
            f"select {key}, ctid::text from {table} where own order by random() limit {dice.randrange(1, 4)}"
        ).fetchall()
        for name, place in rows:
            if (table, name) not in touched:
                touched.add((table, name))
                hand.execute(f"{statement} where ctid = '{place}'")
                done.add((f"public.{table}", name, kind))
    hand.execute("insert into plain (id, body, own) values (-7, 'nobody wrote this', true)")
    hand.execute("insert into worded (word, own) values ('zzz', true)")
    done |= {("public.plain", "-7", "extra"), ("public.worded", "zzz", "extra")}
    for statement in BARE:
        hand.execute(f"{statement} where ctid = (select ctid from bare where own order by random() limit 1)")
    hand.execute("insert into bare select * from bare where own and a <> 'a0' order by random() limit 1")
    return done, len(BARE) + 1


def found(target: psycopg.Connection) -> list[tuple[str, str, str, bool]]:
    return target.execute("select name, key, kind, repaired_at is not null from offramp.difference").fetchall()


def verified(pair: Pair, *, seconds: float = 60) -> pump.Progress:
    """Wait as ``verify --wait`` does."""
    target = pair.target()
    since = pump.request_verification(target, LINK)
    seen: list[pump.Progress] = []

    def done() -> bool:
        seen.append(pump.verified_since(target, LINK, since))
        return seen[-1].done

    until(done, f"everything to be verified: {seen[-1:]}", seconds)
    assert [one.share for one in seen if one.share == 1.0] == [1.0]
    return seen[-1]


@pytest.fixture
def following(world: World) -> Iterator[tuple[Pair, Callable[[], None]]]:
    """A link that is live, under load."""
    pair = world.pair(schema=SCHEMA)
    link = pair.start(LINK)
    pair.wait_live(LINK)
    loads = [Load(pair.source_url, seed) for seed in (1, 2)]
    for load in loads:
        load.start()

    def end() -> None:
        for load in loads:
            load.stop()
        pair.drain(LINK)
        assert link.end() == 0

    yield pair, end
    for load in loads:
        load.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_every_harm_is_found_named_and_mended_under_load(
    world: World, following: tuple[Pair, Callable[[], None]], seed: int
) -> None:
    """M117: bits, deletions, duplicates, spaces, NULL and empty, precision: all found, by key, none invented, all repaired."""
    pair, end = following
    quiet = verified(pair)
    target = pair.target()
    assert found(target) == []
    harmed, bare = harm(rogue(world, pair), seed)
    progress = verified(pair)
    rows = found(target)
    end()

    assert (quiet.differences, quiet.done) == (0, True)
    assert harmed == {(table, key, kind) for table, key, kind, _ in rows if table != "public.bare"}
    assert len(harmed) == len([row for row in rows if row[0] != "public.bare"])
    # A changed row is one that is missing and one that is extra, and may be either's twin.
    assert bare <= len([row for row in rows if row[0] == "public.bare"]) <= 2 * bare
    assert all(row[3] for row in rows)
    assert (0, len(rows)) == (progress.standing, progress.differences)
    assert_equal(pair)
    status = pump.status(target, LINK)
    assert status is not None
    assert (len(rows), len(rows)) == (status.differences, status.repaired)


def test_a_difference_is_found_without_being_asked_for(world: World) -> None:
    """M117: what was found equal is looked at again and again."""
    pair = world.pair(schema=SCHEMA)
    link = pair.start(LINK)
    pair.wait(LINK, lambda status: status.verified_share == 1.0, what="all to be verified")
    rogue(world, pair).execute("update worded set price = 0 where own")
    pair.wait(LINK, lambda status: status.differences == status.repaired == ROWS // 3, what="the repair")

    assert link.end() == 0
    assert_equal(pair)


def test_without_more_connections_the_links_own_do_the_checking(world: World) -> None:
    """M117: a plan with few connections is verified all the same."""
    pair = world.pair(schema=SCHEMA)
    with world.source.connect() as admin:
        link = pair.start(LINK)
        pair.wait(LINK, lambda status: status.phase == "live")
        admin.execute(sql.SQL("alter role {} connection limit 1").format(sql.Identifier(pair.owner)))
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'offramp-verify' and datname = %s",
            (pair.name,),
        )
        rogue(world, pair).execute("update worded set price = 0 where own; delete from bare where own")
        verified(pair)
        beside = admin.execute(
            "select count(*) from pg_stat_activity where application_name = 'offramp-verify' and datname = %s",
            (pair.name,),
        ).fetchone()
        admin.execute(sql.SQL("alter role {} connection limit -1").format(sql.Identifier(pair.owner)))

    assert beside == (0,)
    assert link.end() == 0
    assert_equal(pair)


def test_a_table_that_lost_all_its_rows_is_filled_again(world: World) -> None:
    pair = world.pair(schema=SCHEMA)
    pair.app().execute(f"insert into plain select i, 'b' from generate_series({ROWS + 1}, 15000) i; analyze")
    link = pair.start(LINK)
    pair.wait_live(LINK)
    verified(pair)
    rogue(world, pair).execute("truncate plain, bare")
    verified(pair)
    status = pump.status(pair.target(), LINK)

    assert status is not None
    assert status.differences > 15000
    assert link.end() == 0
    assert_equal(pair)


def test_in_a_hold_only_what_changed_is_compared(world: World) -> None:
    pair = world.pair(schema=SCHEMA)
    app = pair.app()
    app.execute(f"insert into plain select i, 'b' from generate_series({ROWS + 1}, 30000) i; analyze")
    link = pair.start(LINK)
    pair.wait_live(LINK)
    verified(pair)
    app.execute("update plain set body = 'last words' where id = 20000")
    pair.drain(LINK)
    link.kill()
    pair.target().execute("update public.plain set body = 'other words' where id = 20000")
    checked = pump.verify_all(pair.source(), pair.target(), LINK, only_dirty=True)

    assert [(d.table, d.key, d.kind) for d in checked.differences] == [("public.plain", "20000", "changed")]
    assert (checked.tables, checked.chunks) == (1, 1)
    assert checked.rows < 10000


def test_a_hold_finds_little_left_to_compare_while_applications_write_everywhere(world: World) -> None:
    """What a bulk statement changed is compared before writers wait, not while they do."""
    pair = world.pair(
        schema="create table wide (id int primary key, n int not null); create table hot (id int primary key, n int)"
    )
    with pair.app() as app:
        app.execute("insert into wide select i, 0 from generate_series(1, 300000) i; insert into hot values (1, 0)")
        pair.start(LINK)
        pair.wait_live(LINK)
        app.execute("update wide set n = n + 1; insert into hot values (2, 0)")
        target = pair.target()
        until(
            lambda: target.execute("select from public.hot where id = 2").fetchone() is not None,
            "the bulk statement",
            60,
        )
        before = foreseeing.rows_to_compare(target, LINK)
        left = foreseeing.compare_ahead(target, LINK, seconds=60, clock=SystemClock())

    assert before > foreseeing.LITTLE_ROWS >= left
    assert_equal(pair)


def test_comparing_ahead_ends_when_nobody_answers(world: World) -> None:
    pair = world.pair(schema="create table wide (id int primary key, n int not null)")
    with pair.app() as app:
        app.execute("insert into wide select i, 0 from generate_series(1, 60000) i")
    link = pair.start(LINK)
    pair.wait_live(LINK)
    link.kill()
    target = pair.target()
    target.execute("update offramp.chunk set dirty = true")

    assert foreseeing.compare_ahead(target, LINK, seconds=60, clock=SystemClock()) >= 60000
