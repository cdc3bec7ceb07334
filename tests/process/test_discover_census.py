"""Does the census tell what is in a real database, without writing to it and without waiting for anybody?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from offramp import postgres
from offramp.discover import census
from offramp.discover.census import Census
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

SCHEMA = """
create table mentor (id bigint primary key, email text not null unique, tags text[]);
create table booking (day date, slot integer not null, mentor bigint not null, note text, unique (mentor, slot), unique (slot));
create table audit (at timestamptz, line text);
create table late (id integer not null, constraint late_key unique (id) deferrable);
create table partial (id integer not null);
create unique index partial_key on partial (id) where id > 0;
create unique index partial_lower on partial ((id + 1));
create table event (id bigint, day date, primary key (id, day)) partition by range (day);
create table event_2026 partition of event for values from ('2026-01-01') to ('2027-01-01');
create unlogged table scratch (id integer primary key);
create materialized view totals as select count(*) from mentor;
create table "Odd ""Name" ("The Key" integer primary key);
create table guarded (id integer primary key);
alter table guarded enable row level security;
insert into guarded values (1);
create schema offramp;
create table offramp.log (xid xid8);
insert into mentor select n, n || '@example.test' from generate_series(1, 500) n;
insert into event values (1, '2026-05-01'), (2, '2026-05-02');
select lo_create(0);
"""


@pytest.fixture(scope="module")
def server(module_folder: Path) -> Iterator[Postgres]:
    with Postgres(module_folder / "source", programs.source_postgres()) as running:
        with running.connect() as connection:
            connection.execute("create role app login password 'app' connection limit 20")
            connection.execute("create database app owner app")
        with psycopg.connect(running.url("app"), autocommit=True) as connection:
            connection.execute("create extension citext")
            connection.execute("create table foreigner (id integer primary key)")
        with psycopg.connect(running.url("app", "app", "app"), autocommit=True) as connection:
            connection.execute(SCHEMA)
        yield running


def take(server: Postgres, counted_bytes: int = census.COUNTED_BYTES) -> Census:
    with postgres.connect(Secret(server.url("app", "app", "app")), application_name="offramp test") as connection:
        return census.take(connection, counted_bytes=counted_bytes)


def test_a_table_is_known_by_its_key_and_its_rows(server: Postgres) -> None:
    tables = {table.name: table for table in take(server).tables}

    assert (tables["mentor"].key, tables["mentor"].rows) == (("id",), 500)
    # The narrowest complete unique index, where there is no primary key.
    assert tables["booking"].key == ("slot",)
    assert (tables["event_2026"].key, tables["event_2026"].rows) == (("id", "day"), 2)
    assert tables['Odd "Name'].key == ("The Key",)
    assert not {"event", "log", "totals"} & set(tables)


def test_deferrable_partial_and_expression_indexes_are_no_keys(server: Postgres) -> None:
    tables = {table.name: table.key for table in take(server).tables}

    assert (tables["audit"], tables["late"], tables["partial"]) == ((), (), ())


def test_what_does_not_carry_by_itself_is_told(server: Postgres) -> None:
    found = " ".join(take(server).concerns)

    for name in (
        "public.audit has no usable key",
        "public.scratch is unlogged",
        "public.totals is a materialised view",
        "public.guarded has row security",
        "public.foreigner belongs to another role",
        "holds 1 large objects",
    ):
        assert name in found


def test_the_servers_limits_are_the_least_of_all(server: Postgres) -> None:
    found = take(server)

    assert found.connection_limit == 20
    assert found.server_version // 10000 == server.major
    assert found.bytes > 1_000_000
    assert "citext" in found.extensions
    assert not found.follower


def test_a_large_table_is_estimated(server: Postgres) -> None:
    rows = {table.name: table.rows for table in take(server, counted_bytes=-1).tables}

    assert 250 <= rows["mentor"] <= 1000


def test_a_locked_table_does_not_hold_the_census_up(server: Postgres) -> None:
    with psycopg.connect(server.url("app", "app", "app")) as migration:
        migration.execute("lock table mentor in access exclusive mode")

        tables = {table.name for table in take(server).tables}

    assert "mentor" in tables


def test_the_census_cannot_write(server: Postgres) -> None:
    with postgres.connect(Secret(server.url("app", "app", "app")), application_name="offramp test") as connection:
        census.take(connection)

        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("insert into public.audit values (now(), 'x')")


def test_how_the_server_is_set_up_is_told(server: Postgres) -> None:
    found = take(server)

    assert found.server
    assert (found.server.encoding, found.server.wal_level, found.server.replication) == ("UTF8", "replica", False)
    assert {role.name: (role.login, role.connection_limit) for role in found.server.roles}["app"] == (True, 20)
    assert ("citext", "public") in {(one.name, one.schema) for one in found.installed}
    assert found.large_objects == 1


PROBLEMS = """
create table parent (id integer primary key, email citext);
create table child (id bigserial primary key, parent integer not null references parent, note text, born xml);
create index child_note on child (note);
create index child_note_again on child (note);
create index child_note_wide on child (note, id);
create sequence worn maxvalue 1000;
select setval('worn', 900);
insert into parent select 2000000000, 'ann@example.org';
insert into child (parent, note) select 2000000000, repeat('x', 200) from generate_series(1, 20000);
delete from child where id % 4 <> 0;
vacuum analyze child;
"""


def test_a_setting_that_an_application_invented_keeps_its_value_to_itself(server: Postgres) -> None:
    with server.connect() as connection:
        connection.execute("alter role app set app.jwt_key = 'hush'")
        connection.execute("alter role app set work_mem = '8MB'")
    found = take(server)

    assert found.server
    assert ("work_mem", "8MB") in {(one.name, one.value) for one in found.server.settings}
    assert "hush" not in str(found)


def test_what_will_hurt_is_measured(server: Postgres) -> None:
    with psycopg.connect(server.url("app", "app", "app"), autocommit=True) as connection:
        for statement in filter(str.strip, PROBLEMS.split(";\n")):
            connection.execute(statement)
        connection.execute("select pg_stat_force_next_flush()")
    found = take(server).readings

    assert found and found.missing == ()
    verdicts = {(one.name, one.verdict, one.other) for one in found.indexes}
    assert {
        ("child_note_again", "duplicate", "child_note"),
        ("child_note", "covered", "child_note_wide"),
        ("child_parent_fkey", "missing", ""),
    } <= verdicts
    numbers = {one.name: (one.column, one.type, round(one.share, 2)) for one in found.numbers}
    assert numbers["worn"] == ("", "bigint", 0.9)
    assert numbers["parent"] == ("parent.id", "integer", 0.93)
    assert {"public.citext", "xml"} <= {one.type for one in found.unusual}
    child = next(one for one in found.tables if one.name == "child")
    assert child.loose_bytes and child.loose_bytes > 3_000_000
    assert (child.inserted, child.deleted) == (20000, 15000)
    assert child.analyzed_at and found.at >= child.analyzed_at
    assert found.growth is None and 0 < found.oldest_xid_age < found.frozen_limit


def test_who_waits_for_whom_is_seen_and_what_they_run_is_not(server: Postgres) -> None:
    address = server.url("app", "app", "app")
    with (
        psycopg.connect(address, application_name="holder") as holder,
        psycopg.connect(address, application_name="waiter", autocommit=True) as waiter,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("update mentor set tags = '{}' where email = '7@example.test'")
        waiting = pool.submit(waiter.execute, "update mentor set tags = '{}' where email = '7@example.test'")
        with psycopg.connect(address, autocommit=True) as watching:
            processes.wait_until(
                lambda: watching.execute("select from pg_locks where not granted").fetchone() is not None,
                seconds=10,
                what="the second session to wait",
            )
        found, holder_pid = take(server).readings, holder.info.backend_pid
        holder.rollback()
        waiting.result()

    assert found
    (one,) = found.activity.waiting
    assert (one.application, one.verb, one.blocked_by) == ("waiter", "UPDATE", (holder_pid,))
    assert found.activity.idle_in_transaction == 1 and found.activity.limit == 20
    assert "7@example" not in str(found)


def test_statements_are_told_by_time_without_what_was_typed(module_folder: Path) -> None:
    settings = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all"}
    with Postgres(module_folder / "counted", programs.source_postgres(), settings=settings) as counted:
        with counted.connect() as connection:
            connection.execute("create schema heroku_ext")
            connection.execute("create extension pg_stat_statements schema heroku_ext")
            connection.execute("create table mentor (id integer primary key, email text)")
            for number in range(5):
                connection.execute(f"select * from mentor where email = 'ann{number}@example.org' /* user=ann */")
            connection.execute("select pg_stat_force_next_flush()")
        with postgres.connect(Secret(counted.url("postgres")), application_name="offramp test") as connection:
            found = census.take(connection).readings

    assert found and found.statements.missing == "" and found.statements.since
    texts = {one.text: one.calls for one in found.statements.top}
    assert texts["select * from mentor where email = $1"] == 5
    assert "ann" not in " ".join(texts)


def test_a_database_without_statement_statistics_says_so(server: Postgres) -> None:
    found = take(server).readings

    assert found and "create extension pg_stat_statements" in found.statements.missing
