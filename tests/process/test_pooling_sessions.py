"""What do applications keep in their sessions that pooling by transaction would break? Found where it runs, is held, or was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from offramp import postgres as pg
from offramp.kit.secret import Secret
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

KEPT = (
    "set work_mem = '8MB'",
    "prepare q as select 1",
    "create temp table scratch (id int)",
    "begin; declare c cursor with hold for select 1; commit",
    "select pg_advisory_lock(7)",
    "listen jobs",
)
HARMLESS = (
    "set timezone = 'UTC'",
    "set application_name = 'web.1'",
    "begin; set local work_mem = '8MB'; select pg_advisory_xact_lock(1); create temp table t (id int) on commit drop; commit",
    "select 'listen to pg_advisory locks'",
)


@pytest.fixture(scope="module")
def server(module_folder: Path) -> Iterator[Postgres]:
    settings = {"shared_preload_libraries": "pg_stat_statements"}
    with Postgres(module_folder / "pg", programs.source_postgres(), settings=settings) as server:
        yield server


def uses(server: Postgres, database: str) -> dict[str, pg.SessionUse]:
    with pg.connect(Secret(server.url(database)), application_name="offramp preflight") as conn:
        return {use.kind: use for use in pg.session_uses(conn)}


@pytest.mark.parametrize("recorded", [True, False])
def test_each_kind_is_found_with_an_example_and_a_mend(server: Postgres, recorded: bool) -> None:
    database = f"kept_{recorded}".lower()
    with server.connect() as admin:
        admin.execute(f"create database {database}".encode())
    with psycopg.connect(server.url(database), autocommit=True, application_name="worker.1") as app:
        if recorded:
            app.execute("create extension pg_stat_statements")
        for statement in KEPT:
            app.execute(statement.encode())
        found = uses(server, database)

    if recorded:
        # PREPARE is recorded as the statement that it prepares, so it shows only while it is a session's last one.
        assert set(found) == {"listen", "advisory lock", "temporary table", "cursor", "set"}
    else:
        # Only what still runs, or is held, shows.
        assert set(found) == {"listen", "advisory lock"}
    assert "worker.1" in str(found["advisory lock"])
    assert "pg_advisory_xact_lock" in found["advisory lock"].fix
    assert all(use.times >= 1 and use.why and use.fix for use in found.values())


def test_what_ends_with_its_transaction_is_left_alone(server: Postgres) -> None:
    with server.connect() as admin:
        admin.execute("create database harmless")
    with psycopg.connect(server.url("harmless"), autocommit=True) as app:
        app.execute("create extension pg_stat_statements")
        for statement in HARMLESS:
            app.execute(statement.encode())
        found = uses(server, "harmless")

    assert found == {}
