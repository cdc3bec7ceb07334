"""Does every value arrive as it was, whatever the types, the encodings and the settings (cases F64 to F72)?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from pump_oracles import assert_same_contents
from pump_pairs import FORWARD, Lab, recode, running_world
from pump_world import Pair, World, until

from offramp import pump


@dataclass(frozen=True)
class Values:
    """Values of one type, which are stored plain and, where ``arrays``, as an array too."""

    name: str
    type: str
    values: tuple[str, ...]
    arrays: bool = True
    before: str = "select"

    @property
    def table(self) -> str:
        return f"of_{self.name}"

    @property
    def schema(self) -> str:
        array = f", a {self.type}[]" if self.arrays else ""
        return f"{self.before}; create table {self.table} (id serial primary key, v {self.type}{array});"


VALUES = (
    Values("money", "money", ("'$1,234.56'", "'-92233720368547758.08'", "'0'")),
    Values("numeric", "numeric", ("1.10", "'NaN'", "'-Infinity'", "1e-500", "-0.0", "123456789012345678901234567890.123456789")),
    Values("numeric_negative_scale", "numeric(5,-2)", ("12345", "-99900")),
    Values("real", "real", ("0.1", "'-0'", "'NaN'", "'Infinity'", "1.17549435e-38", "3.40282347e38", "1.4e-45")),
    Values("float", "double precision", ("0.1::float8 + 0.2::float8", "'-0'", "'NaN'", "'-Infinity'", "5e-324", "1.7976931348623157e308")),
    Values("text", "text", ("''", "E'\\t\\n\\r\\b\\f\\v\\\\'", "E'\\\\.'", "E'\\\\N'", "E'a\\n\\\\.\\nb'", "E'\\x01\\x7f'", "'NULL'",
           "'𝔘☃é'", "'{\"'")),
    Values("char", "char(6)", ("'ab'", "'  cd'", "''")),
    Values("bytea", "bytea", ("'\\x'", "'\\x00ff5c78'", "'\\\\x41'")),
    Values("bool", "boolean", ("true", "false")),
    Values("date", "date", ("'infinity'", "'-infinity'", "'4714-11-24 BC'", "'5874897-12-31'", "'2024-02-29'")),
    Values("timestamp", "timestamp", ("'infinity'", "'4714-11-24 BC'", "'294276-12-31 23:59:59.999999'", "'2024-06-30 23:59:60'")),
    Values("timestamptz", "timestamptz", ("'-infinity'", "'2024-10-27 02:30 Europe/Berlin'", "'0044-03-15 12:00 BC'",
           "'1900-01-01 00:00:00+01:22:30'")),
    Values("time", "time", ("'24:00'", "'00:00:00.000001'")),
    Values("timetz", "timetz", ("'24:00-12:59'", "'12:00+05:30'", "'00:00+15:59:59'")),
    Values("interval", "interval", ("'-1 year +2 months -3 days +04:05:06.789'", "'1 year -1 month'", "'0'", "'-0.000001 s'", "'178000000 years'")),
    Values("json", "json", ("'{\"b\" : 1,   \"a\":1, \"a\":2}'", "'null'", "'\"\\u00e9\"'", "'1.0'", "'[]'", "'\"\\u0000\"'")),
    Values("jsonb", "jsonb", ("'{\"b\": 1, \"a\": 1.00}'", "'null'", "'\"x\\ty\"'", "'-0'", "'{}'")),
    Values("jsonpath", "jsonpath", ("'$.a[*] ? (@ > 1)'", "'strict $'")),
    Values("tsvector", "tsvector", ("'a:1A,2B fat:3'", "''", "'''qu''''ote''':7C")[:2]),
    Values("tsquery", "tsquery", ("'a & !b | c <2> d:*AB'", "''")),
    Values("inet", "inet", ("'10.0.0.1/8'", "'::ffff:1.2.3.4/128'", "'fe80::1/10'")),
    Values("cidr", "cidr", ("'10/8'", "'::/0'")),
    Values("mac", "macaddr", ("'08:00:2b:01:02:03'",)),
    Values("mac8", "macaddr8", ("'08:00:2b:01:02:03:04:05'",)),
    Values("bit", "bit(3)", ("B'101'", "B'000'")),
    Values("varbit", "varbit", ("B''", "B'1'", "B'10101010101'")),
    Values("point", "point", ("'(0.1,-0)'", "'(NaN,Infinity)'")),
    Values("shapes", "polygon", ("'((0,0),(1,0.1),(2,-3))'",)),
    Values("line", "line", ("'{1,-2,0.3}'",)),
    Values("lseg", "lseg", ("'[(0,0),(1,1)]'",)),
    Values("box", "box", ("'(2,2),(0,0)'", "'(1,1),(1,1)'"), False),
    Values("path", "path", ("'[(0,0),(1,1)]'", "'((0,0),(1,1))'")),
    Values("circle", "circle", ("'<(0.1,2),3>'",)),
    Values("lsn", "pg_lsn", ("'0/0'", "'FFFFFFFF/FFFFFFFF'")),
    Values("snapshot", "pg_snapshot", ("'10:20:10,14,15'",)),
    Values("xid8", "xid8", ("'18446744073709551615'", "'3'")),
    Values("oid", "oid", ("4294967295", "0")),
    Values("letter", '"char"', ("'a'", "''", "'\\377'")[:2]),
    Values("name", "name", ("'a name'", "'b'")),
    Values("uuid", "uuid", ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",)),
    Values("regtype", "regtype", ("'integer'", "'text[]'")),
    Values("range", "numrange", ("'empty'", "'(,1.10]'", "'[1.0,2.00)'", "'(,)'")),
    Values("range_of_days", "daterange", ("'[2024-01-01,2024-02-01]'", "'[-infinity,infinity]'")),
    Values("multirange", "nummultirange", ("'{}'", "'{[1.0,2.0),(5,)}'")),
    Values("own_range", "span", ("'[0.1,0.3)'", "'empty'"), before="create type span as range (subtype = float8)"),
    Values("enum", "shade", ("'light'", "'very dark'", "'''quoted'''"), before="create type shade as enum ('very dark', 'light', '''quoted''')"),
    Values("composite", "pair_of", ("'(1,\"x,\"\"y\"\"\")'", "'(,)'", "null"), before="create type pair_of as (n numeric, t text)"),
    Values("nested", "nest", ("row(1, array[row(1.0, 'a')::inner_nest, null])",), before="create type inner_nest as (n numeric, t text);"
           "create type nest as (i int, many inner_nest[])"),
    Values("domain", "positive", ("1", "2"), before="create domain positive as int check (value > 0)"),
    Values("domain_chain", "short_code", ("'AB'", "null"),
           before="create domain code as text check (value ~ '^[A-Z]*$'); create domain short_code as code check (length(value) < 4)"),
    Values("domain_of_array", "bag", ("'{1,2}'", "'{}'"), before="create domain bag as int[] check (coalesce(array_length(value, 1), 0) < 9)"),
    Values("citext", "citext", ("'MiXed'", "'mixed'")),
    Values("hstore", "hstore", ("'a=>1, \"b c\"=>NULL, \"q\\\"\"=>\"\\\\\"'", "''")),
    Values("ltree", "ltree", ("'a.b_1.C'", "''")),
    Values("lquery", "lquery", ("'a.*{2}.b@|c'",)),
    Values("cube", "cube", ("'(0.1,2),(3,4)'", "'(1)'")),
    Values("array_bounds", "int[]", ("'[-1:1]={1,2,3}'", "'[0:1][2:3]={{1,2},{3,NULL}}'", "'{}'"), False),
    Values("text_array", "text[]", ("array['a,b', 'NULL', null, '', '{', '\\', '\"', ' x ']", "'{}'"), False),
)  # fmt: skip

BYTES = "create table of_bytes (id serial primary key, t text, bare text); create table of_bytes_bare (t text);"
GENERATED = """
create table of_generated (id int generated always as identity primary key, n numeric not null,
  doubled numeric generated always as (n * 2) stored, said text not null default 'default', born timestamptz not null default now());
