"""Do digests see every byte, alike on every major version, and do lists name exactly the rows that differ? (M117)"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pump_world
import pytest
from psycopg import sql
from pump_world import Pair, World, until

from offramp import postgres, pump
from offramp.postgres import Connection, Table
from offramp.pump import Link, checks, cutting, differing, digest, footing, shape
from offramp.pump.rounds import Rounds
from offramp.pump.state import Ledger
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

LINK = Link("rows", "forward", 1)
VALUES = {
    "smallint": "-32768 0 1 32767",
    "integer": "-2147483648 -1 0 1 2147483647",
    "bigint": "-9223372036854775808 -1 0 1 4294967296 8589934593 4294967298 9223372036854775807",
    "oid": "0 1 4294967295",
    "uuid": "00000000-0000-0000-0000-000000000000 ffffffff-ffff-ffff-ffff-ffffffffffff 0123e456-e89b-12d3-a456-426614174000",
    "boolean": "true false",
    "date": "4713-01-01BC 1970-01-01 2000-02-29 5874897-12-31 infinity -infinity",
    "text": "a A ä \u00e4 a\u0308 日本 🙂 1.0 1.00",
    "character varying(9)": "a A ab 日本",
    "character(5)": "a A ab 日本",
    "bytea": r"\x \x00 \x0000 \xff00 \xdeadbeef",
    "timestamp without time zone": "1999-12-31T23:59:59.999999 2000-01-01 infinity",
    "timestamp(3) with time zone": "1999-12-31T23:59:59.999Z 2000-01-01Z -infinity",
    "numeric(12,3)": "0 -0.001 0.001 1 999999999.999 NaN",
    "numeric": "0 1.0 1.00 1e3 NaN",
    "double precision": "0 -0 1e-300 NaN Infinity 0.1",
    "real": "0 -0 0.1 NaN",
    "interval": "P1D PT24H P1M P30D",
    "time without time zone": "00:00 23:59:59.999999 24:00",
}
# Types that are known by their text alone.
PRINTED = {
    "json": '{"a":1} {"a":1.0} {"b":1}',
    "jsonb": '{"a":1} {"a":1.0} {"b":1}',
    "public.citext": "a A b",
    "public.mood": "sad fine glad",
    "bigint[]": "{1,2} {{1},{2}} [0:1]={1,2} {NULL}",
    "inet": "10.0.0.1/8 10.0.0.1 ::1",
    "money": "1 -1 0",
    "tsvector": "a:1 a:1A b",
    "bit varying": "1 10 010",
}


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    both(world.pair(schema="create table ignored (id int)"), "create extension if not exists citext")
    yield world
    world.close()
    # A shutdown's checkpoint would take longer than the tests.
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


@pytest.fixture(autouse=True)
def nothing_stays_open(world: World) -> Iterator[None]:
    """Tests share a pair, so each lets its connections go."""
    yield
    for pair in world.made:
        pair.close()


@pytest.fixture
def middle(world: World) -> Iterator[Postgres]:
    with Postgres(world.folder / "middle", programs.postgres_of(17)) as server:
        yield server


def both(pair: Pair, statement: str) -> None:
    for side in (pair.source(), pair.target()):
        side.execute("set search_path = public")
        side.execute(statement)
        side.execute("set search_path = pg_catalog")


def twin(world: World, statement: str) -> tuple[Pair, Table]:
    """One table ``t`` on both sides of the shared pair, without a link."""
    pair = world.made[0]
    both(pair, "drop table if exists t; drop domain if exists word; drop type if exists mood")
    both(pair, "create type mood as enum ('sad', 'fine', 'glad')")
    both(pair, statement)
    table = next(table for table in postgres.tables(pair.source()) if table.name == "t")
    return pair, table


def fill_types(side: Connection) -> None:
    side.execute("set search_path = public")
    side.execute("create extension if not exists citext; create type mood as enum ('sad', 'fine', 'glad')")
    for place, (kind, texts) in enumerate({**VALUES, **PRINTED}.items()):
        name = sql.Identifier(f"t{place}")
        side.execute(sql.SQL("create table {} (v {})").format(name, shape.type_of(kind)))
        side.execute(
            sql.SQL("insert into {} select x::{} from unnest({}::text[]) x union all select null").format(
                name, shape.type_of(kind), sql.Literal([text.replace("_", " ") for text in texts.split(" ")])
            )
        )
        if kind in ("text", "character varying(9)", "character(5)"):
            side.execute(sql.SQL("insert into {} values (''), (' '), ('a b')").format(name))
    side.execute("set search_path = pg_catalog")


def test_hashes_are_alike_on_three_major_versions_and_see_what_is_printed(world: World, middle: Postgres) -> None:
    """M117: precision, spaces, case, NULL and empty: what prints apart is apart, in every type, on 15, 17 and 18."""
    pair = world.pair(schema="create table ignored (id int)")
    sides = (pair.source(), pair.target(), pair._open(middle.url()))
    for side in sides:
        fill_types(side)
    kinds = list({**VALUES, **PRINTED})
    tables = [table for table in postgres.tables(sides[0]) if table.name.startswith("t")]
    said = {table.name: [digest.of(side, table) for side in sides] for table in tables}
    for table in tables:
        kind = kinds[int(table.name[1:])]
        hashed, image = digest.hashed(table), shape.image(table, "t")
        row = (
            sides[0]
            .execute(
                sql.SQL('select count(distinct {}), count(distinct {} collate "C") from {} t').format(
                    hashed, image, shape.name(table)
                )
            )
            .fetchone()
        )
        assert (kind, said[table.name][0], True) == (kind, said[table.name][1], row is not None and row[0] == row[1])
        assert (kind, said[table.name][0]) == (kind, said[table.name][2])
        assert (kind, digest.binary(table.columns[0]) is not None) == (kind, kind in VALUES)


def test_two_rows_that_exchanged_a_value_are_seen(world: World) -> None:
    """M117: sums of plain row hashes would stay the same."""
    pair, table = twin(
        world,
        "create table t (id int primary key, a int, b text); insert into t select i, i, 'b' || i from generate_series(1, 50) i",
    )
    pair.target().execute("update public.t set a = 14 - a where id in (5, 9)")
    found = differing.in_range(pair.source(), pair.target(), table, sql.SQL("true"))

    assert digest.of(pair.source(), table) != digest.of(pair.target(), table)
    assert [(one.key, one.kind) for one in found.differences] == [("5", "changed"), ("9", "changed")]


def test_what_counts_as_equal_is_one_text(world: World) -> None:
    pair, table = twin(world, "create table t (id int primary key, doc jsonb, at timestamptz)")
    pair.source().execute("""insert into public.t values (1, '{"a": 1, "b": 2}', '2024-03-10 12:00:00+02')""")
    pair.target().execute("""insert into public.t values (1, '{"b":2,"a":1}', '2024-03-10 05:00:00-05')""")

    assert digest.of(pair.source(), table) == digest.of(pair.target(), table)


KEYS = {
    "integer": "i * 7",
    "text": "md5(i::text)",
    "public.citext": "(case when i % 2 = 0 then upper(md5(i::text)) else md5(i::text) end)::public.citext",
    "uuid": "md5(i::text)::uuid",
    "timestamptz": "timestamptz '2020-01-01Z' + i * interval '1.5 s'",
    "numeric": "i / 8.0",
    "double precision": "i / 3.0",
    "public.word": "('w' || i)::public.word",
    "character(6)": "'k' || i",
    "date": "date '1900-01-01' + i",
    'text collate "C"': "'x' || i",
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_table_is_cut_by_any_key(world: World, kind: str) -> None:
    pair, table = twin(
        world,
        "create domain word as varchar(20) check (value like 'w%'); create table t (k "
        f"{kind} not null, second int, body text, primary key (k, second)); "
        f"insert into t select {KEYS[kind]}, i % 3, 'row ' || i from generate_series(1, 9000) i; analyze t",
    )  # fmt: skip
    origin, receiver = pair.source(), pair.target()
    for side in (origin, receiver):
        side.execute("set enable_seqscan = off")
    cuts = cutting.bounds(receiver, table, cutting.EVERYTHING)
    edges = [None, *cuts, None]
    ranges = list(itertools.pairwise(edges))
    here, there = (cutting.digests(side, table, ranges) for side in (origin, receiver))

    assert len(ranges) == 5
    assert cutting.fit(receiver, table, cuts)
    assert cutting.fit(origin, table, cuts)
    assert here == there
    assert sum(here, digest.NOTHING) == digest.of(origin, table)


def test_a_sampled_table_is_cut_into_chunks_of_about_the_same_size(world: World) -> None:
    pair, table = twin(
        world,
        "create table t (id int primary key, body text); insert into t select i, 'b' || i from generate_series(1, 210000) i; analyze t",
    )
    cuts = cutting.bounds(pair.target(), table, cutting.EVERYTHING)
    edges = [None, *cuts, None]
    sizes = [one.rows for one in cutting.digests(pair.target(), table, list(itertools.pairwise(edges)))]

    assert sum(sizes) == 210000
    assert max(sizes) < 3 * cutting.CHUNK_ROWS
    assert 70 < len(sizes) < 140


def test_a_key_that_no_range_can_find_stays_in_one_piece(world: World) -> None:
    pair, table = twin(
        world,
        "create table t (k text not null, body text); create unique index on t (k text_pattern_ops); "
        "insert into t select md5(i::text), 'b' from generate_series(1, 5000) i; analyze t",
    )
    cuts = cutting.bounds(pair.target(), table, cutting.EVERYTHING)

    assert len(table.key) == 1
    assert not cutting.fit(pair.target(), table, cuts)


def disagreeing(world: World) -> tuple[Pair, Table]:
    """A text key that the two sides sort differently, as two versions of a locale's rules do."""
    pair, table = twin(
        world,
        "create table t (k text primary key, body text); "
        "insert into t select (case when i % 2 = 0 then 'K' else 'k' end) || i, 'b' || i from generate_series(1, 6000) i",
    )
    pair.source().execute('alter table public.t alter k type text collate "und-x-icu"')
    return pair, table


