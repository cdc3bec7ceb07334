"""Does every kind of key and every shape of table arrive (cases D45 to D51)?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pump_pairs import Lab, running_world
from pump_world import World

from offramp import pump


@dataclass(frozen=True)
class Keys:
    """Values of one key type. ``alike`` is another way to write the first value: the same key to the database, other bytes."""

    name: str
    type: str
    values: tuple[str, ...]
    alike: str = ""
    before: str = ""

    def at(self, place: int) -> str:
        return f"({self.values[place]})::{self.type}"

    @property
    def table(self) -> str:
        return f"key_{self.name}"

    @property
    def schema(self) -> str:
        return (
            f"{self.before}; create table {self.table} (k {self.type} primary key, v int not null default 0, w text);"
        )


KEYS = (
    Keys("smallint", "smallint", ("-32768", "0", "32767", "5")),
    Keys("int", "int", ("-2147483648", "0", "2147483647", "5")),
    Keys("bigint", "bigint", ("-9223372036854775808", "0", "9223372036854775807", "5")),
    Keys("numeric", "numeric", ("1.0", "-0.000000000000000000001", "1e130", "'NaN'", "'Infinity'", "0"), "1.00"),
    Keys("numeric_scaled", "numeric(12,4)", ("1.0", "-7.25", "99999999.9999")),
    Keys("real", "real", ("0.1", "1e-40", "'NaN'", "'-Infinity'", "0", "16777217"), ""),
    Keys("float", "double precision", ("'-0.0'", "0.1", "1e-320", "'NaN'", "'Infinity'", "0.30000000000000004"), "'0.0'"),
    Keys("bool", "boolean", ("true", "false")),
    Keys("text", "text", ("''", "'a'", "E'tab\\tnew\\nline\\\\'", "'Ünïcode ☃ 𝔘'", "repeat('long', 600)", "'\\N'", "'NULL'", "'{x}'")),
    Keys("varchar", "varchar(40)", ("'x'", "'X'", "'trailing  '", "'trailing'")),
    Keys("char", "char(8)", ("'x'", "' x'", "'12345678'")),
    Keys("single_char", '"char"', ("'a'", "'b'", "''")),
    Keys("name", "name", ("'x'", "'y'")),
    Keys("citext", "citext", ("'Mixed'", "'other'", "'ÄÖ'"), "'mIXED'"),
    Keys("bytea", "bytea", ("'\\x00'", "'\\x'", "'\\xdeadbeef'", "'\\x5c78'")),
    Keys("uuid", "uuid",
         ("'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'")),
    Keys("date", "date", ("'infinity'", "'-infinity'", "'0044-03-15 BC'", "'2024-02-29'", "'5874897-12-31'")),
    Keys("timestamp", "timestamp", ("'infinity'", "'0001-01-01 BC'", "'2024-02-29 23:59:59.999999'", "'10000-01-01'")),
    Keys("timestamptz", "timestamptz", ("'infinity'", "'4713-01-01 BC'", "'2024-10-27 02:30+02'", "'2024-10-27 02:30+01'", "'10000-01-01Z'")),
    Keys("timestamptz_coarse", "timestamptz(0)", ("'2024-10-27 02:30+02'", "'2024-10-27 02:30+01'")),
    Keys("time", "time", ("'24:00'", "'00:00'", "'12:34:56.789'")),
    Keys("timetz", "timetz", ("'24:00+05'", "'00:00-11'", "'12:00Z'")),
    Keys("interval", "interval", ("'1 month'", "'-1 year 3 days'", "'1 us'", "'0'"), "'30 days'"),
    Keys("inet", "inet", ("'10.0.0.1'", "'10.0.0.1/8'", "'::1'", "'fe80::/10'")),
    Keys("cidr", "cidr", ("'10.0.0.0/8'", "'::/0'")),
    Keys("macaddr", "macaddr", ("'08:00:2b:01:02:03'", "'ff:ff:ff:ff:ff:ff'")),
    Keys("macaddr8", "macaddr8", ("'08:00:2b:01:02:03:04:05'", "'00:00:00:00:00:00:00:01'")),
    Keys("bit", "bit(5)", ("B'10101'", "B'00000'")),
    Keys("varbit", "bit varying", ("B''", "B'1'", "B'10'", "B'010101010101010101'")),
    Keys("money", "money", ("'1.10'", "'-92233720368547758.08'", "'0'")),
    Keys("oid", "oid", ("0", "4294967295", "12345")),
    Keys("pg_lsn", "pg_lsn", ("'0/0'", "'FFFFFFFF/FFFFFFFF'", "'16/B374D848'")),
    Keys("enum", "hue", ("'red'", "'dark green'", "'blue'"), before="create type hue as enum ('red', 'dark green', 'blue')"),
    Keys("domain", "even", ("2", "4", "-6"), before="create domain even as int check (value % 2 = 0)"),
    Keys("domain_chain", "shout", ("'A'", "'B,\"C\"'"),
         before="create domain loud as text check (value = upper(value)); create domain shout as loud not null"),
    Keys("array", "int[]", ("'{}'", "'{1,2}'", "'{1,NULL}'", "'[0:1]={1,2}'", "'{{1,2},{3,4}}'")),
    Keys("text_array", "text[]", ("'{\"a,b\",\"NULL\",NULL,\"q\\\"u\"}'", "'{}'", "'{\"\"}'")),
    Keys("range", "int4range", ("'empty'", "'[1,5)'", "'(,)'", "'[7,)'")),
    Keys("range_of_times", "tstzrange", ("'[2024-01-01 00:00+02,infinity]'", "'(,2024-01-01Z)'", "'empty'")),
    Keys("multirange", "int4multirange", ("'{}'", "'{[1,3),[5,7)}'")),
    Keys("composite", "spot", ("'(1,\"a b\")'", "'(2,)'", "'(3,\"q\"\"u\")'"), before="create type spot as (x int, label text)"),
    Keys("jsonb", "jsonb", ("'{\"b\": 1, \"a\": [1.0, 2]}'", "'1'", "'null'", "'\"x\"'"), "'{\"a\": [1.00, 2], \"b\": 1}'"),
    Keys("ltree", "ltree", ("'a.b.c'", "''", "'Top_1.x'")),
    Keys("cube", "cube", ("'(1,2),(3,4)'", "'(0.1)'")),
    Keys("tsvector", "tsvector", ("'a:1A b:2,3'", "''", "'''quo''''ted'':1'")),
)  # fmt: skip

SHAPES = """
create table bare (a int, b text);
create table bare_wide (a int, t text, j json);
create table only_nullable (a int unique, b int);
create table only_partial (a int not null, b int); create unique index on only_partial (a) where b > 0;
create table only_expression (a int not null, b int); create unique index on only_expression ((a + 1));
create table only_deferrable (a int not null unique deferrable, b int);
create table nulls_alike (a int, b int); create unique index on nulls_alike (a) nulls not distinct;
create table composite_key (v text, e int, d date, c uuid, b text, a smallint, x int, primary key (a, c, b, e, d));
create table included (a int, b int, c text, primary key (a) include (c)); create table unique_not_null (v text, a int not null unique);
create table "user" ("select" int primary key, "a""b" text, " " int, "Ünï" text, "order" int generated always as ("select" * 2) stored);
"""
EDGES = """
create table narrowed (id int primary key, v text);
create table heavy (id int primary key, t text, b bytea, n int not null default 0, u text);
alter table heavy alter column t set storage external, alter column b set storage extended, alter column u set storage plain;
create table identity_full (id int primary key, v text); alter table identity_full replica identity full;
create table identity_none (id int primary key, v text); alter table identity_none replica identity nothing;
create table identity_index (id int primary key, v int not null); create unique index identity_by on identity_index (v);
alter table identity_index replica identity using index identity_by;
"""


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    with running_world(module_folder) as world:
        yield world


def narrow_and_widen() -> str:
    """Return DDL for a table of which 500 columns were dropped, and for one with very many columns."""
    drops = ", ".join(f"drop column d{n}" for n in range(500))
    adds = ", ".join(f"add column d{n} int" for n in range(500))
    columns = ", ".join(f"w{n} int" for n in range(1399))
    return (
        f"alter table narrowed {adds}; alter table narrowed {drops}; alter table narrowed add column after text;"
        f"create table widest (id int primary key, {columns});"
    )


@pytest.fixture(scope="module")
def lab(world: World) -> Iterator[Lab]:
    schema = "".join(keys.schema for keys in KEYS) + SHAPES + EDGES + narrow_and_widen()
    lab = Lab.begin(world, schema)
    yield lab
    lab.end()


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: keys.name)
def test_a_key_of_any_type_arrives(lab: Lab, keys: Keys) -> None:
    """D48: rows keyed by each type come, change, change their key (also to another spelling of the same key) and go."""
    app = lab.app()
    for value in keys.values:
        app.execute(f"insert into {keys.table} (k, w) values (({value})::{keys.type}, 'w')")
    lab.arrived()
    app.execute(f"update {keys.table} set v = v + 1, w = k::text")
    if keys.alike:
        app.execute(f"update {keys.table} set k = ({keys.alike})::{keys.type}, v = 10 where k = {keys.at(0)}")
    with app.transaction():
        app.execute(f"delete from {keys.table} where k = {keys.at(-1)}")
        app.execute(f"insert into {keys.table} (k, v) values ({keys.at(-1)}, 77)")
    lab.check()
    app.execute(f"delete from {keys.table} where k = {keys.at(0)}")
    app.execute(f"update {keys.table} set k = {keys.at(0)} where k = {keys.at(1)}")
    app.close()
    lab.check()

    assert lab.count(f"select count(*) from public.{keys.table}") == len(keys.values) - 1


def test_a_table_without_a_key_keeps_its_twins(lab: Lab) -> None:
    """D45: no key and equal rows: one of two twins goes, all columns change, nulls come and go."""
    lab.do(
        "insert into bare select i % 3, 'x' from generate_series(1, 12) i",
        "insert into bare values (null, null), (null, null), (1, null), (null, '')",
        "delete from bare where ctid = (select min(ctid) from bare where a = 1)",
    )
    lab.do(
        "update bare set a = 9, b = 'y' where a = 2",
        "delete from bare where ctid = (select max(ctid) from bare where a is null)",
    )
    lab.do(
        "insert into bare_wide select i, repeat('w', 5000), '{\"a\" :  1}' from generate_series(1, 5) i",
        "update bare_wide set a = a + 1",
        "insert into bare_wide select * from bare_wide",
    )
    app = lab.app()
    with app.transaction():
        app.execute("delete from bare")
        app.execute("insert into bare values (1, 'only'), (1, 'only')")
    app.close()
    lab.check()


def test_an_index_that_identifies_no_row_is_not_taken_for_a_key(lab: Lab) -> None:
    """D46: only a nullable, a partial, an expression or a deferrable unique index: the table is followed by its whole rows."""
    for table in ("only_nullable", "only_partial", "only_expression", "only_deferrable", "nulls_alike"):
        lab.run(f"insert into {table} select i, i % 2 from generate_series(1, 20) i")
    lab.run(
        "insert into only_nullable values (null, 1), (null, 1), (null, 2)",
        "insert into only_partial values (1, 0), (1, 0), (1, -1)",
        "insert into nulls_alike values (null, 3)",
    )
    lab.check()
    for table in ("only_nullable", "only_partial", "only_expression", "only_deferrable", "nulls_alike"):
        lab.run(f"update {table} set b = b + 10 where a % 3 = 0", f"delete from {table} where a = 7")
    lab.do(
        "update only_deferrable set a = a + 1",
        "delete from only_nullable where ctid = (select min(ctid) from only_nullable where a is null and b = 1)",
        "update only_nullable set a = 99 where ctid = (select min(ctid) from only_nullable where a is null)",
        "update nulls_alike set b = 4 where a is null",
    )


def test_a_key_of_five_columns_in_another_order_arrives(lab: Lab) -> None:
    """D47: the key's columns stand in another order than the table's; a key with INCLUDE columns; a unique key that is no primary key."""
    lab.do(
        "insert into composite_key select 'v', i % 2, date '2024-01-01' + i % 3, gen_random_uuid(), 'b' || i, i, i from generate_series(1, 50) i",
        "insert into included select i, i, 'c' from generate_series(1, 20) i",
        "insert into unique_not_null select 'v', i from generate_series(1, 20) i",
    )
    lab.do(
        "update composite_key set v = 'changed', e = e + 10 where a % 5 = 0",
        "update composite_key set x = -1, d = 'infinity' where a = 7",
        "delete from composite_key where a > 40",
        "update included set c = 'd', a = a + 100 where b < 5",
        "update unique_not_null set a = a + 100, v = null where a > 15",
        "delete from unique_not_null where a = 1",
    )


def test_odd_names_and_reserved_words_arrive(lab: Lab) -> None:
    """D49: a table named user with columns named select, order, a blank, a quote, an umlaut."""
    lab.do(
        """insert into "user" ("select", "a""b", " ", "Ünï") select i, 'q"''', i, 'ü' from generate_series(1, 9) i""",
        """update "user" set " " = 5, "select" = "select" + 100 where "select" > 5""",
        """delete from "user" where "select" = 1""",
    )


def test_a_table_without_columns_arrives(world: World) -> None:
    """D49: rows of a table without a column, of which only the number can be known."""
    lab = Lab.begin(world, "create table nothing (); insert into nothing default values")
    lab.do("insert into nothing default values", "insert into nothing default values")
    lab.do("delete from nothing where ctid = (select min(ctid) from nothing)")
    lab.end()

    assert lab.count("select count(*) from public.nothing") == 2


LIKE_OURS = """
create table like_ours (id int primary key, c1 int, c2 text, k1 text, xid int, t int, n int, r int, l int, s int, image text, change int,
  new_rows int, old_rows int, gone boolean, "ctid " int, position text);
