"""Does the census tell what is in a real database, without writing to it and without waiting for anybody?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from offramp import postgres
from offramp.discover import census
from offramp.discover.census import Census
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
