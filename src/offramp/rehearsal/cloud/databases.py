"""Which PostgreSQL stands behind an RDS instance? One server per instance, with a master role like ``rds_superuser``."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from ...kit import processes, sqlbook
from ..servers import programs
from ..servers.postgres import SUPERUSER, Postgres
from .addresses import free_on
from .pidbook import Pidbook
from .wire import AwsError

SQL = sqlbook.load("offramp.rehearsal.cloud", "sql/rds.sql")
# Extensions that PostgreSQL keeps for superusers and RDS lets rds_superuser create.
RDS_EXTENSIONS = (
    "pg_stat_statements",
    "pg_buffercache",
    "pg_prewarm",
    "pgstattuple",
    "pg_visibility",
    "postgres_fdw",
    "dblink",
)
# Parameters that size a machine, or name things that only RDS has, mean nothing on this one.
_LEFT_OUT = (
    "rds.",
    "shared_buffers",
    "effective_cache_size",
    "maintenance_work_mem",
    "ssl",
    "huge_pages",
    "log_destination",
)


class Rds(Postgres):
    """A PostgreSQL whose superuser is called ``rdsadmin`` once ``admin`` says so."""

    admin: str = SUPERUSER

    def url(self, database: str = "postgres", user: str = "", password: str | None = None) -> str:
        return super().url(database, user or self.admin, password)

    def reconfigure(self, settings: Mapping[str, str]) -> None:
        """Write other settings and reload; those that need a restart wait for one, as on RDS."""
        self.settings = settings
        self._configure()
        if self.pid:
            os.kill(self.pid, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an instance should be."""

    user: str
    password: str = field(repr=False)
    database: str
    port: int
    parameters: Mapping[str, str]


@dataclass
class Database:
    """One instance and its server."""

    identifier: str
    wanted: Wanted
    server: Rds
    status: str = "creating"

    @property
    def endpoint(self) -> dict[str, object]:
        return {"address": self.server.host, "port": self.server.port, "status": self.status}


