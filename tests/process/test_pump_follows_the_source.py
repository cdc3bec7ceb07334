"""Does a link carry everything, lose nothing, invent nothing, and find its way after every kill?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import World, Writer, assert_equal, contents, fill, until

from offramp import pump
from offramp.errors import RefusedError, WaitingError
from offramp.kit import processes
from offramp.postgres import Connection
from offramp.pump import Link

FORWARD = Link("mentors", "forward", 1)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop()
    world.target.stop()


def test_copy_and_live_changes_arrive_under_random_writers(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 6000)
    writers = [Writer(pair.source_url, seed) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    done = sum(writer.committed for writer in writers)
    until(lambda: sum(writer.committed for writer in writers) > done + 400, "400 more transactions")
    for writer in writers:
        writer.stop()
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)
    assert pump.verify_all(pair.source(), pair.target(), FORWARD).differences == ()


def test_a_link_killed_between_its_last_index_and_its_live_phase_becomes_live(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 500)
    first = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    first.kill()
    pair.target().execute("update offramp.link set phase = 'index'")  # What was stored when the process ended there.
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)

    assert link.end() == 0


def test_a_link_killed_at_random_moments_converges(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 9000)
    writers = [Writer(pair.source_url, seed) for seed in (3, 4)]
    for writer in writers:
        writer.start()
    dice = random.Random(5)
    target = pair.target()
    for _ in range(14):
        link = pair.start(FORWARD)
        lines, written = dice.randrange(0, 12), dice.randrange(0, 60)
        mark = sum(writer.committed for writer in writers)
        until(
            lambda lines=lines, mark=mark, written=written, link=link: (  # type: ignore[misc]
                len(link.events()) >= lines and sum(w.committed for w in writers) >= mark + written
            ) or _live(target),
            "the moment to kill", 60,
        )  # fmt: skip
        link.kill()
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    for writer in writers:
        writer.stop()
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def _live(target: Connection) -> bool:
    status = pump.status(target, FORWARD)
    return status is not None and status.phase == "live" and random.random() < 0.1


def test_every_commit_of_the_target_is_a_moment_of_the_source(world: World) -> None:
    pair = world.pair(
        schema="create table account (id int primary key, cents int not null); create table entry (n bigserial primary key, a int, b int, cents int)"
    )
    app = pair.app()
    app.execute("insert into account select i, 100 from generate_series(1, 20) i")
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    transfers = Transfers(pair.source_url)
    transfers.start()
    seen: set[tuple[int, int]] = set()
    reader = pair.target()

    def torn() -> bool:
        with reader.transaction():
            reader.execute("set transaction isolation level repeatable read")
            row = reader.execute(
                "select (select sum(cents) from public.account), (select count(*) from public.entry),"
                " (select sum(abs(cents - 100)) from public.account)"
            ).fetchone()
        assert row is not None
        assert row[0] == 2000
        seen.add((row[1], row[2]))
        return len(seen) > 25

    until(torn, "25 different moments", 60)
    transfers.stop()
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


class Transfers(Writer):
    def __init__(self, url: str) -> None:
        super().__init__(url, 9)

    def statement(self, app: psycopg.Connection) -> None:
        a, b = self.random.sample(range(1, 21), 2)
        with app.transaction():
            app.execute("update account set cents = cents - 1 where id = %s", (a,))
            app.execute("insert into entry (a, b, cents) values (%s, %s, 1)", (a, b))
            app.execute("update account set cents = cents + 1 where id = %s", (b,))


def test_a_long_transaction_and_a_prepared_one_arrive_when_they_commit(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    early = pair.app()
    early.execute("begin")
    early.execute("select pg_current_xact_id()")
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    early.execute("insert into topic (title) values ('early')")
    app = pair.app()
    app.execute("begin")
    app.execute("insert into topic (title) values ('prepared')")
    app.execute("update rank set place = 7000 where id = 1")
    app.execute("prepare transaction 'slow'")
    for n in range(50):
        app.execute("insert into topic (title) values (%s)", (f"later {n}",))
    target = pair.target()
    until(
        lambda: _count(target, "select 1 from public.topic where title = 'later 49'") == 1, "the last of the later ones"
    )
    before = _count(target, "select 1 from public.topic where title in ('early', 'prepared')")
    early.execute("commit")
    until(lambda: _count(target, "select 1 from public.topic where title = 'early'") == 1, "the early one")
    world.source.restart()
    app = pair.app()
    app.execute("commit prepared 'slow'")
    until(lambda: _count(target, "select 1 from public.topic where title = 'prepared'") == 1, "the prepared one")
    pair.drain(FORWARD)

    assert before == 0
    assert link.end() == 0
    assert_equal(pair)


def _count(connection: Connection, query: str) -> int:
    return len(connection.execute(query).fetchall())


def test_the_application_never_fails_because_of_capture_whatever_it_does_to_its_tables(world: World) -> None:
    pair = world.pair(
        schema="create table thing (id int primary key, a text, b int); create table pair (x int, y int, z text, primary key (z, x))"
    )
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    app, other = pair.app(), pair.app()
    for connection in (app, other):
        for n in range(8):
            connection.execute(
                "insert into thing values (%s, 'a', 1) on conflict (id) do update set b = thing.b + 1", (n,)
            )
            connection.execute("insert into pair values (%s, 1, 'z') on conflict do nothing", (n,))
    for change in (
        "alter table thing rename column id to key", "alter table thing alter column key type bigint",
        "alter table thing add column c int default 5", "alter table thing drop column a", "alter table pair rename column x to xx",
        "alter table pair alter column xx type text", "alter table pair drop column y", "alter table thing drop column key",
        "alter table thing rename to thing2", "alter table pair drop column z",
    ):  # fmt: skip
        app.execute(change)
        for connection in (app, other):
            for table in ("thing", "thing2", "pair"):
                try:
                    connection.execute(f"insert into {table} select * from {table} limit 0")
                    connection.execute(f"insert into {table} default values")
                    connection.execute(f"update {table} set ctid = ctid where false")
                    connection.execute(f"delete from {table} where ctid = (select max(ctid) from {table})")
                except (psycopg.errors.UndefinedTable, psycopg.errors.NotNullViolation, psycopg.errors.UndefinedColumn,
                        psycopg.errors.FeatureNotSupported):  # fmt: skip
                    continue
    target = pair.target()
    until(lambda: _count(target, "select 1 from pg_tables where tablename = 'thing2'") == 1, "the new name")
    pair.wait(FORWARD, lambda status: all(table.state == "live" for table in status.tables), what="both tables live")
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def test_triggers_disabled_behind_our_back_are_noticed(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    app = pair.app()
    with app.transaction():
        app.execute("alter table tree disable trigger user")
        app.execute("update tree set label = 'unseen' where id % 3 = 0")
        app.execute("alter table tree enable trigger user")
    with app.transaction():
        app.execute("alter table ledger disable trigger user")
        app.execute("delete from ledger where cents % 2 = 0")
    until(
        lambda: any(e["event"] == "table adapted" and e["table"] == "public.ledger" for e in link.events()),
        "the ledger to be adapted",
    )
    pair.wait(FORWARD, lambda status: all(t.state == "live" for t in status.tables))
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def test_planted_differences_are_found_shown_and_repaired(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 6000)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    target = pair.target()
    target.execute("set session_replication_role = replica")
    target.execute("update public.author set profile = profile || '{\"flipped\": true}' where id = 77")
    target.execute("delete from public.tree where id = 100")
    target.execute("insert into public.rank values (5000, 5000)")
    target.execute("update public.setting set value = '{\"a\":  5}' where key = 'Key5'")
    target.execute(
        "update public.ledger set note = null where ctid in (select ctid from public.ledger where note = 'twin' limit 1)"
    )
    status = pair.wait(FORWARD, lambda status: status.repaired >= 6, what="all differences to be repaired", seconds=90)
    pair.drain(FORWARD)
    found = {(e["table"], e["key"], e["kind"]) for e in link.events() if e["event"] == "difference found"}

    assert {("public.author", "77", "changed"), ("public.tree", "100", "missing"), ("public.rank", "5000", "extra"),
            ("public.setting", "Key5", "changed")} <= found  # fmt: skip
    assert {kind for table, _, kind in found if table == "public.ledger"} == {"missing", "extra"}
    assert status.differences == status.repaired == len(found)
    assert link.end() == 0
    assert_equal(pair)


def test_verification_sees_nothing_where_nothing_is_wrong(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 3000)
    writer = Writer(pair.source_url, 12)
    writer.start()
    link = pair.start(FORWARD)
    status = pair.wait(
        FORWARD,
        lambda status: status.phase == "live" and status.verified_share > 0.999,
        what="everything to be verified",
    )
    writer.stop()

    assert status.differences == 0
    assert link.end() == 0


def test_removal_leaves_no_trace(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    before = pump_world.catalogue(pair.source())
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    pair.drain(FORWARD)
    link.end()
    found = pump.leftovers(pair.source())
    for connection in (pair.source(), pair.target()):
        pump.remove(connection)
        pump.remove(connection)

    assert "schema offramp" in found
    assert any(name.startswith("trigger offramp_insert") for name in found)
    assert pump.leftovers(pair.source()) == pump.leftovers(pair.target()) == ()
    assert pump_world.catalogue(pair.source()) == before
    pair.app().execute("insert into topic (title) values ('free again')")


def test_the_target_has_the_same_catalogue_as_the_source(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    before = pump_world.catalogue(pair.source())
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    link.end()
    target = pair.target()
    pump.remove(target)

    assert [row for row in pump_world.catalogue(target) if row[0] != "relation"] == [
        row for row in before if row[0] != "relation"
    ]
    assert _count(target, "select 1 from public.authors_by_name") > 0
    owners = target.execute(
        "select distinct pg_get_userbyid(relowner)::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    assert owners.fetchall() == [(pair.owner,)]


def test_a_row_that_the_target_refuses_holds_its_table_only(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    target = pair.target()
    target.execute("alter table public.topic add constraint drift check (title <> 'refused') not valid")
    app = pair.app()
    app.execute("insert into topic (title) values ('refused')")
    app.execute("insert into tree (label) values ('goes on')")
    held = pair.wait(FORWARD, lambda status: status.phase == "paused", what="the table to be held")
    until(lambda: _count(target, "select 1 from public.tree where label = 'goes on'") == 1, "the other table")
    target.execute("alter table public.topic drop constraint drift")
    pump.resume(target, FORWARD, "public.topic")
    pair.wait(FORWARD, lambda status: status.phase == "live", what="the table to go on")
    pair.drain(FORWARD)

    assert "drift" in (held.held_because or "")
    assert link.end() == 0
    assert_equal(pair)


def test_logs_are_emptied_while_the_link_runs(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    app, owner = pair.app(), pair.source()
    peak = 0

    def shrunk() -> bool:
        nonlocal peak
        app.execute(
            "insert into rank select i, i from generate_series(100000, 103000) i; delete from rank where id >= 100000"
        )
        row = owner.execute(
            "select sum(pg_relation_size(c.oid)) from pg_class c where relnamespace = 'offramp'::regnamespace and relname like 'log%'"
        ).fetchone()
        assert row is not None
        peak = max(peak, int(row[0]))
        return peak > 600_000 and int(row[0]) < peak / 2

    until(shrunk, "the logs to shrink", 60)
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def test_a_second_runner_waits_and_a_filled_target_is_refused(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    other = world.pair(schema="create table x (id int primary key)")
    first = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    second = pair.start(FORWARD)
    with other.target() as target:
        target.execute("create table public.already (id int)")
    refused = other.start(FORWARD)

    assert refused.process.wait(30) == RefusedError.exit_status
    assert "already has 1 tables" in refused.events()[-1]["because"]
    until(
        lambda: any("Another process" in str(e.get("because")) for e in second.events()),
        "the second to say that it waits",
    )
    first.kill()
    pair.app().execute("insert into topic (title) values ('by the second')")
    pair.drain(FORWARD)
    assert second.end() == 0
    assert_equal(pair)


def test_check_names_what_will_not_carry(world: World) -> None:
    pair = world.pair(
        schema="create table f (id int); alter table f enable row level security, force row level security;"
        "create table bare (x int); select lo_create(0)"
    )
    concerns = {(c.object, c.blocking) for c in pump.check(pair.source(), pair.target())}

    assert ("public.f", True) in concerns
    assert ("large objects", False) in concerns
    assert ("public.bare", False) in concerns


def test_sequences_of_all_kinds_are_carried_and_never_go_back(world: World) -> None:
    pair = world.pair()
    app = pair.app()
    fill(app, 600)
    app.execute("select nextval('standalone') from generate_series(1, 5)")
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    target = pair.target()
    target.execute("select setval('public.tree_id_seq', 99999)")
    pair.drain(FORWARD)
    moved = pump.carry_sequences(pair.source(), target)
    again = pump.carry_sequences(pair.source(), target)
    values = {
        name: (last, called)
        for name, last, called in target.execute(
            "select 'author', last_value, is_called from public.author_id_seq union all select 'tree', last_value, is_called from public.tree_id_seq"
            " union all select 'standalone', last_value, is_called from public.standalone"
            " union all select 'feeling', last_value, is_called from public.feeling_id_seq"
        )
    }

    assert (moved > 0, again) == (True, 0)
    assert values == {"author": (100, True), "tree": (99999, True), "standalone": (-13, True), "feeling": (59, True)}
    assert link.end() == 0


def test_the_fence_waits_for_writers_in_flight_and_lets_none_pass(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    writers = [Writer(pair.source_url, seed) for seed in (21, 22, 23)]
    for writer in writers:
        writer.start()
    until(lambda: sum(writer.committed for writer in writers) > 60, "writers at work")
    mark = pair.drain(FORWARD)
    at_fence = contents(pair.source())
    until(lambda: all(writer.fenced > 3 for writer in writers), "every writer to be turned away")
    for writer in writers:
        writer.stop()
    for statement in (
        "insert into topic (title) values ('x')",
        "truncate ledger",
        "delete from tree where false",
        "update rank set place = 1 where false",
    ):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            pair.app().execute(statement)

    assert contents(pair.source()) == at_fence
    assert_equal(pair)
    assert pump.fence(pair.source(), link_name=FORWARD.name, epoch=2) == mark == pump.fenced(pair.source())
    pump.unfence(pair.source())
    pump.unfence(pair.source())
    pair.app().execute("insert into topic (title) values ('open again')")
    assert pump.fenced(pair.source()) is None
    assert link.end() == 0


def test_a_fence_opens_though_a_dump_reads_every_table(world: World) -> None:
    """What refuses stops refusing at once; what the dump keeps on the tables goes later, and a fence in between closes again."""
    pair = world.pair()
    fill(pair.app(), 60)
    first = pump.fence(pair.source(), link_name="m", epoch=2)
    with psycopg.connect(pair.source_url, application_name="pg_dump") as dump:
        dump.execute("set transaction isolation level repeatable read")
        dump.execute("lock table topic, ledger, tree, rank in access share mode")
        pump.unfence(pair.source())
        pair.app().execute("insert into topic (title) values ('during the dump')")
        with pytest.raises(WaitingError, match="pg_dump"):
            pump.sweep(pair.source(), deadline_seconds=0.5)
        marked = pair.source().execute("select to_regclass('offramp.fence') is not null").fetchone()
        again = pump.fence(pair.source(), link_name="m", epoch=2)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            pair.app().execute("insert into topic (title) values ('too late')")
        pump.sweep(pair.source())
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            pair.app().execute("delete from topic where false")
        pump.unfence(pair.source())
    pump.sweep(pair.source())

    assert marked == (False,)
    assert first.xid != again.xid
    assert pump.fenced(pair.source()) is None
    assert [name for name in pump.leftovers(pair.source()) if "deny" in name or "fence" in name] == []
    pair.app().execute("insert into topic (title) values ('open again')")


def test_the_fence_gives_up_in_time_and_names_who_is_in_the_way(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 60)
    busy = pair.app()
    busy.execute("set application_name = 'slow-report'")
    busy.execute("begin")
    busy.execute("insert into topic (title) values ('in flight')")
    with pytest.raises(WaitingError, match="slow-report"):
        pump.fence(pair.source(), link_name="m", epoch=2, deadline_seconds=1.5)

    assert pump.fenced(pair.source()) is None
    pair.app().execute("insert into tree (label) values ('not denied')")


def test_credentials_that_change_are_asked_for_again(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 60)
    holder = world.folder / f"{pair.name}.url"
    holder.write_text(pair.source_url)
    link = pair.start(FORWARD, source_command=f"cat {holder}")
    pair.wait_live(FORWARD)
    with world.source.connect() as admin:
        admin.execute(f"alter role {pair.owner} password 'rotated'")
        admin.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{pair.owner}'")
    until(lambda: any("credentials" in str(e.get("because")) for e in link.events()), "the link to be turned away")
    holder.write_text(pair.source_url.replace(":owner@", ":rotated@"))
    with psycopg.connect(holder.read_text(), autocommit=True) as app:
        app.execute("insert into topic (title) values ('after rotation')")
    target = pair.target()
    until(
        lambda: _count(target, "select 1 from public.topic where title = 'after rotation'") == 1,
        "the row after rotation",
    )

    assert "rotated" not in link.log.read_text()
    assert link.end() == 0


def test_an_unreachable_target_is_waited_out(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    world.target.restart(immediately=True)
    pair.app().execute("insert into topic (title) values ('after restart')")
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)
    assert processes.alive(link.process.pid) is False
