"""How does the receiving side get the same tables, and when do its indexes and constraints come?

pg_dump reads the origin; we choose entries from its table of contents by oid, so that nothing of ours travels and nothing depends
on parsing SQL. Tables first; keys after the copy; everything else once the receiver is consistent.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from .. import postgres
from ..errors import OutsideError, RefusedError
from ..kit import sqlbook
from ..kit.secret import Secret
from ..postgres import Connection, Server, Table

_BOOK = sqlbook.load("offramp.pump", "sql/schema.sql")
_ENTRY = re.compile(r"^(\d+); (\d+) (\d+) (.+)$")
_RESTRICT = re.compile(r"^\\(un)?restrict \S+\n", re.MULTILINE)
# What a connection string may say to libpq, as its environment variables: an argument list can be read by everybody.
_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "channel_binding": "PGCHANNELBINDING",
}
DUMP_SECONDS = 600
# Made by us beforehand, or not the application's.
_NOT_CARRIED = (
    "EXTENSION ",
    "COMMENT - EXTENSION ",
    "SCHEMA - public ",
    "COMMENT - SCHEMA public ",
    "ACL ",
    "DEFAULT ACL ",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a dump's table of contents: the object's catalogue and oid, and what it is."""

    line: str
    catalogue: int
    oid: int
    what: str


