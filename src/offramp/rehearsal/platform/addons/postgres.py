"""What is a Heroku Postgres database here? A real server with TLS, and roles with exactly the rights that Heroku grants.

All methods block and are called on worker threads.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, LiteralString
from urllib.parse import quote

import psycopg
from psycopg import sql

from ....kit import sqlbook
from ...servers import postgres, programs
from .. import catalogue
from ..names import Names, password

_SQL = sqlbook.load("offramp.rehearsal.platform", "sql/postgres.sql")
# For the superuser's own visits and autovacuum's reserve, over the plan's limit.
SPARE_CONNECTIONS = 12
_CENSUS = sqlbook.load("offramp.rehearsal", "sql/census.sql")["census"]


@dataclass(slots=True)
class Login:
    """One login of the default credential. ``revoking`` ones work until their grace is over."""

    user: str
    password: str = field(repr=False)
    state: Literal["active", "revoking"] = "active"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the data API tells of a database, read from the server."""

    bytes: int
    tables: int
    connections: int
    waiting: int
    version: str
    in_recovery: bool
    transaction: str


class DumpFailedError(RuntimeError):
    """pg_dump did not make a backup; the text is what it said."""


@dataclass(eq=False)
class HerokuPostgres:
    """One database on a server of its own, so that it restarts and rotates alone."""

    plan: catalogue.Plan
    server: postgres.Postgres
    owner: str
    database: str
    logins: list[Login]

    @classmethod
    def create(cls, plan: catalogue.Plan, folder: Path, names: Names) -> HerokuPostgres:
        """Describe a database; ``start`` makes it."""
        server = postgres.Postgres(
            folder,
            programs.source_postgres(),
            tls=True,
            settings={
                "max_connections": str(plan.connections + SPARE_CONNECTIONS),
                "shared_preload_libraries": "pg_stat_statements",
            },
        )
        owner = names.role()
        return cls(plan, server, owner, names.database(), [Login(owner, password())])

    @property
    def login(self) -> Login:
        return next(login for login in self.logins if login.state == "active")

    @property
    def address(self) -> tuple[str, int]:
        return self.server.host, self.server.port

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.server.pid,) if self.server.pid else ()

    @property
    def url(self) -> str:
        return self.url_of(self.login)

    def url_of(self, login: Login) -> str:
        host, port = self.address
        return f"postgres://{login.user}:{quote(login.password, safe='')}@{host}:{port}/{self.database}"

    def start(self) -> None:
        """Start the server and make role and database."""
        self.server.start()
        names = {"owner": sql.Identifier(self.owner), "database": sql.Identifier(self.database)}
        limits = {"connections": sql.Literal(self.plan.connections), "password": sql.Literal(self.login.password)}
        with self.server.connect() as conn:
            _run(conn, "create_owner", **names, **limits)
            _run(conn, "create_database", **names, **limits)
            _run(conn, "close_database", **names)
        with self.server.connect(self.database) as conn:
            _run(conn, "create_extension_schema")
            _run(conn, "grant_extension_schema", **names)
            _run(conn, "create_statistics")

    def restart(self) -> None:
        """Restart as maintenance does: a fast shutdown that ends every session, then the same server again."""
        self.server.restart()

    def stop(self) -> None:
        self.server.stop(immediately=True)

    def figures(self) -> Figures:
        with self.server.connect(self.database) as conn:
            row = conn.execute(_SQL["figures"]).fetchone()
        assert row is not None
        size, tables, connections, waiting, version, recovery, own, newest = row
        return Figures(size, tables, connections, waiting, str(version).split()[0], recovery, own or newest)

    def census(self) -> tuple[str, ...]:
        """Return what a migration tool of ours left in the database; empty when it is as its owner knows it."""
        with self.server.connect(self.database) as conn:
            return tuple(str(row[0]) for row in conn.execute(_CENSUS).fetchall())

    def add_login(self, names: Names) -> Login:
        """Make a new login that acts as the owner, and let the others go on for their grace."""
        fresh = Login(names.role(), password())
        parts = {"login": sql.Identifier(fresh.user), "owner": sql.Identifier(self.owner)}
        limits = {"connections": sql.Literal(self.plan.connections), "password": sql.Literal(fresh.password)}
        with self.server.connect() as conn, conn.transaction():
            _run(conn, "create_credential", **parts, **limits)
            _run(conn, "join_owner", **parts)
            _run(conn, "act_as_owner", **parts)
        for login in self.logins:
            login.state = "revoking"
        self.logins.append(fresh)
        return fresh

    def revoke(self, login: Login) -> None:
        """End an old login: no new sessions, none of the old ones. The owner itself stays, as a role without login."""
        parts = {"login": sql.Identifier(login.user), "owner": sql.Identifier(self.owner)}
        with self.server.connect(self.database) as conn:
            _run(conn, "close_login", **parts)
            conn.execute(_SQL["end_sessions"], {"login": login.user})
            if login.user != self.owner:
                _run(conn, "give_back", **parts)
                _run(conn, "drop_login", **parts)
        self.logins.remove(login)

    def connections_of(self, login: Login) -> int:
        with self.server.connect() as conn:
            row = conn.execute(_SQL["connections_of"], {"login": login.user}).fetchone()
        return int(row[0]) if row else 0

    def dump(self, path: Path) -> None:
        """Write a backup in pg_dump's custom format. Raises DumpFailedError with what pg_dump said."""
        host, port = self.address
        # The password goes through the environment, which other users cannot read, unlike a command line.
        env = {
            **os.environ, "PGHOST": host, "PGPORT": str(port), "PGUSER": self.login.user, "PGDATABASE": self.database,
            "PGPASSWORD": self.login.password, "PGSSLMODE": "require",
        }  # fmt: skip
        done = subprocess.run(
            [self.server.binaries / "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", path],
            env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            path.unlink(missing_ok=True)
            raise DumpFailedError(done.stderr.strip() or f"pg_dump ended with {done.returncode}")


def _run(conn: psycopg.Connection, name: str, **parts: sql.Composable) -> None:
    block: LiteralString = _SQL[name]
    conn.execute(sql.SQL(block).format(**parts))
