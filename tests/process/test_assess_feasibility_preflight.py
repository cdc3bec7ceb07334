"""Do the pump's real words about a real PostgreSQL become findings, and can the SQL that findings advise be run there?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World

from offramp import postgres, pump
from offramp.assess.feasibility import databases, health, rules, taking
from offramp.assess.feasibility.model import Answer, Commands, Finding, Severity
from offramp.assess.feasibility.readings import Readings
from offramp.assess.feasibility.verdicts import judge
from offramp.discover.model import Activity, App, Database, Estate, ProcessType, Server, Statements
from offramp.discover.model import Readings as Health

ADDON = "postgresql-flat-1"
TROUBLE = """
create table bare (x int);
create table half (x int unique, y int);
create unlogged table fast (id int primary key);
create table nothing_in_it ();
create table many (id serial primary key);
select setval('many_id_seq', 2000000000);
create collation mine (provider = icu, locale = 'de');
"""
# As whom, what, and the finding that it must become: severity, object, a piece of its title.
EXPECTED = (
    (Severity.BLOCKS, "public.theirs", "belongs to postgres"),
    (Severity.BLOCKS, "public.nothing_in_it", "no columns"),
    (Severity.FIRST, "server far", "not carried"),
    (Severity.AFTER, "sequence public.many_id_seq", "used up"),
    (Severity.KNOW, "public.fast", "unlogged"),
    (Severity.KNOW, "public.bare", "no usable key"),
)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    made = pump_world.make_world(module_folder)
    yield made
    made.close()
    made.source.stop()
    made.target.stop()


@pytest.fixture(scope="module")
def pair(world: World) -> Pair:
    made = world.pair(schema=TROUBLE)
    with world.source.connect(made.name) as admin:
        admin.execute("create table theirs (id int primary key)")
        admin.execute("create extension postgres_fdw")
        admin.execute("create server far foreign data wrapper postgres_fdw")
        admin.execute("create extension xml2")
    return made


def estate(**changes: object) -> Estate:
    web = ProcessType("web", "gunicorn a -w 2 --keep-alive 75 --forwarded-allow-ips x", 1, "Standard-1X", 512)
    app = App("shop", "id", "heroku-24", "cedar", "us", False, "shop.example", (), (web,), None, 1, (), (), ())
    stored = Database(ADDON, "shop", "DATABASE_URL", "heroku-postgresql:standard-0", 170006, 0, 120, (), (), ())
    return Estate((app,), (replace(stored, **changes),), (), (), (), 0)  # type: ignore[arg-type]


def preflight(pair: Pair, world: Estate, *, stand_in: bool) -> tuple[Finding, ...]:
    """What the pump says when it may not write a thing at the source, as findings."""
    source, target = pair.source(), pair.target()
    source.execute("set default_transaction_read_only = on")
    seen = taking.preflight(ADDON, pump.check(source, target), stand_in=stand_in)
    return judge(world, (seen,), Readings()).findings


def test_what_the_pump_refuses_or_warns_of_becomes_findings(pair: Pair) -> None:
    found = preflight(pair, estate(), stand_in=True)

    for severity, thing, words in EXPECTED:
        assert [one.severity for one in found if thing in one.objects and words in one.title] == [severity], (
            thing,
            words,
        )


def test_what_is_said_of_the_same_kind_of_table_is_one_finding(pair: Pair) -> None:
    (finding,) = (one for one in preflight(pair, estate(), stand_in=True) if "no usable key" in one.title)

    assert finding.objects == ("public.bare", "public.half")
    assert finding.database == ADDON


def test_what_a_stand_in_lacks_is_not_held_against_rds(pair: Pair) -> None:
    """The server that stands for RDS was built without ICU and without xml2; RDS has the one and not the other."""
    as_stand_in = preflight(pair, estate(extensions=("citext", "postgres_fdw", "xml2")), stand_in=True)
    as_itself = preflight(pair, estate(extensions=("citext", "postgres_fdw", "xml2")), stand_in=False)

    assert not [one for one in as_stand_in if "collation mine" in one.objects or "extension xml2" in one.objects]
    assert [one.objects for one in as_stand_in if one.key == "extension-not-on-rds"] == [("xml2",)]
    assert [one.severity for one in as_itself if "collation mine" in one.objects] == [Severity.BLOCKS]
    assert [one.severity for one in as_itself if "extension xml2" in one.objects] == [Severity.BLOCKS]
    assert not [one for one in as_itself if one.key == "extension-not-on-rds"]


def test_a_database_without_trouble_moves(world: World) -> None:
    calm = world.pair(schema="create table thing (id bigint primary key)")
    source, target = calm.source(), calm.target()
    answer = judge(estate(), (taking.preflight(ADDON, pump.check(source, target)),), Readings())

    assert answer.apps[0].answer is not Answer.STAY
    assert not [one for one in answer.findings if one.key.startswith("preflight")]


def test_what_sessions_keep_becomes_findings(pair: Pair) -> None:
    holder = pair.app()
    holder.execute("select pg_advisory_lock(7)")
    uses = postgres.session_uses(pair.source())
    holder.close()
    readings = Readings(sessions=taking.sessions(ADDON, uses))
    (finding,) = (one for one in judge(estate(), (), readings).findings if one.key == "session-state")

    assert finding.objects == ("advisory lock",)
    assert "pg_advisory_xact_lock" in str(finding.mends)


def sql_of(finding: Finding) -> list[str]:
    """The SQL of ``heroku pg:psql ADDON -a APP -c SQL`` in a finding's mends."""
    lines = [line for mend in finding.mends if isinstance(mend, Commands) for line in mend.lines]
    return [shlex.split(line)[-1] for line in lines if line.startswith("heroku pg:psql")]


def test_the_sql_that_findings_advise_runs_as_the_owner(world: World) -> None:
    """On Heroku the owner made its extensions itself; here an administrator makes them its own."""
    pair = world.pair(schema="create table thing (id text primary key)")
    with world.source.connect(pair.name) as admin:
        admin.execute("set allow_system_table_mods = on")
        admin.execute("create extension xml2")
        admin.execute("update pg_extension set extowner = %s::regrole where extname = 'xml2'", (pair.owner,))
    said = [databases.EXTENSION.key, health.WRAPAROUND.key, health.COLLATION.key]
    found = judge(estate(extensions=("xml2",), **ailing()), (), Readings()).findings
    ran = []
    with psycopg.connect(pair.source_url, autocommit=True) as owner:
        for finding in found:
            for statement in sql_of(finding):
                owner.execute(statement.encode())
                ran.append(finding.key)

    assert sorted(ran) == sorted(said)
    assert {kind.key for kind in rules.KINDS} >= set(ran)


def ailing() -> dict[str, object]:
    """A database in need of a vacuum and of new indexes."""
    nobody = Activity(1, 120, 0, 1, 0, (), (), ())
    tired = Health(
        at=0.0, counted_since=None, growth=None, statements=Statements((), 0.0, 0, None), tables=(), indexes=(), index_bytes=0,
        numbers=(), unusual=(), activity=nobody, heap_hit=None, index_hit=None, oldest_xid_age=9, frozen_limit=8, commits=0, rollbacks=0,
        deadlocks=0, temporary_bytes=0,
    )  # fmt: skip
    server = Server("17", "UTF8", "C", "C", "libc", "2.31", "2.39", "UTC", "replica", False, (), (), 120, 0)
    return {"readings": tired, "server": server}
