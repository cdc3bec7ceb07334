"""Does the way back lose nothing: forward, reverse, and forward again, with every write on whichever side is the primary?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World, Writer, assert_equal, contents, fill, until

from offramp import postgres, pump
from offramp.errors import RefusedError
from offramp.pump import Link, SwitchRecord

FORWARD = Link("mentors", "forward", 1)
REVERSE = Link("mentors", "reverse", 2)
AGAIN = Link("mentors", "forward", 3)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop()
    world.target.stop()


def app_url(pair: Pair) -> str:
    """The application's own role on the target."""
    return pair.world.target.url(pair.name, pair.owner, "owner")


def switch(pair: Pair, old: Link, new: Link) -> None:
    """Everything a cutover does with the pump, in its order."""
    mark = pair.drain(old)
    primary, standby = (pair.source(), pair.target()) if old.direction == "forward" else (pair.target(), pair.source())
    assert pump.verify_all(primary, standby, old, only_dirty=True).differences == ()
    for process in pair.running:
        process.end()
    pump.carry_sequences(primary, standby)
    pump.restore_primary(standby, new)
    for _ in range(2):
        pump.arm(standby, primary, new, mark)
    pump.record_switch(
        standby, SwitchRecord(new.name, "main", new.epoch, new.direction, "committed", datetime.now(UTC))
    )
    pump.prepare_standby(primary, new)
    pump.disarm(primary, old)
    pump.unfence(standby)


def write_for_a_while(pair: Pair, url: str, seed: int, count: int = 150) -> None:
    writers = [Writer(url, seed), Writer(url, seed + 1)]
    for writer in writers:
        writer.start()
    until(lambda: sum(writer.committed for writer in writers) > count, "writes")
    for writer in writers:
        writer.stop()


def test_forward_reverse_and_forward_again_lose_nothing(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 3000)
    before = pump_world.catalogue(pair.source())
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    write_for_a_while(pair, pair.source_url, 31)
    switch(pair, FORWARD, REVERSE)
    assert_equal(pair)

    back = pair.start(REVERSE)
    write_for_a_while(pair, app_url(pair), 33)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        pair.app().execute("insert into topic (title) values ('the old side stays closed')")
    dice = random.Random(7)
    for _ in range(5):
        written = _count(pair, "select 1 from public.topic") + dice.randrange(3)
        back.kill()
        back = pair.start(REVERSE)
        write_for_a_while(pair, app_url(pair), 40 + written % 50, count=dice.randrange(5, 40))
    switch(pair, REVERSE, AGAIN)
    assert_equal(pair)
    assert pump.validate_constraints(pair.source()) != ()
    assert pump.validate_constraints(pair.source()) == ()

    keys = _foreign_keys(pair)
    pair.start(AGAIN)
    write_for_a_while(pair, pair.source_url, 51)
    status = pair.status(AGAIN)
    pair.drain(AGAIN)
    assert_equal(pair)
    # Those of the source were made anew; the target had them all the time, and is never without them.
    assert _foreign_keys(pair) == keys
    assert status is not None
    assert status.link.epoch == 3
    assert pump.read_switch(pair.source()) is not None
    for process in pair.running:
        process.end()
    for connection in (pair.source(), pair.target()):
        pump.remove(connection)
    assert pump_world.catalogue(pair.source()) == before
    assert pump.leftovers(pair.target()) == ()


def _foreign_keys(pair: Pair) -> set[object]:
    with closing(pair.target()) as connection:
        return set(connection.execute("select oid, conname, convalidated from pg_constraint where contype = 'f'"))


def _count(pair: Pair, query: str) -> int:
    connection = pair.target()
    try:
        return len(connection.execute(query).fetchall())
    finally:
        connection.close()


