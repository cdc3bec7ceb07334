"""How are the two PostgreSQL clusters of a measurement made, and how much processor time did one of them use?"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from offramp.kit import processes
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.ports import free_port

HOST = "127.0.0.1"
ADMIN, OWNER, MASTER, APP = "postgres", "owner", "master", "app"
# Bucardo's control database is used as this superuser; its installer keeps a role that exists already.
BUCARDO = "bucardo"
ROLES = (ADMIN, OWNER, MASTER, APP, BUCARDO)
SETTINGS: Mapping[str, str] = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "min_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "maintenance_work_mem": "512MB",
    "work_mem": "64MB",
    "wal_level": "logical",
    "max_connections": "420",
    "max_worker_processes": "16",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "max_logical_replication_workers": "8",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "listen_addresses": HOST,
    "unix_socket_directories": "",
}
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60


@dataclass(frozen=True)
class Access:
    """How clients get in: one password per role, in a passfile, so that none is in an argument list or a connection string."""

    passfile: Path
    passwords: Mapping[str, str] = field(repr=False)


def make_access(folder: Path) -> Access:
    """Write a passfile that root and the server user can read."""
    passwords = {role: secrets.token_hex(16) for role in ROLES}
    passfile = folder / "passfile"
    passfile.touch(mode=0o600)
    passfile.write_text("".join(f"{HOST}:*:*:{role}:{word}\n" for role, word in passwords.items()))
    processes.give(passfile)
    return Access(passfile, passwords)


@dataclass
class Cluster:
    """One cluster in ``folder``; ``preload`` is shared_preload_libraries of its next start."""

    name: str
    folder: Path
    binaries: Path
    access: Access
    environ: Mapping[str, str] = field(repr=False)
    preload: str = ""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int:
        assert self._process is not None, f"the {self.name} cluster does not run"
        return self._process.pid

    def create(self) -> None:
        """Run initdb and write the configuration."""
        processes.own_directory(self.folder)
        processes.run(
            [
                self.binaries / "initdb", "-D", self.data, "-U", ADMIN, "--pwfile", self._admin_secret(),
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
            ],
            as_server=True,
        )  # fmt: skip
        (self.folder / "admin").unlink()
        self.port = free_port(HOST)
        lines = [f"{name} = '{value}'" for name, value in {**SETTINGS, "port": str(self.port)}.items()]
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\n" + "\n".join(lines) + "\n")
        rule = "127.0.0.0/8 scram-sha-256\n"
        (self.data / "pg_hba.conf").write_text(f"host all all {rule}host replication all {rule}")

    def _admin_secret(self) -> Path:
        secret = self.folder / "admin"
        secret.touch(mode=0o600)
        secret.write_text(self.access.passwords[ADMIN])
        processes.give(secret)
        return secret

    def start(self) -> None:
        """Start the server, the cluster made first when there is none, and wait until it answers."""
        if not (self.data / "PG_VERSION").exists():
            self.create()
        log = self.folder / "postgres.log"
        log.touch(exist_ok=True)
        processes.give(log)
        # The passfile is for the server's own clients: subscriptions, and Bucardo's functions in PL/Perl.
        self._process = processes.spawn(
            [self.binaries / "postgres", "-D", self.data, "-c", f"shared_preload_libraries={self.preload}"],
            log=log,
            as_server=True,
            cwd=self.folder,
            env={**self.environ, "PGPASSFILE": str(self.access.passfile)},
        )
        processes.wait_until(self._answers, seconds=START_SECONDS, what=f"the {self.name} cluster")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the {self.name} cluster did not start: {self.tail()}")
        try:
            with self.connect("postgres"):
                return True
        except psycopg.OperationalError:
            return False

    def tail(self) -> str:
        """The end of the server's log."""
        return (self.folder / "postgres.log").read_text()[-2000:]

    def stop(self, *, immediately: bool = False) -> None:
        if self._process:
            processes.stop(self._process, seconds=60, first=signal.SIGQUIT if immediately else signal.SIGINT)
            self._process = None

    def url(self, database: str, role: str) -> str:
        """A libpq URL with its password: for environments and our own connections, never for an argument list."""
        return f"postgres://{role}:{quote(self.access.passwords[role])}@{HOST}:{self.port}/{database}"

    def connect(self, database: str, role: str = ADMIN) -> psycopg.Connection:
        """Open an autocommit connection."""
        return psycopg.connect(self.url(database, role), autocommit=True, connect_timeout=10)

    def cpu_seconds(self) -> float:
        """Processor time used so far by the whole cluster: postmaster, its reaped children, its live children."""
        while True:
            own, reaped, _ = cpu_ticks(self.pid)
            live = sum(ticks for ticks, _, parent in map(cpu_ticks, all_pids()) if parent == self.pid)
            # A child that was reaped between the two readings is in neither sum: read again.
            if cpu_ticks(self.pid)[1] == reaped:
                return (own + reaped + live) / TICKS


def cpu_ticks(pid: int) -> tuple[int, int, int]:
    """A process's own ticks, those of its reaped children, and its parent; zeros when it has ended.

    Fields 14 to 17 and 4 of /proc/PID/stat, see proc(5).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0, 0, 0
    return int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]), int(fields[1])


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def binaries() -> Path:
    """The server that both clusters run: PostgreSQL 15 of Debian, which the peers are built for."""
    return programs.postgres_of(15)


@dataclass(frozen=True)
class Side:
    """One database as one role sees it: what every client program needs to be told."""

    cluster: Cluster
    database: str
    role: str

    def env(self) -> dict[str, str]:
        """The environment of a libpq program that shall work on this side."""
        inherited = {name: value for name, value in self.cluster.environ.items() if not name.startswith("PG")}
        return {
            **inherited,
            "PATH": f"{self.cluster.binaries}:{inherited.get('PATH', '')}",
            "PGPASSFILE": str(self.cluster.access.passfile),
            "PGHOST": HOST,
            "PGPORT": str(self.cluster.port),
            "PGUSER": self.role,
            "PGDATABASE": self.database,
        }

    @property
    def conninfo(self) -> str:
        """A connection string without a password, for argument lists and subscriptions."""
        return f"host={HOST} port={self.cluster.port} dbname={self.database} user={self.role}"

    @property
    def bare_url(self) -> str:
        return f"postgres://{self.role}@{HOST}:{self.cluster.port}/{self.database}"

    @property
    def url(self) -> str:
        return self.cluster.url(self.database, self.role)

    def connect(self) -> psycopg.Connection:
        return self.cluster.connect(self.database, self.role)

    def run(self, *statements: str) -> None:
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def value(self, query: str) -> object:
        """The first column of the first row."""
        with self.connect() as connection:
            row = connection.execute(query).fetchone()
        return row[0] if row else None

    def named(self, *, database: str | None = None, role: str | None = None) -> Side:
        return Side(self.cluster, database or self.database, role or self.role)


def make_roles(source: Cluster, target: Cluster) -> None:
    """The roles of a move: an owner without privileges at the source, a master shaped like RDS' at the target."""
    for cluster in (source, target):
        with cluster.connect("postgres") as admin:
            for role, options in ((OWNER, ""), (MASTER, "createdb createrole"), (APP, ""), (BUCARDO, "superuser")):
                admin.execute(f"create role {role} login {options} password '{cluster.access.passwords[role]}'")
            admin.execute(f"grant {APP} to {MASTER}")
            admin.execute(f"grant set on parameter session_replication_role to {MASTER}")


def discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
