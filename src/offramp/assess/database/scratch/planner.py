"""How does one ask the scratch server for plans, and what if there were another index?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ....kit import sqlbook
from ....postgres import Connection
from . import binaries, carry, pages
from .model import Outline, Relation
from .server import PLANNER, SUPERUSER, Server, running

_SQL = sqlbook.load(__package__, "sql/planner.sql")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An index that does not exist: ``ddl`` without a name, one B-tree size per leaf table that it would be built on."""

    table: tuple[str, str]
    ddl: str
    sizes: tuple[tuple[tuple[str, str], int, int, float], ...]
    """Leaf table, pages, height, rows in the index."""


@dataclass
class Planner:
    """A scratch server that was built from an outline, with a session that plans as the application's sessions do."""

    server: Server
    outline: Outline
    carried: carry.Carried
    session: Connection

    @contextmanager
    def imagining(self, wanted: Wanted, name: str) -> Iterator[None]:
        """Have an index of these sizes while the block runs. Raises psycopg.Error when it cannot be made."""
        try:
            self.imagine(wanted, name)
            yield
        finally:
            self.forget(wanted, name)

    def imagine(self, wanted: Wanted, name: str) -> None:
        """Make the index on the empty tables and give it, and the tables again, their sizes."""
        tables = [
            relation for relation in self.outline.relations if relation.full_name in {leaf for leaf, *_ in wanted.sizes}
        ]
        # A server process that looked at a file keeps what it saw of it, so this one is new.
        with self.server.connect(SUPERUSER) as connection:
            files = carry.relation_files(connection, self.server.files)
            for table in tables:
                # Building would read every page of a table that has no rows.
                pages.stretch(files[table.full_name], 0)
            try:
                with self.server.connect(PLANNER) as owner:
                    owner.execute(sql.SQL(wanted.ddl).format(name=sql.Identifier(name)))
                self._measure(connection, wanted)
            finally:
                for table in tables:
                    pages.stretch(files[table.full_name], table.pages)
                carry.enter_relations(connection, self.server.major, tables)

    def _measure(self, connection: Connection, wanted: Wanted) -> None:
        files = carry.relation_files(connection, self.server.files)
        known = {relation.full_name for relation in self.outline.relations}
        for leaf, page_count, height, rows in wanted.sizes:
            row = connection.execute(_SQL["newest_index"], {"schema": leaf[0], "table": leaf[1]}).fetchone()
            assert row is not None and (str(row[0]), str(row[1])) not in known
            made = Relation(str(row[0]), str(row[1]), "i", "btree", page_count, rows, 0, page_count, height)
            carry.write(files[made.full_name], made)
            carry.enter_relations(connection, self.server.major, [made])

    def forget(self, wanted: Wanted, name: str) -> None:
        """Drop the index; nothing happens when it was not made."""
        with self.server.connect(PLANNER) as owner:
            owner.execute(sql.SQL(_SQL["forget"]).format(name=sql.Identifier(wanted.table[0], name)))


@contextmanager
def planner(outline: Outline, servers: Sequence[binaries.Binaries]) -> Iterator[Planner]:
    """Run a scratch server built from the outline; it and all it holds is gone afterwards.

    Raises RefusedError when no server on this machine is new enough, OutsideError when it cannot be made.
    """
    chosen = binaries.choose(servers, outline.origin.major)
    with running(chosen) as server:
        carried = carry.carry(server, outline)
        with server.connect(PLANNER) as session:
            prepare(session, outline)
            yield Planner(server, outline, carried, session)


def prepare(session: Connection, outline: Outline) -> None:
    """Give a session the settings that the application's sessions have at the source, and no way to write."""
    session.execute(_SQL["read_only"])
    for name, value in outline.settings:
        if name == "search_path":
            value = value.replace('"$user"', sql.Identifier(outline.origin.role).as_string(session))
        try:
            session.execute(_SQL["setting"], {"name": name, "value": value})
        except psycopg.Error:
            # A setting that this version does not have has no part in its plans.
            continue
