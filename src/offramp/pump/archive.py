"""Which statements make the origin's schema again? pg_dump writes them; here they are taken apart, each with what it is.

Nothing depends on parsing SQL: pg_restore prints a line before each statement that says which entry of the dump's table of
contents it is, by catalogue and oid, and the entries are looked for in the order in which that table lists them.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from psycopg.conninfo import conninfo_to_dict

from ..errors import BugError, OutsideError, RefusedError
from ..kit.secret import Secret
from ..postgres import Server

Section = Literal["pre-data", "post-data"]
Kind = Literal[
    "index", "constraint", "fk", "trigger", "rule", "policy", "statistics", "acl", "comment", "default acl", "other"
]

_ENTRY = re.compile(r"^(\d+); (\d+) (\d+) (.+)$")
_REST = re.compile(
    r"(?:-- Dependencies: (?P<needs>[\d ]+)\n)?"
    r"-- Name: (?P<name>.*); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>.*); Owner: .*\n(?:-- Data Pos: .*\n)?--\n\n"
)
_FORCED = re.compile(r"\n\nALTER TABLE ONLY [^\n]+ FORCE ROW LEVEL SECURITY;(?=\n)")
_CLOSE = re.compile(r"^(?:-- Completed on .*\n\n)?--\n-- PostgreSQL database dump complete\n--\n", re.MULTILINE)
_KINDS: Mapping[str, Kind] = {
    "INDEX": "index",
    "CONSTRAINT": "constraint",
    "CHECK CONSTRAINT": "constraint",
    "FK CONSTRAINT": "fk",
    "TRIGGER": "trigger",
    "RULE": "rule",
    "POLICY": "policy",
    "ROW SECURITY": "policy",
    "STATISTICS": "statistics",
    "ACL": "acl",
    "COMMENT": "comment",
    "DEFAULT ACL": "default acl",
}
# Whoever depends on one of these is left out with it.
FOREIGN = ("FOREIGN TABLE ", "SERVER ", "USER MAPPING ", "FOREIGN DATA WRAPPER ", "EVENT TRIGGER ")
_RELATIONS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE")
# Ours, and the schema in which Heroku keeps functions of its event triggers.
SKIPPED_SCHEMAS = ("offramp", "_heroku")
_SCHEMA_ONLY = (
    "--schema-only", "--format=custom", "--no-owner", "--no-acl", "--no-publications", "--no-subscriptions",
    "--no-security-labels", "--no-tablespaces", "--lock-wait-timeout=400ms",
    *(f"--exclude-schema={name}" for name in SKIPPED_SCHEMAS),
)  # fmt: skip
# What a connection string may say to libpq, as its environment variables: an argument list can be read by everybody.
_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "channel_binding": "PGCHANNELBINDING",
}
DUMP_SECONDS = 600
DUMP_ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a dump's table of contents: the object's catalogue and oid, and what it is (type, schema, name, owner)."""

    line: str
    catalogue: int
    oid: int
    what: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """What makes one object. ``table`` is the relation it belongs to, as schema and name, where it belongs to one.

    ``name`` is the object's own name without its table's. ``needs`` are the numbers of the entries that must exist before.
    """

    entry: Entry
    sql: str
    schema: str
    name: str
    table: tuple[str, str] | None
    kind: Kind
    needs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Archive:
    """A dump in memory. It holds the schema only: no row and no password."""

    pre: tuple[Statement, ...]
    post: tuple[Statement, ...]

    def statements(self, section: Section, keep: Callable[[Entry], bool]) -> tuple[Statement, ...]:
        """Return one section's statements that ``keep`` wants, in an order in which they can run.

        Left out are also comments on what is not kept, and whatever needs a foreign table or server.
        """
        lost = self.lost()
        by_number = {statement.entry.number: statement.entry for statement in (*self.pre, *self.post)}

        def wanted(statement: Statement) -> bool:
            if statement.entry.number in lost or not keep(statement.entry):
                return False
            on = (
                [by_number[need] for need in statement.needs if need in by_number]
                if statement.kind == "comment"
                else []
            )
            return all(keep(entry) for entry in on)

        return tuple(statement for statement in (self.pre if section == "pre-data" else self.post) if wanted(statement))

    def lost(self) -> frozenset[int]:
        """Return the numbers of entries that live elsewhere (foreign tables, servers, event triggers) and of what needs them."""
        lost: set[int] = set()
        for statement in (*self.pre, *self.post):
            if statement.entry.what.startswith(FOREIGN) or lost.intersection(statement.needs):
                lost.add(statement.entry.number)
        return frozenset(lost)


