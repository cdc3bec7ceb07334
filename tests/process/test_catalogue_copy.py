"""Does the initial copy come out right while everything changes under it (cases H84 to H95), and by lines that are trusted (L114)?"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pump_oracles import assert_same_contents
from pump_pairs import FORWARD, running_world
from pump_world import LinkProcess, Pair, World, until

from offramp import pump
from offramp.rehearsal.servers import certificates

# More than two ranges of pages, so that several streams have work and a kill finds some of it done.
BIG = 240_000
SCHEMA = """
create table big (id bigint primary key, v int not null, filler text not null);
create table skewed (tenant int, day date, n int, v text, primary key (tenant, day, n));
create table falling (id int primary key, v text);
create table bare (v text);
"""


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    with running_world(module_folder) as world:
        yield world


def fill(app: psycopg.Connection) -> None:
    app.execute(f"insert into big select i * 1000, i, repeat('f', 600) from generate_series(1, {BIG}) i")
    app.execute(
        "insert into skewed select 1 + i / 19000, date '2024-01-01' + i % 7, i, 's' from generate_series(1, 20000) i"
    )
    app.execute("insert into falling select -i, 'f' from generate_series(1, 5000) i")
    app.execute("insert into bare select 'b' || i % 100 from generate_series(1, 5000) i")


class Storm(threading.Thread):
    """Deletes what was there, changes it, and inserts at both ends and in the gaps, for as long as the copy lasts."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.url, self.dice, self.stopping, self.failures, self.written = (
            url,
            random.Random(seed),
            threading.Event(),
            list[str](),
            0,
        )

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True, application_name="storm") as app:
            while not self.stopping.wait(0.002):
                try:
                    app.execute(self.statement())
                    self.written += 1
                except psycopg.errors.UniqueViolation:
                    continue
                except psycopg.Error as error:
                    self.failures.append(f"{error.sqlstate} {error}")
                    return

    def statement(self) -> str:
        n, k = self.dice.randrange(1, BIG), self.dice.randrange(10**9)
        return self.dice.choice(
            (
                f"delete from big where id between {n * 1000} and {n * 1000 + 20000}",
                f"update big set v = v + 1 where id between {n * 1000} and {n * 1000 + 9000}",
                f"insert into big values ({BIG * 1000 + k}, 0, 'above'), ({-k}, 0, 'below'), ({n * 1000 + 1 + k % 900}, 0, 'in a gap')",
                f"update big set id = id + 7 where id = {n * 1000}",
                f"insert into skewed values (1, '2024-01-01', {100000 + k}, 'hot tenant'), ({2 + k % 9}, '2023-01-01', {k}, 'rare')",
                f"delete from skewed where tenant = 1 and n between {n % 19000} and {n % 19000 + 50}",
                f"insert into falling values ({-5000 - k}, 'lower still')",
                f"insert into bare values ('b{n % 100}'); delete from bare where ctid = (select ctid from bare where v = 'b{k % 100}' limit 1)",
            )
        )

    def stop(self) -> None:
        self.stopping.set()
        self.join(30)
        assert not self.failures, self.failures


def copied_rows(links: list[LinkProcess]) -> int:
    """Return how many rows of the big table the links said they have read, ranges that were read twice counted twice."""
    return sum(
        int(event.get("rows", 0))
        for link in links
        for event in link.events()
        if event.get("table") == "public.big" and "copied" in event["event"]
    )


def test_a_copy_killed_again_and_again_under_a_storm_is_right(world: World) -> None:
    """H84, H87, H88, H89, B15: kill -9 at moments of the copy, while rows that were read are deleted, keys grow at both ends and in
    gaps. What was copied before a kill is not read again, and no deleted row lives on. A transaction is open all the while. O1, O4."""
    pair = world.pair(schema=SCHEMA)
    app = pair.app()
    fill(app)
    early = pair.app()
    early.execute("begin; delete from big where id = 5000; update big set v = -1 where id = 200000000")
    links = [pair.start(FORWARD)]
    until(lambda: captured(pair), "capture", 60)
    storms = [Storm(pair.source_url, seed) for seed in (1, 2)]
    for storm in storms:
        storm.start()
    early.execute("commit")
    for at in range(3):
        until(lambda at=at: copied_rows(links) > BIG * at / 5 or live(pair), "some ranges", 60)  # type: ignore[misc]
        links[-1].kill()
        links.append(pair.start(FORWARD))
    pair.wait_live(FORWARD)
    for storm in storms:
        storm.stop()
    pair.drain(FORWARD)

    assert copied_rows(links) < BIG * 1.5
    assert_same_contents(pair.source(), pair.target())


def live(pair: Pair) -> bool:
    status = pair.status(FORWARD)
    return status is not None and status.phase == "live"


def captured(pair: Pair) -> bool:
    with pair.source() as connection:
        return bool(connection.execute("select 1 from pg_trigger where tgname like 'offramp%'").fetchall())