create table like_ours_bare (c2 int, c1 int, c3 int, image text, change int, n int);
create table like_ours_late (c3 int, c2 int, k2 int, c1 int, k1 int, primary key (c1, k1, c3));
"""


def test_columns_named_like_ours_fail_no_statement(world: World) -> None:
    """D49, O4: the application's columns have the names that capture and apply use themselves."""
    lab = Lab.begin(world, LIKE_OURS)
    lab.do(
        "insert into like_ours (id, c1, c2, k1, xid, n, image) select i, i, i, i, i, i, i from generate_series(1, 20) i",
        "insert into like_ours_bare select i, i, i, i, i, i from generate_series(1, 20) i",
        "insert into like_ours_late select i, i, i, i, i from generate_series(1, 20) i",
    )
    lab.do(
        "update like_ours set c1 = -c1, k1 = 'x', gone = true where id < 5",
        "update like_ours set id = id + 100 where id > 15",
        "update like_ours_bare set change = 9 where c1 < 4",
        "update like_ours_late set c1 = c1 + 100, k2 = null where k1 < 3",
        "delete from like_ours where id = 9; delete from like_ours_bare where n = 7; delete from like_ours_late where c2 = 8",
    )
    lab.end()


def test_a_table_with_the_most_columns_there_can_be_arrives(world: World) -> None:
    """D49: 1,600 columns, beside which no table of ours has room for one more."""
    columns = ", ".join(f"w{n} int" for n in range(1599))
    lab = Lab.begin(
        world, f"create table fullest (id int primary key, {columns}); insert into fullest (id) values (1), (2)"
    )
    lab.do(
        "insert into fullest (id, w1, w1598) values (3, 4, 5)",
        "update fullest set w7 = 8 where id = 1",
        "delete from fullest where id = 2",
    )
    lab.end()


