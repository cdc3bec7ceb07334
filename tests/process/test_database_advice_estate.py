"""Are the example estate's planted flaws found: the index that is missing, and the list that asks once per row?

The real applications answer real requests here, on PostgreSQL roles without superuser, as Heroku gives them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from test_estate_apps import APPS, Estate, procfile

from offramp import postgres
from offramp.assess import database
from offramp.assess.database import DatabaseAdvice, Requests
from offramp.kit.secret import Secret
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres
from offramp.rehearsal.servers.valkey import Valkey

ROUNDS = 40


@dataclass
class Unpooled(Estate):
    """The estate without a pooler between the applications and their databases."""

    def environment(self, app: str) -> dict[str, str]:
        made = super().environment(app)
        return made | {"DATABASE_URL": self.database_url(app)} if app in APPS else made

    def advice(self, app: str, requests: Requests | None = None) -> DatabaseAdvice:
        with postgres.connect(Secret(self.database_url(app)), application_name="offramp test") as connection:
            return database.advise(connection, requests)


@pytest.fixture(scope="module")
def estate(module_folder: Path) -> Iterator[Unpooled]:
    with ExitStack() as stack:
        loaded = {"shared_preload_libraries": "pg_stat_statements"}
        server = stack.enter_context(
            Postgres(module_folder / "pg", programs.postgres_of(17), tls=True, settings=loaded)
        )
        made = Unpooled(module_folder, server, stack.enter_context(Valkey(module_folder / "valkey", tls=True)))
        with server.connect() as connection:
            for app, name in APPS.items():
                connection.execute(f"create role {name} login password 'pw {app}'".encode())
                connection.execute(f"create database {name} owner {name}".encode())
        for name in APPS.values():
            with server.connect(name) as connection:
                connection.execute("create extension pg_stat_statements")
        for app in APPS:
            made.command(app, *shlex.split(procfile(app)["release"]))
        made.fill(rows=40_000)
        for name in APPS.values():
            with server.connect(name) as connection:
                connection.execute("vacuum analyze")
        with server.connect(APPS["mentors-api"]) as connection:
            connection.execute("select pg_stat_statements_reset()")
        for app in APPS:
            stack.enter_context(made.running(app, "web"))
        ask(made)
        yield made


def ask(estate: Unpooled) -> None:
    mentors, sessions = estate.url("mentors-api"), estate.url("sessions-api")
    with httpx.Client(trust_env=False, timeout=35) as client:
        for round_ in range(ROUNDS):
            page = client.get(f"{mentors}/api/mentors?page={1 + round_ % 30}").json()["results"]
            for url in (f"{mentors}/api/mentors/{page[0]['id']}", f"{sessions}/api/mentors/{page[1]['id']}/agenda"):
                assert client.get(url).status_code == 200


@pytest.fixture(scope="module")
def sessions(estate: Unpooled) -> DatabaseAdvice:
    return estate.advice("sessions-api", Requests(ROUNDS, 60.0))


@pytest.fixture(scope="module")
def mentors(estate: Unpooled) -> DatabaseAdvice:
    return estate.advice("mentors-api")


def test_the_index_missing_for_the_agenda_is_advised_first(sessions: DatabaseAdvice) -> None:
    first = sessions.indexes[0]

    assert (first.table, first.columns[0], first.method) == ("public.bookings_session", "mentor_id", "btree")
    assert first.ddl.startswith("create index concurrently bookings_session_mentor_id")
    assert first.gain > 0.5 and first.cost_after < first.cost_before / 10
    assert any("mentor_id" in helped.text for helped in first.statements)


def test_the_lookup_of_each_mentors_skills_is_the_n_of_an_n_plus_one(mentors: DatabaseAdvice) -> None:
    [lookup] = mentors.repeated
    assert lookup.repetition is not None
    parent = next(each for each in mentors.statements if each.id == lookup.repetition.parent)

    assert "mentors_mentor_skills" in lookup.text
    assert "mentors_mentor" in parent.text and parent.rows_per_call == 5


def test_no_index_is_advised_where_none_is_missing(mentors: DatabaseAdvice) -> None:
    assert mentors.indexes == ()


def test_everything_was_planned_and_no_value_is_told(sessions: DatabaseAdvice) -> None:
    assert not [statement.text for statement in sessions.statements if statement.unplanned]
    assert "@example.org" not in sessions.to_json()