"""


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    with running_world(module_folder) as world:
        yield world


@pytest.fixture(scope="module")
def lab(world: World) -> Iterator[Lab]:
    lab = Lab.begin(world, "".join(values.schema for values in VALUES) + BYTES + GENERATED)
    yield lab
    lab.end()


@pytest.mark.parametrize("values", VALUES, ids=lambda values: values.name)
def test_values_of_any_type_arrive(lab: Lab, values: Values) -> None:
    """F64: each value, the null, arrays of them, and what becomes of them by an update."""
    app = lab.app()
    for value in (*values.values, "null"):
        app.execute(f"insert into {values.table} (v) values ({value})")
    if values.arrays:
        listed = ", ".join(f"({value})::{values.type}" for value in values.values)
        app.execute(f"update {values.table} set a = array[{listed}, null]::{values.type}[] where id > 1")
        app.execute(f"update {values.table} set a = '{{}}' where id = 1")
    app.execute(f"update {values.table} set v = (select v from {values.table} where id = 1) where id = 2")
    app.close()
    lab.check()


def test_bytes_that_copy_treats_specially_arrive(lab: Lab) -> None:
    """F68: tab, backslash-N, the line that ends a COPY, carriage return and line feed, every other control byte; keyed and bare."""
    app = lab.app()
    for code in (*range(1, 32), 92, 127, 133, 0x2028, 0xFEFF, 0x10FFFF):
        for text in (chr(code), f"a{chr(code)}b", f"{chr(code)}N", f"\n{chr(code)}.\n"):
            app.execute("insert into of_bytes (t, bare) values (%s, %s)", (text, text * 2))
            app.execute("insert into of_bytes_bare values (%s)", (text,))
    app.execute("update of_bytes set t = bare || t where id % 3 = 0")
    app.execute("delete from of_bytes_bare where length(t) = 1")
    app.close()
    lab.check()


def test_columns_that_compute_themselves_arrive_as_they_are(lab: Lab) -> None:
    """F64, I100: identity always, a stored generated column, defaults that would be another value at the target."""
    lab.do("insert into of_generated (n) select i / 7.0 from generate_series(1, 40) i")
    lab.do(
        "update of_generated set n = n + 1, said = 'changed' where id % 2 = 0",
        "insert into of_generated (id, n) overriding system value values (1000, 5)",
        "delete from of_generated where id < 5",
    )


SETTINGS = (
    "datestyle to 'German, DMY'", "intervalstyle to 'postgres_verbose'", "timezone to 'Asia/Kolkata'", "bytea_output to 'escape'",
    "extra_float_digits to -3", "xmlbinary to 'hex'", "search_path to 'nowhere'", "default_transaction_isolation to 'serializable'",
    "lock_timeout to '1s'", "statement_timeout to '30s'", "idle_in_transaction_session_timeout to '10s'", "row_security to off",
    "array_nulls to on", "default_transaction_deferrable to on", "enable_seqscan to off", "jit to off",
)  # fmt: skip


def test_settings_of_roles_and_databases_change_no_value(world: World) -> None:
    """F66, F65: DateStyle, IntervalStyle, TimeZone, lc_monetary, bytea_output and float digits set for the role and the database, on both sides."""
    schema = """
    create table told (id serial primary key, d date, ts timestamptz, i interval, b bytea, f float8, r real, m money, n numeric);
    create table told_bare (d date, ts timestamptz, i interval, b bytea, f float8, m money);
    create table told_key (d timestamptz, i interval, b bytea, f float8, v int, primary key (d, i, b, f));
    """
    fill = (
        "insert into public.told (d, ts, i, b, f, r, m, n) select '2024-02-03'::date + i, '2024-03-31 01:30+01'::timestamptz + i * interval '1 h',"
        " make_interval(months => i, days => -i, secs => i / 7.0), decode(md5(i::text), 'hex'), i / 7.0, i / 7.0, i / 3.0, i / 9.0"
        " from generate_series(1, 60) i",
        "insert into public.told_bare select d, ts, i, b, f, m from public.told, generate_series(1, 2)",
        "insert into public.told_key select ts, i, b, f, 1 from public.told",
    )
    lab = Lab.begin(
        world, schema, before=lambda pair: set_and_fill(world, pair.name, pair.owner, pair.source_url, fill)
    )
    for statement in fill[:2]:
        lab.run(statement)
    lab.run(
        "update public.told_key set v = 2, f = f + 0.1, d = d + interval '1 s'",
        "delete from public.told_bare where f < 1",
        "update public.told set i = i * 2, m = m + '1'",
    )
    lab.check()
    lab.end()
    with world.target.connect() as admin:
        admin.execute("alter role master reset all")


def set_and_fill(world: World, database: str, owner: str, url: str, fill: tuple[str, ...]) -> None:
    """Set what roles and databases may set, at both sides, and put rows in, so that copy and live changes both meet them."""
    for side, role in ((world.source, owner), (world.target, "master")):
        with side.connect() as admin:
            for number, setting in enumerate(SETTINGS):
                admin.execute(f"alter {'role ' + role if number % 2 else 'database ' + database} set {setting}")
            admin.execute(f"alter database {database} set lc_monetary to 'C'")
    with psycopg.connect(url, autocommit=True) as app:
        for statement in fill:
            app.execute(statement)


LATIN = "create table words (id int primary key, t text); create table words_bare (t text); create table words_key (t text primary key, v int);"


def test_a_latin1_database_arrives_as_utf8(world: World) -> None:
    """F67: LATIN1 at the source, UTF8 at the target: copied, changed, keyed and bare."""
    pair = world.pair(schema="select")
    recode(pair, "LATIN1", "UTF8")
    with psycopg.connect(pair.source_url, autocommit=True, client_encoding="UTF8") as app:
        app.execute(LATIN)
        app.execute(
            "insert into words values (1, 'é§ÿ'); insert into words_bare values ('é§ÿ'); insert into words_key values ('é§ÿ', 1)"
        )
        pair.start(FORWARD)
        pair.wait_live(FORWARD)
        app.execute(
            "insert into words values (2, 'ß×÷'); insert into words_bare values ('ß×÷'); insert into words_key values ('ß×÷', 2)"
        )
        app.execute(
            "update words_key set t = 'ÿ' || t; update words set t = t || 'å'; insert into words_bare values ('ß×÷')"
        )
        app.execute("delete from words_bare where t = 'é§ÿ'")
    pair.drain(FORWARD)

    assert_same_contents(pair.source(), pair.target())


def test_a_database_without_an_encoding_arrives_byte_for_byte(world: World) -> None:
    """F67: SQL_ASCII at the source, whose bytes are UTF-8 all the same, as with most databases of that kind."""
    pair = world.pair(schema="select")
    recode(pair, "SQL_ASCII", "UTF8")
    with psycopg.connect(pair.source_url, autocommit=True, client_encoding="SQL_ASCII") as app:
        app.execute(LATIN)
        app.execute(
            rb"insert into words values (1, E'caf\303\251'); insert into words_bare values (E'\303\237'), (E'\303\237')"
        )
        pair.start(FORWARD)
        pair.wait_live(FORWARD)
        app.execute(
            rb"insert into words_key values (E'na\303\257ve', 1), (E'\303\251', 2); update words set t = t || E'\342\230\203'"
        )
        app.execute(rb"update words_key set t = E'\303\240' || t where v = 1")
    pair.drain(FORWARD)

    assert raw_bytes(pair.source_url) == raw_bytes(pair.target_url) != []


def raw_bytes(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url, client_encoding="SQL_ASCII") as reader:
        return reader.execute(
            "select 'words', id::text, encode(textsend(t), 'hex') from public.words union all"
            " select 'bare', '', encode(textsend(t), 'hex') from public.words_bare union all"
            " select 'key', v::text, encode(textsend(t), 'hex') from public.words_key order by 1, 2, 3"
        ).fetchall()


def test_bytes_that_are_no_text_hold_their_table_and_no_other(world: World) -> None:
    """F67: SQL_ASCII at the source with Latin-1 bytes, UTF8 at the target: their table is held, by name and byte; the others go on."""
    pair = world.pair(schema="select")
    recode(pair, "SQL_ASCII", "UTF8")
    with psycopg.connect(pair.source_url, autocommit=True, client_encoding="SQL_ASCII") as app:
        app.execute(LATIN)
        app.execute(rb"insert into words values (1, 'clean'), (2, E'caf\351')")
        pair.start(FORWARD)
        pair.wait(FORWARD, lambda status: "public.words_key" in live(status), what="the sound tables to be live")
        app.execute(rb"insert into words_key values ('clean', 1)")
        until(lambda: arrived(pair, "words_key") == 1, "the clean row of the other table", 40)
        app.execute(rb"insert into words_key values (E'caf\351', 2); insert into words_bare values ('clean')")
        until(lambda: "words_key" in held(pair), "the table with the bad key to be held", 40)
        until(lambda: arrived(pair, "words_bare") == 1, "the third table to go on", 40)

    assert held(pair).keys() == {"words", "words_key"}
    assert all("0xe9" in because for because in held(pair).values())


def arrived(pair: Pair, table: LiteralString) -> int:
    with psycopg.connect(pair.target_url) as reader:
        row = reader.execute(f"select count(*) from public.{table}").fetchone()
    return row[0] if row else 0


def live(status: pump.LinkStatus) -> set[str]:
    return {table.name for table in status.tables if table.state == "live"}


def held(pair: Pair) -> dict[str, str]:
    with psycopg.connect(pair.target_url) as reader:
        return dict(reader.execute("select name, held_because from offramp.moved where state = 'paused'").fetchall())


def test_many_enum_labels_added_while_running_arrive_in_their_order(world: World) -> None:
    """F69: labels beyond the sixty-third, one put before the others, one renamed, each used as soon as it is there."""
    labels = ", ".join(f"'label {n}'" for n in range(60))
    lab = Lab.begin(
        world, f"create type tone as enum ({labels}); create table sung (id serial primary key, t tone, many tone[])"
    )
    lab.do("insert into sung (t) values ('label 1')")
    for n in range(60, 70):
        lab.run(
            f"alter type tone add value 'label {n}'",
            f"insert into sung (t, many) values ('label {n}', array['label 1', 'label {n}']::tone[])",
        )
    lab.run("alter type tone add value 'first of all' before 'label 0'", "insert into sung (t) values ('first of all')")
    lab.run("alter type tone rename value 'label 5' to 'renamed'", "insert into sung (t) values ('renamed')")
    lab.check_in_the_end()
    source, target = (
        [
            row[0]
            for row in reader.execute(
                "select enumlabel from pg_enum where enumtypid = 'public.tone'::regtype order by enumsortorder"
            )
        ]
        for reader in lab.readers
    )
    lab.end()

    assert source == target


def test_no_clock_decides_what_is_in_a_batch(world: World) -> None:
    """F72, I103: no clock of any host decides what belongs to a batch; rows and time zones around a change of daylight saving arrive.

    The pump orders nothing by time: a row belongs to a window by its transaction's visibility alone. So rows that carry times far
    in the past and the future, in sessions of other zones, are carried like any others. The host's own clock cannot be turned
    here without root and a faked library, and turning it would change only the figures of lag.
    """
    lab = Lab.begin(world, "create table clocked (id serial primary key, at timestamptz default clock_timestamp())")
    for zone in ("Pacific/Kiritimati", "America/Anchorage", "Europe/Berlin"):
        app = lab.app()
        app.execute(f"set timezone = '{zone}'")
        app.execute(
            "insert into clocked (at) values ('2024-03-31 02:30'), ('2024-10-27 02:30'), ('1970-01-01'), ('2999-12-31 23:59:59')"
        )
        app.execute("insert into clocked default values")
        app.close()
        lab.check()
    lab.end()
