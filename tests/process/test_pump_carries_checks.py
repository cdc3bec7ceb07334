"""Does the preflight name everything that will not carry by itself, with a way out, and stay silent when all is well?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World

from offramp import postgres, pump
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.postgres import Connection
from offramp.pump import Concern, checking
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.ports import free_port
from offramp.rehearsal.servers.postgres import Postgres

# What a database can hold: as whom it is made, how, what is named, a piece of the reason, whether it blocks.
TROUBLES = [
    ("admin", "create table theirs (id int primary key); alter table theirs owner to postgres", "public.theirs", "belongs to postgres", True),
    ("owner", "create table bare (x int)", "public.bare", "no usable key", False),
    ("owner", "create table half (x int unique, y int)", "public.half", "no usable key", False),
    ("owner", "create table nothing_in_it ()", "public.nothing_in_it", "no columns", True),
    ("owner", "create unlogged table fast (id int primary key)", "public.fast", "unlogged", False),
    ("owner", "create table forced (id int primary key); alter table forced enable row level security, force row level security",
     "public.forced", "Row security hides rows", True),
    ("owner", "create table noisy (id int primary key); create function f() returns trigger language plpgsql as 'begin return new; end';"
     "create trigger t before insert on noisy for each row execute function f(); alter table noisy enable always trigger t",
     "trigger t on public.noisy", "fires for replicated rows", True),
    ("owner", "create trigger r before insert on noisy for each row execute function f(); alter table noisy enable replica trigger r",
     "trigger r on public.noisy", "fires for replicated rows", True),
    ("owner", "create trigger offramp_mine before insert on noisy for each row execute function f()",
     "trigger offramp_mine on public.noisy", "begins with offramp_", True),
    ("owner", "create table naming (id int primary key, what regclass, whats regtype[])", "public.naming.what", "regclass", False),
    ("owner", "select 1", "public.naming.whats", "regtype[]", False),
    ("owner", "create table sorted (t text collate \"en-x-icu\" primary key) partition by range (t)",
     "public.sorted", "bounds of its partitions", False),
    ("owner", "select 1", "collation en-x-icu", "built without ICU", True),
    ("owner", "create collation mine (provider = icu, locale = 'de')", "collation mine", "built without ICU", True),
    ("owner", "create table twice (id int primary key, a int); insert into twice values (1, 1), (2, 1)", "index public.twice_a", "invalid", False),
    ("admin", "create extension postgres_fdw; create server far foreign data wrapper postgres_fdw", "server far", "foreign server", False),
    ("admin", "create foreign table far_t (id int) server far", "public.far_t", "foreign table", False),
    ("admin", "create function watch() returns event_trigger language plpgsql as 'begin end';"
     "create event trigger watching on ddl_command_start execute function watch()", "event trigger watching", "superuser", False),
    ("owner", "create publication feed for table bare", "publication feed", "not carried", False),
    ("admin", "create subscription taking connection 'dbname=nowhere' publication x with (connect = false)",
     "subscription taking", "subscription", False),
    ("admin", "set allow_system_table_mods = on; insert into pg_seclabel select oid, 'pg_class'::regclass, 0, 'dummy', 'secret'"
     " from pg_class where relname = 'bare'", "security label of table public.bare", "provider", False),
    ("admin", "update pg_extension set extconfig = array['bare'::regclass::oid], extcondition = array['']"
     " where extname = 'postgres_fdw'", "public.bare", "table of extension postgres_fdw", False),
    ("admin", "revoke execute on function citextin(cstring) from public", "public.citextin(cstring)", "extension citext made it", False),
    ("admin", "create sequence secret; alter sequence secret owner to postgres", "public.secret", "may not be read", True),
    ("owner", "create table many (id serial primary key); select setval('many_id_seq', 2000000000)", "sequence public.many_id_seq", "93%", False),
    ("owner", "create sequence wide as bigint; create table narrow (id int primary key default nextval('wide')); select setval('wide', 2147483000)",
     "sequence public.wide", "100%", False),
    ("owner", "select lo_from_bytea(0, 'abc')", "large objects", "2 large objects of 3 bytes", False),
    ("admin", "select lo_create(424242)", "large objects", "may not be read by the source's role, the first 424242", True),
    ("owner", "grant select on bare to {0}_web", "role {0}_web", "password", False),
    ("admin", "create trusted language own_language handler plpgsql_call_handler;"
     "create function own() returns int language own_language as 'begin return 1; end'", "language own_language", "not have it", True),
    ("owner", "begin; insert into bare values (1); prepare transaction 'left {0}'", "prepared transaction left {0}", "on public.bare", False),
    ("owner", "create table images ({1})", "public.images", "801 columns", True),
    ("admin", "create extension dblink; drop extension dblink; create extension if not exists xml2", "extension xml2", "not offer it", True),
    ("owner", "select 1", "extension citext", "1.6 here and will be 1.8", False),
    ("admin", "create tablespace {0}_space location '';; create table elsewhere (id int primary key) tablespace {0}_space",
     "public.elsewhere", "tablespace {0}_space", False),
]  # fmt: skip


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop()
    world.target.stop()


@pytest.fixture(scope="module")
def troubled(world: World) -> tuple[Pair, tuple[Concern, ...]]:
    """A database with every trouble at once, and what is said about it."""
    pair = world.pair(schema="select 1")
    columns = ", ".join(f"c{number} int" for number in range(801))
    with world.source.connect(pair.name) as admin, pair.app() as owner:
        admin.execute(f"set allow_in_place_tablespaces = on; create role {pair.name}_web login")
        for who, statements, *_ in TROUBLES:
            for statement in statements.format(pair.name, columns).split(";; "):
                (admin if who == "admin" else owner).execute(statement)
        with pytest.raises(psycopg.errors.UniqueViolation):
            owner.execute("create unique index concurrently twice_a on twice (a)")
    concerns = pump.check(pair.source(), pair.target(), pair.owner)
    with psycopg.connect(pair.source_url, autocommit=True) as owner:
        owner.execute(f"rollback prepared 'left {pair.name}'")
    return pair, concerns


@pytest.mark.parametrize(
    ("named", "because", "blocking"), [row[2:] for row in TROUBLES], ids=[row[2] for row in TROUBLES]
)
def test_trouble_is_named_with_a_way_out(
    troubled: tuple[Pair, tuple[Concern, ...]], named: str, because: str, blocking: bool
) -> None:
    """L111, F70 and K110: what blocks and what is only said, by name."""
    pair, concerns = troubled
    named, because = (text.format(pair.name) for text in (named, because))
    found = [said for said in concerns if said.object == named and because in said.why]

    assert [(said.blocking, bool(said.fix)) for said in found] == [(blocking, True)], concerns


def test_blocking_concerns_come_first(troubled: tuple[Pair, tuple[Concern, ...]]) -> None:
    _, concerns = troubled
    kinds = [said.blocking for said in concerns]

    assert kinds == sorted(kinds, reverse=True)


def test_nothing_is_said_when_all_is_well(world: World) -> None:
    """A setting of the database or of its owner differs, but is carried."""
    pair = world.pair(schema="create table t (id int primary key, v text)")
    with world.source.connect(pair.name) as admin:
        admin.execute("drop extension citext")
        admin.execute(
            f"alter database {pair.name} set timezone = 'Europe/Vienna'; alter role {pair.owner} set bytea_output = 'escape'"
        )

    assert pump.check(pair.source(), pair.target(), pair.owner) == ()


def only(concerns: tuple[Concern, ...], named: str) -> tuple[str, bool]:
    """Return reason and weight of the one concern about ``named``."""
    (found,) = [said for said in concerns if said.object == named]
    return found.why, found.blocking


TARGET_TROUBLES = [
    ("create table t (id int)", "drop table t", "target database", "already has 1 tables", True),
    ("revoke set on parameter session_replication_role from master", "grant set on parameter session_replication_role to master",
     "target role", "may not set session_replication_role", True),
    ("revoke {0}_owner from master", "grant {0}_owner to master", "role {0}_owner", "may not act as", True),
    ("create function w() returns event_trigger language plpgsql as 'begin end'; create event trigger w on ddl_command_end execute function w()",
     "drop event trigger w", "event trigger w", "every change of schema", False),
    ("alter role master nocreaterole", "alter role master createrole", "role {0}_web", "may not make roles", False),
    ("alter role master nocreaterole; select 1", "alter role master createrole", "policy p on public.t", "names roles", False),
    ("alter database {0} owner to postgres; grant temporary on database {0} to master", "alter database {0} owner to master",
     "database", "may not create schemas", True),
    ("alter database {0} owner to postgres; revoke temporary on database {0} from public, master",
     "alter database {0} owner to master; grant temporary on database {0} to public", "database", "temporary tables", True),
    ("alter database {0} connection limit 3", "alter database {0} connection limit -1", "target connections", "so 2 are left", True),
    ("alter role master in database {0} set default_transaction_read_only = on", "alter role master in database {0} reset all",
     "target server", "read-only by default", False),
    ("alter database {0} set timezone = 'Asia/Tokyo'", "alter database {0} reset timezone", "setting TimeZone", "Asia/Tokyo there", False),
]  # fmt: skip


@pytest.fixture(scope="module")
def plain(world: World) -> Pair:
    pair = world.pair(schema="create table t (id int primary key)")
    with world.source.connect(pair.name) as admin:
        admin.execute(f"create role {pair.name}_web; create policy p on t to {pair.name}_web")
    return pair


@pytest.mark.parametrize(
    ("make", "undo", "named", "because", "blocking"), TARGET_TROUBLES, ids=[row[0] for row in TARGET_TROUBLES]
)
def test_trouble_with_the_target_is_named(
    world: World, plain: Pair, make: str, undo: str, named: str, because: str, blocking: bool
) -> None:
    """H94: a target that would refuse is said so before anything is changed."""
    with world.target.connect(plain.name) as admin:
        admin.execute(make.format(plain.name))
        try:
            with plain.source() as source, plain.target() as target:
                concerns = pump.check(source, target, plain.owner)
        finally:
            admin.execute(undo.format(plain.name))
    found = [said for said in concerns if said.object == named.format(plain.name) and because in said.why]

    assert [said.blocking for said in found] == [blocking], concerns


def test_a_missing_owner_role_blocks(plain: Pair) -> None:
    assert only(pump.check(plain.source(), plain.target(), "nobody_yet"), "role nobody_yet") == (
        "The role that is to own the tables does not exist.",
        True,
    )


def test_a_schema_of_our_name_that_is_not_ours_blocks(world: World) -> None:
    pair = world.pair(schema="create schema offramp; create table offramp.crm (id int)")

    assert only(pump.check(pair.source(), pair.target()), "schema offramp")[1] is True


def test_a_source_role_without_rights_blocks(world: World) -> None:
    pair = world.pair(schema="create table t (id int primary key)")
    with world.source.connect(pair.name) as admin:
        admin.execute(f"alter database {pair.name} owner to postgres; alter role {pair.owner} connection limit 9")
    concerns = pump.check(pair.source(), pair.target())

    assert only(concerns, "database") == ("The source's role may not create a schema.", True)
    assert only(concerns, "source connections")[1] is False


def test_a_long_transaction_is_named(world: World) -> None:
    """A7: who will keep capture out is known before it is tried."""
    pair = world.pair(schema="create table t (id int primary key)")
    with psycopg.connect(pair.source_url, application_name="report") as writer:
        writer.execute("insert into t values (1)")
        pid = writer.info.backend_pid
        found = pump.check(pair.source(), pair.target(), long_seconds=0)
        none = pump.check(pair.source(), pair.target())
        writer.rollback()

    assert "capture waits" in only(found, f"transaction of process {pid} (report)")[0]
    assert not [said for said in none if said.object.startswith("transaction")]


def test_a_pooler_in_between_blocks(world: World) -> None:
    """T34: neither settings nor temporary tables last through a pooler."""
    pair = world.pair(schema="create table t (id int primary key)")
    folder = world.folder / "pooler"
    processes.own_directory(folder)
    port = free_port("127.0.0.1")
    ini, users = folder / "pgbouncer.ini", folder / "users.txt"
    users.write_text(f'"{pair.owner}" "owner"\n')
    ini.write_text(
        f"[databases]\n{pair.name} = host=127.0.0.1 port={world.source.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\nserver_tls_sslmode = require\n"
        "ignore_startup_parameters = extra_float_digits,options\n"
    )
    for file in (ini, users):
        processes.give(file)
    running = processes.spawn([programs.pgbouncer(), str(ini)], log=folder / "log", as_server=True)
    url = Secret(f"postgres://{pair.owner}:owner@127.0.0.1:{port}/{pair.name}")
    try:
        processes.wait_until(lambda: _answers(url), seconds=10, what="PgBouncer")
        with postgres.connect(url, application_name="test") as pooled:
            why, blocking = only(pump.check(pooled, pair.target()), "source address")
    finally:
        processes.stop(running, seconds=10)

    assert (why[:26], blocking) == ("A pooler answers there: se", True)


def _answers(url: Secret) -> bool:
    try:
        with psycopg.connect(url.reveal(), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


@pytest.fixture(scope="module")
def odd(module_folder: Path) -> Iterator[Postgres]:
    """A server that is set otherwise, with databases of other encodings, and later its own standby."""
    settings = {"max_locks_per_transaction": "10", "old_snapshot_threshold": "5min", "TimeZone": "Asia/Tokyo"}
    server = Postgres(module_folder / "odd", programs.source_postgres(), settings=settings)
    server.start()
    with server.connect() as admin:
        admin.execute("create database bytes encoding 'SQL_ASCII' template template0 locale 'C'")
        admin.execute("create database latin encoding 'LATIN1' template template0 locale 'C'")
        admin.execute("create database german template template0 locale_provider icu icu_locale 'de'")
    yield server
    server.stop()


def both(source: str, target: str) -> tuple[Concern, ...]:
    with _open(source) as here, _open(target) as there:
        return pump.check(here, there)


def _open(url: str) -> Connection:
    return postgres.connect(Secret(url), application_name="test")


def test_encodings_versions_and_settings_of_servers_are_compared(world: World, odd: Postgres) -> None:
    """F67, F66 and F70: encodings, collations and defaults of sessions."""
    pair = world.pair(schema="select 1")
    latin = both(odd.url("latin"), pair.target_url)
    alike = both(odd.url("bytes"), odd.url("bytes"))
    backwards = both(pair.target_url, odd.url())
    with world.target.connect(pair.name) as admin:
        admin.execute("create extension btree_gist")
    with _open(odd.url("german")) as german:
        german.execute(
            "create table public.t (id text primary key, n text check (n > 'b'), g bool generated always as (n < 'x') stored)"
        )
    sorted_ = both(odd.url("german"), pair.target_url)

    assert only(latin, "database") == ("The encodings differ: LATIN1 and UTF8.", True)
    assert only(alike, "database")[0].startswith("Its encoding is SQL_ASCII") and not only(alike, "database")[1]
    assert only(alike, "source server")[0].startswith("old_snapshot_threshold is 5 min")
    assert only(alike, "target server")[0].startswith("max_locks_per_transaction allows 1300 locks")
    assert only(backwards, "server") == ("The target's PostgreSQL is older than the source's.", True)
    assert only(backwards, "setting TimeZone")[1] is False
    assert only(sorted_, "collation")[0].startswith("Text sorts as de (ICU ")
    assert "a check that compares text" in only(sorted_, "constraint t_n_check on public.t")[0]
    assert "a generated column" in only(sorted_, "public.t.g")[0]


def test_a_key_without_overlaps_is_said_to_be_followed_by_images(world: World) -> None:
    """C38: a temporal key is an exclusion constraint, which tells no two rows apart by equality alone."""
    pair = world.pair(schema="select 1")
    with pair.target() as newer:
        newer.execute("create extension btree_gist schema public")
        newer.execute(
            "create table public.stay (room int, during daterange, primary key (room, during without overlaps))"
        )
        why, blocking = only(pump.check(newer, newer), "public.stay")

    assert (why, blocking) == (
        "It has no usable key (its primary key is WITHOUT OVERLAPS), so its rows are followed as whole images.",
        False,
    )


def test_a_standby_can_be_neither_source_nor_target(module_folder: Path, odd: Postgres) -> None:
    """T57: a follower cannot hold triggers."""
    standby = Postgres(module_folder / "standby", odd.binaries, port=free_port("127.0.0.1"), password=odd.password)
    processes.own_directory(standby.folder)
    with (odd.data / "pg_hba.conf").open("a") as rules, odd.connect() as admin:
        rules.write("host replication all 127.0.0.0/8 scram-sha-256\n")
        rules.flush()
        admin.execute("select pg_reload_conf()")
    processes.run(
        [odd.binaries / "pg_basebackup", "-D", standby.data, "-d", odd.url(), "-R", "-c", "fast", "-X", "fetch"],
        as_server=True,
    )
    conf = standby.data / "offramp.conf"
    conf.write_text(conf.read_text().replace(f"port = '{odd.port}'", f"port = '{standby.port}'"))
    standby.start()
    try:
        concerns = both(standby.url(), odd.url())
        backwards = both(odd.url(), standby.url())
    finally:
        standby.stop(immediately=True)

    assert ("source server", True) in [(said.object, said.blocking) for said in concerns if "standby" in said.why]
    assert ("target server", True) in [(said.object, said.blocking) for said in backwards if "standby" in said.why]


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        (13, 15, ["PostgreSQL 13 is too old to be followed."]), (14, 15, []), (18, 18, []), (15, 18, []),
        (14, 14, ["PostgreSQL 14 is too old to be a target."]), (17, 16, ["The target's PostgreSQL is older than the source's."]),
        (18, 19, ["PostgreSQL 19 came after this was tested."]),
    ],
)  # fmt: skip
def test_versions_that_do_not_go_together_are_refused(here: int, there: int, words: list[str]) -> None:
    assert [said.why for said in checking.version_concerns(here, there)] == words
