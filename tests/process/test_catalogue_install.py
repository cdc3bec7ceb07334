"""Can capture be installed and removed under load without anybody noticing (cases A1 to A12)?"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from psycopg import sql
from pump_oracles import (
    LEDGER,
    assert_history,
    assert_same_contents,
    assert_undisturbed,
    clients,
    committed,
    nothing_left,
)
from pump_pairs import FORWARD, running_world
from pump_world import Pair, World, until

from offramp import pump

# Our request for a table's lock gives up after half a second; a writer that queued behind it waits no longer than that.
WAIT_SECONDS = 2.4
TWO = "create table held (id int primary key, v text); create table free (id int primary key, v text); insert into held values (1, 'a'), (2, 'b');"


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    with running_world(module_folder) as world:
        yield world


def captured(pair: Pair) -> int:
    """Return how many tables carry our triggers."""
    connection = pair.source()
    try:
        row = connection.execute(
            "select count(distinct tgrelid) from pg_trigger where tgname like 'offramp%' and not tgisinternal"
        ).fetchone()
        assert row is not None
        return int(row[0])
    finally:
        connection.close()


def told(pair: Pair, word: str) -> bool:
    """Whether the link says this word, in its log or in its status."""
    status = pair.status(FORWARD)
    return (status is not None and word in (status.held_because or "")) or any(
        word in process.log.read_text() for process in pair.running
    )


class Patient(threading.Thread):
    """Writes one row at a time to one table and remembers the longest wait."""

    def __init__(self, url: str, table: str) -> None:
        super().__init__(daemon=True)
        self.url, self.table, self.stopping = url, table, threading.Event()
        self.slowest_seconds, self.written, self.failures = 0.0, 0, list[str]()

    def run(self) -> None:
        query = sql.SQL("insert into {} values (%s, 'w')").format(sql.Identifier(self.table))
        with psycopg.connect(self.url, autocommit=True) as app:
            while not self.stopping.wait(0.002):
                began = time.monotonic()
                try:
                    app.execute(query, (1000 + self.written,))
                except psycopg.Error as error:
                    self.failures.append(str(error))
                    return
                self.written += 1
                self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)

    def stop(self) -> None:
        self.stopping.set()
        self.join(30)


def test_a_row_lock_held_for_long_delays_the_installation_and_nobody_else(world: World) -> None:
    """A1, A6: a writer keeps a row for seconds: installation gives up its lock in time, goes on later, and no copy begins before."""
    pair = world.pair(schema=TWO)
    holder = pair.app()
    holder.execute("begin; update held set v = 'mine' where id = 1")
    writer = Patient(pair.source_url, "held")
    writer.start()
    link = pair.start(FORWARD)
    until(lambda: captured(pair) >= 1, "the free table to be captured")
    mark = time.monotonic()
    until(lambda: time.monotonic() > mark + 2.5 and writer.written > 50, "some attempts")
    copied_early = [event for event in link.events() if "copied" in event["event"]]
    holder.execute("insert into held values (3, 'before the commit'); commit")
    pair.wait_live(FORWARD)
    writer.stop()
    pair.drain(FORWARD)

    assert writer.failures == []
    assert writer.slowest_seconds < WAIT_SECONDS
    assert copied_early == []
    assert_same_contents(pair.source(), pair.target())


def test_installation_meets_no_deadlock_with_sessions_that_write_in_any_order(world: World) -> None:
    """A2: fifty sessions write all tables in random order while capture is installed."""
    names = [f"t{n}" for n in range(12)]
    pair = world.pair(schema="".join(f"create table {name} (id bigserial primary key, v int);" for name in names))
    failures: list[str] = []
    stopping, written = threading.Event(), [0] * 50

    def write(number: int) -> None:
        dice = random.Random(number)
        with psycopg.connect(pair.source_url, autocommit=True) as app:
            while not stopping.wait(0.02):
                try:
                    with app.transaction():
                        for name in dice.sample(names, 5):
                            app.execute(f"insert into {name} (v) values (1)")
                    written[number] += 1
                except psycopg.Error as error:
                    failures.append(f"{error.sqlstate} {error}")
                    return

    writers = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(50)]
    for writer in writers:
        writer.start()
    until(lambda: all(written), "all sessions to write")
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    stopping.set()
    for writer in writers:
        writer.join(30)
    pair.drain(FORWARD)

    assert failures == []
    assert_same_contents(pair.source(), pair.target())


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_a_transaction_older_than_the_triggers_is_captured(world: World, isolation: str) -> None:
    """A3, A4: its snapshot and its transaction id are older than the triggers, its writes are later."""
    pair = world.pair(schema=TWO + "create table elsewhere (id int)")
    old = pair.app()
    old.execute(f"begin isolation level {isolation}")
    old.execute("select pg_current_xact_id(), (select count(*) from held)")
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    pair.app().execute("insert into free values (1, 'meanwhile')")
    old.execute("insert into held values (10, 'late')")
    old.execute("update held set v = 'late too' where id = 1")
    old.execute("delete from held where id = 2")
    old.execute("commit")
    pair.drain(FORWARD)

    assert pair.target().execute("select id, v from public.held order by id").fetchall() == [
        (1, "late too"),
        (10, "late"),
    ]
    assert_same_contents(pair.source(), pair.target())


def test_plans_made_before_the_triggers_are_captured(world: World) -> None:
    """A5: a statement prepared on the server and a plpgsql function with cached plans, both used before the triggers were there."""
    pair = world.pair(
        schema=TWO
        + "create function put(n int) returns void language plpgsql as $$ begin insert into held values (n, 'cached');"
        " update held set v = v || '!' where id = n; end $$;"
    )
    app = pair.app()
    app.execute("prepare add (int) as insert into held values ($1, 'prepared')")
    for n in range(10, 17):
        app.execute(f"execute add({n})")
        app.execute(f"select put({n + 20})")
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    app.execute("execute add(50)")
    app.execute("select put(60)")
    pair.drain(FORWARD)

    assert_same_contents(pair.source(), pair.target())


def test_a_prepared_transaction_in_the_way_is_named(world: World) -> None:
    """A7: it holds its lock for ever; its identifier is told, the other tables are captured, and its end lets the link go on."""
    pair = world.pair(schema=TWO)
    app = pair.app()
    app.execute("begin; insert into held values (9, 'prepared'); prepare transaction 'gid-of-somebody'")
    pair.start(FORWARD)
    until(lambda: captured(pair) == 1, "the other table to be captured")
    until(lambda: told(pair, "gid-of-somebody"), "the blocker to be named", 40)
    app.execute("commit prepared 'gid-of-somebody'")
    pair.wait_live(FORWARD)
    pair.drain(FORWARD)

    assert_same_contents(pair.source(), pair.target())


def test_a_vacuum_in_the_way_is_not_cancelled_but_named(world: World) -> None:
    """A8: a session that holds what an autovacuum against wraparound holds is left alone and told of."""
    pair = world.pair(schema=TWO)
    vacuum = pair.app()
    vacuum.execute("set application_name = 'vacuum-like'")
    vacuum.execute("begin; lock table held in share update exclusive mode")
    pair.start(FORWARD)
    until(lambda: told(pair, "vacuum-like"), "the blocker to be named", 40)
    vacuum.execute("commit")
    pair.wait_live(FORWARD)


def test_a_long_reader_delays_nothing(world: World) -> None:
    """A9: somebody reads every table, as a dump does, from before the installation until after it."""
    pair = world.pair(schema=TWO)
    reader = pair.app()
    reader.execute("begin isolation level repeatable read")
    reader.execute("lock table held, free in access share mode; select 1")
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    seen = reader.execute("select count(*) from held").fetchone()
    reader.execute("commit")

    assert seen == (2,)


def test_an_installation_that_died_half_way_is_taken_up_where_it_was(world: World) -> None:
    """A10: kill -9 between table 17 and table 18 of 40; the next run finishes and makes nothing twice."""
    names = [f"t{n:02}" for n in range(1, 41)]
    pair = world.pair(schema="".join(f"create table {name} (id int primary key);" for name in names))
    holder = pair.app()
    holder.execute("begin; lock table t18 in row exclusive mode")
    first = pair.start(FORWARD)
    until(lambda: captured(pair) >= 17, "seventeen tables")
    first.kill()
    holder.execute("rollback")
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    counts = pair.source().execute(
        "select tgrelid::regclass::text, count(*), count(distinct tgname) from pg_trigger where tgname like 'offramp%' group by 1"
    )
    found = counts.fetchall()
    app = pair.app()
    for name in names:
        app.execute(f"insert into {name} values (1)")
    pair.drain(FORWARD)

    assert len(found) == 40
    assert len({(total, names_) for _, total, names_ in found}) == 1
    assert {total - names_ for _, total, names_ in found} == {0}
    assert_same_contents(pair.source(), pair.target())


NAMES = (
    'Mixed "Case"', "percent %s %(x)s %%", "new\nline", "tab\there", "ünïcode ☃", "back\\slash", "dollar $offramp$ $1", "semi; drop table x --",
    "quote'd", "x" * 63, "y" * 63, "dot.ted", "{braces}", "select", "   ",
)  # fmt: skip


def test_tables_of_any_name_schema_and_owner_are_captured(world: World) -> None:
    """A11, L113: quoted, 63 bytes long, with percent signs, line breaks and the like; in another schema; owned by a role we are a member of."""
    pair = world.pair(schema="select")
    other = f"{pair.name}_other"
    with world.source.connect(pair.name) as admin:
        admin.execute(f"create role {other}; grant {other} to {pair.owner}")
        admin.execute(f"create schema theirs authorization {other}")
        admin.execute(
            f"set role {other}; create table theirs.thing (id int primary key, v text); create table theirs.bare (v text)"
        )
    with world.target.connect() as admin:
        admin.execute(f"create role {other}; grant {other} to master")
    app = pair.app()
    app.execute('create schema "odd %s ""schema"')
    for number, name in enumerate(NAMES):
        schema = 'odd %s "schema' if number % 2 else "public"
        table = sql.Identifier(schema, name)
        column = sql.Identifier(NAMES[-1 - number])
        app.execute(
            sql.SQL("create table {} ({} int primary key, {} text)").format(
                table, column, sql.Identifier("v" + name[:40])
            )
        )
        app.execute(sql.SQL("insert into {} values (1, {})").format(table, sql.Literal(name)))
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    for number, name in enumerate(NAMES):
        table = sql.Identifier('odd %s "schema' if number % 2 else "public", name)
        column = sql.Identifier(NAMES[-1 - number])
        app.execute(sql.SQL("insert into {} values (2, {}), (3, null)").format(table, sql.Literal(name * 2)))
        app.execute(sql.SQL("update {} set {} = 20 where {} = 2").format(table, column, column))
        app.execute(sql.SQL("delete from {} where {} = 1").format(table, column))
    app.execute("insert into theirs.thing values (1, 'x'); insert into theirs.bare values ('y'), ('y')")
    pair.drain(FORWARD)

    assert_same_contents(pair.source(), pair.target())


def test_capture_is_removed_under_load_and_no_writer_fails(world: World) -> None:
    """A12: clients write without a pause while everything of ours is taken away. O2, O4, O5."""
    pair = world.pair(schema=LEDGER)
    with nothing_left(pair.source(), pair.target()), clients(pair.source_url, 6) as running:
        link = pair.start(FORWARD)
        pair.wait_live(FORWARD)
        done = committed(running)
        until(lambda: committed(running) > done + 300, "more commits")
        link.end()
        pump.remove(pair.source())
        done = committed(running)
        until(lambda: committed(running) > done + 100, "commits after removal")
        assert pump.leftovers(pair.source()) == ()

    assert_undisturbed(running)
    assert_history(pair.source(), running)


def test_a_copy_goes_on_while_its_table_is_truncated_and_filled(world: World) -> None:
    """C33, H86: TRUNCATE of a table that is being copied, and inserts after it in the same transaction; the copy never takes the
    emptiness of an old snapshot for the truth."""
    pair = world.pair(
        schema="create table emptied (id int primary key, v text); create table other (id int primary key, v text)"
    )
    app = pair.app()
    for name in ("emptied", "other"):
        app.execute(f"insert into {name} select i, repeat('v', 400) from generate_series(1, 60000) i")
    pair.start(FORWARD)
    until(lambda: captured(pair) == 2, "both tables to be captured")
    for round_ in range(4):
        with app.transaction():
            app.execute("truncate emptied")
            app.execute("insert into emptied select i, 'round ' || %s from generate_series(1, 500) i", (round_,))
    pair.wait_live(FORWARD)
    pair.drain(FORWARD)

    assert_same_contents(pair.source(), pair.target())


def test_the_catalogue_before_and_after_is_compared_whole(world: World) -> None:
    """O5: the comparison itself notices a trigger, a function and a schema that were left behind."""
    pair = world.pair(schema=TWO)
    lab_source = pair.source()
    before = pump_world.catalogue(lab_source)
    pair.app().execute("create schema left_behind")

    assert pump_world.catalogue(lab_source) != before
