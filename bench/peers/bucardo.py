"""Bucardo 5.6 with its control database on the target cluster, where it has the superuser that it needs."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psycopg

from offramp.kit import processes

from ..clusters import ADMIN, BUCARDO, HOST, Side
from ..stage import Stage
from .engine import EngineStuckError, Kind, Steps, copy_schema, wait_for

SYNC = "s1"
STOP_SECONDS = 15


class Bucardo:
    def __init__(self, stage: Stage, source: Side, target: Side) -> None:
        self._stage = stage
        self._source, self._target = source.named(role=ADMIN), target.named(role=ADMIN)
        self._control = Side(target.cluster, BUCARDO, BUCARDO)
        self._folder = stage.folder / "bucardo"
        self.steps = Steps()

    def _step(self, command: str) -> None:
        self.steps.begin.append(command)

    def _bucardo(self, *words: str) -> str:
        """Run one bucardo command as the server's user, who owns its files."""
        env = {**self._control.env(), "HOME": str(self._folder), "DBUSER": ADMIN}
        for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE"):
            del env[name]
        return processes.run(["bucardo", *words], env=env, as_server=True)

    def _command(self, *words: str) -> None:
        self._step("bucardo " + re.sub(r"=[^ ]*(/|[0-9]{4})[^ ]*", "=..", " ".join(words)))
        self._bucardo("--bucardorc", str(self._folder / "rc"), *words)

    def prepare(self) -> None:
        self._step("make folders for pids and logs, owned by the daemon's user")
        for name in ("run", "log"):
            processes.own_directory(self._folder / name)
        self._step("pg_dump -s SOURCE | psql TARGET")
        copy_schema(self._source, self._target)
        self._step("write .bucardorc: control database's host, port, name, user")
        (self._folder / "rc").write_text(
            f"dbhost={HOST}\ndbport={self._control.cluster.port}\ndbname={BUCARDO}\ndbuser={BUCARDO}\n"
        )
        self._install()
        self._add()

    def _install(self) -> None:
        with self._control.cluster.connect("postgres") as admin:
            admin.execute("drop database if exists bucardo with (force)")
        words = [
            "install", "--no-bucardorc", "--batch", f"--dbhost={HOST}", f"--dbport={self._control.cluster.port}",
            f"--dbuser={ADMIN}", "--dbname=postgres", f"--pid-dir={self._folder / 'run'}",
        ]  # fmt: skip
        self._step("bucardo install --batch --dbhost= --dbport= --dbuser= --dbname= --pid-dir=")
        self._bucardo(*words)
        run, log = self._folder / "run", self._folder / "log"
        self._command("set", f"piddir={run}", f"reason_file={run / 'reason'}", f"warning_file={log / 'warnings'}")

    def _add(self) -> None:
        for name, side in (("a", self._source), ("z", self._target)):
            self._command(
                "add",
                "db",
                name,
                f"dbname={side.database}",
                f"host={HOST}",
                f"port={side.cluster.port}",
                f"user={side.role}",
            )
        self._command("add", "all", "tables", "db=a", "relgroup=rg")
        self._command("add", "all", "sequences", "db=a", "relgroup=rg")
        self._command("add", "sync", SYNC, "relgroup=rg", "dbs=a:source,z:target", "onetimecopy=2")

    def start(self) -> None:
        self._step("bucardo start --log-destination=")
        self.resume()
        self._step("poll the control table until onetimecopy is 0, compare the two sides by hand")
        wait_for(self._copied, "Bucardo's one-time copy", seconds=600)

    def _copied(self) -> bool:
        # The one-time copy is over when the sync's row says 0 again.
        return self._control.value(f"select onetimecopy from bucardo.sync where name = '{SYNC}'") == 0

    def resume(self) -> None:
        self._bucardo("--bucardorc", str(self._folder / "rc"), "start", f"--log-destination={self._folder / 'log'}")

    def pause(self) -> None:
        main = self._main_pid()
        self._bucardo("--bucardorc", str(self._folder / "rc"), "stop")
        try:
            wait_for(lambda: not self._daemons(main), "bucardo stop", seconds=STOP_SECONDS)
        except EngineStuckError:
            self._kill(main)

    def _main_pid(self) -> int | None:
        path = self._folder / "run" / "bucardo.mcp.pid"
        text = path.read_text().split() if path.exists() else []
        return int(text[0]) if text else None

    def _daemons(self, main: int | None) -> list[int]:
        """The daemon's processes that live: those of the pid files, and those of the main one's session."""
        found = {main} if main else set()
        for path in (self._folder / "run").glob("bucardo.*.pid"):
            found |= {int(word) for word in _words(path)[:1]}
        if main:
            found |= {pid for pid in _pids() if _session(pid) == main}
        return sorted(pid for pid in found if processes.alive(pid) and _is_bucardo(pid))

    def _kill(self, main: int | None) -> None:
        """A kid may hang in the server for minutes after `bucardo stop`; end it there, then here."""
        for side in (self._source, self._target):
            side.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'bucardo%'")
        for pid in self._daemons(main):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def drop(self) -> None:
        if (self._folder / "rc").exists():
            main = self._main_pid()
            if self._daemons(main):
                self.steps.removal.append("bucardo stop")
                self.pause()
        self.steps.removal.append("compare the two sides, set sequences on the target by hand")
        self.steps.removal.append("target: drop database bucardo")
        with self._control.cluster.connect("postgres") as admin:
            admin.execute("drop database if exists bucardo with (force)")
        self.steps.removal.append("source: drop schema bucardo cascade (its triggers go with it)")
        try:
            self._source.run("drop schema if exists bucardo cascade")
        except psycopg.OperationalError as error:
            raise EngineStuckError(f"Bucardo's schema could not be dropped: {error}") from error
        for path in (self._folder / "run").glob("*"):
            path.unlink()


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _session(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[3])
    except OSError:
        return 0


def _is_bucardo(pid: int) -> bool:
    """Whether a pid is still what its file said: numbers are used again."""
    try:
        return "bucardo" in Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").lower()
    except OSError:
        return False


KIND = Kind("bucardo", "Bucardo 5.6", Bucardo, needs=("bucardo", "extension:plperlu"))