def test_tables_with_many_columns_and_with_dropped_ones_arrive(lab: Lab) -> None:
    """D49: a table with 1,400 columns, and one of which 500 columns were dropped."""
    listed = ", ".join(f"w{n}" for n in range(0, 1399, 7))
    numbers = ", ".join(str(n) for n in range(0, 1399, 7))
    lab.do(
        f"insert into widest (id, {listed}) select i, {numbers} from generate_series(1, 20) i",
        "insert into narrowed select i, 'v', 'after' from generate_series(1, 20) i",
    )
    lab.do(
        "update widest set w1398 = -1, w3 = 4 where id % 2 = 0",
        "delete from widest where id = 5",
        "update narrowed set after = 'changed' where id < 5",
        "update narrowed set id = id + 100 where id = 9",
    )


def test_large_values_arrive_and_stay_when_another_column_changes(lab: Lab) -> None:
    """D50: values of many megabytes, stored outside the row, compressed and not, and an update of another column beside them."""
    lab.run(
        "insert into heavy (id, t, b) values (1, repeat('x', 20000000), decode(repeat('ab', 8000000), 'hex'))",
        "insert into heavy (id, t, b, u) select 2, string_agg(md5(i::text), ''), decode(string_agg(md5(i::text), ''), 'hex'), repeat('u', 6000)"
        " from generate_series(1, 200000) i",
        "insert into heavy (id, t) select i, string_agg(md5((i * j)::text), '')"
        " from generate_series(3, 40) i, generate_series(1, 100) j group by i",
    )
    lab.check(seconds=60)
    lab.run(
        "update heavy set n = n + 1",
        "update heavy set b = b || '\\x00' where id > 30",
        "update heavy set id = 100 where id = 2",
    )
    lab.check(seconds=60)
    lab.do("delete from heavy where id in (1, 100)")

    assert lab.count("select sum(n) from public.heavy") == 38


