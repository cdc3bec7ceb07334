"""Does a link carry everything between every pair of majors there is here, with everything a Django schema contains?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pump_oracles import assert_same_contents, assert_same_sequences, nothing_left, sequences
from pump_pairs import FORWARD, MAJORS, running_world
from pump_world import SCHEMA, World, Writer, fill, until

from offramp import pump

SINCE_15 = "create table nulls_alike (a int, b int, unique nulls not distinct (a)); create table merged (id int primary key, v text);"


@pytest.fixture(scope="module", params=MAJORS, ids=lambda majors: f"{majors[0]}to{majors[1]}")
def world(request: pytest.FixtureRequest, module_folder: Path) -> Iterator[World]:
    source, target = request.param
    with running_world(module_folder / f"{source}-{target}", source, target) as world:
        yield world


def test_a_whole_move_between_two_majors(world: World) -> None:
    """The matrix of pairs: copy, live changes under random writers, drain, verification, sequences, removal. O1, O4, O5."""
    pair = world.pair(schema=SCHEMA + SINCE_15)
    fill(pair.app(), 1200)
    with nothing_left(pair.source(), pair.target()):
        link = pair.start(FORWARD)
        writers = [Writer(pair.source_url, seed) for seed in (71, 72)]
        for writer in writers:
            writer.start()
        pair.wait_live(FORWARD)
        done = sum(writer.committed for writer in writers)
        until(lambda: sum(writer.committed for writer in writers) > done + 150, "more transactions")
        for writer in writers:
            writer.stop()
        merge(pair.app(), world.source.major)
        pair.drain(FORWARD)
        assert_same_contents(pair.source(), pair.target())
        assert pump.verify_all(pair.source(), pair.target(), FORWARD).differences == ()
        assert pump.carry_sequences(pair.source(), pair.target()) > 0
        assert_same_sequences(pair.source(), pair.target())
        assert sequences(pair.target())
        assert link.end() == 0


def merge(app: psycopg.Connection, major: int) -> None:
    """C29: MERGE, with RETURNING and WHEN NOT MATCHED BY SOURCE where the source is 17 or later."""
    app.execute("insert into merged select i, 'old' from generate_series(1, 20) i")
    actions = "when matched and s.id % 2 = 0 then delete when matched then update set v = 'merged' when not matched then insert values (s.id, 'born')"
    source = "merge into merged m using (select i as id from generate_series(11, 30) i) s on m.id = s.id"
    if major < 17:
        app.execute(f"{source} {actions}")
    else:
        app.execute(
            f"{source} {actions} when not matched by source then update set v = 'left' returning merge_action(), m.*"
        )
