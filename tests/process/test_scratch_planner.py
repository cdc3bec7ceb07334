"""Does the scratch server plan as the source does, with no row of it, and judge an index that does not exist as the real one?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from planner_world import CANDIDATES, PAGES, STATEMENTS, fill

from offramp import postgres
from offramp.assess.database import facts, plans, search
from offramp.assess.database.scratch import binaries, outline
from offramp.assess.database.scratch.planner import Planner, planner
from offramp.assess.database.scratch.server import PREFIX, SUPERUSER
from offramp.kit.secret import Secret
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

# 17 and 18 come in wheels; whatever else this machine has is tried beside them.
MAJORS = sorted({17, 18, *(major for major in programs.machine_postgres() if major >= 14)})


@dataclass
class World:
    """A source with an owner that is no superuser, and a scratch server that was built from it."""

    source: psycopg.Connection
    scratch: Planner

    def costs(self, statement: str) -> tuple[float, float]:
        """Return what the source and the scratch server say that a statement costs."""
        return plans.explain(self.source, statement).total_cost, plans.explain(
            self.scratch.session, statement
        ).total_cost


@pytest.fixture(scope="module", params=MAJORS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, module_folder: Path
) -> Iterator[World]:
    folder = module_folder / str(request.param)
    # Statistics that autovacuum takes anew after the outline was read are not what is tested.
    still = {"autovacuum": "off"}
    with Postgres(folder, programs.postgres_of(request.param), settings=still) as server:
        with server.connect() as connection:
            connection.execute("create role app login password 'app'")
            connection.execute("create database app owner app")
            connection.execute("alter role app set work_mem = '8MB'")
            connection.execute("alter role app set random_page_cost = 1.7")
        url = server.url("app", "app", "app")
        with psycopg.connect(url, autocommit=True) as source:
            fill(source)
            with postgres.connect(Secret(url), application_name="offramp test") as connection:
                found = outline.read(connection)
            with planner(found, binaries.installed(os.defpath)) as scratch:
                yield World(source, scratch)


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_costs_what_it_costs_at_the_source(world: World, name: str) -> None:
    there, here = world.costs(STATEMENTS[name])

    assert here == pytest.approx(there, rel=0.001)


def test_the_scratch_server_is_of_the_sources_version_and_lacks_nothing(world: World) -> None:
    assert world.scratch.server.major == world.scratch.outline.origin.major
    assert world.scratch.carried.shortfalls == ()
    # Only of ranges before 17 something is hidden.
    said = [each.what for each in world.scratch.outline.shortfalls]
    assert [bool(re.search("public.customer.open", each)) for each in said] == [True] * (
        world.scratch.server.major < 17
    )


def test_no_row_is_on_the_scratch_server_and_its_files_take_no_disk(world: World) -> None:
    with world.scratch.server.connect(SUPERUSER) as connection:
        row = connection.execute("select pg_relation_filepath('public.purchase')").fetchone()
    assert row is not None
    file = world.scratch.server.files / row[0]

    assert (file.stat().st_size > 4_000_000, file.stat().st_blocks) == (True, 0)


def test_nobody_else_may_enter_the_scratch_folder_and_no_value_is_logged(world: World) -> None:
    folder = world.scratch.server.folder
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        world.scratch.session.execute("select 'a value'::integer")

    assert folder.stat().st_mode & 0o077 == 0
    assert "a value" not in (folder / "postgres.log").read_text()
    assert world.scratch.session.info.host == str(folder)


@pytest.mark.parametrize("name", CANDIDATES)
def test_an_index_that_does_not_exist_is_judged_as_the_real_one(world: World, name: str) -> None:
    candidate, statement = CANDIDATES[name]
    with world.scratch.server.connect(SUPERUSER) as connection:
        known = facts.read(connection, world.scratch.outline.relations)
    wanted = search.wanted(known, candidate)
    with world.scratch.imagining(wanted, "offramp_tried"):
        imagined = plans.explain(world.scratch.session, statement)

    with world.source.transaction(force_rollback=True):
        world.source.execute(wanted.ddl.format(name="really").encode())
        real = plans.explain(world.source, statement)
        pages = world.source.execute(PAGES).fetchone()

    assert [node.type for node in imagined.walk()] == [node.type for node in real.walk()]
    # With a real index the planner looks up a column's present extremes, which may be beyond its histogram.
    assert imagined.total_cost == pytest.approx(real.total_cost, rel=0.05)
    assert sum(size[1] for size in wanted.sizes) == pytest.approx(pages[0], rel=0.1, abs=3)  # type: ignore[index]
    assert world.costs(statement)[0] == pytest.approx(world.costs(statement)[1], rel=0.001)


def test_nothing_is_left_of_a_scratch_server_after_an_error(world: World) -> None:
    folders = []
    with pytest.raises(ZeroDivisionError), planner(world.scratch.outline, binaries.installed(os.defpath)) as scratch:
        folders.append(scratch.server.folder)
        raise ZeroDivisionError

    assert [folder.exists() for folder in folders] == [False]
    assert folders[0].name.startswith(f"{PREFIX}{os.getpid()}-")
