"""Does a link notice that its source is another server than before, and take back what that server has lost?"""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import LinkProcess, Pair, World, assert_equal, until

from offramp import postgres, pump
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.pump import Link, guarding
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.ports import free_port
from offramp.rehearsal.servers.postgres import Postgres

FORWARD = Link("mentors", "forward", 1)
SCHEMA = (
    "create table account (id int primary key, cents int not null);"
    "create table entry (n bigint primary key, account int, note text);"
    "create table bare (at int, note text)"
)
ROWS = 400


@pytest.fixture
def world(server_folder: Path) -> Iterator[World]:
    """Servers of its own for each test: they are killed and replaced here."""
    world = pump_world.make_world(server_folder)
    hba = world.source.data / "pg_hba.conf"
    hba.write_text(hba.read_text() + "hostssl replication all 127.0.0.0/8 scram-sha-256\n")
    with world.source.connect() as admin:
        admin.execute("select pg_reload_conf()")
    yield world
    world.close()
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


@pytest.fixture
def pair(world: World) -> Pair:
    pair = world.pair(schema=SCHEMA)
    app = pair.app()
    app.execute("insert into account select i, 100 from generate_series(1, %s) i", (ROWS,))
    app.execute("insert into bare select i, 'old' from generate_series(1, 50) i")
    return pair


def _standby(primary: Postgres, folder: Path) -> Postgres:
    """A physical standby of ``primary`` that streams from it."""
    processes.own_directory(folder)
    data = folder / "data"
    # The server user may not look into root's home for certificates.
    connection = primary.url() + f"&sslcert={folder}/none&sslkey={folder}/none&sslrootcert={folder}/none"
    processes.run(
        [
            primary.binaries / "pg_basebackup",
            "-d",
            connection,
            "-D",
            data,
            "-X",
            "stream",
            "-c",
            "fast",
            "-R",
            "--no-sync",
        ],
        env={**os.environ, "HOME": str(folder)},
        as_server=True,
    )
    standby = Postgres(folder, primary.binaries, port=free_port(primary.host), tls=True, password=primary.password)
    _listen(standby, standby.port)
    standby.start()
    return standby


def _listen(server: Postgres, port: int) -> None:
    conf = server.data / "offramp.conf"
    conf.write_text(re.sub(r"port = '\d+'", f"port = '{port}'", conf.read_text()))
    server.port = port


def _caught_up(primary: Postgres, standby: Postgres) -> None:
    with primary.connect() as admin, standby.connect() as there:
        row = admin.execute("select pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        until(
            lambda: there.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", (row[0],)).fetchone() == (True,),
            "the standby to have replayed",
        )


def _take_over(world: World, standby: Postgres) -> None:
    """The primary dies at once; the standby is promoted on its port."""
    old = world.source
    old.stop(immediately=True)
    _listen(standby, old.port)
    standby.start()
    with standby.connect() as admin:
        admin.execute("select pg_promote(wait => true)")
    world.source = standby


def _applied(pair: Pair, query: str, seconds: float = 30) -> None:
    with pair.target() as target:
        try:
            until(lambda: target.execute(query).fetchone() == (True,), query, seconds)
        except TimeoutError as error:
            told = [line for link in pair.running for line in link.log.read_text().splitlines()[-8:]]
            raise TimeoutError("\n".join([str(error), *told])) from error


def _compared(pair: Pair, link: LinkProcess) -> None:
    try:
        until(lambda: bool(_said(link, "everything was compared")), "everything to be compared again", 40)
    except TimeoutError as error:
        told = "\n".join(link.log.read_text().splitlines()[-12:])
        raise TimeoutError(f"{error} {pair.status(FORWARD)}\n{told}") from error


def _said(link: LinkProcess, what: str) -> list[dict[str, object]]:
    return [event for event in link.events() if event["event"] == what]


def test_a_standby_that_lacks_the_last_transactions_takes_over(world: World, pair: Pair, server_folder: Path) -> None:
    """J104: rows that only the target has are found by key, shown and taken back; the link converges to the new primary."""
    standby = _standby(world.source, server_folder / "standby")
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    _caught_up(world.source, standby)
    standby.stop()
    app = pair.app()
    for n in range(500):
        app.execute("insert into entry values (%s, %s, 'lost')", (n, n % ROWS))
        app.execute("update account set cents = cents + 1 where id = %s", (1 + n % 50,))
    app.execute("delete from account where id > %s - 20", (ROWS,))
    app.execute("insert into bare values (0, 'lost')")
    _applied(pair, "select count(*) = 500 and (select count(*) from public.bare) = 51 from public.entry")
    _take_over(world, standby)
    app = pair.app()
    app.execute("insert into entry values (1000, 1, 'kept'), (3, 3, 'written again')")
    app.execute("update account set cents = 7 where id = 30")
    _compared(pair, link)
    pair.drain(FORWARD)

    assert _said(link, "origin changed")[-1]["fate"] == "lost"
    assert "came back without everything" in str(_said(link, "everything is compared again")[-1]["because"])
    found = pair.target().execute("select name || ' ' || kind from offramp.difference group by 1 order by 1").fetchall()
    assert [kind for (kind,) in found] == ["public.account changed", "public.account missing", "public.entry extra"]
    status = pair.status(FORWARD)
    assert status is not None
    # 499 entries (one was written again), 49 changed accounts (so was one), 20 deleted ones; the table without a key was read again.
    assert (status.differences, status.repaired) == (499 + 49 + 20, 499 + 49 + 20)
    assert link.end() == 0
    assert_equal(pair)