def test_the_sources_replica_identity_is_of_no_matter(lab: Lab) -> None:
    """D51: REPLICA IDENTITY FULL, NOTHING and USING INDEX."""
    for table in ("identity_full", "identity_none", "identity_index"):
        lab.run(
            f"insert into {table} select i, i from generate_series(1, 20) i",
            f"update {table} set v = '100' where id = 3",
            f"update {table} set id = id + 100 where id > 15",
            f"delete from {table} where id < 3",
        )
    lab.check()


def test_a_key_dropped_while_running_loses_no_row(world: World) -> None:
    """D52: the primary key is dropped while the application writes twins; the table goes on once the target has dropped its own."""
    lab = Lab.begin(
        world, "create table losing_key (id int primary key, v text); create table other (id int primary key)"
    )
    lab.do("insert into losing_key select i, 'v' from generate_series(1, 50) i")
    app = lab.app()
    app.execute("alter table losing_key drop constraint losing_key_pkey")
    app.execute("insert into losing_key values (1, 'twin'), (1, 'twin')")
    app.execute("delete from losing_key where id = 4")
    app.execute("update losing_key set v = 'w' where id > 40")
    app.execute("insert into other values (1)")
    app.close()
    lab.arrived()
    others = lab.count("select count(*) from public.other")
    target = lab.pair.target()
    target.execute("alter table public.losing_key drop constraint if exists losing_key_pkey")
    pump.resume(target, lab.link, "public.losing_key")
    lab.pair.wait(lab.link, lambda status: all(t.state == "live" for t in status.tables), what="the table to go on")
    lab.do("insert into losing_key values (2, 'twin'), (2, 'twin')", "delete from losing_key where id = 5")
    lab.end()

    assert others == 1


