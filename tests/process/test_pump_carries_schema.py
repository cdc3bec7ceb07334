"""Does everything that is not a row come across, with other roles and another version, and does a difference get a name?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from carrying import Carried, carry
from pump_world import World

from offramp import postgres, pump
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.postgres import Connection
from offramp.pump import roles, schema, surroundings
from offramp.pump.archive import Archive, Dumper
from offramp.rehearsal.servers import programs

ZOO = """
create schema app;
comment on schema app is 'The application';
create schema "Odd Schema";
create type app.pair as (a int, b text);
create type app.span as range (subtype = float8);
create type app.size as enum ('small', 'it''s big');
create domain app.positive as int check (value > 0);
comment on domain app.positive is 'above zero';
create function app.twice(i int) returns int language sql immutable begin atomic select i * 2; end;
create function app.plain(i app.positive, out a int, out b text) language plpgsql as $$ begin a := i; b := 'x
--
-- TOC entry 1 (class 1255 OID 1)
-- PostgreSQL database dump complete
'; end $$;
create procedure app.proc(i int) language sql as 'select 1';
create aggregate app.total(int) (sfunc = int4pl, stype = int, initcond = '0');
create operator app.### (leftarg = int, rightarg = int, function = int4pl);
create table app.account (id bigint generated always as identity primary key, name text not null, level app.positive, p app.pair,
  s app.span, size app.size default 'small', created timestamptz default now(), doubled int generated always as (app.twice(3)) stored,
  check (name <> ''));
comment on table app.account is 'Who pays';
comment on column app.account.name is 'It''s the name';
create index account_name on app.account (name);
comment on index app.account_name is 'by name';
create unique index account_lower on app.account (lower(name)) where level > 3;
alter table app.account alter column name set statistics 500, alter column name set storage external;
create statistics app.account_stat (dependencies) on name, level from app.account;
create table app.bill (id serial primary key, account_id bigint not null references app.account deferrable initially deferred,
  cents bigint, during tstzrange, note text, exclude using gist (during with &&)) with (fillfactor = 80);
insert into app.account (name) values ('one');
insert into app.bill (account_id, cents) values (1, -5);
set constraints all immediate;
alter table app.bill add constraint positive check (cents > 0) not valid;
create view app.rich with (security_barrier) as
  select a.id, a.name, sum(b.cents) as cents from app.account a join app.bill b on b.account_id = a.id group by a.id, a.name;
