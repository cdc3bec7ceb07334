"""Does the advice read a live database as its owner, wait for nobody, change nothing, and say what it could not see?"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from offramp import postgres
from offramp.assess import database
from offramp.assess.database import DatabaseAdvice, counters, health, plans, readings
from offramp.assess.database.model import Statement
from offramp.assess.database.scratch import binaries, outline, server
from offramp.assess.database.scratch.model import Step
from offramp.assess.database.scratch.planner import planner
from offramp.errors import RefusedError
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

SCHEMA = """
create table mentor (id integer primary key, name text not null, note text);
create table booking (id serial primary key, mentor_id integer not null references mentor, day date not null, seats smallint not null);
create index booking_day on booking (day);
create index booking_day_again on booking (day);
create index booking_day_seats on booking (day, seats);
create table audit (id smallserial primary key, line text);
insert into mentor select n, 'mentor ' || n from generate_series(1, 2000) n;
insert into booking (mentor_id, day, seats) select 1 + n % 2000, date '2026-01-01' + n % 300, n % 5 from generate_series(1, 40000) n;
select setval('audit_id_seq', 30000);
create schema heroku_ext;
"""


@pytest.fixture(scope="module")
def source(module_folder: Path) -> Iterator[Postgres]:
    loaded = {"shared_preload_libraries": "pg_stat_statements"}
    with Postgres(module_folder / "source", programs.postgres_of(18), settings=loaded) as running:
        with running.connect() as connection:
            connection.execute("create role app login password 'app' connection limit 20")
            connection.execute("create role other login password 'other'")
            connection.execute("create database app owner app")
            connection.execute("create database bare owner app")
        with connect(running) as connection:
            connection.execute(SCHEMA.encode())
            connection.execute("grant select on mentor to other")
            connection.execute("vacuum analyze")
        with running.connect("app") as connection:
            # Heroku puts extensions into a schema of their own.
            connection.execute("create extension pg_stat_statements schema heroku_ext")
            connection.execute("grant usage on schema heroku_ext to app")
        yield running


def connect(source: Postgres, role: str = "app", name: str = "app") -> psycopg.Connection:
    return psycopg.connect(source.url(name, role, role), autocommit=True)


def ours(source: Postgres, name: str = "app") -> postgres.Connection:
    return postgres.connect(Secret(source.url(name, "app", "app")), application_name="offramp test")


@pytest.fixture(scope="module")
def advice(source: Postgres) -> DatabaseAdvice:
    """The advice on what ran between two readings."""
    with connect(source) as connection, connect(source, "other") as other, ours(source) as looking:
        before = readings.read(looking)
        for day in range(30):
            connection.execute(b"select * from booking where mentor_id = %s and day > '2026-02-02'" % str(day).encode())
        connection.execute("update booking set mentor_id = mentor_id, seats = 3 where id = 1")
        connection.execute("insert into booking (mentor_id, day, seats) values (1, '2026-02-02', 1)")
        other.execute("select count(*) from mentor")
        return database.advise(looking, before=before)


def statement(advice: DatabaseAdvice, text: str) -> Statement:
    return next(each for each in advice.statements if text in each.text)


def test_only_what_ran_between_the_readings_is_counted(advice: DatabaseAdvice) -> None:
    found = statement(advice, "select * from booking")

    assert (found.calls, found.tables, found.unplanned) == (30, ("public.booking",), "")
    assert not [each.text for each in advice.statements if "setval" in each.text or "create" in each.text]


def test_the_advice_tells_what_the_index_helps_and_what_it_costs(advice: DatabaseAdvice) -> None:
    [index] = advice.indexes

    assert (index.table, index.columns[0]) == ("public.booking", "mentor_id")
    assert [helped.calls for helped in index.statements] == [30]
    # One row was inserted, and one update set the index's column, within a few seconds.
    assert index.write.known and index.write.inserts_per_hour > 0 and index.write.updates_per_hour > 0


def test_the_advised_index_is_built_and_used_as_told(source: Postgres, advice: DatabaseAdvice) -> None:
    [index] = advice.indexes
    with connect(source) as connection:
        connection.execute(index.ddl.encode())
        row = connection.execute("explain select * from booking where mentor_id = 7 and day > '2026-02-02'").fetchall()
        name = index.ddl.split()[3]
        connection.execute(f"drop index {name}".encode())

    assert name in str(row)


def test_indexes_nobody_needs_and_references_without_one_are_told(advice: DatabaseAdvice) -> None:
    found = {(each.kind, each.index) for each in advice.health.indexes}

    assert found == {
        ("redundant", "public.booking_day"),
        ("duplicate", "public.booking_day_again"),
        ("foreign key without index", "booking_mentor_id_fkey"),
    }


def test_a_sequence_near_its_end_is_told(advice: DatabaseAdvice) -> None:
    assert [(each.column, each.limit) for each in advice.health.sequences] == [("public.audit.id", 32767)]


def test_connections_are_told_with_the_limit_that_bites(advice: DatabaseAdvice) -> None:
    assert advice.health.connections.limit == 20
    assert advice.health.connections.used >= 2


def test_statements_of_other_roles_are_counted_as_hidden(advice: DatabaseAdvice) -> None:
    assert [each.what for each in advice.shortfalls if "other roles" in each.what] != []


def test_a_database_without_pg_stat_statements_gets_the_mend(source: Postgres) -> None:
    with ours(source, "bare") as looking:
        found = database.advise(looking)

    assert (found.statements, found.scratch_major) == ((), None)
    assert [each.mend for each in found.shortfalls] == [
        "Run `create extension pg_stat_statements;` as the database's owner and come back after a day."
    ]


def test_the_counters_between_two_looks_are_what_ran_between_them_without_a_write(source: Postgres) -> None:
    asked = "select count(*) from booking where seats = %s"
    with connect(source) as connection, ours(source) as looking:
        outline.calm(looking)
        connection.execute(asked, [1])
        where = counters.schema(looking)
        looks = [counters.read(looking, where)]
        for calls in (3, 0, 5):
            for _ in range(calls):
                connection.execute(asked, [2])
            looks.append(counters.read(looking, where))
        known = {count.text: key for key, count in readings.read(looking).counts.items()}
    deltas = counters.between([look for look in looks if look])
    (key,) = (key for text, key in known.items() if "booking where seats" in text)
    column = deltas.statements.index(key)

    assert where == "heroku_ext"
    assert deltas.calls[:, column].tolist() == [3, 0, 5]
    assert [ms > 0 for ms in deltas.ms[:, column]] == [True, False, True]
    assert list(deltas.at) == sorted(deltas.at)


def test_counters_that_are_not_there_are_refused_with_the_mend(source: Postgres) -> None:
    with ours(source, "bare") as looking, pytest.raises(RefusedError) as refused:
        counters.schema(looking)

    assert "create extension pg_stat_statements" in refused.value.hint


def test_the_session_can_no_longer_write(source: Postgres) -> None:
    with ours(source, "bare") as looking:
        database.advise(looking)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            looking.execute("create table public.more (id integer)")


def test_who_waits_for_whom_is_told_while_they_wait(source: Postgres) -> None:
    with connect(source) as first, connect(source) as second, ours(source) as looking:
        with first.transaction(force_rollback=True):
            first.execute("update mentor set note = 'a secret' where id = 1")
            waiting = threading.Thread(target=lambda: second.execute("update mentor set note = 'b' where id = 1"))
            waiting.start()
            processes.wait_until(lambda: health.locks(looking).waiters, seconds=10, what="The wait for a lock")
            found = health.locks(looking)
            pids = (first.info.backend_pid, second.info.backend_pid)
        waiting.join()

    assert [(each.pid, each.blocked_by, each.depth) for each in found.waiters] == [
        (pids[0], None, 0),
        (pids[1], pids[0], 1),
    ]
    assert (found.waiters[0].state, found.waiters[0].activity) == (
        "idle in transaction",
        "update mentor set note = '?' where id = ?",
    )


def test_a_locked_table_does_not_make_the_reading_wait(source: Postgres) -> None:
    with connect(source) as locking, ours(source) as looking:
        with locking.transaction(force_rollback=True):
            locking.execute("lock table booking in access exclusive mode")
            found = database.advise(looking)

    assert statement(found, "insert into booking").calls > 0
    assert "a table is locked" in found.shortfalls[-1].what


def test_a_newer_server_plans_where_the_same_is_missing_and_says_so(source: Postgres, module_folder: Path) -> None:
    own = [each for each in binaries.installed(os.defpath) if each.major == 18]
    with Postgres(module_folder / "older", programs.postgres_of(17)) as older:
        with postgres.connect(Secret(older.url()), application_name="offramp test") as looking:
            looking.execute("create table public.t as select n as id from generate_series(1, 5000) n")
            looking.execute("analyze public.t")
            found = outline.read(looking)
        with planner(found, own) as scratch:
            said = [each.what for each in scratch.carried.shortfalls]

    assert said == ["The source is PostgreSQL 17, and 18 planned for it; costs may differ a little."]


def test_an_extension_that_is_not_here_is_stood_in_for(source: Postgres) -> None:
    with ours(source) as looking:
        found = outline.read(looking)
    place = Step(5, "table", "public.place", "create table public.place (id integer, at public.geometry)")
    broken = Step(5, "table", "public.broken", "create table public.broken (at public.nothing)")
    missing = replace(
        found,
        extensions=(*found.extensions, ("postgis", "public")),
        stand_ins=(("postgis", "public", "geometry"),),
        steps=(*found.steps, place, broken),
    )
    with planner(missing, binaries.installed(os.defpath)) as scratch:
        plan = plans.explain(scratch.session, "select * from place where at = 'here'")
        said = [each.what for each in scratch.carried.shortfalls]

    assert plan.relation == "place"
    assert said == [
        "The extension postgis is not on this machine; its types geometry are stood in for by text.",
        'The table public.broken is not on the scratch server: type "public.nothing" does not exist.',
    ]


def test_no_server_is_too_old_to_plan_but_none_may_be_new_enough() -> None:
    with pytest.raises(RefusedError, match="no PostgreSQL 99"):
        binaries.choose(binaries.installed(os.defpath), 99)


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, kept = tmp_path / f"{server.PREFIX}{gone.pid}-x", tmp_path / f"{server.PREFIX}{os.getpid()}-y"
    for folder in (left, kept):
        (folder / "data").mkdir(parents=True)

    server.sweep(tmp_path)

    assert (left.exists(), kept.exists()) == (False, True)
