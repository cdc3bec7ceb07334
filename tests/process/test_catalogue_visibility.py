"""Is a change taken exactly when it can be seen, in whatever order transactions begin and end (cases B14 to B25)?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pump_oracles import (
    LEDGER,
    assert_history,
    assert_none_held,
    assert_same_contents,
    assert_undisturbed,
    clients,
    committed,
    ledger_is_whole,
    watched,
)
from pump_pairs import FORWARD, Lab, add_master, running_world
from pump_world import Pair, World, until
from schema_world import Steady

from offramp.kit import processes
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

SCHEMA = (
    LEDGER
    + """
create table row_of (id int primary key, v text); insert into row_of select i, 'v' from generate_series(1, 50) i;
create table many (id int primary key, n int not null default 0); insert into many select i, 0 from generate_series(1, 100000) i;
create sequence handed cache 50; create table numbered (id bigint primary key default nextval('handed'), v text);
create table pointed (id serial primary key, v text);
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


def test_no_commit_is_lost_or_torn_under_many_clients(world: World) -> None:
    """B14, B24, B25: thirty clients commit as fast as they can; each target commit is a whole moment. O2, O3, O4.

    A million transactions of up to 300 clients, with Bucardo beside it, are the part ``lost`` of ``make bench-pump``.
    """
    pair = world.pair(schema=LEDGER)
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    with watched(pair.target_url, FORWARD, ledger_is_whole) as watcher, clients(pair.source_url, 30) as running:
        until(lambda: committed(running) > 2500 and watcher.moments > 20, "2,500 commits", 60)
    pair.drain(FORWARD)

    assert_undisturbed(running)
    assert_history(pair.target(), running)
    assert_same_contents(pair.source(), pair.target())


