"""Does every change of the source's schema reach the target by itself, and does the application never notice us?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World, assert_equal, until
from schema_world import Steady, all_live, carried, close, reloads, schemas_meet

from offramp.pump import Link, fingerprint

FORWARD = Link("moves", "forward", 1)
THING = (
    "create table thing (id int primary key, a text, b int);"
    " insert into thing select i, 'a' || i, i from generate_series(1, 300) i;"
)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    close(world)


def live(pair: Pair) -> pump_world.LinkProcess:
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    return link


def ends_equal(pair: Pair, link: pump_world.LinkProcess) -> None:
    """Schemas and rows are equal, every table is live, and the fenced source drains."""
    schemas_meet(pair)
    all_live(pair, FORWARD)
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def arrives(pair: Pair, query: str) -> Callable[[], bool]:
    """Whether the target answers with a row; what it does not have yet is no row."""
    target = pair.target()

    def asked() -> bool:
        try:
            return target.execute(query).fetchone() is not None
        except (
            psycopg.errors.UndefinedTable,
            psycopg.errors.UndefinedColumn,
            psycopg.errors.InvalidTextRepresentation,
        ):
            return False

    return asked


def test_added_columns_of_every_kind_are_carried_and_only_rewritten_tables_are_read_again(world: World) -> None:
    """G73: nullable, constant, stable and volatile defaults, generated, identity, serial; with values set in the same transaction."""
    pair = world.pair(
        schema="create type mood as enum ('sad', 'glad');"
        + "".join(
            f"create table {name} (id int primary key, a text, b int); insert into {name} select i, 'a' || i, i from generate_series(1, 300) i;"
            for name in ("plain", "volatile", "counted", "numbered", "computed")
        )
        + "create table bare (a text); insert into bare select 'twin' from generate_series(1, 5);"
    )
    link = live(pair)
    writer = Steady(
        pair.source_url,
        tuple(f"update {t} set b = b + 1 where id = 1 + %(n)s %% 300" for t in ("plain", "volatile", "computed")),
    )
    writer.start()
    app = pair.app()
    app.execute(
        "alter table plain add column n text, add column seven int not null default 7, add column at timestamptz default now(),"
        " add column words text[] default array['x y', null, '\"'], add column mood mood default 'glad', add column day date default current_date"
    )
    app.execute("begin; alter table plain add column late int; update plain set late = id where id < 50; commit")
    app.execute(
        "begin; alter table plain add column gone int default 5; "
        "alter table plain alter column gone drop default; commit"
    )
    app.execute("alter table volatile add column token uuid not null default gen_random_uuid()")
    app.execute("alter table counted add column serial serial")
    app.execute(
        "alter table numbered add column place int generated always as identity (start with 100 increment by 5)"
    )
    app.execute("alter table computed add column double int generated always as (b * 2) stored")
    app.execute("alter table bare add column b int default 3")
    app.execute("insert into bare values ('twin', 4)")
    app.execute("insert into plain (id, b) values (1000, 0)")
    until(arrives(pair, "select 1 from public.plain where id = 1000 and gone is null and seven = 7"), "the new row")
    schemas_meet(pair)
    writer.stop()
    again = set(reloads(link))
    ends_equal(pair, link)

    assert again == {"public.volatile", "public.counted", "public.numbered", "public.bare"}


def test_columns_and_tables_that_are_dropped_or_renamed_never_fail_a_write_and_need_no_second_copy(
    world: World,
) -> None:
    """G74: DROP COLUMN, RENAME COLUMN (key too), swapped names, RENAME TABLE, SET SCHEMA, under sessions with prepared statements."""
    pair = world.pair(
        schema=THING + "create table other (k uuid primary key default gen_random_uuid(), x int, y int); "
        "insert into other (x, y) select i, -i"
        " from generate_series(1, 100) i; create table left_one (id int primary key, n int); "
        "create table right_one (id int primary key, m text);"
        " insert into left_one values (1, 1); insert into right_one values (1, 'r'); create schema elsewhere;"
        " create index thing_a on thing (a); create view things as select id, b from thing;"
    )
    link = live(pair)
    app, open_session = pair.app(), pair.app()
    for _ in range(8):
        open_session.execute("update thing set b = b + 1 where id < %s", (20,))
    changes = (
        "alter table thing add column c int default 1", "alter table thing rename column id to key",
        "alter table thing drop column c", "alter table thing rename column a to words", "alter index thing_a rename to thing_words",
        "begin; update thing set b = b + 1; alter table thing rename column key to id; "
            "update thing set b = b + 1; commit",
        "alter table other rename column x to swap; alter table other rename column y to x; "
            "alter table other rename column swap to y",
        "alter table other set schema elsewhere", "alter table elsewhere.other rename to others",
        "begin; alter table left_one rename to middle; alter table right_one rename to left_one; "
            "alter table middle rename to right_one; commit",
    )  # fmt: skip
    for change in changes:
        app.execute(change)
        open_session.execute("update thing set b = b + 1 where b < %s", (200,))
        open_session.execute("delete from thing where b = %s", (-1,))
    app.execute("insert into elsewhere.others (x, y) values (7, 7)")
    app.execute("insert into left_one values (2, 'was right'); insert into right_one values (2, 2)")
    ends_equal(pair, link)

    assert reloads(link) == []


def test_a_retyped_key_is_carried_while_rows_are_written_and_while_they_are_copied(world: World) -> None:
    """G75: int to bigint on a primary key and its foreign keys, in one transaction with writes before and after."""
    schema = (
        THING + "create table part (id serial primary key, thing_id int not null references thing (id)); "
        "insert into part (thing_id) select 1 + i % 300 from generate_series(1, 900) i;"
    )
    retype = (
        "begin; insert into part (thing_id) values (1); alter table part drop constraint part_thing_id_fkey;"
        " alter table thing alter column id type bigint; "
        "alter table part alter column thing_id type bigint, alter column id type bigint;"
        " alter table part add constraint part_thing_id_fkey foreign key (thing_id) references thing (id);"
        " insert into thing values (5000000000, 'wide', 1); insert into part (thing_id) values (5000000000); commit"
    )
    streaming, copying = world.pair(schema=schema), world.pair(schema=schema)
    link = live(streaming)
    other = streaming.app()
    for _ in range(8):
        other.execute("update thing set b = b + 1 where id = %s", (5,))
    streaming.app().execute(retype)
    other.execute("update thing set b = b + 1 where id = %s", (5,))
    streaming.app().execute("alter table thing alter column a type int using b * 2, alter column b type text")
    ends_equal(streaming, link)
    link = copying.start(FORWARD)
    until(lambda: any(event["event"] == "capture installed" for event in link.events()), "the capture")
    copying.app().execute(retype)
    ends_equal(copying, link)


def test_constraints_come_when_the_rows_keep_them_and_go_at_once(world: World) -> None:
    """G76: ADD, DROP, NOT VALID and VALIDATE, NOT NULL after a backfill, a unique index over rows that were duplicates before."""
    pair = world.pair(
        schema=THING + "create table part (id int primary key, thing_id int, twin int); "
        "insert into part select i, i, i % 10 from generate_series(1, 200) i;"
        " alter table part add constraint old_check check (twin < 1000);"
    )
    link = live(pair)
    app = pair.app()
    app.execute("begin; update part set twin = id; create unique index part_twin on part (twin); commit")
    app.execute("begin; alter table part drop constraint old_check; update part set twin = twin + 1000; commit")
    app.execute(
        "begin; update thing set b = null where id < 10; "
        "alter table thing add constraint b_there check (b is not null) not valid; commit"
    )
    app.execute(
        "alter table part add constraint part_thing foreign key (thing_id) references thing (id) on delete cascade not valid"
    )
    app.execute("update thing set b = 0 where b is null")
    schemas_meet(pair)
    app.execute(
        "alter table thing validate constraint b_there; alter table thing alter column b set not null; "
        "alter table thing drop constraint b_there"
    )
    app.execute(
        "alter table part validate constraint part_thing; "
        "alter table part alter constraint part_thing deferrable initially deferred"
    )
    app.execute(
        "alter table part add constraint part_pair unique (thing_id, twin), add constraint spread exclude using btree (twin with =)"
    )
    app.execute("delete from thing where id = 7")
    app.execute(
        "alter table thing alter column a set default 'none', alter column b drop not null; "
        "alter table thing rename constraint thing_pkey to thing_key"
    )
    ends_equal(pair, link)

    assert reloads(link) == []


def test_new_tables_come_with_all_their_rows_and_dropped_ones_go(world: World) -> None:
    """G77: CREATE TABLE with inserts in one transaction, CREATE TABLE AS, DROP TABLE, the same name again, a rebuilt table."""
    pair = world.pair(
        schema=THING + "create table doomed (id int primary key); create table again (id int primary key, old text); "
        "insert into again values (1, 'old')"
    )
    link = live(pair)
    app = pair.app()
    app.execute(
        "begin; "
        "create table fresh (id bigserial primary key, thing_id int not null references thing (id),"
        " note text not null default 'n' check (note <> ''));"
        " create index on fresh (thing_id); comment on table fresh is 'new here'; "
        "comment on column fresh.note is 'said';"
        " insert into fresh (thing_id) select id from thing; "
        "alter table thing add column fresh_id bigint references fresh (id);"
        " update thing set fresh_id = 5 where id = 5; commit"
    )
    app.execute("create table copied as select * from thing")
    app.execute("insert into copied select * from thing where id < 10")
    app.execute(
        "begin; drop table doomed; drop table again; create table again (id int primary key, new int); "
        "insert into again values (1, 1), (2, 2); commit"
    )
    app.execute(
        "begin; create table thing_new (like thing including all); "
        "insert into thing_new select * from thing where id > 100;"
        " alter table fresh drop constraint fresh_thing_id_fkey; drop table thing; "
        "alter table thing_new rename to thing; commit"
    )
    app.execute("update thing set b = -b where id = 200")
    ends_equal(pair, link)

    assert {"public.doomed: dropped", "public.again: dropped"} <= set(carried(link))


def test_what_only_moves_rows_on_disk_is_no_reason_to_read_a_table_again(world: World) -> None:
    """G78: CREATE INDEX CONCURRENTLY, REINDEX, CLUSTER, VACUUM FULL, SET UNLOGGED and LOGGED, storage options."""
    pair = world.pair(schema=THING)
    link = live(pair)
    app = pair.app()
    for change in (
        "create index concurrently thing_b on thing (b)", "create unique index concurrently thing_ab on thing (a, b)", "reindex table thing",
        "reindex index concurrently thing_b", "cluster thing using thing_b", "vacuum full thing", "alter table thing set unlogged",
        "alter table thing set logged", "alter table thing set (fillfactor = 70, autovacuum_enabled = off)", "alter table thing reset (fillfactor)",
        "drop index concurrently thing_ab", "analyze thing", "alter table thing alter column a set statistics 500",
    ):  # fmt: skip
        app.execute(change)
        app.execute("update thing set b = b + 1 where id % 7 = 0")
    ends_equal(pair, link)

    assert reloads(link) == []


def test_capture_that_was_switched_off_or_dropped_is_noticed_without_a_further_write(world: World) -> None:
    """G80, G81: DISABLE and ENABLE in one transaction, a dropped trigger, a dropped function: made anew, and the table read again."""
    pair = world.pair(
        schema=THING + "create table quiet (id int primary key, n int); "
        "insert into quiet select i, i from generate_series(1, 50) i;"
    )
    link = live(pair)
    app = pair.app()
    app.execute(
        "begin; alter table quiet disable trigger user; update quiet set n = 0; "
        "alter table quiet enable trigger user; commit"
    )
    until(arrives(pair, "select 1 from public.quiet having sum(n) = 0"), "the unseen update")
    app.execute("begin; drop trigger offramp_update on quiet; update quiet set n = 1; commit")
    until(arrives(pair, "select 1 from public.quiet having sum(n) = 50"), "the update without its trigger")
    names = [
        name
        for (name,) in app.execute(
            "select tgfoid::regprocedure::text from pg_trigger where tgrelid = 'quiet'::regclass and tgname ~ 'offramp'"
        )
    ]
    app.execute(
        "begin; "
        + "".join(f"drop function if exists {name} cascade; " for name in names)
        + "update quiet set n = 2; commit"
    )
    until(arrives(pair, "select 1 from public.quiet having sum(n) = 100"), "the update without its functions")
    app.execute("update quiet set n = 3 where id = 1")
    ends_equal(pair, link)


def test_new_labels_arrive_before_the_rows_that_use_them(world: World) -> None:
    """G82: ADD VALUE before, after and at the end, RENAME VALUE, in columns, arrays and domains; a type made anew under its name."""
    pair = world.pair(
        schema="create type mood as enum ('sad', 'glad'); create domain feeling as mood; "
        "create type size as enum ('s', 'm');"
        " create table felt (id int primary key, one mood, many mood[], third feeling, size size);"
        " insert into felt values (1, 'sad', '{glad}', 'glad', 's')"
    )
    link = live(pair)
    app = pair.app()
    app.execute("alter type mood add value 'fine' before 'glad'")
    app.execute("insert into felt values (2, 'fine', '{fine,sad}', 'glad', 'm')")
    app.execute("alter type mood rename value 'sad' to 'low'")
    app.execute("alter type mood add value 'grand'; alter type mood add value 'worst' before 'low'")
    app.execute("insert into felt values (3, 'grand', '{worst,low}', 'worst', 's')")
    app.execute(
        "begin; alter type size rename to size_old; create type size as enum ('small', 'medium', 'large');"
        " alter table felt alter column size type size using case size::text when 's' then 'small'::size else 'medium' end;"
        " drop type size_old; commit"
    )
    app.execute("insert into felt values (4, 'low', '{}', 'low', 'large')")
    app.execute(
        "begin; update felt set third = null where third::mood = 'worst'; "
        "alter domain feeling add check (value::mood <> 'worst'); commit"
    )
    until(arrives(pair, "select 1 from public.felt where id = 4 and size = 'large'"), "the newest label")
    app.execute(
        "alter domain feeling drop constraint feeling_check; "
        "alter domain feeling add constraint not_low check (value::mood <> 'fine' or value is null)"
    )
    ends_equal(pair, link)


def test_extensions_functions_views_sequences_and_policies_follow(world: World) -> None:
    """G83: an extension created, used and dropped; functions, views, triggers, sequences, policies made, changed and dropped."""
    pair = world.pair(
        schema=THING + "create view old_view as select a from thing; "
        "create function old_function() returns int language sql as 'select 1';"
        " create sequence old_sequence; "
        "create materialized view summed as select sum(b) as total from thing; create schema parts"
    )
    link = live(pair)
    app = pair.app()
    app.execute("create extension hstore schema parts")
    app.execute("alter table thing add column h parts.hstore; update thing set h = parts.hstore('k', a) where id < 50")
    app.execute(
        "drop view old_view; drop function old_function(); drop sequence old_sequence; "
        "create sequence ticket increment by 5 start with 1000 cache 10;"
        " create table counted (id int primary key default nextval('ticket'), n int); "
        "alter sequence ticket owned by counted.id;"
        " create function twice(int) returns int language sql immutable begin atomic select $1 * 2; end; "
        "create view wide as select id, twice(b) from thing;"
        " create function touch() returns trigger language plpgsql as $$ begin new.b := coalesce(new.b, 0) + 1; "
        "return new; end $$;"
        " create trigger touch before update on thing for each row execute function touch(); "
        "alter table thing disable trigger touch;"
        " alter table counted enable row level security; create policy mine on counted using (n > 0);"
        " create statistics thing_ab on a, b from thing; create domain price as numeric check (value >= 0);"
        " create type place as (x int, y int); create table placed (id int primary key, at place, cost price)"
    )
    app.execute("insert into counted (n) values (1), (2); insert into placed values (1, (1, 2), 5)")
    app.execute("update thing set b = 10 where id = 10")
    schemas_meet(pair)
    app.execute(
        "create or replace function touch() returns trigger language plpgsql as $$ begin return new; end $$; "
        "alter table thing enable trigger touch;"
        " create or replace view wide as select id, twice(b), a from thing; "
        "alter sequence ticket increment by 7 maxvalue 100000;"
        " drop policy mine on counted; create policy yours on counted for select using (n > 1); "
        "drop materialized view summed;"
        " alter sequence ticket rename to tickets; alter view wide rename to wider; drop statistics thing_ab"
    )
    app.execute("alter table thing drop column h; drop extension hstore; drop schema parts")
    app.execute("update thing set b = 11 where id = 11")
    ends_equal(pair, link)


def test_odd_tables_and_hundreds_of_dropped_columns_are_followed(world: World) -> None:
    """D49: 1,600 columns, 500 columns dropped while rows are written, names that need quotes.

    With so many columns there is no room to stage a row beside its key, so the table is read as a whole, and never refused.
    """
    many = ", ".join(f"c{i} int" for i in range(1599))
    pair = world.pair(schema=f"create table wide (id int primary key, {many}); " + THING)
    link = live(pair)
    app = pair.app()
    app.execute("insert into wide (id, c0, c1598) values (1, 2, 3)")
    until(arrives(pair, "select 1 from public.wide where c1598 = 3"), "the row with the most columns")
    writer = Steady(
        pair.source_url, ("update wide set c0 = c0 + 1 where id = 1", "update thing set b = b + 1 where id = 3")
    )
    writer.start()
    for start in range(1, 500, 50):
        app.execute("alter table wide " + ", ".join(f"drop column c{i}" for i in range(start, start + 50)))
    app.execute('alter table thing add column "user" text default \'u\', add column "a ""b""" int')
    app.execute('create table "Table; --" ("Id %s" int primary key)')
    app.execute('insert into "Table; --" values (1)')
    until(arrives(pair, 'select 1 from public."Table; --"'), "the odd name's row")
    writer.stop()
    ends_equal(pair, link)

    assert [event for event in link.events() if event["event"] == "table is read again"] == []
    assert reloads(link).count("public.wide") >= 1