def test_a_row_does_not_bounce_and_user_triggers_do_not_fire_twice(world: World) -> None:
    pair = world.pair(
        schema="create table t (id int primary key, v int); create table audit (n bigserial primary key, id int);"
        "create function note() returns trigger language plpgsql as $$ begin insert into audit (id) values (new.id); return new; end $$;"
        "create trigger note after insert or update on t for each row execute function note()"
    )
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    pair.app().execute("insert into t values (1, 1)")
    switch(pair, FORWARD, REVERSE)
    pair.start(REVERSE)
    with psycopg.connect(app_url(pair), autocommit=True) as app:
        app.execute("update public.t set v = 2; insert into public.t values (2, 2)")
    pair.drain(REVERSE)

    assert contents(pair.source())["public.audit"] == [("(1,1)", 1), ("(1,2)", 1), ("(2,3)", 1)]
    assert_equal(pair)
    status = pair.status(REVERSE)
    assert status is not None
    assert status.rows_applied == 4


def test_a_fence_lifted_before_the_commit_leaves_the_forward_link_running(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 600)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    mark = pair.drain(FORWARD)
    pump.carry_sequences(pair.source(), pair.target())
    pump.arm(pair.target(), pair.source(), REVERSE, mark)
    pump.disarm(pair.target(), REVERSE)
    pump.unfence(pair.source())
    write_for_a_while(pair, pair.source_url, 61, count=60)
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)


def test_arming_without_a_fence_is_refused(world: World) -> None:
    pair = world.pair()
    pair.start(FORWARD)
    pair.wait_live(FORWARD)
    mark = pair.drain(FORWARD)
    pump.unfence(pair.source())
    with pytest.raises(RefusedError, match="not behind the fence"):
        pump.arm(pair.target(), pair.source(), REVERSE, mark)


def test_an_older_epoch_never_writes_again(world: World) -> None:
    pair = world.pair()
    fill(pair.app(), 60)
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    pump.close_link(pair.target(), FORWARD)
    pair.app().execute("insert into topic (title) values ('too late')")

    until(lambda: any("later epoch" in str(e.get("because")) for e in link.events()), "the link to say that it waits")
    before = _count(pair, "select 1 from public.topic where title = 'too late'")
    pump.reopen_link(pair.target(), FORWARD)
    until(
        lambda: _count(pair, "select 1 from public.topic where title = 'too late'") == 1, "the row of the reopened link"
    )

    assert before == 0
    assert link.end() == 0


def test_the_way_back_begins_with_what_was_compared_before(world: World) -> None:
    """A rollback must not wait until a big database has been verified once more. What is planted behind its back is still found."""
    pair = world.pair()
    app = pair.app()
    fill(app, 30_000)
    app.execute("insert into tree (label) select 'n' || i from generate_series(1, 9000) i")
    pair.start(FORWARD)
    known = pair.wait(FORWARD, lambda status: status.verified_share == 1, what="all to be verified")
    origin, receiver = pair.source(), pair.target()
    for _ in range(2):
        pump.hand_on_checks(origin, receiver, FORWARD, REVERSE)
    write_for_a_while(pair, pair.source_url, 71, count=30)
    switch(pair, FORWARD, REVERSE)
    status, chunks = pair.status(REVERSE), _chunks(pair.source())

    assert known.link == FORWARD
    assert status is not None
    assert (status.verified_share, status.differences) == (1, 0)
    assert chunks == _chunks(pair.target(), "forward")
    assert max(chunks.values()) > 2

    with world.source.connect(pair.name) as planter:
        planter.execute("set session_replication_role = replica")
        planter.execute("update public.tree set label = 'planted' where id = 4321")
    pair.start(REVERSE)
    write_for_a_while(pair, app_url(pair), 73, count=30)
    found = pair.wait(REVERSE, lambda status: status.repaired >= 1, what="what was planted to be repaired", seconds=90)
    switch(pair, REVERSE, AGAIN)

    assert (found.last_differences[0].table, found.last_differences[0].key) == ("public.tree", "4321")
    assert_equal(pair)


def _chunks(side: postgres.Connection, direction: str = "reverse") -> dict[str, int]:
    """How many chunks each table has in a link's ledger, those that were never verified left out."""
    rows = side.execute(
        "select m.schema || '.' || m.name, count(*) from offramp.chunk c join offramp.moved m using (link, direction, relid)"
        " where direction = %s and verified_at is not null group by 1",
        (direction,),
    )
    return {str(name): int(str(count)) for name, count in rows}