@dataclass(frozen=True, slots=True)
class Dumper:
    """pg_dump and pg_restore in ``folder``, or on the PATH."""

    url: Secret
    folder: Path | None = None

    def archive(self) -> Archive:
        """Dump the origin's schema once. Raises OutsideError when pg_dump fails."""
        with tempfile.TemporaryDirectory(prefix="offramp-") as scratch:
            file = str(Path(scratch) / "schema.dump")
            self._dump(file)
            pre, post = take_apart(self._section(file, "pre-data"), self._section(file, "post-data"))
        return Archive(pre, post)

    def _dump(self, file: str) -> None:
        """Whoever waits for a table's lock makes the application wait behind it, so wait briefly and try again."""
        for attempt in range(DUMP_ATTEMPTS):
            try:
                self._run("pg_dump", *_SCHEMA_ONLY, f"--file={file}")
                return
            except OutsideError as error:
                if "lock timeout" not in error.message or attempt == DUMP_ATTEMPTS - 1:
                    raise
            time.sleep(random.uniform(0.2, 0.8))

    def _section(self, file: str, section: Section) -> tuple[str, tuple[Entry, ...]]:
        chosen = ("--no-owner", "--no-acl", "--no-tablespaces", f"--section={section}")
        listing = self._run("pg_restore", "--list", *chosen, file)
        return self._run("pg_restore", "--verbose", "--file=-", *chosen, file), parse_contents(listing)

    def text(self, section: Section, keep: Callable[[Entry], bool]) -> str:
        """Dump, and return the SQL of one section, of the entries that ``keep`` wants."""
        return "".join(statement.sql for statement in self.archive().statements(section, keep))

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
        Entry(match.group(0), int(match.group(2)), int(match.group(3)), match.group(4), int(match.group(1)))
        for match in found
        if match
    )


@dataclass(frozen=True, slots=True)
class _Heading:
    entry: Entry
    start: int
    end: int
    needs: tuple[int, ...]
    name: str
    type: str
    schema: str


def take_apart(*sections: tuple[str, Iterable[Entry]]) -> tuple[tuple[Statement, ...], ...]:
    r"""Split what ``pg_restore --verbose`` printed for each section, given with its contents, into statements.

    >>> text = "SET a = 1;\n--\n-- TOC entry 7 (class 1259 OID 20)\n-- Name: t; Type: TABLE; Schema: s; Owner: -\n--\n\ncreate;\n\n\n"
    >>> take_apart((text, parse_contents("7; 1259 20 TABLE s t app")))[0][0].sql
    'create;\n'
    """
    headings = [_headings(text, entries) for text, entries in sections]
    relations = {heading.entry.number: heading for found in headings for heading in found if heading.type in _RELATIONS}
    return tuple(
        tuple(
            _statement(heading, text[heading.end : end], relations)
            for heading, end in zip(found, _ends(text, found), strict=True)
        )
        for (text, _), found in zip(sections, headings, strict=True)
    )


def _headings(text: str, entries: Iterable[Entry]) -> list[_Heading]:
    found: list[_Heading] = []
    for entry in entries:
        # A function's body may look like a heading, but not like the very next one.
        first = f"--\n-- TOC entry {entry.number} (class {entry.catalogue} OID {entry.oid})\n"
        start = text.find(first, found[-1].end if found else 0)
        rest = _REST.match(text, start + len(first)) if start >= 0 else None
        if rest is None:
            raise BugError(f"pg_restore printed no statement for the entry {entry.line!r}.")
        needs = tuple(int(number) for number in (rest["needs"] or "").split())
        found.append(_Heading(entry, start, rest.end(), needs, rest["name"], rest["type"], rest["schema"]))
    return found


def _ends(text: str, headings: Sequence[_Heading]) -> list[int]:
    if not headings:
        return []
    close = _CLOSE.search(text, headings[-1].end)
    return [*(heading.start for heading in headings[1:]), close.start() if close else len(text)]


def _statement(heading: _Heading, body: str, relations: Mapping[int, _Heading]) -> Statement:
    schema = "" if heading.schema == "-" else heading.schema
    table, name = _of_table(heading, schema, relations)
    text = f"{body.strip()}\n"
    if heading.type == "TABLE":
        # On the target it would hide rows from the link, which is not their owner.
        text = _FORCED.sub("", text)
    if heading.type == "SCHEMA":
        # An extension's schema stands already: the extension was made in it.
        text = text.replace("CREATE SCHEMA ", "CREATE SCHEMA IF NOT EXISTS ", 1)
    return Statement(heading.entry, text, schema, name, table, _KINDS.get(heading.type, "other"), heading.needs)


def _of_table(heading: _Heading, schema: str, relations: Mapping[int, _Heading]) -> tuple[tuple[str, str] | None, str]:
    """Return the relation that an entry belongs to, and the entry's own name: a constraint is listed as ``table constraint``."""
    needed = (relation for need in heading.needs if (relation := relations.get(need)) and relation.schema == schema)
    names = sorted({relation.name for relation in needed}, key=len, reverse=True)
    if heading.type in ("INDEX", "STATISTICS"):
        return ((schema, names[0]) if names else None), heading.name
    for name in names:
        if heading.name == name:
            return (schema, name), heading.name
        if heading.name.startswith(f"{name} "):
            return (schema, name), heading.name[len(name) + 1 :]
    return None, heading.name