def test_a_key_that_is_dropped_and_made_again_loses_no_row(world: World) -> None:
    """D52: rows are followed by their image while there is no key, and by the new one afterwards."""
    pair = world.pair(schema=THING)
    link = live(pair)
    app = pair.app()
    app.execute(
        "begin; update thing set b = 1; alter table thing drop constraint thing_pkey; "
        "insert into thing values (1, 'a1', 1), (1, 'a1', 1); commit"
    )
    app.execute("delete from thing where ctid in (select ctid from thing where id = 1 limit 1)")
    until(arrives(pair, "select 1 from public.thing where id = 1 having count(*) = 2"), "the twins")
    app.execute("insert into thing values (2, 'twin', 2)")
    app.execute(
        "begin; delete from thing where ctid not in (select min(ctid) from thing group by id);"
        " alter table thing alter column id drop not null, add column number bigserial, add primary key (number); "
        "commit"
    )
    app.execute("update thing set id = null where id = 9; update thing set b = 9 where number = 9")
    ends_equal(pair, link)


def test_a_hostile_session_cannot_make_capture_fail_or_miss_a_write(world: World) -> None:
    """C44: shadowed functions and operators, temporary tables named like ours, read-only defaults, odd settings."""
    pair = world.pair(
        schema=THING + "create schema evil; create table dated (at timestamptz primary key, day date, n float8)"
    )
    link = live(pair)
    app = pair.app()
    for setting in (
        "create function evil.pg_current_xact_id() returns xid8 language plpgsql as $$ begin raise 'shadowed'; "
            "end $$",
        "create function evil.int4text(int) returns text language plpgsql as $$ begin raise 'shadowed'; end $$",
        "create temporary table new_rows (x int); create temporary table old_rows (x int); "
            "create temporary table captured (x int)",
        "create temporary table log_1 (x int); create temporary table thing_shadow (x int)",
        "set search_path = evil, pg_temp, public, pg_catalog",
        "set datestyle = 'German'; set timezone = 'Asia/Kathmandu'; set extra_float_digits = -15",
        "set lock_timeout = '2s'; set statement_timeout = '5s'; set row_security = off; set xmloption = document; set check_function_bodies = off",
        "set default_transaction_isolation = serializable; set intervalstyle = 'sql_standard'; "
            "set bytea_output = 'escape'",
        "set standard_conforming_strings = off; set escape_string_warning = off; "
            "set quote_all_identifiers = on; set plan_cache_mode = force_generic_plan",
        "set session characteristics as transaction read only; set transaction_read_only = off",
    ):  # fmt: skip
        app.execute(setting)
    for n in range(8):
        app.execute("begin read write")
        app.execute("update public.thing set b = b + 1 where id = %s", (n,))
        app.execute("insert into public.dated values (now(), '2020-02-01', 0.1 + 0.2)")
        app.execute("delete from public.thing where id = %s", (200 + n,))
        app.execute("commit")
    app.execute(
        "begin read write; truncate public.dated; "
        "insert into public.dated values ('infinity', '-infinity', 'NaN'); commit"
    )
    app.close()
    ends_equal(pair, link)


