"""Does a controller that is killed anywhere leave something that the next one finishes, and are two kept apart?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offramp.kit import processes

PROGRAM = Path(__file__).with_name("engine_world.py")
SETTINGS = 'name = "shop"\n[heroku]\n[aws]\nregion = "eu-central-1"\naccount = "123456789012"\n'
ALL = {"provision-a", "provision-b", "deploy-a"}


class Place:
    """A world and a migration's directory, and the processes that work on them."""

    def __init__(self, folder: Path) -> None:
        self.world, self.work = folder / "world", folder / "work"
        self.world.mkdir()
        self.work.mkdir()
        (self.work / "offramp.toml").write_text(SETTINGS)
        self.running: list[subprocess.Popen[str]] = []

    def begin(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(PROGRAM), str(self.world), "--dir", str(self.work), "--json", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
        out, _ = process.communicate(timeout=30)
        lines = out.splitlines()
        return process.returncode, json.loads(lines[-1]) if lines else {}

    def call(self, *words: str) -> tuple[int, dict[str, Any]]:
        return self.end(self.begin(*words))

    def made(self) -> set[str]:
        return {path.name for path in self.world.iterdir()}

    def wait_for_event(self, process: subprocess.Popen[str], name: str) -> None:
        """Read the process's events up to the first of this name."""
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("event") == name:
                return
        raise AssertionError(f"{name} never came: {process.communicate()}")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for process in made.running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_controller_killed_around_any_deed_is_finished_by_the_next(tmp_path: Path) -> None:
    for number, point in enumerate(f"*:{when}:{nth}" for when in ("before", "after") for nth in (1, 2, 3)):
        folder = tmp_path / str(number)
        folder.mkdir()
        place = Place(folder)
        status, _ = place.call("run", "--yes", "--crash-at", point)
        assert status == -signal.SIGKILL, point

        status, last = place.call("run", "--yes")

        assert (status, place.made()) == (0, ALL), point
        assert last["ok"]


def test_the_crash_point_can_name_a_goal(place: Place) -> None:
    status, _ = place.call("run", "--yes", "--crash-at", "deploy/files:before:1")

    assert status == -signal.SIGKILL
    assert place.made() == {"provision-a", "provision-b"}
    assert place.call("log", "--goal", "deploy")[1]["entries"][-1]["kind"] == "began"


def test_two_controllers_exclude_each_other(place: Place) -> None:
    (place.world / "gate").touch()
    first = place.begin("run", "--yes")
    place.wait_for_event(first, "waiting")

    status, last = place.call("run", "--yes")
    assert status == 3
    assert last["error"]["code"] == "waiting"
    assert f"(process {first.pid}) holds this migration since" in last["error"]["message"]
    assert place.call("status")[1]["lease"]["pid"] == first.pid

    (place.world / "gate").unlink()
    assert place.end(first)[0] == 0
    assert place.call("run", "--yes")[0] == 0


def test_of_several_that_start_together_one_acts_and_the_others_wait_for_a_person(place: Place) -> None:
    (place.world / "gate").touch()
    several = [place.begin("run", "--yes") for _ in range(3)]
    processes.wait_until(
        lambda: sum(process.poll() is not None for process in several) == 2, seconds=30, what="the two losers"
    )
    (place.world / "gate").unlink()

    assert sorted(place.end(process)[0] for process in several) == [0, 3, 3]
    assert place.made() == ALL


def test_a_killed_controller_is_replaced_at_once(place: Place) -> None:
    (place.world / "gate").touch()
    first = place.begin("run", "--yes")
    place.wait_for_event(first, "waiting")
    first.kill()
    first.communicate()
    (place.world / "gate").unlink()

    status, _ = place.call("run", "--yes")

    assert status == 0
    assert {entry["fence"] for entry in place.call("log")[1]["entries"]} == {1, 2}


def test_a_suspended_controller_that_was_overtaken_writes_nothing_more(place: Place) -> None:
    import sqlite3

    (place.world / "gate").touch()
    first = place.begin("run", "--yes")
    place.wait_for_event(first, "waiting")
    os.kill(first.pid, signal.SIGSTOP)
    # What half a minute would do: the lease of a process that does not beat runs out.
    with sqlite3.connect(place.work / "journal.db") as db:
        db.execute("update lease set expires = 0")
    db.close()
    second = place.begin("run", "--yes")
    place.wait_for_event(second, "waiting")

    os.kill(first.pid, signal.SIGCONT)
    (place.world / "gate").unlink()

    assert place.end(second)[0] == 0
    status, last = place.end(first)
    assert (status, last["error"]["code"]) == (3, "waiting")
    assert "taken over" in last["error"]["message"]


def test_a_person_may_decide_while_a_controller_runs(place: Place) -> None:
    (place.world / "gate").touch()
    first = place.begin("run", "--yes")
    place.wait_for_event(first, "waiting")

    assert place.call("decide", "retire", "approve")[0] == 0

    (place.world / "gate").unlink()
    assert place.end(first)[0] == 0


def test_ctrl_c_stops_cleanly_and_gives_the_lease_back(place: Place) -> None:
    (place.world / "gate").touch()
    first = place.begin("run", "--yes")
    place.wait_for_event(first, "waiting")

    first.send_signal(signal.SIGINT)

    assert place.end(first)[0] == 130
    assert place.call("status")[1]["lease"] is None
