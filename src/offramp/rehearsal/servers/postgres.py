"""How is a real PostgreSQL server made, started, restarted and stopped?"""

from __future__ import annotations

import secrets
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from ...kit import processes
from . import certificates, programs
from .ports import free_port

SUPERUSER = "postgres"
# Small machines run four of these side by side; durability stays as in production, only memory is small.
SETTINGS: Mapping[str, str] = {
    "shared_buffers": "64MB",
    "max_connections": "120",
    "wal_level": "replica",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "10s",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    "password_encryption": "scram-sha-256",
    "max_prepared_transactions": "10",
}


@dataclass
class Postgres:
    """One cluster in ``folder``. ``tls`` demands TLS from every client, as Heroku does.

    The superuser's password is random; only the rehearsal itself knows it.
    """

    folder: Path
    binaries: Path
    host: str = "127.0.0.1"
    port: int = 0
    tls: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def major(self) -> int:
        return programs.version_of(self.binaries / "postgres")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a libpq URL; without ``user`` the superuser's."""
        secret = quote(self.password if password is None else password, safe="")
        tls = "?sslmode=require" if self.tls else ""
        return f"postgres://{quote(user)}:{secret}@{self.host}:{self.port}/{database}{tls}"

    def create(self) -> None:
        """Run initdb and write the configuration."""
        processes.own_directory(self.folder)
        secret = self.folder / "superuser.secret"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        processes.give(secret)
        processes.run(
            [
                self.binaries / "initdb", "-D", self.data, "-U", SUPERUSER, "--pwfile", secret, "--auth=scram-sha-256",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
            ],
            as_server=True,
        )  # fmt: skip
        secret.unlink()
        self.port = self.port or free_port(self.host)
        self._configure()

    def _configure(self) -> None:
        settings = {
            **SETTINGS,
            **self.settings,
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        access = "host"
        if self.tls:
            made = certificates.issue(self.folder / "tls", self.host, "localhost")
            settings |= {"ssl": "on", "ssl_cert_file": str(made.chain), "ssl_key_file": str(made.key)}
            access = "hostssl"
        lines = [f"{name} = '{value}'" for name, value in settings.items()]
        conf = self.data / "offramp.conf"
        conf.write_text("\n".join(lines) + "\n")
        processes.give(conf)
        main = self.data / "postgresql.conf"
        main.write_text(main.read_text() + "\ninclude 'offramp.conf'\n")
        (self.data / "pg_hba.conf").write_text(f"{access} all all 127.0.0.0/8 scram-sha-256\n")

    def start(self) -> None:
        """Start the server and wait until it answers. Creates the cluster first when there is none."""
        if not (self.data / "PG_VERSION").exists():
            self.create()
        self.log.touch(exist_ok=True)
        processes.give(self.log)
        self._process = processes.spawn(
            [self.binaries / "postgres", "-D", self.data], log=self.log, as_server=True, cwd=self.folder
        )
        processes.wait_until(self._answers, seconds=30, what=f"PostgreSQL on {self.host}:{self.port}")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start; its log ends with: {self.log.read_text()[-2000:]}")
        try:
            with psycopg.connect(self.url(), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def stop(self, *, immediately: bool = False) -> None:
        """Stop with a fast shutdown, or with an immediate one, as a crash would."""
        if self._process:
            processes.stop(self._process, seconds=20, first=signal.SIGQUIT if immediately else signal.SIGINT)
            self._process = None

    def restart(self, *, immediately: bool = False) -> None:
        """Stop and start on the same port with the same files."""
        self.stop(immediately=immediately)
        self.start()

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open an autocommit connection as superuser."""
        return psycopg.connect(self.url(database), autocommit=True)

    def __enter__(self) -> Postgres:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(immediately=True)
