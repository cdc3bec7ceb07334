"""Can somebody with two URLs and nothing else move a live database, come back, and leave nothing behind?"""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pump_world
import pytest
from pump_alone_world import COMMAND, Alone
from pump_world import World, Writer, assert_equal, fill, until

from offramp import pump
from offramp.pump import Link
from offramp.pump.moves import runner

SMALL = "create table topic (id int generated always as identity primary key, title text not null)"
# At even places it is `finish` that is killed, at odd ones `back`.
KILLED_AT = ("fence", "close", "commit", "let-in", "open", "reverse")
MOVES = (
    *("open", "fence", "drain", "verify", "ready", "objects", "sequences", "close", "commit"),
    *("constraints", "reverse", "let-in", "standby", "disarm", "strand", "views"),
)


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    world = pump_world.make_world(module_folder)
    yield world
    world.close()
    world.source.stop(immediately=True)
    world.target.stop(immediately=True)


@pytest.fixture
def make(world: World) -> Iterator[Callable[..., Alone]]:
    made: list[Alone] = []

    def pair(schema: str = SMALL) -> Alone:
        made.append(Alone(world.pair(schema=schema)))
        return made[-1]

    yield pair
    for alone in made:
        alone.close()


def write_until(url: str, seed: int, count: int) -> None:
    writer = Writer(url, seed, truncate=False)
    writer.start()
    until(lambda: writer.committed >= count, "writes")
    writer.stop()


def rules_of(alone: Alone) -> list[tuple[object, ...]]:
    """The target's constraints: what the old primary puts off to receive rows must stay on the new one."""
    return [row for row in pump_world.catalogue(alone.pair.target()) if row[0] == "constraint"]