create view app.richer as select id, name from app.rich where cents > 100;
create rule note_rule as on delete to app.bill where old.cents is null do also select 1;
create function app.touch() returns trigger language plpgsql as $$ begin new.created := now(); return new; end $$;
create trigger touch before update on app.account for each row when (old.name is distinct from new.name) execute function app.touch();
create trigger off before insert on app.account for each row execute function app.touch();
alter table app.account disable trigger off;
comment on trigger touch on app.account is 'touches';
alter table app.bill enable row level security;
create table "Odd Schema"."T ""x"" y" (" a" int primary key, b text, unique (b));
create text search configuration app.plain_words (copy = pg_catalog.simple);
create cast (app.pair as text) with inout as assignment;
create unlogged table app.fast (id int primary key);
"""
RIGHTS = """
create schema heroku_ext; create extension hstore schema heroku_ext;
alter table app.account add column h heroku_ext.hstore;
create policy readers on app.bill as restrictive for update to {0}_reader, {0}_owner using (cents > 0) with check (cents < 1000);
comment on policy readers on app.bill is 'only some';
grant usage on schema app to {0}_reader;
grant select on all tables in schema app to {0}_reader;
grant select (id), update (name) on app.account to {0}_web;
grant all on app.bill to {0}_group with grant option;
revoke execute on function app.plain(app.positive) from public;
grant execute on function app.plain(app.positive) to {0}_reader;
revoke usage on type app.positive from public;
revoke usage on type app.pair from public; grant usage on type app.pair to {0}_reader;
alter default privileges grant select on tables to {0}_reader;
alter default privileges in schema app grant insert on tables to {0}_web;
alter default privileges revoke execute on functions from public;
alter database {0} set search_path = "$user", public, heroku_ext;
alter database {0} set statement_timeout = '90s';
alter role {0}_owner set work_mem = '8MB';
alter role {0}_owner in database {0} set timezone = 'Europe/Vienna';
comment on database {0} is 'the base'; comment on schema public is 'mine';
grant connect on database {0} to {0}_web; revoke temporary on database {0} from public;
revoke usage on schema public from public; grant usage on schema public to {0}_web;
"""
ROLES = """
create role {0}_reader createdb; create role {0}_web login connection limit 7; create role {0}_group;
grant {0}_group to {0}_web; grant {0}_group to {0}_owner;
"""


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop()
    world.target.stop()


@pytest.fixture(scope="module")
def zoo(world: World) -> Carried:
    """A schema with something of every kind, carried; tests may change the target in transactions that they roll back."""
    pair = world.pair(schema=ZOO)
    with world.source.connect(pair.name) as admin:
        admin.execute(ROLES.format(pair.name))
    pair.app().execute(RIGHTS.format(pair.name))
    return carry(pair)


def test_a_schema_with_something_of_every_kind_arrives_equal(zoo: Carried) -> None:
    """L112, K110 and T71: objects, grants on all kinds, column and default privileges, comments, settings, policies, validity."""
    assert zoo.differences() == []


def test_what_could_not_be_carried_is_named_with_what_to_do(zoo: Carried) -> None:
    name = zoo.pair.name

    assert {(said.object, said.why.partition(":")[0].partition(",")[0]) for said in zoo.said} == {
        (f"role {name}_reader", "It has rights over the whole server that are not carried"),
        (f"role {name}_web", "Its password cannot be read"),
    }
    assert all(said.fix and not said.blocking for said in zoo.said)


def test_roles_come_with_their_memberships_and_limits(zoo: Carried) -> None:
    name = zoo.pair.name
    row = zoo.receiver.execute(
        "select rolcanlogin, rolconnlimit, rolcreatedb from pg_roles where rolname = %s", (f"{name}_web",)
    ).fetchone()

    assert row == (True, 7, False)
    assert {(each.group, each.member) for each in roles.memberships(zoo.receiver)} >= {
        (f"{name}_group", f"{name}_web"), (f"{name}_group", f"{name}_owner"),
    }  # fmt: skip


def test_carrying_again_changes_nothing_and_says_nothing(zoo: Carried) -> None:
    keep = schema.carried(schema.own_triggers(zoo.origin))
    again = [
        piece.name
        for piece in zoo.archive.statements("post-data", keep)
        if schema.build(zoo.receiver, piece, zoo.owner) and piece.kind != "comment"
    ]

    assert again == []
    assert surroundings.carry_surroundings(zoo.origin, zoo.receiver, zoo.owner) == ()
    assert zoo.differences() == []


def test_grants_work_as_they_did(zoo: Carried) -> None:
    """L112: column privileges, and roles that have nothing to do with the owner."""
    zoo.receiver.execute(f"grant {zoo.pair.name}_web to master; grant {zoo.pair.name}_reader to master")
    with zoo.receiver.transaction(force_rollback=True):
        zoo.receiver.execute(f"set local role {zoo.pair.name}_reader")
        zoo.receiver.execute("select count(*) from app.account")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), zoo.receiver.transaction():
            zoo.receiver.execute("delete from app.account")


DRIFT = [
    ("drop index app.account_name", "index app.account_name is missing on the receiving side"),
    ("create table app.new (id int)", "table app.new exists on the receiving side only"),
    ("alter table app.account alter column created type timestamp", "column app.account.created: type is timestamp with time zone at"),
    ("alter table app.account alter column size drop default", "column app.account.size: default is 'small'::app.size at the origin and nothing"),
    ("alter table app.account alter column name drop not null", "column app.account.name: not null is True at the origin and nothing"),
    ("alter table app.bill validate constraint positive", "constraint positive on app.bill: definition is CHECK ((cents > 0)) NOT"),
    ("alter table app.account enable trigger off", "trigger off on app.account: enabled is D at the origin and nothing"),
    ("create or replace function app.proc2() returns int language sql as 'select 2'", "function app.proc2() exists on the receiving side only"),
    ("create or replace function app.touch() returns trigger language plpgsql as 'begin return new; end'", "function app.touch(): definition is"),
    ("create or replace view app.richer as select id, name from app.rich where cents > 101", "view app.richer: definition is"),
    ("alter view app.rich reset (security_barrier)", "view app.rich: options is security_barrier=true at the origin and nothing"),
    ("alter policy readers on app.bill using (cents > 1)", "policy readers on app.bill is restrictive for update"),
    ("drop policy readers on app.bill", "policy readers on app.bill is missing on the receiving side"),
    ("alter table app.bill disable row level security", "table app.bill: row security is True at the origin and nothing"),
    ("comment on column app.account.name is 'other'", "column app.account.name: comment is It's the name at the origin and other"),
    ("alter sequence app.bill_id_seq increment 2", "sequence app.bill_id_seq counts differently"),
    ("alter type app.size add value 'new'", "type app.size: labels is"),
    ("alter domain app.positive set default 3", "type app.positive: default is nothing at the origin and 3"),
    ("drop statistics app.account_stat", "statistics app.account_stat is missing"),
    ("drop rule note_rule on app.bill", "rule note_rule on app.bill is missing"),
    ("revoke select on app.account from {0}_reader", "relation app.account: SELECT for {0}_reader is missing"),
    ("revoke update (name) on app.account from {0}_web", "column app.account.name: UPDATE for {0}_web is missing"),
    ("grant delete on app.account to public", "relation app.account: DELETE for public exists on the receiving side only"),
    ("alter default privileges for role {0}_owner grant execute on functions to public", "default privileges of {0}_owner (f): EXECUTE for public"),
    ("alter table app.account owner to master", "table app.account: owner is {0}_owner at the origin and master"),
    ("alter database {0} reset statement_timeout", "setting statement_timeout = 90s of the database is missing"),
    ("drop operator app.### (int, int)", "operator app.###(integer,integer) is missing"),
    ("alter aggregate app.total(int) rename to sum", "function app.total(integer) is missing"),
    ("drop cast (app.pair as text)", "cast app.pair as text is missing"),
    ("alter text search configuration app.plain_words drop mapping for uint", "text search configuration app.plain_words: mapping is"),
    ("comment on extension hstore is 'x'", "extension hstore: comment is data type for"),
    ("alter table app.account alter column name set statistics 10", "column app.account.name: statistics is 500 at the origin and 10"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), DRIFT, ids=[change for change, _ in DRIFT])
def test_a_difference_of_schema_is_said(zoo: Carried, change: str, expected: str) -> None:
    """T71: the catalogues of both sides are compared, whatever the kind of object."""
    name = zoo.pair.name
    with zoo.receiver.transaction(force_rollback=True):
        zoo.receiver.execute(change.format(name))
        said = zoo.differences()

    assert [line for line in said if line.startswith(expected.format(name))], said


def test_pieces_say_what_they_are_and_whose(zoo: Carried) -> None:
    pieces = zoo.archive.statements("post-data", schema.carried(()))
    kinds = {(piece.kind, piece.name): piece.table for piece in pieces if piece.kind not in ("comment", "other")}

    assert kinds["index", "account_name"] == ("app", "account")
    assert kinds["constraint", 'T "x" y_b_key'] == ("Odd Schema", 'T "x" y')
    assert kinds["fk", "bill_account_id_fkey"] == ("app", "bill")
    assert kinds["trigger", "touch"] == ("app", "account")
    assert kinds["rule", "note_rule"] == ("app", "bill")
    assert kinds["statistics", "account_stat"] == ("app", "account")
    assert kinds["policy", "bill"] == ("app", "bill")
    assert all(table for table in kinds.values())


def test_what_lives_elsewhere_is_left_out_with_all_that_reads_it(world: World) -> None:
    pair = world.pair(
        schema="create table t (id int primary key); create schema _heroku; create table _heroku.x (id int)"
    )
    with world.source.connect(pair.name) as admin:
        admin.execute("create extension postgres_fdw; create server far foreign data wrapper postgres_fdw")
        admin.execute(f"grant usage on foreign server far to {pair.owner}")
        admin.execute("create function watch() returns event_trigger language plpgsql as 'begin end'")
        admin.execute("create event trigger watching on ddl_command_start execute function watch()")
    pair.app().execute("create foreign table far_t (id int) server far; create view seen as select * from far_t")
    archive = Dumper(Secret(pair.source_url), programs.dump_tools(world.source.major)).archive()
    kept = [
        piece.entry.what.rpartition(" ")[0]
        for section in ("pre-data", "post-data")
        for piece in archive.statements(section, schema.carried(()))
    ]

    assert kept == ["FUNCTION public watch()", "TABLE public t", "CONSTRAINT public t t_pkey"]


def test_a_role_of_the_origin_that_owned_a_table_may_still_use_it(world: World) -> None:
    pair = world.pair(schema="create table mine (id int)")
    with world.source.connect(pair.name) as admin:
        admin.execute(f"create role {pair.name}_team; grant {pair.name}_team to {pair.owner}")
        admin.execute(f"grant create on schema public to {pair.name}_team")
        admin.execute(f"create table theirs (id int); alter table theirs owner to {pair.name}_team")
    carried = carry(pair)
    row = carried.receiver.execute(
        "select pg_get_userbyid(relowner)::text, has_table_privilege(%s, oid, 'insert') from pg_class where relname = 'theirs'",
        (f"{pair.name}_team",),
    ).fetchone()

    assert row == (pair.owner, True)
    assert carried.differences() == []


def test_a_target_role_that_may_not_make_roles_says_which_are_missing(world: World) -> None:
    pair = world.pair(schema="create table t (id int)")
    with world.source.connect(pair.name) as admin:
        admin.execute(f"create role {pair.name}_web login")
    pair.app().execute(f"grant select on t to {pair.name}_web")
    with world.target.connect() as admin:
        admin.execute("alter role master nocreaterole")
    try:
        carried = carry(pair)
    finally:
        with world.target.connect() as admin:
            admin.execute("alter role master createrole")

    assert [(said.object, said.why) for said in carried.said] == [
        (f"role {pair.name}_web", "It could not be made: permission denied to create role."),
        (f"role {pair.name}_web", "It has privileges on 1 objects, but does not exist on the target."),
    ]
    assert carried.differences() == [
        f"relation public.t: role {pair.name}_web has privileges but is missing on the receiving side"
    ]


def test_a_setting_that_the_target_refuses_is_named_with_its_value(world: World) -> None:
    pair = world.pair(schema="select 1")
    with world.source.connect(pair.name) as admin:
        admin.execute(f'alter database {pair.name} set "app.tenant" = \'a, "b\'')
        admin.execute(
            f"alter database {pair.name} set log_min_duration_statement = '2s'; comment on database {pair.name} is 'c'"
        )
    carried = carry(pair)

    assert [(said.object, said.why.partition(":")[2]) for said in carried.said] == [
        ("setting app.tenant", ' a, "b): permission denied to set parameter "app.tenant".'),
        (
            "setting log_min_duration_statement",
            ' 2s): permission denied to set parameter "log_min_duration_statement".',
        ),
    ]
    assert len(carried.differences()) == 2


def test_materialised_views_are_filled_in_the_order_in_which_they_read(world: World) -> None:
    """K110: dependency order, also through a function; unpopulated stays so; unique indexes for CONCURRENTLY are there."""
    pair = world.pair(
        schema="""
        create table t (id int primary key); insert into t select generate_series(1, 10);
        create view between_them as select 1 as a; create materialized view last as select a as n from between_them;
        create materialized view first as select count(*) as n, min(id) as id from t; create unique index on first (id);
        create or replace view between_them as select id::int as a from first;
        create function hidden() returns bigint language sql set search_path = public as 'select n from first';
        create materialized view a_hidden as select hidden() as n;
        create materialized view empty as select 1 as one with no data;
        refresh materialized view last;
        create function broken() returns bigint language sql as 'select count(*) from t';
        create materialized view wrong as select broken() as n;"""
    )
    carried = carry(pair)
    carried.receiver.execute("insert into public.t select generate_series(1, 10)")
    first = pump.refresh_views(carried.receiver, carried.origin)
    carried.receiver.execute("insert into public.t values (11)")
    again = pump.refresh_views(carried.receiver, carried.origin)

    assert carried.differences() == []
    assert (first.filled, again.filled) == (3, 3)
    assert [said.object for said in again.left] == ["public.wrong"]
    assert carried.receiver.execute(
        "select n from public.first union all select n from public.a_hidden"
    ).fetchall() == [(11,), (11,)]
    assert _populated(carried.receiver) == {"first", "last", "a_hidden"}

    pair.app().execute("refresh materialized view a_hidden with no data")
    pump.refresh_views(carried.receiver, carried.origin)

    assert _populated(carried.receiver) == {"first", "last"}


def _populated(side: Connection) -> set[str]:
    rows = side.execute("select relname from pg_class where relkind = 'm' and relispopulated")
    return {str(name) for (name,) in rows}


def test_many_tables_are_taken_apart_and_put_together(world: World) -> None:
    pair = world.pair(schema="select 1")
    pair.app().execute(
        "do $$ begin for i in 1..60 loop execute format('create table t%s (id int primary key, a int references t%s, b text)', i, i);"
        " execute format('create index on t%s (b)', i); end loop; end $$"
    )
    carried = carry(pair)

    assert len([piece for piece in carried.archive.pre if piece.entry.what.startswith("TABLE ")]) == 60
    assert carried.differences() == []
    assert postgres.tables(carried.receiver)[0].key_columns


def test_a_link_that_is_killed_while_it_builds_carries_all_of_it(world: World) -> None:
    """L112 and K110: what is in place is looked for before it is made, so a restart goes on where the other ended."""
    pair = world.pair(schema=ZOO)
    with world.source.connect(pair.name) as admin:
        admin.execute(ROLES.format(pair.name))
    pair.app().execute(RIGHTS.format(pair.name))
    pair.app().execute("create materialized view app.names as select name from app.account")
    origin, receiver = pair.source(), pair.target()
    link = pump.Link("zoo", "forward", 1)
    first = pair.start(link)
    processes.wait_until(
        lambda: receiver.execute("select from pg_indexes where schemaname = 'app'").fetchone() is not None,
        seconds=60, what="the first index",
    )  # fmt: skip
    first.kill()
    second = pair.start(link)
    pair.wait_live(link)
    found = Carried(pair, origin, receiver, Archive((), ()), ()).differences()

    assert found == []
    assert receiver.execute("select name from app.names").fetchall() == [("one",)]
    assert second.end() == 0
    assert {event["object"] for event in first.events() + second.events() if event["event"] == "not carried"} >= {
        f"role {pair.name}_web"
    }
