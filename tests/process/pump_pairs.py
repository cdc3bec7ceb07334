"""Which real servers does a link run between, and how does a test say a change and wait for it to arrive?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psycopg
import pump_oracles
from psycopg import sql
from pump_world import LinkProcess, Pair, World, until

from offramp.postgres import Connection
from offramp.pump import Link
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.postgres import Postgres

# Debian's 15 has ICU, libxml, lz4 and TLS; the wheels' 17 has TLS and lz4; the wheels' 18 has none of these.
MAJORS = ((15, 18), (17, 18), (15, 15))
SPEAK_TLS = (15, 17)
FORWARD = Link("cases", "forward", 1)
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
MARKER = "create table offramp_test_marker (n bigint primary key);"


def make_world(
    folder: Path, source_major: int = 15, target_major: int = 18, *, settings: Mapping[str, str] = NO_SETTINGS
) -> World:
    """Start a source as Heroku's and a target as RDS' of these majors; ``settings`` are for the source."""
    source = Postgres(
        folder / "source", programs.postgres_of(source_major), tls=source_major in SPEAK_TLS, settings=settings
    )
    target = Postgres(folder / "target", programs.postgres_of(target_major))
    source.start()
    target.start()
    add_master(target)
    return World(folder, source, target)


def add_master(target: Postgres) -> None:
    """Make the role that RDS gives its customers: no superuser, but allowed to be a replica."""
    with target.connect() as admin:
        admin.execute("create role master login password 'master' createdb createrole")
        admin.execute("grant set on parameter session_replication_role to master")


@contextmanager
def running_world(
    folder: Path, source_major: int = 15, target_major: int = 18, *, settings: Mapping[str, str] = NO_SETTINGS
) -> Iterator[World]:
    world = make_world(folder, source_major, target_major, settings=settings)
    try:
        yield world
    finally:
        world.close()
        world.source.stop(immediately=True)
        world.target.stop(immediately=True)


@dataclass
class Lab:
    """One live link that many small cases share: each says what the application does, then asks whether it arrived.

    ``admin`` is a superuser at the source, for what the application's own role may not do.
    """

    pair: Pair
    link: Link = FORWARD
    process: LinkProcess | None = None
    marks: int = 0
    _readers: list[Connection] = field(default_factory=list)

    @classmethod
    def begin(cls, world: World, schema: str, *, before: Callable[[Pair], None] = lambda _: None) -> Lab:
        """Make a database of its own with ``schema``, let ``before`` do what it wants, and start a link until it is live."""
        pair = world.pair(schema="select")
        for side in (world.source, world.target):
            _offer_extensions(side, pair.name)
        with psycopg.connect(pair.source_url, autocommit=True) as owner:
            owner.execute(MARKER + schema)
        before(pair)
        lab = cls(pair)
        lab.process = pair.start(lab.link)
        status = pair.wait(lab.link, lambda status: status.phase in ("live", "paused"), what="the live phase")
        pump_oracles.assert_none_held(status)
        return lab

    @property
    def readers(self) -> tuple[Connection, Connection]:
        """One connection to each side that stays open, so that hundreds of checks do not use up the servers' connections."""
        if not self._readers or not all(_answers(reader) for reader in self._readers):
            for reader in self._readers:
                reader.close()
            self._readers[:] = [self.pair.source(), self.pair.target()]
        return self._readers[0], self._readers[1]

    def app(self) -> psycopg.Connection:
        return self.pair.app()

    def run(self, *statements: str, app: psycopg.Connection | None = None) -> None:
        """Run each statement as the application does, in a session of its own unless ``app`` is given."""
        session = app or self.pair.app()
        for statement in statements:
            session.execute(statement)
        if app is None:
            session.close()

    def arrived(self, *, seconds: float = 20) -> None:
        """Wait until everything committed so far is at the target."""
        self.marks += 1
        origin, receiver = self.readers
        origin.execute("insert into public.offramp_test_marker values (%s)", (self.marks,))
        query = "select 1 from public.offramp_test_marker where n = %s"
        try:
            until(
                lambda: receiver.execute(query, (self.marks,)).fetchone() is not None,
                f"the change {self.marks}", seconds,
            )  # fmt: skip
        except TimeoutError as error:
            assert self.process is not None
            raise TimeoutError(f"{error}\n{self.process.log.read_text()[-3000:]}") from error

    def check(self, *, seconds: float = 20) -> None:
        """Demand that both sides are equal once all has arrived, and that no table was held."""
        self.arrived(seconds=seconds)
        origin, receiver = self.readers
        status = self.pair.status(self.link)
        assert status is not None
        pump_oracles.assert_none_held(status)
        try:
            pump_oracles.assert_same_contents(origin, receiver)
        except AssertionError as error:
            assert self.process is not None
            error.add_note(self.process.log.read_text()[-2000:])
            raise

    def check_in_the_end(self, *, seconds: float = 60) -> None:
        """The same for changes of schema, which hold a table for a while before it goes on."""
        origin, receiver = self.readers

        def settled() -> bool:
            status = self.pair.status(self.link)
            live = status is not None and all(table.state == "live" for table in status.tables)
            return live and not pump_oracles.differences(origin, receiver)

        try:
            until(settled, "both sides to be equal", seconds)
        except TimeoutError:
            self.check()

    def do(self, *statements: str) -> None:
        """Run the statements and demand that both sides are equal afterwards."""
        self.run(*statements)
        self.check()

    def count(self, query: str, *, at: str = "target") -> int:
        """Return the one number that ``query`` gives."""
        row = self.readers[0 if at == "source" else 1].execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def end(self) -> None:
        """Fence, drain, compare, and stop the link in good order."""
        self.pair.drain(self.link)
        pump_oracles.assert_same_contents(*self.readers)
        assert self.process is not None
        assert self.process.end() == 0


def _answers(connection: Connection) -> bool:
    """Whether the server at the other end still knows this session; it may have been restarted."""
    try:
        connection.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


def _offer_extensions(side: Postgres, database: str) -> None:
    """Install what Heroku offers and both servers have; only a superuser may."""
    with side.connect(database) as admin:
        for name in ("citext", "hstore", "ltree", "cube", "btree_gist"):
            admin.execute(sql.SQL("create extension if not exists {} schema public").format(sql.Identifier(name)))


def recode(pair: Pair, source: str, target: str, extensions: Sequence[str] = ()) -> None:
    """Make the pair's databases anew with these encodings; they are empty afterwards."""
    for side, encoding, owner in (
        (pair.world.source, source, pair.owner), (pair.world.target, target, "master"),
    ):  # fmt: skip
        with side.connect() as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(pair.name)))
            admin.execute(
                sql.SQL("create database {} owner {} encoding {} locale 'C' template template0").format(
                    sql.Identifier(pair.name), sql.Identifier(owner), sql.Literal(encoding)
                )
            )
        with side.connect(pair.name) as admin:
            admin.execute(sql.SQL("alter schema public owner to {}").format(sql.Identifier(owner)))
            for name in extensions:
                admin.execute(sql.SQL("create extension {}").format(sql.Identifier(name)))