def test_a_database_is_moved_under_load_brought_back_and_nothing_is_left(make: Callable[..., Alone]) -> None:
    alone = make(pump_world.SCHEMA)
    pair = alone.pair
    fill(pair.app(), 2400)
    before = pump_world.catalogue(pair.source())
    checked = alone.met("check")
    running = alone.start()
    writers = [Writer(pair.source_url, seed) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    alone.wait_live()
    proof = alone.met("verify", "--wait")
    rules = rules_of(alone)
    finished = alone.met("finish", "--yes")
    for writer in writers:
        writer.stop()
    assert_equal(pair)
    write_until(alone.app_url("target"), 3, 40)
    closed = alone.writes("source")
    alone.wait_live("reverse", 1)
    kept = rules_of(alone)
    returned = alone.met("back", "--yes")
    assert_equal(pair)
    write_until(pair.source_url, 4, 40)
    alone.wait_live("forward", 2)
    alone.met("fence", "--yes")
    quiet = alone.met("verify")
    assert_equal(pair)
    stopped = running.stop()
    removed = alone.met("remove", "--yes")

    assert checked["concerns"] != []
    assert proof["complete"]
    assert proof["differences"] == 0
    assert set(finished["moves"]) == set(MOVES)
    assert sum(writer.fenced for writer in writers) > 0
    assert not closed
    assert kept == rules
    assert (returned["primary"], returned["epoch"]) == ("source", 2)
    assert quiet["complete"]
    assert stopped == 0
    assert removed["left"] == []
    assert pump_world.catalogue(pair.source()) == before


def test_a_switch_that_is_killed_at_any_move_is_completed_by_the_same_command(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.execute("source", "insert into topic (title) select 'n' || i from generate_series(1, 50) i")
    alone.start()
    for epoch, move in enumerate(KILLED_AT):
        forward = epoch % 2 == 0
        alone.wait_live("forward" if forward else "reverse", epoch)
        verb, new, old = ("finish", "target", "source") if forward else ("back", "source", "target")
        killed = alone.run(verb, "--yes", "--crash-at", f"pump/{verb}#{move}:after:1")
        done = alone.met(verb, "--yes")

        assert killed.status == -9
        assert (done["primary"], done["epoch"]) == (new, epoch + 1)
        assert alone.writes(new)
        assert not alone.writes(old)
    alone.wait_live("forward", len(KILLED_AT))
    alone.met("fence", "--yes")
    assert_equal(alone.pair)


@pytest.mark.parametrize(("move", "primary"), [("close", "source"), ("commit", "target")])
def test_the_running_pump_settles_a_switch_whose_maker_died(
    make: Callable[..., Alone], move: str, primary: str
) -> None:
    alone = make()
    alone.start()
    alone.wait_live()
    killed = alone.run("finish", "--yes", "--crash-at", f"pump/finish#{move}:after:1")
    until(lambda: alone.writes(primary), f"writers on the {primary}")
    until(lambda: alone.seen().switch_opened_at is None, "the end of the switch")

    assert killed.status == -9
    assert alone.seen().primary == primary


def test_a_switch_that_takes_too_long_is_taken_back(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.start()
    alone.wait_live()
    with psycopg.connect(alone.pair.source_url) as slow:
        slow.execute("insert into topic (title) values ('not committed yet')")
        said = alone.run("finish", "--yes", "--within", "1")
    seen = alone.seen()

    assert said.status == 3
    assert "Writers did not end within" in said.err
    assert (seen.primary, seen.epoch, seen.switch_opened_at, seen.source.fenced_at) == ("source", 0, None, None)
    assert alone.writes("source")


def test_the_target_is_closed_to_writers_until_it_is_the_primary(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.start()
    alone.wait_live()
    until(lambda: not alone.writes("target"), "the target to be closed")
    alone.met("finish", "--yes")

    assert alone.writes("target")


def test_a_fence_is_lifted_again_by_unfence(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.start()
    alone.wait_live()
    shut = alone.met("fence", "--yes")
    closed = alone.writes("source")
    alone.met("unfence", "--yes")

    assert shut["drained"]
    assert not closed
    assert alone.writes("source")


def test_a_killed_pump_goes_on_by_the_same_command_and_asks_nobody(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.execute("source", "insert into topic (title) select 'n' || i from generate_series(1, 2000) i")
    first = alone.start()
    until(lambda: alone.seen().link is not None, "the link to begin")
    first.kill()
    alone.execute("source", "update topic set title = title || '!' where id % 7 = 0")
    second = subprocess.Popen(
        [*COMMAND, "start", "--owner", alone.pair.owner],
        env=dict(alone.environ), cwd=alone.pair.world.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        alone.wait_live()
        alone.met("fence", "--yes")
        assert_equal(alone.pair)
    finally:
        second.terminate()

    assert second.wait(30) == 0


def test_nothing_changes_without_a_terminal_or_yes(make: Callable[..., Alone]) -> None:
    alone = make()
    before = pump_world.catalogue(alone.pair.source())
    said = [alone.run(verb) for verb in ("start", "finish", "fence", "unfence", "remove")]

    assert [one.status for one in said] == [3] * 5
    assert "no row changes" in said[0].err
    assert pump_world.catalogue(alone.pair.source()) == before


def test_what_cannot_be_done_yet_is_said_with_its_exit_status(make: Callable[..., Alone]) -> None:
    alone = make()
    gone = {**alone.environ, "OFFRAMP_TARGET_URL": "postgres://nobody@127.0.0.1:1/nothing"}
    early = {verb: alone.run(verb, "--yes") for verb in ("finish", "back", "fence")}
    running = alone.start()
    alone.wait_live()
    late = {
        "remove": alone.run("remove", "--yes"),
        "resync": alone.run("resync", "nothing"),
        "name": alone.run("status", "--name", "other"),
        "unreachable": alone.run("status", environ=gone),
    }
    running.stop()
    idle = alone.run("finish", "--yes")

    assert {verb: said.status for verb, said in early.items()} == {"finish": 3, "back": 1, "fence": 1}
    assert {verb: said.status for verb, said in late.items()} == {
        "remove": 3, "resync": 2, "name": 2, "unreachable": 5,
    }  # fmt: skip
    assert "Stop it first" in late["remove"].err
    assert "Say --name main" in late["name"].err
    assert idle.status == 3
    assert "No pump runs" in idle.err
    assert alone.writes("source")


def test_a_table_is_read_again_by_resync(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.execute("source", "insert into topic (title) values ('one'), ('two')")
    alone.start()
    alone.wait_live()
    with psycopg.connect(alone.pair.target_url, autocommit=True) as rogue:
        rogue.execute("set session_replication_role = replica")
        rogue.execute("delete from public.topic where title = 'one'")
    alone.met("resync", "public.topic")
    alone.met("fence", "--yes")

    assert_equal(alone.pair)


def test_services_and_commands_name_the_databases_too_and_no_password_is_shown(
    make: Callable[..., Alone], tmp_path: Path
) -> None:
    alone = make()
    source, target = alone.pair.world.source, alone.pair.world.target
    services, passwords = tmp_path / "services", tmp_path / "passwords"
    services.write_text(
        f"[old]\nhost=127.0.0.1\nport={source.port}\nuser={alone.pair.owner}\ndbname={alone.pair.name}\nsslmode=require\n"
    )
    passwords.write_text(f"127.0.0.1:{source.port}:*:{alone.pair.owner}:owner\n")
    passwords.chmod(0o600)
    tally = tmp_path / "tally"
    command = f"echo asked >> {tally}; echo '{alone.pair.target_url}'"
    plain = {key: value for key, value in alone.environ.items() if not key.startswith("OFFRAMP_")}
    environ = {**plain, "PGSERVICEFILE": str(services), "PGPASSFILE": str(passwords)}
    bare = alone.run("check", "old", "--target-command", command, environ=environ)
    named = alone.run("check", "service=old", alone.pair.target_url, environ=environ)
    unknown = alone.run("check", "new", "old", environ=environ)
    nothing = alone.run("check", environ=environ)
    wrong = alone.run("check", f"postgres://someone:s3cret@127.0.0.1:{target.port}/nothing", "old", environ=environ)

    assert (bare.status, named.status, unknown.status, nothing.status) == (0, 0, 2, 2)
    assert len(tally.read_text().splitlines()) > 1
    assert "offramp pump start service=old DST" in named.err
    assert "OFFRAMP_TARGET_URL" in named.err
    assert "master:master" not in named.everything
    assert "There is no service named new" in unknown.err
    assert "OFFRAMP_SOURCE_URL" in nothing.err
    assert wrong.status == 5
    assert "s3cret" not in wrong.everything


def test_prometheus_reads_the_figures_while_the_pump_runs(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.execute("source", "insert into topic (title) values ('one'), ('two')")
    running = alone.start("--metrics", "127.0.0.1:0")
    alone.wait_live()
    found = re.search(r"http://127\.0\.0\.1:\d+/metrics", running.log.read_text())
    assert found is not None

    def page() -> str:
        with urlopen(found[0], timeout=5) as answer:
            return str(answer.read().decode())

    until(lambda: 'phase="live"} 1\n' in page(), "a page that says live")
    text = page()

    assert 'offramp_link_up{link="main",direction="forward"} 1\n' in text
    assert 'offramp_table_rows_copied{link="main",direction="forward",table="public.topic"} 2\n' in text
    assert all(re.fullmatch(r"# .*|offramp_\w+(\{.*\})? \S+", line) for line in text.splitlines())


def test_a_terminal_shows_the_link_as_it_goes(make: Callable[..., Alone]) -> None:
    alone = make()
    alone.execute("source", "insert into topic (title) values ('one')")
    screen, terminal = pty.openpty()
    environ = {**alone.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(
        [*COMMAND, "start", "--owner", alone.pair.owner],
        env=environ,
        cwd=alone.pair.world.folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    shown = ""
    try:
        while "1 table: 1 live" not in shown:
            shown += os.read(screen, 65536).decode(errors="replace")
            if "Go on?" in shown:
                os.write(screen, b"y\n")
                shown = shown.replace("Go on?", "Asked.")
    finally:
        process.terminate()
    while process.poll() is None:
        # A full terminal would keep it from its last words.
        shown += _read(screen)
    os.close(screen)

    assert process.returncode == 0
    assert "Asked." in shown
    assert "source to target" in shown


def _read(screen: int) -> str:
    try:
        return os.read(screen, 65536).decode(errors="replace")
    except OSError:
        return ""


def test_start_prints_events_and_the_whole_status_as_json(make: Callable[..., Alone]) -> None:
    alone = make()
    running = alone.start("--json")
    alone.wait_live()
    until(lambda: '"phase": "live"' in running.log.read_text(), "a status line that says live")
    status = running.stop()
    lines = running.log.read_text().splitlines()

    assert status == 0
    assert '"schema": "offramp/pump-event/1"' in lines[0]
    assert '"schema": "offramp/pump-start/1", "ok": true' in lines[-1]


def test_going_back_does_not_wait_for_a_pump_that_waits_for_it(make: Callable[..., Alone]) -> None:
    """Capture that ``back`` installs ahead keeps a link that connects at that moment from applying, so it has to go again."""
    alone = make()
    first = alone.start()
    alone.wait_live()
    alone.met("finish", "--yes")
    alone.wait_live("reverse", 1)
    first.stop()
    with alone.pair.target() as target, alone.pair.source() as source:
        pump.capture_ahead(source, Link("main", "forward", 2))
        alone.start()
        until(lambda: bool(runner(source, Link("main", "reverse", 1))), "the pump to hold the link")
        alone.execute("target", "insert into topic (title) values ('on the target')")
        done = alone.met("back", "--yes")
        rows = target.execute("select 1 from public.topic where title = 'on the target'").fetchall()
    alone.wait_live("forward", 2)
    alone.met("fence", "--yes")

    assert done["epoch"] == 2
    assert len(rows) == 1
    assert_equal(alone.pair)