def test_a_standby_that_lacks_nothing_takes_over(world: World, pair: Pair, server_folder: Path) -> None:
    """J104: when recovery ended beyond our position nothing is doubted; the link goes on from where it was."""
    standby = _standby(world.source, server_folder / "standby")
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    pair.app().execute("insert into entry select i, i, 'before' from generate_series(1, 300) i")
    _applied(pair, "select count(*) = 300 from public.entry")
    link.kill()
    _caught_up(world.source, standby)
    standby.stop()
    _take_over(world, standby)
    pair.app().execute("insert into entry values (1000, 1, 'after')")
    link = pair.start(FORWARD)
    pair.drain(FORWARD)

    assert [event["fate"] for event in _said(link, "origin changed")] == ["promoted"]
    assert _said(link, "everything is compared again") == []
    assert _said(link, "table read as a whole") == []
    assert link.end() == 0
    assert_equal(pair)


def test_the_target_restored_from_an_older_backup_gets_everything_again(world: World, pair: Pair) -> None:
    """T55 turned round: the log no longer holds what the restored target lacks, so every row is compared."""
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    assert link.end() == 0
    world.target.stop()
    backup = world.folder / "backup"
    shutil.copytree(world.target.data, backup, symlinks=True)
    world.target.start()
    link = pair.start(FORWARD)
    owner, app = pair.source(), pair.app()
    app.execute("insert into entry select i, i, 'read and forgotten' from generate_series(1, 5000) i")
    app.execute("delete from account where id < 20")
    _applied(pair, "select count(*) = 5000 from public.entry")
    before = owner.execute("select beats from offramp.heartbeat").fetchone()
    assert before is not None
    until(
        lambda: owner.execute("select from offramp.heartbeat where beats > %s + 2", before).fetchone() is not None,
        "two beats",
    )
    assert link.end() == 0
    _empty_logs(owner)
    world.target.stop()
    shutil.rmtree(world.target.data)
    shutil.copytree(backup, world.target.data, symlinks=True)
    processes.run(["chown", "-R", "--reference", str(world.target.folder), str(world.target.data)])
    world.target.start()
    link = pair.start(FORWARD)
    _compared(pair, link)
    pair.drain(FORWARD)

    assert "older than it was" in str(_said(link, "everything is compared again")[-1]["because"])
    assert link.end() == 0
    assert_equal(pair)


def _empty_logs(owner: postgres.Connection) -> None:
    """As the pump does in time with logs that it has read to the end."""
    for (name,) in owner.execute(
        "select format('offramp.%I', relname) from pg_class where relnamespace = 'offramp'::regnamespace"
        " and relkind = 'r' and relname ~ '^log_'"
    ).fetchall():
        owner.execute(f"truncate {name}")


def test_a_new_host_with_a_rotated_password_is_found_through_the_command(
    world: World, pair: Pair, server_folder: Path
) -> None:
    """J105: maintenance moves the database to another host and rotates its password; the link is back within a minute."""
    holder = world.folder / "source.url"
    holder.write_text(pair.source_url)
    standby = _standby(world.source, server_folder / "moved")
    link = pair.start(FORWARD, source_command=f"cat {holder}")
    pair.wait_live(FORWARD)
    world.source.stop()
    with standby.connect() as admin:
        admin.execute("select pg_promote(wait => true)")
        admin.execute(f"alter role {pair.owner} password 'rotated'")
    world.source = standby
    moved = world.source.url(pair.name, pair.owner, "rotated")
    began = pump_world.now()
    holder.write_text(moved)
    with psycopg.connect(moved, autocommit=True) as app:
        app.execute("insert into entry values (1, 1, 'on the new host')")
    _applied(pair, "select count(*) = 1 from public.entry")

    assert pump_world.now() - began < 60
    assert "rotated" not in link.log.read_text()
    with psycopg.connect(moved, autocommit=True) as app:
        app.execute(f"alter role {pair.owner} password 'owner'")
    pair.drain(FORWARD)
    assert link.end() == 0
    assert_equal(pair)


