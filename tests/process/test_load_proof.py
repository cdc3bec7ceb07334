"""Can the proof fail? Each kind of damage is planted in a real database, and must be seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from offramp.load import ledger
from offramp.load.ledger import Lines, Write
from offramp.load.proof import prove_jobs, prove_writes
from offramp.load.traffic import Traffic, parse
from offramp.load.values import Json
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

MIX = """
front = { host = "www.shop.example", path = "/" }
read = [{ name = "list", weight = 1, origin = "API", path = "/" }]
[[create]]
name = "make"
weight = 1
origin = "API"
path = "/things"
body = {}
stored = { database = "shop", table = "thing", token = "token", columns = ["note", "at", "tags", "detail"] }
job = { table = "trace", token = "token" }
[[update]]
name = "change"
of = "make"
weight = 1
origin = "API"
path = "/things/{key}"
body = {}
"""
CONTENT: dict[str, Json] = {"note": "a", "at": "2026-12-01T10:00:00+00:00", "tags": ["x"], "detail": {"k": [1, None]}}


def token(number: int) -> str:
    return f"0badcafe-0000-4000-8000-{number:012x}"


def write(number: int, kind: ledger.WriteKind = "create", **content: Json) -> Write:
    return Write(
        "0badcafe", number, kind, "make" if kind == "create" else "change", "make", token(number % 100), content or CONTENT,
        0.0, "acknowledged",
    )  # fmt: skip


@pytest.fixture(scope="module")
def server(module_folder: Path) -> Iterator[Postgres]:
    with Postgres(module_folder / "pg", programs.source_postgres()) as running:
        with running.connect() as shop:
            shop.execute("alter role postgres set timezone = 'Asia/Tokyo'")
            shop.execute(
                "create table thing (id serial, token uuid, note text, at timestamptz, tags text[], detail jsonb)"
            )
            shop.execute("create table trace (token uuid)")
        yield running


@pytest.fixture
def shop(server: Postgres) -> Iterator[psycopg.Connection]:
    """A shop that holds exactly what ten acknowledged creates and one change promise, and a stranger's row."""
    with server.connect() as connection:
        connection.execute("truncate thing, trace")
        for number in range(10):
            connection.execute(
                "insert into thing (token, note, at, tags, detail) values (%s, %s, '2026-12-01 19:00+09', '{x}', %s)",
                [token(number), "b" if number == 3 else "a", '{"k": [1, null]}'],
            )
            connection.execute("insert into trace values (%s)", [token(number)])
        connection.execute(
            "insert into thing (token, note) values ('99999999-0000-4000-8000-000000000000', 'a visitor')"
        )
        yield connection


@pytest.fixture
def mix() -> Traffic:
    return parse(tomllib.loads(MIX))


WRITES = [*(write(number) for number in range(10)), write(103, "update", note="b")]
PLANTED = {
    "delete from thing where token = %s": (1, 0, 0),
    "insert into thing (token, note, at, tags, detail) select token, note, at, tags, detail from thing where token = %s": (
        0,
        1,
        0,
    ),
    "update thing set note = 'z' where token = %s": (0, 0, 1),
    "update thing set at = at + interval '1 hour' where token = %s": (0, 0, 1),
    "update thing set detail = '{}' where token = %s": (0, 0, 1),
    "insert into thing (token) select '0badcafe-ffff-4000-8000-00000000beef' from thing where token = %s": (0, 0, 1),
}


def test_databases_that_hold_what_was_promised_are_good(shop: psycopg.Connection, mix: Traffic) -> None:
    rows = prove_writes(WRITES, {"shop": shop}, mix)

    assert (rows.good, rows.acknowledged, rows.examples) == (True, 11, ())


@pytest.mark.parametrize("damage", PLANTED)
def test_planted_damage_is_seen_and_named(shop: psycopg.Connection, mix: Traffic, damage: str) -> None:
    shop.execute(damage, [token(4)])

    rows = prove_writes(WRITES, {"shop": shop}, mix)

    assert PLANTED[damage] == (rows.lost, rows.duplicated, rows.changed)
    assert len(rows.examples) == 1
    assert "thing 0badcafe-" in rows.examples[0]


def test_a_change_that_was_undone_is_seen(shop: psycopg.Connection, mix: Traffic) -> None:
    shop.execute("update thing set note = 'a' where token = %s", [token(3)])

    rows = prove_writes(WRITES, {"shop": shop}, mix)

    assert (rows.changed, rows.examples) == (1, (f"thing {token(3)}: note is 'a' and should be 'b'",))


def test_jobs_that_were_lost_or_done_twice_are_counted(shop: psycopg.Connection, mix: Traffic) -> None:
    shop.execute("delete from trace where token = %s", [token(1)])
    shop.execute("insert into trace values (%s)", [token(2)])

    jobs = prove_jobs(WRITES, {"shop": shop}, mix)

    assert (jobs.enqueued, jobs.done, jobs.lost, jobs.doubled) == (10, 9, 1, 1)


def test_the_command_line_proves_and_fails_with_status_one(
    shop: psycopg.Connection, server: Postgres, tmp_path: Path
) -> None:
    (tmp_path / "traffic.toml").write_text(MIX)
    with Lines(tmp_path / "ledger.jsonl") as lines:
        for one in WRITES:
            ledger.begin(lines, one)
            ledger.end(lines, one, "acknowledged", 1.0)
    shop.execute("delete from thing where token = %s", [token(4)])

    told = subprocess.run(
        [
            sys.executable, "-m", "offramp.load", "prove", "--traffic", tmp_path / "traffic.toml",
            "--ledger", tmp_path / "ledger.jsonl", "--database", "shop=SHOP_URL",
        ],
        env={**os.environ, "SHOP_URL": server.url()},
        capture_output=True,
        text=True,
    )  # fmt: skip

    assert (told.returncode, json.loads(told.stdout)["writes"]["lost"], told.stderr) == (1, 1, "")