def test_sides_that_sort_differently_raise_no_false_alarm(world: World) -> None:
    """M117: a row that lies in another range on the other side is elsewhere, not missing."""
    pair, table = disagreeing(world)
    origin, receiver = pair.source(), pair.target()
    low, high = ("K2100",), ("k3",)
    within = cutting.within(table, low, high)
    receiver.execute("update public.t set body = 'other' where k = 'K2102'")
    origin.execute("delete from public.t where k = 'K2104'")
    receiver.execute("delete from public.t where k = 'k2101'")
    sides = [set(differing.keyed(side, table, within)) for side in (origin, receiver)]
    found = differing.in_range(origin, receiver, table, within)

    assert len(sides[0] ^ sides[1]) > 1000
    assert {("K2102", "changed"), ("K2104", "extra"), ("k2101", "missing")} == {
        (one.key, one.kind) for one in found.differences
    }


def test_bounds_that_do_not_ascend_on_the_other_side_are_not_used(world: World) -> None:
    pair, table = disagreeing(world)
    cuts = [("K9",), ("k1",)]

    assert cutting.fit(pair.target(), table, cuts)
    assert not cutting.fit(pair.source(), table, cuts)


def test_a_citext_key_in_another_case_is_one_changed_row(world: World) -> None:
    pair, table = twin(world, "create table t (k citext primary key, n int); insert into t values ('Abc', 1), ('d', 2)")
    pair.target().execute("update public.t set k = 'aBC' where n = 1")
    found = differing.in_range(pair.source(), pair.target(), table, sql.SQL("true"))

    assert [(one.key, one.kind) for one in found.differences] == [("Abc", "changed")]


