"""Does a switch find its tables free of autovacuum, and do writers go on meanwhile?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World, until

from offramp import pump
from offramp.errors import WaitingError

# So patient a vacuum takes minutes for these rows; the server looks for work every second.
SCHEMA = """
create table busy (id int primary key, n int) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_analyze_threshold = 100000000);
insert into busy select i, i from generate_series(1, 20000) i;
"""
LOCKS = """
select pid from pg_locks where relation = 'public.busy'::regclass and mode = 'ShareUpdateExclusiveLock' and granted
"""


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    with world.source.connect() as conn:
        conn.execute("alter system set autovacuum_naptime = '1s'")
        conn.execute("select pg_reload_conf()")
    yield world
    world.close()
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


def test_autovacuum_lets_go_before_anybody_is_held(world: World) -> None:
    pair = world.pair(schema=SCHEMA)
    pair.app().execute("update busy set n = n + 1")
    until(lambda: len(_vacuums(pair)) == 1, "autovacuum to take the table up")
    there = _vacuums(pair)

    pump.send_vacuum_away(pair.source())

    # Another worker may come at the server's next look, a second later.
    assert not there & _vacuums(pair)


def test_what_does_not_give_way_is_named_and_no_writer_waits_for_it(world: World) -> None:
    pair = world.pair(schema="create table busy (id int primary key, n int);")
    with psycopg.connect(pair.source_url, application_name="builder") as builder:
        builder.execute("lock table busy in share update exclusive mode")
        with pytest.raises(WaitingError, match="builder"):
            pump.send_vacuum_away(pair.source(), deadline_seconds=0.5)
        pair.app().execute("insert into busy values (1, 1)")


def _vacuums(pair: Pair) -> set[object]:
    return {pid for (pid,) in pair.source().execute(LOCKS)}
