"""Does the census see a trigger that somebody forgot, and nothing in a clean database?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from offramp.rehearsal.evidence import CENSUS
from offramp.rehearsal.servers import postgres, programs


@pytest.fixture(scope="module")
def server(module_folder: Path) -> Iterator[postgres.Postgres]:
    with postgres.Postgres(module_folder / "pg", programs.source_postgres()) as made:
        yield made


def census(connection: psycopg.Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute(CENSUS).fetchall()]


def test_a_left_over_trigger_is_counted_with_its_table(server: postgres.Postgres) -> None:
    with server.connect() as connection:
        connection.execute("create table booking (id int)")
        assert census(connection) == []
        connection.execute("create function forgotten() returns trigger language plpgsql as 'begin return null; end'")
        connection.execute("create trigger offramp_insert after insert on booking execute function forgotten()")

        assert census(connection) == ["trigger offramp_insert on booking"]


def test_a_left_over_schema_is_counted_with_its_tables(server: postgres.Postgres) -> None:
    with server.connect() as connection:
        connection.execute("drop table if exists booking")
        connection.execute("create schema offramp")
        connection.execute("create table offramp.link (name text)")

        assert census(connection) == ["schema offramp", "relation offramp.link"]