@pytest.mark.parametrize("key", ["int", "text", "citext", "int, text", "citext, date"])
def test_the_chunks_of_staged_keys_are_found(world: World, key: str) -> None:
    makers = {
        "int": "i * 2",
        "text": "'t' || i",
        "citext": "('C' || i)::public.citext",
        "date": "date '2000-01-01' + i",
    }
    kinds = key.split(", ")
    columns = ", ".join(f"k{place} {kind}" for place, kind in enumerate(kinds))
    values = ", ".join(makers[kind] for kind in kinds)
    names = ", ".join(f"k{place}" for place in range(len(kinds)))
    pair, table = twin(
        world,
        f"create table t ({columns}, body text, primary key ({names})); "
        f"insert into t select {values}, 'b' from generate_series(1, 12000) i; analyze t",
    )
    receiver = pair.target()
    ledger = Ledger(receiver, LINK)
    ledger.create()
    cuts = cutting.bounds(receiver, table, cutting.EVERYTHING)
    edges = [None, *cuts, None]
    chunks = [(10 + place, limits) for place, limits in enumerate(itertools.pairwise(edges))]
    mine = checks.Checks(receiver, LINK)
    mine.cut(table.oid, None, [(number, limits, 1) for number, limits in chunks])
    mine.equal([checks.Equal(table.oid, number, 1, 1.0, clean=True) for number, _ in chunks])
    aliases = shape.key_aliases(table)
    receiver.execute(
        sql.SQL("create temp table stage as select {} from public.t where body = 'none'").format(
            shape.comma(
                sql.SQL("{} as {}").format(sql.Identifier(one.name), alias)
                for one, alias in zip(table.key, aliases, strict=True)
            )
        )
    )
    for bound in (cuts[2], cuts[4]):
        receiver.execute(sql.SQL("insert into stage values ({})").format(shape.comma(map(sql.Literal, bound))))
    staged = receiver.execute(
        sql.SQL("select array[{}] from stage").format(shape.comma(sql.SQL("{}::text").format(one) for one in aliases))
    ).fetchall()
    told = {
        number
        for (number,) in receiver.execute(cutting.touched(LINK, table, chunks, sql.Identifier("pg_temp", "stage")))
    }
    truth = {
        number
        for number, (low, high) in chunks
        if differing.keyed(receiver, table, cutting.within(table, low, high)).keys() & {tuple(row[0]) for row in staged}
    }
    dirty = {chunk.number for chunk in mine.chunks()[table.oid] if chunk.dirty}

    assert {13, 15} == truth
    assert truth <= told
    assert told == dirty
    assert key != "int" or told == truth