def test_a_database_upgraded_or_restored_into_another_server_is_read_again(world: World, pair: Pair) -> None:
    """J106, J107: in a copy of the database capture ends itself; a link that is pointed there installs its own and reads everything."""
    holder = world.folder / "source.url"
    holder.write_text(pair.source_url)
    link = pair.start(FORWARD, source_command=f"cat {holder}")
    pair.wait_live(FORWARD)
    tools = programs.dump_tools(world.source.major)
    copy = Postgres(world.folder / "copy", world.source.binaries, tls=True)
    copy.start()
    try:
        with copy.connect() as admin:
            admin.execute(f"create role {pair.owner} login password 'owner'")
            admin.execute(f"create database {pair.name} owner {pair.owner}")
        with copy.connect(pair.name) as admin:
            admin.execute(f"alter schema public owner to {pair.owner}")
            admin.execute("create table public.takes_an_oid (x int)")
            admin.execute("drop table public.takes_an_oid")
        text = processes.run(
            [tools / "pg_dump", world.source.url(pair.name), "--clean", "--if-exists", "-f", "/dev/stdout"]
        )
        script = world.folder / "dump.sql"
        script.write_text(text)
        processes.run([tools / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", copy.url(pair.name), "-f", script])
        there = copy.url(pair.name, pair.owner, "owner")
        with (
            psycopg.connect(there, autocommit=True) as app,
            postgres.connect(Secret(there), application_name="t") as owner,
        ):
            app.execute("insert into entry select i, i, 'in the copy' from generate_series(1, 8000) i")
            app.execute("update entry set note = 'again'")
            app.execute("insert into entry select i, i, 'in the copy' from generate_series(8001, 50000) i")
            until(lambda: _written(app, owner), "capture in the copy to end itself")
            death = guarding.autopsy(owner)
        assert death is not None
        assert death.kind == "moved"
        assert guarding.autopsy(pair.source()) is None

        holder.write_text(there)
        world.source.stop()
        old, world.source = world.source, copy
        _applied(pair, "select count(*) >= 50000 from public.entry")
        pair.app().execute("delete from account where id < 10")
        pair.drain(FORWARD)
        assert [event["fate"] for event in _said(link, "origin changed")] == ["other"]
        assert _said(link, "capture is installed anew")
        assert link.end() == 0
        assert_equal(pair)
        pump.remove(pair.source())
        assert pump.leftovers(pair.source()) == ()
        world.source = old
    finally:
        world.close()
        copy.stop(immediately=True)


def _written(app: psycopg.Connection, owner: postgres.Connection) -> bool:
    app.execute("insert into entry select i, i, 'more' from generate_series(100001, 101100) i")
    app.execute("delete from entry where n > 100000")
    return guarding.autopsy(owner) is not None


def test_a_crash_that_loses_commits_is_not_taken_for_a_restart(world: World, pair: Pair) -> None:
    """T55: with synchronous_commit off a killed backend costs transactions that were seen as committed, on the very same server."""
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    with world.source.connect() as admin:
        row = admin.execute("select pid from pg_stat_activity where backend_type = 'walwriter'").fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGSTOP)
    writer = threading.Thread(target=_write_carelessly, args=(pair,), daemon=True)
    writer.start()
    _applied(pair, "select count(*) > 300 from public.entry")
    _stop_ahead_of_the_disk(world, pair, link)
    os.kill(row[0], signal.SIGKILL)
    link.process.send_signal(signal.SIGCONT)
    writer.join(10)
    _compared(pair, link)
    pair.drain(FORWARD)

    assert _said(link, "origin changed")[-1]["fate"] == "lost"
    assert link.end() == 0
    assert_equal(pair)


def _stop_ahead_of_the_disk(world: World, pair: Pair, link: LinkProcess) -> None:
    """Stop the link at a moment when the target has what the source has in memory only, so that a crash does cost something.

    The link's own heartbeat, once a second, takes to disk what was committed until then.
    """
    asked = "select origin_lsn::text from offramp.link"
    with world.source.connect() as admin, pair.target() as target:

        def ahead() -> bool:
            link.process.send_signal(signal.SIGSTOP)
            reached = target.execute(asked).fetchone()
            if reached and admin.execute("select pg_current_wal_lsn() < %s::pg_lsn", reached).fetchone() == (True,):
                return True
            link.process.send_signal(signal.SIGCONT)
            return False

        until(ahead, "the target to have what is not on the source's disk")


def _write_carelessly(pair: Pair) -> None:
    app = pair.app()
    app.execute("set synchronous_commit = off")
    for n in range(1_000_000):
        try:
            app.execute("insert into entry values (%s, 1, 'perhaps')", (n,))
        except psycopg.OperationalError:
            return
