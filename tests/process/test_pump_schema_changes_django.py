"""Do a real Django project's migrations just work while its database moves?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pump_world
import pytest
from pump_world import Pair, World, assert_equal, contents, until
from schema_world import Steady, Waits, all_live, carried, close, schemas_meet

from offramp.pump import Link

FORWARD = Link("shop", "forward", 1)
PROJECT = Path(__file__).parent / "django_moves"


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    close(world)


def migrate(pair: Pair, to: str = "") -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "django", "migrate", "--no-input", *(["shop", to] if to else [])],
        env={**os.environ, "DATABASE_URL": pair.source_url, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    if done.returncode:
        sessions = (
            pair.source().execute("select pid, application_name, left(query, 80) from pg_stat_activity").fetchall()
        )
        raise AssertionError(f"{done.stdout[-1500:]}{done.stderr[-1500:]}\n{sessions}")


def fill(app: psycopg.Connection) -> None:
    app.execute(
        "insert into shop_author (name, email) select 'A' || i, i || '@x.example' from generate_series(1, 40) i"
    )
    app.execute(
        "insert into shop_book (title, author_id, price, pages, state) select 'B', 1 + i % 40, i, i, 'new' from generate_series(1, 400) i"
    )
    app.execute("insert into shop_tag (word) select 'w' || i from generate_series(1, 10) i")
    app.execute("insert into shop_book_tags (book_id, tag_id) select i, 1 + i % 10 from generate_series(1, 400) i")
    app.execute("insert into shop_draft (body) select 'd' || i from generate_series(1, 10) i")


def test_the_migrations_of_a_django_project_run_while_writers_write_and_the_link_is_live(world: World) -> None:
    """G79: no statement and no migration fails, nobody waits a second for us, schemas and rows are equal in the end."""
    pair = world.pair(schema="select 1")
    migrate(pair, "0001")
    fill(pair.app())
    link = pair.start(FORWARD)
    pair.wait_live(FORWARD)
    books = Steady(
        pair.source_url,
        (
            "update shop_book set price = price + 1 where id = 1 + %(n)s %% 400",
            "delete from shop_book where id = 500 + %(n)s",
        ),
    )
    authors = Steady(pair.source_url, ("update shop_author set name = name || '.' where id = 1 + %(n)s %% 40",))
    with Waits(pair) as waits:
        books.start()
        authors.start()
        migrate(pair)
        done = books.committed
        until(lambda: books.committed > done + 50 or bool(books.failures), "writes after the last migration")
        books.stop()
        authors.stop()
        schemas_meet(pair)
    all_live(pair, FORWARD)
    pair.drain(FORWARD)

    assert waits.worst < 1.0
    assert link.end() == 0
    assert_equal(pair)
    assert len(contents(pair.target())["public.shop_book"]) == 400
    assert {"public.shop_label: renamed from shop_tag", "public.shop_draft: dropped"} <= set(carried(link))
    assert [event for event in link.events() if event["event"] == "table held"] == []


def test_migrations_that_run_during_the_copy_are_part_of_it(world: World) -> None:
    """G79: a link that begins while migrations run ends with the same schema and rows."""
    pair = world.pair(schema="select 1")
    migrate(pair, "0001")
    fill(pair.app())
    link = pair.start(FORWARD)
    migrate(pair)
    schemas_meet(pair)
    all_live(pair, FORWARD)
    pair.drain(FORWARD)

    assert link.end() == 0
    assert_equal(pair)