@dataclass
class Databases:
    """All instances of this world."""

    folder: Path
    pids: Pidbook
    addresses: Iterator[str]
    found: dict[str, Database] = field(default_factory=dict)

    async def put(self, identifier: str, wanted: Wanted) -> Database:
        """Make the instance be there and be as wanted; returns when it answers. Raises AwsError."""
        known = self.found.get(identifier)
        if known is None:
            return await self._create(identifier, wanted)
        await self._modify(known, wanted)
        return known

    def begin(self, identifier: str, wanted: Wanted) -> Database:
        """Reserve the instance's endpoint; ``put`` or ``make`` brings it up."""
        address = next(self.addresses)
        binaries = programs.target_postgres()
        server = Rds(self.folder / identifier, binaries, host=address, settings=self._settings(binaries, wanted))
        server.port = free_on(address, wanted.port or 5432)
        made = self.found[identifier] = Database(identifier, wanted, server)
        return made

    async def _create(self, identifier: str, wanted: Wanted) -> Database:
        made = self.begin(identifier, wanted)
        await self.make(made)
        return made

    async def make(self, made: Database) -> None:
        """Start a begun instance and give it its roles. Raises AwsError when PostgreSQL will not run."""
        try:
            await asyncio.to_thread(self._initialise, made)
        except (RuntimeError, TimeoutError, psycopg.Error, OSError) as failed:
            made.status = "failed"
            await asyncio.to_thread(made.server.stop, immediately=True)
            self.found.pop(made.identifier, None)
            raise AwsError(
                "InternalFailure", f"PostgreSQL for {made.identifier} did not start: {failed}", 500
            ) from failed
        made.status = "available"

    def _initialise(self, made: Database) -> None:
        made.server.start()
        assert made.server.pid is not None
        self.pids.write(made.server.pid, f"rds {made.identifier}")
        wanted, server = made.wanted, made.server
        with server.connect() as db:
            db.execute(SQL["create_admin"])
            db.execute(sql.SQL("alter role rdsadmin password {}").format(sql.Literal(server.password)))
        server.admin = "rdsadmin"
        with server.connect() as db:
            for name in (
                "hide_bootstrap", "create_superuser_role", "create_replication_role", "create_password_role",
                "grant_predefined", "grant_session_replication_role", "grant_logging",
            ):  # fmt: skip
                db.execute(SQL[name])
            self._run(db, "create_master", wanted)
            self._run(db, "grant_superuser_role", wanted)
            self._run(db, "own_default_database", wanted)
            if wanted.database and wanted.database != "postgres":
                self._run(db, "create_database", wanted)

    def _run(self, db: psycopg.Connection, name: str, wanted: Wanted) -> None:
        values = {
            "name": sql.Identifier(wanted.user),
            "password": sql.Literal(wanted.password),
            "database": sql.Identifier(wanted.database or "postgres"),
        }
        db.execute(sql.SQL(SQL[name]).format(**values))

    async def _modify(self, known: Database, wanted: Wanted) -> None:
        if wanted.password and wanted.password != known.wanted.password:
            await asyncio.to_thread(self._change_password, known, wanted)
        if wanted.parameters != known.wanted.parameters:
            settings = self._settings(known.server.binaries, wanted)
            await asyncio.to_thread(known.server.reconfigure, settings)
        known.wanted = wanted

    def _change_password(self, known: Database, wanted: Wanted) -> None:
        with known.server.connect() as db:
            self._run(db, "change_password", wanted)

    def _settings(self, binaries: Path, wanted: Wanted) -> dict[str, str]:
        settings = {
            name: value
            for name, value in wanted.parameters.items()
            if not name.startswith(_LEFT_OUT) and "{" not in value
        }
        libraries = [name for name in settings.pop("shared_preload_libraries", "pg_stat_statements").split(",") if name]
        available = [name for name in libraries if (binaries.parent / "lib" / f"{name.strip()}.so").exists()]
        settings["shared_preload_libraries"] = ",".join(available)
        if wanted.parameters.get("rds.logical_replication") in ("1", "on"):
            settings["wal_level"] = "logical"
        settings["extension_control_path"] = f"{self._trusted_extensions(binaries)}:$system"
        return settings

    def _trusted_extensions(self, binaries: Path) -> Path:
        """Copy the control files of RDS's extensions, marked trusted, to a folder that the server looks into first."""
        theirs = binaries.parent / "share" / "extension"
        own = self.folder / "share" / "extension"
        if not own.exists():
            processes.own_directory(own)
            for name in RDS_EXTENSIONS:
                for path in theirs.glob(f"{name}*"):
                    copy = own / path.name
                    shutil.copyfile(path, copy)
                    if path.name == f"{name}.control":
                        copy.write_text(copy.read_text() + "\ntrusted = true\n")
                    processes.give(copy)
        return own.parent

    async def restart(self, identifier: str) -> None:
        known = self._known(identifier)
        known.status = "rebooting"
        self._strike(known)
        await asyncio.to_thread(known.server.restart)
        assert known.server.pid is not None
        self.pids.write(known.server.pid, f"rds {identifier}")
        known.status = "available"

    async def delete(self, identifier: str) -> None:
        """Stop the server and drop its files; an unknown instance is gone already."""
        known = self.found.get(identifier)
        if known is None:
            return
        known.status = "deleting"
        self._strike(known)
        await asyncio.to_thread(known.server.stop)
        self.found.pop(identifier, None)
        await asyncio.to_thread(shutil.rmtree, known.server.folder, True)

    def _known(self, identifier: str) -> Database:
        if identifier not in self.found:
            raise AwsError("DBInstanceNotFound", f"DBInstance {identifier} not found.", 404)
        return self.found[identifier]

    def _strike(self, known: Database) -> None:
        if known.server.pid is not None:
            self.pids.strike(known.server.pid)

    def status(self, identifier: str) -> str | None:
        """What DescribeDBInstances should say; None for an instance that is not ours."""
        known = self.found.get(identifier)
        if known is None:
            return None
        if known.status == "available" and not (known.server.pid and processes.alive(known.server.pid)):
            return "failed"
        return known.status

    async def end(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(each.server.stop, immediately=True) for each in self.found.values()))