def test_transactions_that_begin_in_the_same_microsecond_are_told_apart(lab: Lab) -> None:
    """B14: pairs of sessions that begin together, of which one commits before a batch and the other after it."""
    first, second = lab.app(), lab.app()
    for n in range(1, 9):
        barrier = threading.Barrier(2)

        def begin(session: psycopg.Connection, key: int, gate: threading.Barrier = barrier) -> None:
            gate.wait()
            session.execute(f"begin; insert into row_of values ({key}, now()::text)")

        threads = [
            threading.Thread(target=begin, args=(session, 1000 + n * 2 + place))
            for place, session in enumerate((first, second))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        first.execute("commit")
        lab.arrived()
        second.execute("commit")
    first.close()
    second.close()
    lab.check()

    assert lab.count("select count(*) from public.row_of where id > 1000") == 16


def test_an_early_transaction_arrives_when_it_commits_and_not_before(lab: Lab) -> None:
    """B15: it takes its id first, commits after thousands of others and hundreds of batches."""
    early = lab.app()
    early.execute("begin; insert into row_of values (3000, 'early')")
    app = lab.app()
    for n in range(600):
        app.execute("insert into pointed (v) values ('later')")
        if n % 100 == 0:
            lab.arrived()
    before = lab.count("select count(*) from public.row_of where id = 3000")
    early.execute("commit")
    early.close()
    app.close()
    lab.check()

    assert (before, lab.count("select count(*) from public.row_of where id = 3000")) == (0, 1)


def test_a_row_handed_from_one_transaction_to_an_older_one_ends_as_the_older_left_it(lab: Lab) -> None:
    """B16: A began first, B changes the row and commits, then A changes the same row and commits."""
    older, younger = lab.app(), lab.app()
    older.execute("begin; insert into pointed (v) values ('gives A its id')")
    younger.execute("update row_of set v = 'B' where id = 7")
    lab.arrived()
    older.execute("update row_of set v = v || 'A' where id = 7")
    older.execute("commit")
    older.close()
    younger.close()
    lab.check()

    assert lab.count("select count(*) from public.row_of where id = 7 and v = 'BA'") == 1


def test_numbers_drawn_in_another_order_than_committed_are_of_no_matter(lab: Lab) -> None:
    """B17: two sessions with cached sequences change the same rows by turns."""
    sessions = [lab.app() for _ in range(3)]
    for n in range(60):
        session = sessions[n % 3]
        session.execute("insert into numbered (v) values (%s)", (str(n),))
        session.execute("update numbered set v = v || '.' where id %% 3 = %s", (n % 3,))
        if n % 20 == 0:
            lab.arrived()
    for session in sessions:
        session.close()
    lab.check()


def subtransactions(app: psycopg.Connection, count: int) -> None:
    """Write one row in each of ``count`` subtransactions of one transaction, half of them rolled back."""
    app.execute(
        f"do $$ begin for i in 1..{count} loop begin update many set n = n + 1 where id = i;"
        " if i % 2 = 0 then raise exception 'back'; end if; exception when raise_exception then null; end; end loop; end $$"
    )


def test_a_thousand_savepoints_leave_what_survived(lab: Lab) -> None:
    """B18: 1,024 nested subtransactions of which half roll back, far more than a session keeps in shared memory."""
    app = lab.app()
    with app.transaction():
        for n in range(64):
            app.execute(f"savepoint s{n}")
            app.execute(f"insert into row_of values ({5000 + n}, 'nested')")
        app.execute("rollback to savepoint s32")
        app.execute("insert into row_of values (5999, 'after the rollback')")
    for count in (32, 1024, 1024):
        subtransactions(app, count)
    app.close()
    lab.check()

    assert lab.count("select count(*) from public.row_of where id between 5000 and 5999") == 33
    assert lab.count("select count(*) from public.many where n > 0 and id % 2 = 0") == 0


def update_scattered(app: psycopg.Connection) -> None:
    """Update every row, the even ones first, so that their keys are not logged as ranges, which take next to no room."""
    for rest in (0, 1):
        app.execute("update many set n = n + 1 where id %% 2 = %s", (rest,))


def our_bytes(lab: Lab) -> int:
    """Return what all that is ours takes at the source."""
    return lab.count(
        "select coalesce(sum(pg_total_relation_size(oid)), 0) from pg_class where relnamespace = to_regnamespace('offramp') and relkind = 'r'",
        at="source",
    )


def test_a_large_rollback_changes_nothing_and_its_log_is_emptied(lab: Lab) -> None:
    """B19, O5: an UPDATE of every row that is rolled back; what it logged is given back while the link runs.

    The log is closed while nobody writes. A table that then went on writing to it, all the time, kept it from being emptied.
    """
    app, active = lab.app(), "select number from offramp.logs where active"
    first = lab.count(active, at="source")
    with app.transaction(force_rollback=True):
        for _ in range(3):
            update_scattered(app)
        peak = our_bytes(lab)
    until(lambda: lab.count(active, at="source") != first, "another log to be written to", 60)
    writer = Steady(lab.pair.source_url, ("update row_of set v = %(n)s where id = 1",))
    writer.start()
    until(lambda: our_bytes(lab) < peak / 4, "the log to be emptied", 60)
    writer.stop()
    app.close()
    lab.check()

    assert lab.count("select count(*) from public.many where n >= 1000000") == 0


def test_tables_that_are_written_to_rarely_lose_nothing_when_a_log_is_emptied(world: World) -> None:
    """B22, B24: one table fills the log, which is closed and emptied, while many others still write to it, once each; such rows
    were lost, because they came to lie before the page from which the emptied log was read on."""
    names = [f"rare_{n}" for n in range(80)]
    lab = Lab.begin(
        world,
        "create table much (id int primary key, v int);"
        + "".join(f"create table {name} (id int primary key);" for name in names),
    )
    lab.run("insert into much select i, 0 from generate_series(1, 120000) i")
    lab.arrived(seconds=60)
    lab.run("update much set v = v + 1 where id % 3 = 0", "delete from much where id > 1000")
    lab.arrived(seconds=60)
    app = lab.app()
    for name in names:
        app.execute(f"insert into {name} values (1)")
        app.execute("select pg_sleep(0.03)")
    app.close()
    lab.end()


def test_a_prepared_transaction_arrives_when_it_is_committed_even_after_a_restart(world: World, lab: Lab) -> None:
    """B20: PREPARE TRANSACTION, several batches, a crash of the source, then COMMIT PREPARED; and one that is rolled back."""
    app = lab.app()
    app.execute(
        "begin; update row_of set v = 'prepared' where id = 9; insert into row_of values (6000, 'two'); prepare transaction 'kept'"
    )
    app.execute("begin; update row_of set v = 'never' where id = 10; prepare transaction 'dropped'")
    for n in range(5):
        app.execute("insert into pointed (v) values (%s)", (str(n),))
        lab.arrived()
    app.close()
    world.source.restart(immediately=True)
    lab.arrived(seconds=40)
    before = lab.count("select count(*) from public.row_of where id = 6000")
    app = lab.app()
    app.execute("commit prepared 'kept'")
    app.execute("rollback prepared 'dropped'")
    app.close()
    lab.check()

    assert (before, lab.count("select count(*) from public.row_of where v = 'prepared'")) == (0, 1)


def test_a_poll_costs_what_changed_however_long_a_transaction_stays_open(lab: Lab) -> None:
    """B22: a transaction that has written stays open while the log grows; a poll reads no more the longer that lasts.

    The log that it wrote to cannot be emptied, so its open places are looked at with each poll; what comes later goes to other
    logs, which are emptied.
    """
    idle, app = lab.app(), lab.app()
    idle.execute("begin; update row_of set v = 'open' where id = 20")
    cost = []
    for _ in range(2):
        for _ in range(3):
            update_scattered(app)
        lab.arrived(seconds=60)
        until(lambda: others_are_empty(lab), "the logs that nobody keeps to be emptied")
        # Vacuum only ever adds to it.
        cost.append(min(pages_per_transaction(lab, app) for _ in range(3)))
    idle.execute("commit")
    idle.close()
    app.close()
    lab.check()

    assert cost[1] < 1.5 * cost[0] + 20


def others_are_empty(lab: Lab) -> bool:
    """Whether at most one closed log, the one that the open transaction keeps, holds more than a page or two."""
    with lab.app() as looker:
        sizes = looker.execute(
            "select pg_relation_size('offramp.log_' || number) from offramp.logs where not active"
        ).fetchall()
    return len(sizes) > 0 and sum(size > 128 * 1024 for (size,) in sizes) <= 1


def pages_per_transaction(lab: Lab, app: psycopg.Connection) -> float:
    """Return what a transaction at the source reads of our tables while changes come one by one.

    Most transactions are polls, so a slow machine, which polls more often for each change, does not change it.
    """
    wait_for_statistics(lab)
    before, done = our_reads(lab), transactions(lab)
    for n in range(20):
        app.execute("insert into pointed (v) values (%s)", (str(n),))
        lab.arrived()
    wait_for_statistics(lab)
    return (our_reads(lab) - before) / (transactions(lab) - done)


def transactions(lab: Lab) -> int:
    return lab.count(
        "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()", at="source"
    )


def our_reads(lab: Lab) -> int:
    """Return how many pages of our tables were read at the source so far, cached ones included."""
    return lab.count(
        "select coalesce(sum(heap_blks_read + heap_blks_hit), 0) from pg_statio_all_tables where schemaname = 'offramp'",
        at="source",
    )


def wait_for_statistics(lab: Lab) -> None:
    """Sessions report what they read a second later at the latest."""
    lab.arrived()
    mark = time.monotonic()
    until(lambda: time.monotonic() > mark + 1.2, "the statistics")
    lab.arrived()


@pytest.fixture
def worn_source(server_folder: Path) -> Iterator[World]:
    """A source whose transaction ids are about to pass 2^32."""
    source = Postgres(server_folder / "source", programs.postgres_of(15), tls=True, settings={"autovacuum": "off"})
    target = Postgres(server_folder / "target", programs.target_postgres())
    source.start()
    # In steps that the server can bear: no row may be more than 2^31 transactions old.
    for xid in (2_000_000_000, 4_000_000_000, 2**32 - 600):
        with source.connect() as admin:
            databases = [row[0] for row in admin.execute("select datname from pg_database where datallowconn")]
        for database in databases:
            with source.connect(database) as admin:
                admin.execute("vacuum (freeze)")
        source.stop()
        advance(source, xid)
        source.start()
    target.start()
    add_master(target)
    world = World(server_folder, source, target)
    try:
        yield world
    finally:
        world.close()
        source.stop(immediately=True)
        target.stop(immediately=True)


def advance(server: Postgres, xid: int) -> None:
    """Make ``xid`` the next transaction id of a stopped server, as if it had lived that long."""
    segment = server.data / "pg_xact" / f"{xid // (8192 * 4 * 32):04X}"
    if not segment.exists():
        segment.write_bytes(bytes(8192 * 32))
        processes.give(segment)
    processes.run([server.binaries / "pg_resetwal", "-x", str(xid), "-D", server.data], as_server=True)


def test_transaction_ids_that_pass_two_to_the_32_lose_nothing(worn_source: World) -> None:
    """B21: the link runs while the source's 32-bit transaction ids begin anew; one transaction is open across that point."""
    pair: Pair = worn_source.pair(schema=LEDGER + "create table across (id int primary key, v text)")
    open_across = pair.app()
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    open_across.execute("begin; insert into across values (1, 'began before')")
    with clients(pair.source_url, 4) as running:
        until(lambda: passed(pair), "the ids to pass 2^32", 60)
        done = committed(running)
        until(lambda: committed(running) > done + 200, "commits after that")
    open_across.execute("insert into across values (2, 'ended after'); commit")
    pair.drain(FORWARD)
    status = pair.status(FORWARD)

    assert_undisturbed(running)
    assert_history(pair.target(), running)
    assert_same_contents(pair.source(), pair.target())
    assert status is not None
    assert_none_held(status)


def passed(pair: Pair) -> bool:
    connection = pair.source()
    try:
        row = connection.execute("select pg_snapshot_xmax(pg_current_snapshot()) > '4294967346'::xid8").fetchone()
        return bool(row and row[0])
    finally:
        connection.close()
