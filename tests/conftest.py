"""What do all tests share? Folders that unprivileged servers can reach, and the rule that nothing stays running."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from offramp.kit import processes

# Every folder of a run carries the pid, so that runs beside each other do not answer for each other's servers.
PREFIX = f"offramp-test-{os.getpid()}-"
GONE_SECONDS = 10

# A shell starts what it runs in the background with Ctrl-C ignored, and so would all that we start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module", autouse=True)
def nothing_stays_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """End and report what a module's tests leave running: our descendants, and orphans that live in our folders."""
    yield
    marks = (f"/{PREFIX}", f"{tmp_path_factory.getbasetemp()}/")
    try:
        processes.wait_until(lambda: not _running(marks), seconds=GONE_SECONDS, what="the end of all servers")
    except TimeoutError:
        left = _running(marks)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        pytest.fail("These processes outlived their tests: " + "; ".join(f"{pid} {name}" for pid, name in left.items()))


def _running(marks: tuple[str, ...]) -> dict[int, str]:
    """Return the command lines, by pid, of the processes that are of this run."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    parents = {pid: parent for pid in pids if (parent := _parent(pid)) is not None}
    return {
        pid: _read(pid, "cmdline").replace("\0", " ").strip()
        for pid in parents
        if pid != os.getpid() and (_descends(pid, parents) or any(mark in _traces(pid) for mark in marks))
    }


def _parent(pid: int) -> int | None:
    """Return the parent of a process, or None for one that ended, be it still a zombie."""
    state, _, rest = _read(pid, "stat").rpartition(")")[2].strip().partition(" ")
    return int(rest.split()[0]) if state and state != "Z" else None


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == os.getpid():
            return True
    return False


def _traces(pid: int) -> str:
    """Return where a process says it lives: its folder, its arguments, its environment."""
    try:
        folder = str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        folder = ""
    return f"{folder}/\0{_read(pid, 'cmdline')}\0{_read(pid, 'environ')}"


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A fresh folder that the server user may pass through, removed afterwards."""
    yield from _folder()


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """The same for all tests of a module."""
    yield from _folder()


def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
