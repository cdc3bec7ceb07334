"""What do all parts stand on? Two clusters, data sets cloned from a seed, client programs run to their end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import clusters
from .clusters import ADMIN, MASTER, OWNER, Cluster, Side

DATABASE = "bench"
# pgbench's tables; history with a key, since some engines need one; a row for the heartbeat; a table for bulk loads.
EXTRAS = (
    "alter table pgbench_history add hid bigserial primary key",
    "create table heartbeat (id int primary key, ts timestamptz not null)",
    "insert into heartbeat values (1, now())",
    "create table bulk (id bigint primary key, n int, v text)",
    "vacuum analyze",
)
TABLES = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history", "heartbeat", "bulk")


class ProgramFailedError(RuntimeError):
    """A client program ended with an error; says which and its last words."""


@dataclass
class Stage:
    """Both clusters, running, and a folder for what engines keep."""

    folder: Path
    source: Cluster
    target: Cluster

    def say(self, what: str) -> None:
        """Tell how far the measurement is; tables go to stdout, this does not."""
        sys.stderr.write(what + "\n")
        sys.stderr.flush()

    def seed(self, scale: int) -> str:
        """Make the data set of that scale once; return the database that copies are cloned from."""
        name = f"seed_{scale}"
        with self.source.connect("postgres") as admin:
            if admin.execute("select from pg_database where datname = %s", (name,)).fetchone() is not None:
                return name
            self.say(f"making pgbench data of scale {scale}")
            admin.execute(f"create database {name} owner {OWNER}")
        side = Side(self.source, name, OWNER)
        run(["pgbench", "-i", "-q", "-s", str(scale)], side.env())
        side.run(*EXTRAS)
        return name

    def fresh_source(self, scale: int, database: str = DATABASE) -> Side:
        """A clone of the seed, whatever was there before gone."""
        seed = self.seed(scale)
        self.set_preload("")
        with self.source.connect("postgres") as admin:
            admin.execute(f"drop database if exists {database} with (force)")
            admin.execute(f"create database {database} template {seed} owner {OWNER} strategy file_copy")
        return Side(self.source, database, OWNER)

    def fresh_target(self, database: str = DATABASE) -> Side:
        """An empty database of the master role."""
        self.set_preload("")
        with self.target.connect("postgres") as admin:
            admin.execute(f"drop database if exists {database} with (force)")
            admin.execute(f"create database {database} owner {MASTER}")
        return Side(self.target, database, MASTER)

    def set_preload(self, libraries: str) -> None:
        """Restart both clusters when they do not preload exactly these.

        pglogical's supervisor does not answer barriers, so databases cannot be dropped while it is loaded.
        """
        for cluster in (self.source, self.target):
            if cluster.preload != libraries:
                cluster.stop()
                cluster.preload = libraries
                cluster.start()

    def settle(self) -> None:
        """Begin every timed run from the same state: both clusters' and the machine's dirty pages written."""
        for cluster in (self.source, self.target):
            with cluster.connect("postgres") as admin:
                admin.execute("checkpoint")
        os.sync()

    def warm(self, side: Side) -> None:
        """Read all accounts once, so that nobody pays for a cold cache."""
        side.value("select sum(abalance) from pgbench_accounts")

    def versions(self) -> str:
        return str(
            Side(self.source, "postgres", ADMIN).value("select 'PostgreSQL ' || current_setting('server_version')")
        )


@contextmanager
def opened(environ: Mapping[str, str]) -> Iterator[Stage]:
    """Make both clusters in a temporary folder, and take everything away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="offramp-bench-"))
    folder.chmod(0o755)
    access = clusters.make_access(folder)
    where = clusters.binaries()
    source, target = (Cluster(name, folder / name, where, access, environ) for name in ("source", "target"))
    try:
        # So that a measurement that is told to end takes its servers with it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        source.start()
        target.start()
        clusters.make_roles(source, target)
        yield Stage(folder, source, target)
    finally:
        source.stop(immediately=True)
        target.stop(immediately=True)
        clusters.discard(folder)


def run(command: Sequence[str | Path], env: Mapping[str, str]) -> str:
    """Run a client program to its end and return its stdout. Raises ProgramFailedError."""
    done = subprocess.run(
        [str(part) for part in command], env=dict(env), capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise ProgramFailedError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


class Pipe:
    """``left | right``, each side in its own environment."""

    def __init__(
        self, left: Sequence[str], left_env: Mapping[str, str], right: Sequence[str], right_env: Mapping[str, str]
    ) -> None:
        self._names = (left[0], right[0])
        self._left = subprocess.Popen(
            left, env=dict(left_env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._right = subprocess.Popen(
            right, env=dict(right_env), stdin=self._left.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert self._left.stdout is not None
        # So that the left side ends when the right one does.
        self._left.stdout.close()

    def wait(self) -> None:
        """Raises ProgramFailedError when either side failed."""
        _, right_said = self._right.communicate()
        assert self._left.stderr is not None
        left_said = self._left.stderr.read()
        self._left.stderr.close()
        if self._left.wait() or self._right.returncode:
            said = (right_said or b"") + (left_said or b"")
            raise ProgramFailedError(
                f"{' | '.join(self._names)} failed: {said.decode(errors='replace').strip()[-800:]}"
            )


@dataclass(frozen=True, slots=True)
class Load:
    """What pgbench reports of one run."""

    tps: float
    transactions: int
    seconds: float


def pgbench(
    side: Side,
    *,
    clients: int = 4,
    threads: int = 2,
    mode: str = "prepared",
    seconds: int = 0,
    transactions: int = 0,
    rate: int = 0,
    log_prefix: Path | None = None,
) -> Load:
    """Run pgbench's TPC-B for a time, or for a number of transactions per client."""
    command = ["pgbench", "-n", "-c", str(clients), "-j", str(threads), "-M", mode]
    command += ["-T", str(seconds)] if seconds else ["-t", str(transactions)]
    command += ["-R", str(rate)] if rate else []
    command += ["-l", "--log-prefix", str(log_prefix)] if log_prefix else []
    began = time.monotonic()
    said = run(command, side.env())
    took = time.monotonic() - began
    tps = re.search(r"tps = ([\d.]+) \(without", said)
    done = re.search(r"transactions actually processed: (\d+)", said)
    if not tps or not done:
        raise ProgramFailedError(f"pgbench reported no rate: {said[-400:]}")
    return Load(float(tps.group(1)), int(done.group(1)), took)