@dataclass(frozen=True, slots=True)
class Dumper:
    """pg_dump and pg_restore in ``folder``, or on the PATH."""

    url: Secret
    folder: Path | None = None

    def text(self, section: str, keep: Callable[[Entry], bool]) -> str:
        """Return the SQL of one section (``pre-data`` or ``post-data``), of the entries that ``keep`` wants."""
        with tempfile.TemporaryDirectory(prefix="offramp-") as scratch:
            archive, chosen = Path(scratch) / "schema.dump", Path(scratch) / "contents"
            self._run(
                "pg_dump", "--schema-only", "--format=custom", "--no-owner", "--no-acl", "--no-publications",
                "--no-subscriptions", "--no-security-labels", "--no-tablespaces", "--exclude-schema=offramp",
                "--lock-wait-timeout=5s", f"--file={archive}",
            )  # fmt: skip
            listing = self._run("pg_restore", "--list", f"--section={section}", str(archive))
            entries = [entry for entry in parse_contents(listing) if keep(entry)]
            if not entries:
                return ""
            chosen.write_text("".join(f"{entry.line}\n" for entry in entries))
            return without_header(
                self._run(
                    "pg_restore",
                    "--no-owner",
                    "--no-acl",
                    f"--section={section}",
                    f"--use-list={chosen}",
                    "--file=-",
                    str(archive),
                )
            )

    def demand(self, server: Server) -> None:
        """Raise RefusedError when there is no pg_dump that can read this server."""
        said = self._run("pg_dump", "--version")
        found = re.search(r"\) (\d+)", said)
        if not found or int(found.group(1)) < server.major:
            raise RefusedError(
                f"pg_dump is too old: {said.strip()} cannot read PostgreSQL {server.major}.",
                hint="Set OFFRAMP_PG_BIN to the programs of that version or a later one.",
            )

    def _run(self, program: str, *arguments: str) -> str:
        path = self.folder / program if self.folder else shutil.which(program)
        if path is None or not Path(path).exists():
            raise RefusedError(
                f"{program} is not installed.", hint="Install the PostgreSQL client, or set OFFRAMP_PG_BIN."
            )
        done = subprocess.run(
            [str(path), *arguments],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DUMP_SECONDS,
        )
        if done.returncode:
            raise OutsideError(f"{program} failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
        return done.stdout.decode()

    def _environment(self) -> Mapping[str, str]:
        given = conninfo_to_dict(self.url.reveal())
        named = {
            _ENVIRONMENT[key]: str(value) for key, value in given.items() if key in _ENVIRONMENT and value is not None
        }
        return {**os.environ, **named, "PGAPPNAME": "offramp-schema", "PGCLIENTENCODING": "UTF8"}


def parse_contents(listing: str) -> tuple[Entry, ...]:
    """Read ``pg_restore --list``.

    >>> parse_contents("; comment\\n218; 1259 16406 TABLE public author app\\n")[0].what
    'TABLE public author app'
    """
    found = (_ENTRY.match(line) for line in listing.splitlines())
    return tuple(
        Entry(match.group(0), int(match.group(2)), int(match.group(3)), match.group(4)) for match in found if match
    )


def without_header(text: str) -> str:
    r"""Drop what pg_restore says to psql and to the session, which has its own settings.

    >>> without_header("\\restrict abc\nSET lock_timeout = 0;\n\n--\n-- Name: a; Type: B\n--\n\nselect 1;\n\\unrestrict abc\n")
    '-- Name: a; Type: B\n--\n\nselect 1;\n'
    """
    text = _RESTRICT.sub("", text)
    start = text.find("-- Name: ")
    return text[start:] if start >= 0 else ""


def prepare_database(receiver: Connection, origin: Connection, owner: str | None) -> None:
    """Make extensions and what the owner role needs before the tables come. Safe to repeat."""
    for extension in postgres.extensions(origin):
        named = {"schema": sql.Identifier(extension.schema), "name": sql.Identifier(extension.name)}
        if extension.schema not in ("public", "pg_catalog"):
            receiver.execute(sql.SQL(_BOOK["extension_schema"]).format(**named))
        receiver.execute(sql.SQL(_BOOK["extension"]).format(**named))
    if owner is not None:
        receiver.execute(
            sql.SQL(_BOOK["owner_may_create"]).format(
                database=sql.Identifier(receiver.info.dbname), owner=sql.Identifier(owner)
            )
        )


def restore(receiver: Connection, text: str, owner: str | None) -> None:
    """Run a dump's SQL as the owner role, inside the caller's transaction."""
    if not text:
        return
    receiver.execute(_BOOK["restore_settings"])
    if owner is not None:
        receiver.execute(sql.SQL("set local role {}").format(sql.Identifier(owner)))
    receiver.execute(sql.SQL(text))  # The dump is the customer's own schema, run as its owner.
    receiver.execute(_BOOK["restore_over"])


def carried(ours: Iterable[int], taken: Iterable[tuple[int, int]] = ()) -> Callable[[Entry], bool]:
    """Return a filter that leaves out our triggers (by oid) and what was made already (catalogue and oid)."""
    own, made = frozenset(ours), frozenset(taken)

    def keep(entry: Entry) -> bool:
        if entry.what.startswith(_NOT_CARRIED):
            return False
        return not (entry.catalogue == TRIGGERS and entry.oid in own) and (entry.catalogue, entry.oid) not in made

    return keep


TRIGGERS, CONSTRAINTS, RELATIONS = 2620, 2606, 1259


def own_triggers(side: Connection) -> tuple[int, ...]:
    """Return the oids of our triggers, which no dump may carry."""
    return tuple(int(row[0]) for row in side.execute(_BOOK["own_triggers"]))


def depending_on(origin: Connection, receiver: Connection) -> frozenset[tuple[int, int]]:
    """Return constraints, indexes, triggers, rules and policies (catalogue and oid) of tables the receiver does not have.

    Such tables came after the link began; they are held, and must not keep the others from their indexes.
    """
    there = {(table.schema, table.name) for table in postgres.tables(receiver)}
    lacking = {table.oid for table in postgres.tables(origin) if (table.schema, table.name) not in there}
    return frozenset(
        (catalogue, oid) for catalogue, oid, table in origin.execute(_BOOK["relations"]) if table in lacking
    )


def build_keys(receiver: Connection, tables: Iterable[Table]) -> None:
    """Give each table the key that batches need. Safe to repeat."""
    there = {(table.schema, table.name): table for table in postgres.tables(receiver)}
    for table in tables:
        if table.key and table.key_definition and not there[table.schema, table.name].key:
            receiver.execute(sql.SQL(table.key_definition))  # As the origin's catalogue prints it.


def refresh_views(receiver: Connection, origin: Connection) -> int:
    """Fill the materialised views that are filled at the origin, in order of creation; returns how many."""
    views = origin.execute(_BOOK["filled_views"]).fetchall()
    for schema, name in views:
        receiver.execute(sql.SQL(_BOOK["refresh"]).format(view=sql.Identifier(schema, name)))
    return len(views)


def analyze(receiver: Connection, tables: Iterable[Table]) -> None:
    """Give the planner its statistics before anybody depends on it."""
    for table in tables:
        receiver.execute(sql.SQL("analyze {}").format(sql.Identifier(table.schema, table.name)))


def demand_empty(receiver: Connection) -> None:
    """Raise RefusedError when the receiving database already has tables of its own."""
    if found := postgres.tables(receiver):
        raise RefusedError(
            f"The receiving database already has {len(found)} tables, {found[0].full_name} among them.",
            hint="Give the link an empty database, or remove those tables.",
        )
