"""Does a web task serve on after SIGTERM, and end as its command ends?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from offramp.aws.templates import read
from offramp.kit.processes import alive, stop, wait_until
from offramp.rehearsal.servers.ports import free_port, listening

DRAIN = read("offramp.deploy", "drain.sh")
SERVER = """
import http.server, os, signal, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
def end(*_):
    print("told to end", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, end)
server.serve_forever()
sys.exit(int(sys.argv[2]))
"""


@contextmanager
def wrapped(command: str, folder: Path, drain: str = "1") -> Iterator[subprocess.Popen[bytes]]:
    """Run a command under the wrapper, as the leader of a group, as a container's init does."""
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            ["sh", "-c", DRAIN, "offramp-drain", command],
            env={**os.environ, "OFFRAMP_DRAIN": drain},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process, seconds=1, first=signal.SIGKILL)


@pytest.fixture
def server(tmp_path: Path) -> Path:
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    return path


@pytest.mark.parametrize(
    "command",
    [
        "{python} {server} {port} 0",
        "exec {python} {server} {port} 0",
        "true && {python} {server} {port} 0",
        "{python} {server} {port} 0; true",
    ],
    ids=["plain", "exec", "after another", "before another"],
)
def test_it_serves_through_the_drain_time_and_then_ends_well(server: Path, tmp_path: Path, command: str) -> None:
    port = free_port()
    with wrapped(command.format(python=sys.executable, server=server, port=port), tmp_path) as process:
        wait_until(lambda: listening("127.0.0.1", port), seconds=10, what="the server")

        process.send_signal(signal.SIGTERM)

        # The wrapper sleeps for a second; within it the server answers and has not been told.
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).status == 200
        assert (tmp_path / "out").read_text() == ""
        assert process.wait(10) == 0
        assert (tmp_path / "out").read_text() == "told to end\n"
        assert not listening("127.0.0.1", port)


def test_the_exit_status_is_that_of_the_command(tmp_path: Path) -> None:
    with wrapped("exit 7", tmp_path) as process:
        assert process.wait(10) == 7


def test_a_command_that_dies_while_serving_ends_the_task(server: Path, tmp_path: Path) -> None:
    with wrapped("kill -KILL $$", tmp_path) as process:
        assert process.wait(10) != 0


def test_a_second_sigterm_changes_nothing(server: Path, tmp_path: Path) -> None:
    port = free_port()
    with wrapped(f"{sys.executable} {server} {port} 0", tmp_path) as process:
        wait_until(lambda: listening("127.0.0.1", port), seconds=10, what="the server")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)

        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).status == 200
        assert process.wait(10) == 0


def test_nothing_of_it_is_left(server: Path, tmp_path: Path) -> None:
    port = free_port()
    with wrapped(f"{sys.executable} {server} {port} 0", tmp_path, drain="0") as process:
        wait_until(lambda: listening("127.0.0.1", port), seconds=10, what="the server")
        process.send_signal(signal.SIGTERM)
        process.wait(10)

        left = [pid for pid in _group(process.pid) if alive(pid)]
        assert left == []


def _group(leader: int) -> list[int]:
    """Return the processes of a group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found
