"""After a switch, can anybody still change the database that was left, whatever way they come?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World, until

from offramp import postgres, pump
from offramp.pump import Link

FORWARD = Link("left", "forward", 1)
SCHEMA = """
create table thing (id serial primary key, n int);
create schema other; create table other.thing (id int primary key);
create function sneak() returns void language sql security definer as $$ insert into public.thing (n) values (7) $$;
insert into thing (n) select i from generate_series(1, 100) i;
"""
# One of every kind of write. Large objects are missing: servers before 16 make them even in a read-only transaction.
WRITES = (
    "insert into thing (n) values (1)",
    "update thing set n = n + 1",
    "delete from thing where id = 1",
    "truncate thing",
    "copy thing (n) from program 'echo 1'",
    "insert into other.thing values (1)",
    "select sneak()",
    "select nextval('thing_id_seq')",
    "select setval('thing_id_seq', 1)",
    "create table new (id int)",
    "alter table thing add column more int",
    "drop table other.thing",
    "with gone as (delete from thing returning n) select count(*) from gone",
    "insert into thing (id, n) values (1, 1) on conflict (id) do update set n = 2",
)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


@pytest.fixture
def left(world: World) -> Pair:
    """A pair whose source is fenced, as after a switch."""
    pair = world.pair(schema=SCHEMA)
    pump.fence(pair.source(), link_name=FORWARD.name, epoch=1)
    return pair


@pytest.mark.parametrize("statement", WRITES)
def test_every_way_of_writing_to_the_old_primary_fails_alike(world: World, left: Pair, statement: str) -> None:
    pump.strand(left.source())
    with psycopg.connect(left.source_url, autocommit=True) as forgotten, pytest.raises(psycopg.Error) as refused:
        forgotten.execute(statement.encode())

    # Programs are for superusers alone; that is refused even earlier.
    assert refused.value.sqlstate == ("42501" if "program" in statement else "25006")


def test_other_roles_are_refused_too(world: World, left: Pair) -> None:
    with world.source.connect() as admin:
        admin.execute("create role reporting login password 'reporting'")
    with psycopg.connect(left.source_url, autocommit=True) as owner:
        owner.execute("set default_transaction_read_only = off")
        owner.execute(
            "grant all on all tables in schema public to reporting; grant all on all sequences in schema public to reporting"
        )
    pump.strand(left.source())
    url = world.source.url(left.name, "reporting", "reporting")
    for statement in ("insert into thing (n) values (1)", "select nextval('thing_id_seq')"):
        with psycopg.connect(url, autocommit=True) as other, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            other.execute(statement.encode())


def test_sessions_that_were_there_before_are_ended_and_named_when_they_come_back(left: Pair) -> None:
    with psycopg.connect(left.source_url, autocommit=True, application_name="worker.1") as before:
        assert before.execute("select nextval('thing_id_seq')").fetchone() == (101,)
        assert [one.program for one in pump.visitors(left.source()) if one.program == "worker.1"] == ["worker.1"]
        pump.strand(left.source())
        with pytest.raises(psycopg.OperationalError):
            before.execute("select nextval('thing_id_seq')")
    with psycopg.connect(left.source_url, autocommit=True, application_name="worker.1") as again:
        assert again.execute("select count(*) from thing").fetchone() == (100,)
        (straggler,) = (one for one in pump.visitors(left.source()) if one.program == "worker.1")

    assert "worker.1 (role " in str(straggler)
    assert "connected for 0 s" in str(straggler)


def test_the_way_back_opens_all_of_it_again(left: Pair) -> None:
    pump.strand(left.source())
    pump.strand(left.source())
    mark = pump.fenced(left.source())
    pump.unfence(left.source())
    with psycopg.connect(left.source_url, autocommit=True) as app:
        app.execute("insert into thing (n) values (1); create table new (id int); select lo_create(0)")
        settings = app.execute("select count(*) from pg_db_role_setting where setdatabase = (select oid from pg_database"
                               " where datname = current_database())").fetchone()  # fmt: skip

    assert mark is not None
    assert mark.stranded
    assert settings == (0,)
    assert pump.fenced(left.source()) is None


def test_a_database_that_is_not_ours_to_alter_is_closed_by_its_fence_alone(world: World, left: Pair) -> None:
    with world.source.connect() as admin:
        admin.execute(f"alter database {left.name} owner to postgres")
    with psycopg.connect(left.source_url, autocommit=True, application_name="forgotten") as forgotten:
        rest = pump.strand(left.source())
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            forgotten.execute("insert into thing (n) values (1)")
    mark = pump.fenced(left.source())

    assert "forgotten" in [one.program for one in rest]
    assert mark is not None
    assert mark.stranded


def test_who_keeps_a_switch_waiting_is_named_and_can_be_ended(left: Pair) -> None:
    with psycopg.connect(left.source_url, application_name="report") as slow:
        slow.execute("select count(*) from thing")
        until(lambda: pump.in_transaction(left.source(), 0.3) != (), "the transaction to grow old")
        (found,) = pump.in_transaction(left.source(), 0.3)
        assert pump.end(left.source(), [found]) == ()
        with pytest.raises(psycopg.OperationalError):
            slow.execute("select 1")

    assert (found.program, found.state) == ("report", "idle in transaction")
    assert str(found).startswith("report (role ")


@pytest.mark.parametrize(
    "meanwhile",
    [
        # Waited for by nobody: a fence changes no rights that are as they should be.
        "grant usage on schema offramp to current_user",
        # Waited for, and then an internal error of PostgreSQL's: "tuple concurrently updated".
        "alter function offramp.deny() cost 200",
    ],
)
def test_a_fence_bears_that_the_catalogue_is_changed_at_the_same_time(left: Pair, meanwhile: str) -> None:
    raised = left.source()
    with psycopg.connect(left.source_url) as other, ThreadPoolExecutor() as pool:
        other.execute(meanwhile)
        mark = pool.submit(pump.fence, raised, link_name=FORWARD.name, epoch=2, deadline_seconds=20)
        until(lambda: mark.done() or _waits(left, raised), "the fence to be done or to wait for a lock")
        other.commit()

        assert mark.result(30).epoch == 2


def _waits(pair: Pair, session: postgres.Connection) -> bool:
    found = pair.source().execute(
        "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s", [session.info.backend_pid]
    )
    return found.fetchone() == (True,)