def hindered(side: Connection) -> bool:
    try:
        footing.demand_unhindered(side)
    except footing.DisturbedError:
        return True
    return False


def test_a_check_gives_way_to_whoever_waits_for_its_lock(world: World) -> None:
    pair, table = twin(world, "create table t (id int primary key)")
    checking, other = pair.source(), pair.app()
    other.execute("set lock_timeout = '20s'")
    with checking.transaction():
        digest.of(checking, table)
        assert not hindered(checking)
        waiting = threading.Thread(target=lambda: other.execute("alter table public.t add column n int"))
        waiting.start()
        until(lambda: hindered(checking), "the alter to wait", 10)
    waiting.join()

    assert not waiting.is_alive()


@pytest.mark.parametrize("statement", ["truncate public.t", "alter table public.t alter id type bigint"])
def test_a_table_that_was_rewritten_under_a_snapshot_is_not_judged(world: World, statement: str) -> None:
    pair, table = twin(world, "create table t (id int primary key); insert into t values (1)")
    checking = pair.source()
    checking.execute("begin isolation level repeatable read")
    footing.demand_unrewritten(checking, table)
    pair.app().execute(statement)
    seen = digest.of(checking, table)

    assert seen.rows == 0
    with pytest.raises(footing.DisturbedError, match="rewritten"):
        footing.demand_unrewritten(checking, table)
    checking.rollback()


def test_bounds_of_a_key_that_is_another_now_are_forgotten(world: World) -> None:
    pair, table = twin(world, "create table t (id int primary key)")
    receiver = pair.target()
    ledger = Ledger(receiver, LINK)
    ledger.create()
    mine = checks.Checks(receiver, LINK)
    mine.cut(table.oid, None, [(1, (None, ("a word",)), 5), (2, (("a word",), None), 5)])
    Rounds(ledger).load([table])

    assert [(chunk.low, chunk.high) for chunk in mine.chunks()[table.oid]] == [cutting.EVERYTHING]


def test_verify_all_names_every_row_that_differs(world: World) -> None:
    """M117: quiet databases, with keys of every kind and without."""
    pair = world.pair(schema="create table ignored (id int)")
    both(
        pair,
        """
        create table big (id int primary key, a text, n numeric);
        insert into big select i, 'a' || i, i / 10.0 from generate_series(1, 60000) i;
        create table bare (a text, n double precision);
        insert into bare select 'a' || i % 900, i % 7 from generate_series(1, 30000) i;
        create table many (t text, d date, j json, primary key (t, d));
        insert into many select 't' || i, date '2000-01-01' + i, json_build_object('i', i) from generate_series(1, 4000) i;
        """,
    )
    origin, receiver = pair.source(), pair.target()
    ledger = Ledger(receiver, LINK)
    ledger.create()
    for table in postgres.tables(origin):
        if table.name != "ignored":
            ledger.add(table, "live")
    before = pump.verify_all(origin, receiver, LINK)
    receiver.execute("set search_path = public")
    receiver.execute(
        "update big set n = n * 1.00 where id in (17, 40000); delete from big where id = 59999; insert into big values (0, null, 0)"
    )
    receiver.execute("update big set a = '' where id = 30; update many set j = '{\"i\":7}' where t = 't7'")
    receiver.execute(
        "insert into bare values ('a1', 1); delete from bare where ctid = (select min(ctid) from bare where a = 'a5')"
    )
    receiver.execute("set search_path = pg_catalog")
    found = pump.verify_all(origin, receiver, LINK).differences

    assert (before.differences, before.rows) == ((), 94000)
    assert {
        ("public.big", "17", "changed"), ("public.big", "40000", "changed"), ("public.big", "59999", "missing"),
        ("public.big", "0", "extra"), ("public.big", "30", "changed"), ("public.many", "t7, 2000-01-08", "changed"),
    } == {(one.table, one.key, one.kind) for one in found if one.table != "public.bare"}  # fmt: skip
    assert sorted(one.kind for one in found if one.table == "public.bare") == ["extra", "missing"]
