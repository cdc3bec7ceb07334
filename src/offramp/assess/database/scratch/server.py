"""How does the scratch server live? In a private folder, on a Unix socket, without a log of statements, and gone afterwards.

What it holds are statistics, and statistics hold values of rows. So the folder is 0700, nothing is logged that could carry a value,
and what a killed process left behind is swept away by the next.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from .... import postgres
from ....errors import OutsideError
from ....kit import processes
from ....kit.secret import Secret
from ....postgres import Connection
from .binaries import Binaries, within_reach

SUPERUSER = "scratch"
PLANNER = "planner"
DATABASE = "scratch"
PREFIX = "offramp-scratch-"
START_SECONDS = 30
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "max_connections": "12",
    "shared_buffers": "16MB",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    # Else a small new file is read again to be logged, and its pages stay in memory as they were before we wrote them.
    "wal_skip_threshold": "0",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "track_counts": "off",
    "max_parallel_maintenance_workers": "0",
    "jit": "off",
    # A failing statement would be logged with its text, and so with values.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "logging_collector": "off",
}


@dataclass
class Server:
    """A scratch server. ``folder`` is removed by ``running``, which makes it."""

    folder: Path
    binaries: Path
    major: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def files(self) -> Path:
        return self.folder / "data"

    def connect(self, user: str = SUPERUSER, database: str = DATABASE) -> Connection:
        """Open an autocommit connection with the same pins as everywhere, so that every value has the text form it came in."""
        url = f"postgresql:///{database}?host={quote(str(self.folder), safe='')}&user={user}"
        return postgres.connect(Secret(url), application_name="offramp scratch")

    def start(self) -> None:
        """Start and wait until it answers. Raises OutsideError when it does not."""
        log = self.folder / "postgres.log"
        log.touch(mode=0o600)
        processes.give(log)
        command: list[str | Path] = [self.binaries / "postgres", "-D", self.files, "-k", self.folder]
        self._process = processes.spawn(command, log=log, as_server=True, cwd=self.folder)
        try:
            processes.wait_until(self._answers, seconds=START_SECONDS, what="The scratch PostgreSQL")
        except TimeoutError as error:
            raise OutsideError(str(error), hint="The machine may be too busy; try again.") from error

    def stop(self) -> None:
        """Stop in order, so that every file is whole."""
        if self._process:
            processes.stop(self._process, seconds=20, first=signal.SIGINT)
            self._process = None

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            said = (self.folder / "postgres.log").read_text(errors="replace").strip()[-500:]
            raise OutsideError(f"The scratch PostgreSQL did not start: {said}")
        try:
            psycopg.connect(host=str(self.folder), user=SUPERUSER, dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running(binaries: Binaries) -> Iterator[Server]:
    """Make, start and hand over an empty server; stop and remove it at the end, however that comes.

    Raises OutsideError when the server cannot be made.
    """
    sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    server = Server(folder, binaries.folder, binaries.major)
    try:
        processes.own_directory(folder)
        server.binaries = within_reach(binaries, folder)
        _create(server)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _create(server: Server) -> None:
    plain: list[str | Path] = [
        server.binaries / "initdb", "-D", server.files, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
        "--no-instructions",
    ]  # fmt: skip
    # From 18 on pages carry checksums unless told otherwise, and pages written by hand have none.
    command = [*plain, "--no-data-checksums"] if server.major >= 18 else plain
    try:
        processes.run(command, as_server=True)
    except RuntimeError as error:
        raise OutsideError(f"The scratch PostgreSQL could not be made: {error}") from error
    conf = server.files / "postgresql.auto.conf"
    lines = [f"{name} = '{value}'\n" for name, value in _SETTINGS.items()]
    conf.write_text("".join(lines))
    processes.give(conf)


def sweep(where: Path) -> None:
    """Remove what processes that are gone left behind in ``where``, their servers stopped first."""
    for folder in where.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not processes.alive(int(pid)):
            _end(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _end(folder: Path) -> None:
    """End the server that still runs from this folder, and no other: its working directory must be the one it was started in."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((folder / "data/postmaster.pid").read_text().split()[0])
        if Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder):
            os.kill(pid, signal.SIGQUIT)
            with suppress(TimeoutError):
                processes.wait_until(
                    lambda: not processes.alive(pid), seconds=5, what="The end of a server left behind"
                )
