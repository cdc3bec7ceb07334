"""Does capture end itself before it harms a source that nobody looks after, with no pump alive, and is that said plainly?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World, assert_equal, until

from offramp import pump
from offramp.errors import RefusedError
from offramp.postgres import Connection
from offramp.pump import Link, guarding, reviving

FORWARD = Link("mentors", "forward", 1)
SCHEMA = "create table thing (id int primary key, text text); create table other (id int primary key, n int)"


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


@pytest.fixture
def neglected(world: World) -> Pair:
    """A link that became live and was then killed."""
    pair = world.pair(schema=SCHEMA)
    pair.app().execute("insert into thing select i, 'x' from generate_series(1, 100) i")
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    link.kill()
    return pair


def _write_until_dead(app: psycopg.Connection, owner: Connection, *, rows: int = 4000) -> int:
    """Write as applications do until the triggers do nothing any more; returns how many statements that took."""
    for count in range(1, 400):
        app.execute("insert into thing select i, 'y' from generate_series(100001, 100000 + %s) i", (rows,))
        app.execute("delete from thing where id > 100000")
        app.execute("update thing set text = text || 'z' where id <= 100")
        if guarding.autopsy(owner) is not None:
            return count
    raise AssertionError("capture never ended")


def _all_dead(owner: Connection) -> bool:
    """Whether every trigger function of the table that is written to does nothing any more, but that of TRUNCATE."""
    row = owner.execute(
        "select count(*) from pg_trigger t join pg_proc p on p.oid = t.tgfoid where t.tgrelid = 'public.thing'::regclass"
        " and not t.tgisinternal and t.tgname <> 'offramp_truncate' and p.prosrc not like '-- dead since%'"
    ).fetchone()
    return row == (0,)


def _log_bytes(owner: Connection) -> int:
    row = owner.execute(
        "select sum(pg_relation_size(c.oid)) from pg_class c where relnamespace = 'offramp'::regnamespace and relname like 'log%'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_log_above_its_cap_ends_capture_with_no_pump_alive(neglected: Pair) -> None:
    """A13: the log exceeds its cap, capture takes itself out of the way, the application notices nothing, the link is dead."""
    owner, app = neglected.source(), neglected.app()
    owner.execute("update offramp.heartbeat set cap_bytes = 2000000")
    _write_until_dead(app, owner)
    death = guarding.autopsy(owner)
    assert death is not None
    assert (death.kind, "no more than 1953 kB were to be kept" in death.because) == ("full", True)

    until(
        lambda: _write_until_dead(app, owner) > 0 and _all_dead(owner),
        "insert, update and delete to be no more captured",
    )
    size = _log_bytes(owner)
    for _ in range(5):
        _write_until_dead(app, owner)
    assert _log_bytes(owner) == size

    again = neglected.start(FORWARD)
    assert again.process.wait(30) == RefusedError.exit_status
    told = again.events()[-1]
    status = neglected.status(FORWARD)
    assert status is not None
    assert (status.phase, "no more than 1953 kB" in str(status.held_because)) == ("dead", True)
    assert "went by unseen" in told["because"]
    assert "revive" in told["hint"]
    assert [name for name in pump.leftovers(owner) if "trigger" in name] == []


def test_a_dead_link_is_revived_on_what_it_copied_before(neglected: Pair) -> None:
    """A13: after capture ended itself, one command installs it again and every table is read anew."""
    owner, app = neglected.source(), neglected.app()
    owner.execute("update offramp.heartbeat set cap_bytes = 2000000")
    _write_until_dead(app, owner)
    app.execute("delete from thing where id < 50")
    app.execute("insert into other values (1, 1)")
    assert neglected.start(FORWARD).process.wait(30) == RefusedError.exit_status

    tables = reviving.revive(owner, neglected.target(), FORWARD)
    link = neglected.start(FORWARD)
    neglected.wait_live(FORWARD)
    app.execute("insert into other values (2, 2)")
    neglected.drain(FORWARD)

    assert tables == 2
    assert link.end() == 0
    assert_equal(neglected)


def test_a_log_that_nobody_reads_ends_capture_after_its_time(neglected: Pair) -> None:
    """A13: nobody has consumed for the time limit; a transaction with an old snapshot does not take its own age for silence."""
    owner, app = neglected.source(), neglected.app()
    long = neglected.app()
    long.execute("begin isolation level repeatable read")
    long.execute("select count(*) from thing")
    owner.execute(
        "update offramp.heartbeat set silence_seconds = 3600, beat_at = clock_timestamp() - interval '59 min'"
    )
    app.execute("insert into thing select i, 'y' from generate_series(200001, 204000) i")
    alive = guarding.autopsy(owner)
    owner.execute(
        "update offramp.heartbeat set beat_at = clock_timestamp() - interval '2 h', installed_at = clock_timestamp() - interval '2 h'"
    )
    _write_until_dead(app, owner)
    death = guarding.autopsy(owner)

    assert alive is None
    assert death is not None
    assert (death.kind, "nobody had read the changes since" in death.because) == ("silent", True)
    long.execute("insert into other values (3, 3)")
    long.execute("commit")


def test_capture_ends_in_many_sessions_at_once_and_none_fails(neglected: Pair) -> None:
    """A13: twelve sessions, serializable ones, one that stays open and a hostile search_path among them, find the log full together."""
    owner = neglected.source()
    owner.execute("update offramp.heartbeat set cap_bytes = 100000")
    setups = (
        "set default_transaction_isolation = 'serializable'",
        "set default_transaction_isolation = 'repeatable read'",
        "set lock_timeout = '500ms'",
        "create schema if not exists hostile; create or replace function hostile.now() returns timestamptz"
        " language sql as 'select null::timestamptz'; set search_path = hostile, public, pg_catalog",
        "set default_transaction_deferrable = on",
        "set statement_timeout = '20s'",
    )  # fmt: skip
    open_one = neglected.app()
    open_one.execute("begin")
    open_one.execute("insert into thing select i, 'open' from generate_series(900001, 904000) i")
    sessions = [neglected.app() for _ in range(12)]
    failures: list[str] = []
    for place, session in enumerate(sessions):
        session.execute(setups[place % len(setups)])

    def work(place: int, session: psycopg.Connection) -> None:
        try:
            for turn in range(30):
                low = place * 100_000 + 1_000_000
                session.execute("insert into thing select i, 'w' from generate_series(%s, %s) i", (low, low + 99))
                session.execute("delete from thing where id between %s and %s", (low, low + 99))
                if turn % 3 == 0:
                    with session.transaction():
                        session.execute("insert into other values (%s, 1)", (low + turn,))
        except psycopg.errors.SerializationFailure:
            pass  # Twelve writers of one table cause these themselves.
        except psycopg.Error as error:
            failures.append(f"{place}: {error}")

    _together([lambda place=place, one=one: work(place, one) for place, one in enumerate(sessions)])  # type: ignore[misc]
    open_one.execute("insert into other values (-1, 1)")
    open_one.execute("commit")
    _write_until_dead(neglected.app(), owner)

    assert failures == []
    assert guarding.autopsy(owner) is not None


def _together(works: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_a_pump_that_lives_ends_capture_when_its_log_outgrows_the_cap(world: World) -> None:
    """A13: a pump that cannot keep up takes capture off, which frees the disk at once, and says that the link is dead."""
    pair = world.pair(schema=SCHEMA)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    owner, app, busy = pair.source(), pair.app(), pair.target()
    busy.execute("begin")
    busy.execute("lock table public.thing in share mode")
    owner.execute("update offramp.heartbeat set cap_bytes = 100000")
    # Every fourth key, so that they are not logged as ranges.
    app.execute("insert into thing select 4 * i, 'x' from generate_series(1, 60000) i")
    app.execute("update thing set text = 'y'")
    until(
        lambda: "link dead" in [event["event"] for event in link.events()] or _unlock(busy), "the end of the link", 40
    )

    assert link.process.wait(30) == RefusedError.exit_status
    status = pair.status(FORWARD)
    assert status is not None
    assert status.phase == "dead"
    app.execute("insert into thing values (-1, 'free')")
    assert [name for name in pump.leftovers(owner) if "log" in name or "trigger" in name] == []


def _unlock(busy: Connection) -> bool:
    """Let the batch in flight through once the pump has had time to weigh the log: it dies between batches."""
    if _waits(busy):
        busy.execute("rollback")
    return False


def _waits(busy: Connection) -> bool:
    row = busy.execute(
        "select count(*) from pg_locks where not granted and waitstart < clock_timestamp() - interval '3 s'"
    ).fetchone()
    return row is not None and row[0] > 0


def test_a_second_reader_of_the_same_changes_is_refused(world: World) -> None:
    """B23: a link into another target would let each lose what the other has read; it must not even begin."""
    pair = world.pair(schema=SCHEMA)
    first = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    until(
        lambda: pair.source().execute("select from offramp.heartbeat where beats > 0").fetchone() is not None, "a beat"
    )
    other = world.pair(schema="create table public.already (id int)")
    with other.target() as target:
        target.execute("create schema if not exists public")
    second = pump_world.Pair(world, other.name)
    started = second.start(FORWARD, source_command=f"echo '{pair.source_url}'")
    other.running.append(started)

    assert started.process.wait(30) == RefusedError.exit_status
    assert "being read by another link" in started.events()[-1]["because"]
    pair.app().execute("insert into thing values (1, 'goes on')")
    pair.drain(FORWARD)
    assert first.end() == 0
    assert_equal(pair)


def test_the_application_sees_nothing_of_the_guard(neglected: Pair) -> None:
    """C43: the guard takes no numbers from random(), no sequence, and no row of the application's counts."""
    app = neglected.app()

    def numbers(write: bool) -> list[float]:
        app.execute("select setseed(0.25)")
        found: list[float] = []
        for n in range(20):
            if write:
                app.execute("update thing set text = %s where id <= 100", (f"n{n}",))
            row = app.execute("select random()").fetchone()
            assert row is not None
            found.append(row[0])
        return found

    assert numbers(write=True) == numbers(write=False)


def test_the_application_writes_on_when_somebody_drops_our_record(neglected: Pair) -> None:
    """G81: without its record the guard takes the database for a copy; no statement fails, and the link reads everything anew."""
    owner, app, target = neglected.source(), neglected.app(), neglected.target()
    owner.execute("drop table offramp.heartbeat")
    _write_until_dead(app, owner)
    app.execute("insert into other values (9, 9)")
    link = neglected.start(FORWARD)
    neglected.wait(
        FORWARD,
        lambda _: target.execute("select from public.other where n = 9").fetchone() is not None,
        what="the row that went by unseen",
    )
    neglected.drain(FORWARD)

    assert link.end() == 0
    assert_equal(neglected)