def test_a_change_that_cannot_be_carried_holds_its_table_alone_until_a_person_has_acted(world: World) -> None:
    """G74: the table says why and goes on by itself; a dropped table does not keep a drain waiting."""
    pair = world.pair(
        schema=THING + "create table other (id int primary key); create table doomed (id int primary key)"
    )
    link = live(pair)
    target, app = pair.target(), pair.app()
    target.execute("create view public.mine as select b from public.thing")
    app.execute("alter table thing alter column b type bigint; insert into thing values (1000, 'new', 5000000000)")
    app.execute("insert into other values (1); drop table doomed")
    held = pair.wait(FORWARD, lambda status: status.phase == "paused", what="the table to be held")
    until(arrives(pair, "select 1 from public.other"), "the other table")
    target.execute("drop view public.mine")

    assert [(table.name, table.state) for table in held.tables if table.state != "live"] == [("public.thing", "paused")]
    assert "column b is bigint now" in (held.held_because or "")
    ends_equal(pair, link)


def test_a_link_that_was_away_during_the_changes_carries_them_when_it_comes_back(world: World) -> None:
    """G77: killed, and started again after columns, tables, names and labels changed."""
    pair = world.pair(
        schema=THING + "create type mood as enum ('sad'); create table gone (id int primary key); "
        "create table felt (id int primary key, mood mood)"
    )
    first = live(pair)
    until(arrives(pair, "select 1 from offramp.scenery"), "the pictures to be kept")
    first.kill()
    pair.app().execute(
        "alter table thing rename to things; alter table things rename column a to words; "
        "alter table things add column c int default 4;"
        " update things set c = 5 where id < 9; drop table gone; "
        "create table came (id int primary key references things (id));"
        " insert into came select id from things; alter table felt rename column mood to now"
    )
    pair.app().execute("alter type mood add value 'glad'")
    pair.app().execute("insert into felt values (1, 'glad')")
    link = live(pair)
    ends_equal(pair, link)

    assert "public.things" not in reloads(link)


def test_two_changes_in_a_row_never_hide_each_other(world: World) -> None:
    """G73: fingerprints differ after each of many changes whose places and transactions follow each other closely."""
    pair = world.pair(schema="create table thing (id int primary key)")
    app, owner = pair.app(), pair.source()
    row = owner.execute("select 'public.thing'::regclass::oid::bigint").fetchone()
    assert row is not None
    shapes, sceneries = [fingerprint.read(owner, [row[0]])[row[0]]], [fingerprint.scenery(owner)]
    for n in range(40):
        app.execute(f"alter table thing add column c{n} int")
        app.execute(f"create function f{n}() returns int language sql as 'select 1'")
        shapes.append(fingerprint.read(owner, [row[0]])[row[0]])
        sceneries.append(fingerprint.scenery(owner))

    assert len(set(shapes)) == len(shapes)
    assert len(set(sceneries)) == len(sceneries)