ICU = """
create collation german (provider = icu, locale = 'de-u-co-phonebk');
create collation blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
create table by_c (k text collate "C" primary key, v int); create table by_icu (k text collate german primary key, v int);
create table by_blind (k text collate blind primary key, v int);
create table wide_icu (k text collate german primary key, v int);
create table packed (id int primary key, t text compression lz4, x xml);
"""


def test_text_keys_of_every_collation_arrive(module_folder: Path) -> None:
    """D48, D50, F71: keys ordered by C, by ICU and by a collation to which case and accents are alike; lz4 and xml columns."""
    with running_world(module_folder / "icu", 15, 15) as world:
        lab = Lab.begin(world, ICU, before=lambda pair: fill_collated(pair.source_url))
        for table in ("by_c", "by_icu", "by_blind"):
            lab.run(
                f"insert into {table} values ('a', 1), ('Äb', 2), ('z', 3), ('ß', 4), ('straße', 5), ('', 6), ('Zz', 7)",
                f"update {table} set v = v + 1",
                f"update {table} set k = 'Ä' where k = 'a'",
                f"delete from {table} where k = 'z'",
            )
        lab.run(
            "update by_blind set k = 'STRASSE', v = 50 where k = 'straße'",
            "update by_blind set k = 'ab' where k = 'AB'",
        )
        lab.run(
            "update wide_icu set v = -1 where k like 'ä%'",
            "insert into packed select i, repeat('z', 9000), '<a>1</a>' from generate_series(1, 9) i",
        )
        lab.run("update packed set x = '<b/>', id = id + 50 where id > 5")
        lab.check()
        lab.end()


def fill_collated(url: str) -> None:
    """Enough text keys, copied while ordered by another collation than C, that they are more than one chunk."""
    with psycopg.connect(url, autocommit=True) as app:
        app.execute(
            "insert into wide_icu select (array['a', 'ä', 'Z', 'z', 'ß', '-', 'É', 'e'])[1 + i % 8] || md5(i::text), i"
            " from generate_series(1, 60000) i"
        )
