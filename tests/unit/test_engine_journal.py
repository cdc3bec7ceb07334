"""Does the journal keep what it must, and say clearly what is wrong with its file?"""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from offramp.engine import lease
from offramp.engine.journal import Journal, explained
from offramp.engine.lease import Holder
from offramp.errors import OfframpError, OutsideError, UsageError, WaitingError
from offramp.kit.clock import SystemClock

NOBODY = Holder("somebody@elsewhere", "another machine", 1, 1)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db", SystemClock()) as opened:
        yield opened


def test_the_latest_answer_counts_and_the_earlier_ones_are_kept(journal: Journal) -> None:
    journal.decide("cutover/main", "go", who="ada", why="lag is low")
    journal.decide("shift/start", "approve", who="ada")
    journal.decide("cutover/main", "back", who="grace")

    assert journal.decisions() == {"shift/start": "approve", "cutover/main": "back"}
    assert [(one.answer, one.who, one.why) for one in journal.history("cutover/main")] == [
        ("go", "ada", "lag is low"),
        ("back", "grace", ""),
    ]


def test_a_decision_needs_no_lease(journal: Journal, tmp_path: Path) -> None:
    lease.take(journal, NOBODY)
    with Journal(tmp_path / "journal.db", SystemClock()) as other:
        other.decide("retire", "approve", who="ada")

    assert journal.decisions() == {"retire": "approve"}


def test_entries_come_oldest_first_and_can_be_asked_by_goal(journal: Journal) -> None:
    held = lease.take(journal, NOBODY)
    journal.write(held.fence, "provision/network", "began", "create the stack")
    journal.write(held.fence, "provision/network", "ended", "create the stack", seconds=2.5)
    journal.write(held.fence, "provision/networking", "began", "something else")

    found = journal.entries(last=10, goal="provision/network")

    assert [(entry.kind, entry.keys) for entry in found] == [("began", ()), ("ended", (("seconds", 2.5),))]
    assert [entry.goal for entry in journal.entries(last=1)] == ["provision/networking"]
    assert len(journal.entries(last=10, goal="provision")) == 3


def test_a_deed_that_began_and_did_not_end_is_unfinished(journal: Journal) -> None:
    held = lease.take(journal, NOBODY)
    for goal, kinds in {"a/1": ("began", "ended"), "b/1": ("began",), "c/1": ("began", "ended", "began")}.items():
        for kind in kinds:
            journal.write(held.fence, goal, "began" if kind == "began" else "ended", "deed")

    assert journal.unfinished() == ("c/1", "b/1")


def test_a_stale_fence_writes_nothing(journal: Journal) -> None:
    held = lease.take(journal, NOBODY)
    lease.release(journal, held)
    lease.take(journal, NOBODY)

    with pytest.raises(WaitingError, match="taken over"):
        journal.write(held.fence, "provision/network", "began", "create the stack")
    assert journal.entries(last=10) == ()


def test_passwords_do_not_reach_the_journal(journal: Journal) -> None:
    held = lease.take(journal, NOBODY)
    journal.write(held.fence, "discover/db", "failed", "cannot reach postgres://u:hunter2@h/d")

    assert journal.entries(last=1)[0].text == "cannot reach postgres://u:***@h/d"


def test_reading_a_journal_that_does_not_exist_makes_none(tmp_path: Path) -> None:
    with Journal(tmp_path / "deep" / "journal.db", SystemClock(), read_only=True) as journal:
        assert journal.decisions() == {}
        assert lease.read(journal) is None
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_what_a_writer_wrote(journal: Journal) -> None:
    journal.decide("retire", "approve", who="ada")
    with Journal(journal.path, SystemClock(), read_only=True) as reader:
        assert reader.decisions() == {"retire": "approve"}
        with pytest.raises(UsageError, match="cannot be opened for writing"):
            reader.decide("retire", "withdraw", who="ada")


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database, but it is long enough to be looked at closely" * 40)

    with pytest.raises(OutsideError, match="damaged") as caught:
        Journal(tmp_path / "journal.db", SystemClock())
    assert "move it aside" in caught.value.hint


def test_a_journal_of_a_newer_offramp_is_left_alone(journal: Journal) -> None:
    with sqlite3.connect(journal.path) as db:
        db.execute("pragma user_version = 99")
    db.close()

    with pytest.raises(UsageError, match="newer offramp"):
        Journal(journal.path, SystemClock())


def test_a_directory_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot be created"):
        Journal(tmp_path / "file" / "journal.db", SystemClock())


def _in_a_child(act: Callable[[], None]) -> tuple[str, str]:
    """Run ``act`` in a forked process and return the error's code and text; limits and users do not come back."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            act()
            os.write(writing, b"none\n")
        except OfframpError as error:
            os.write(writing, f"{error.code}\n{error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        code, _, text = pipe.read().partition("\n")
    os.waitpid(pid, 0)
    return code, text


def test_a_disk_that_takes_no_more_is_an_outside_error(tmp_path: Path) -> None:
    def fill() -> None:
        with Journal(tmp_path / "journal.db", SystemClock()) as journal:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            for _ in range(100):
                journal.decide("retire", "approve", who="ada", why="x" * 10_000)

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        code, text = _in_a_child(fill)
    finally:
        signal.signal(signal.SIGXFSZ, before)

    assert code == "outside"
    assert "Free some disk space" in text


def test_a_full_disk_is_told_from_a_read_only_one() -> None:
    def error(number: int) -> sqlite3.OperationalError:
        made = sqlite3.OperationalError("as SQLite says it")
        made.sqlite_errorcode = number
        return made

    assert isinstance(explained(error(sqlite3.SQLITE_FULL), Path("j")), OutsideError)
    assert isinstance(explained(error(sqlite3.SQLITE_READONLY_DIRECTORY), Path("j")), UsageError)
    assert isinstance(explained(error(sqlite3.SQLITE_BUSY_SNAPSHOT), Path("j")), OutsideError)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_a_read_only_directory_is_a_usage_error(server_folder: Path) -> None:
    def open_as_nobody() -> None:
        os.setgid(65534)
        os.setuid(65534)
        Journal(server_folder / "journal.db", SystemClock())

    code, text = _in_a_child(open_as_nobody)

    assert code == "usage"
    assert "directory that you may write" in text