@contextmanager
def oldest_snapshot(world: World) -> Iterator[list[float]]:
    """Watch how old the snapshots of the link's sessions at the source become, in seconds."""
    stopping, ages = threading.Event(), [0.0]

    def watch() -> None:
        with world.source.connect() as admin:
            while not stopping.wait(0.05):
                row = admin.execute(
                    "select coalesce(extract(epoch from max(clock_timestamp() - xact_start)), 0)::float8 from pg_stat_activity"
                    " where application_name like 'offramp%' and backend_xmin is not null"
                ).fetchone()
                assert row is not None
                ages[0] = max(ages[0], row[0])

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield ages
    stopping.set()
    watcher.join(10)


def test_no_snapshot_of_ours_grows_old_during_a_copy(world: World) -> None:
    """H91: each range is read in a snapshot of its own, none of which lives as long as the copy."""
    pair = world.pair(schema=SCHEMA)
    fill(pair.app())
    began = time.monotonic()
    with oldest_snapshot(world) as ages:
        pair.start(FORWARD)
        pair.wait_live(FORWARD)
    took = time.monotonic() - began

    assert 0 < ages[0] < max(took * 0.8, 1.0)
    assert ages[0] < 60


@contextmanager
def two_connections(world: World, pair: Pair) -> Iterator[None]:
    """Let the link have two connections to each side. At the target all links are one role, so its database is limited: to three,
    of which the test itself has one."""

    def limit(owner: int, database: int) -> None:
        with world.source.connect() as admin:
            admin.execute(f"alter role {pair.owner} connection limit {owner}")
        with world.target.connect() as admin:
            admin.execute(f"alter database {pair.name} connection limit {database}")

    limit(2, 3)
    try:
        yield
    finally:
        limit(-1, -1)


def test_two_connections_are_enough(world: World) -> None:
    """H95: each side takes two connections of the link; the copy, the live changes and the good end come out right."""
    pair = world.pair(schema=SCHEMA)
    with psycopg.connect(pair.source_url, autocommit=True) as app:
        app.execute(
            "insert into big select i, i, 'f' from generate_series(1, 3000) i; insert into bare values ('a'), ('a')"
        )
    with (
        two_connections(world, pair),
        world.source.connect(pair.name) as writer,
        world.target.connect(pair.name) as reader,
    ):
        link = pair.start(FORWARD)

        def is_live() -> bool:
            made = reader.execute("select to_regclass('offramp.link') is not null").fetchone()
            return made == (True,) and reader.execute("select phase from offramp.link").fetchall() == [("live",)]

        try:
            until(is_live, "the live phase", 40)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {link.log.read_text()[-2000:]}") from error
        writer.execute(
            "update public.big set v = -1 where id < 50; insert into public.bare values ('a'); delete from public.big where id = 99"
        )
        until(lambda: reader.execute("select count(*) from public.bare").fetchone() == (3,), "the change")
        assert link.end() == 0

    assert_same_contents(pair.source(), pair.target())


class Trusting(Pair):
    """A pair whose link demands a certificate of the source that an authority vouches for."""

    authority: Path | None = None

    @property
    def source_url(self) -> str:
        url = super().source_url
        return (
            url
            if self.authority is None
            else url.replace("sslmode=require", f"sslmode=verify-full&sslrootcert={self.authority}")
        )


def test_a_line_that_demands_verification_carries_rows_by_the_right_certificate_only(
    world: World, module_folder: Path
) -> None:
    """L114: verify-full with the source's own authority works, streams included; with another authority the link refuses to speak."""
    made = world.pair(
        schema="create table kept (id int primary key, v text); insert into kept values (1, 'secret row')"
    )
    pair = Trusting(world, made.name)
    world.made.append(pair)
    stranger = certificates.issue(module_folder / "stranger", "127.0.0.1")
    pair.authority = stranger.authority
    link = pair.start(FORWARD)
    until(lambda: "certificate" in link.log.read_text(), "the link to say why", 30)
    refused = link.log.read_text()
    status = made.status(FORWARD)
    link.kill()
    pair.authority = world.source.folder / "tls" / "ca.crt"
    link = pair.start(FORWARD)
    made.wait_live(FORWARD)
    pair.authority = None
    made.app().execute("insert into kept values (2, 'live')")
    made.drain(FORWARD)
    shown = refused + link.log.read_text() + Path(f"/proc/{link.process.pid}/cmdline").read_text()

    assert status is None or status.phase != "live"
    assert "owner:owner" not in shown
    assert "secret row" not in shown
    assert_same_contents(made.source(), made.target())
    assert link.end() == 0


def test_a_copy_outlives_a_crash_of_both_servers(world: World) -> None:
    """H85: both servers crash while rows are copied; what is left is done afterwards."""
    pair = world.pair(
        schema="create table kept (id int primary key, v text); insert into kept select i, repeat('v', 500) from generate_series(1, 60000) i"
    )
    pair.start(FORWARD)
    until(lambda: captured(pair), "capture", 60)
    world.target.restart(immediately=True)
    world.source.restart(immediately=True)
    status = pair.wait_live(FORWARD)
    pair.drain(FORWARD)

    assert [table.rows_copied for table in status.tables] == [60000]
    assert pump.verify_all(pair.source(), pair.target(), FORWARD).differences == ()
    assert_same_contents(pair.source(), pair.target())
