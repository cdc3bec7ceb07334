"""By what is a run of the pump judged? Five oracles, none of which shares code with the pump's own verification.

O1 both sides hold the same multiset of typed rows, and the sequences stand alike. O2 every acknowledged commit is at the target
exactly once. O3 at every commit of the target it equals a past moment of the source. O4 no statement of the application failed
or waited because of us. O5 logs are empty after the drain and nothing is left after removal.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pump_world
from psycopg import sql

from offramp import pump
from offramp.errors import OutsideError
from offramp.postgres import Connection
from offramp.pump import Link

# A difference's example is cut here; rows above this are compared by their digest.
SHOWN = 300
OURS = ("pg_catalog", "information_schema", "offramp")
Rows = Mapping[str, int]


# O1: the same typed rows on both sides.


def tables(connection: Connection) -> Mapping[str, tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Return every table that holds rows, by its full name: schema, name, and stored columns with their types."""
    found = connection.execute(
        """
        select n.nspname, c.relname,
               coalesce(array_agg(array[a.attname, format_type(a.atttypid, a.atttypmod)] order by a.attname collate "C")
                 filter (where a.attname is not null), '{}')
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where c.relkind = 'r' and n.nspname <> all(%s) and n.nspname not like 'pg\\_t%%'
         group by 1, 2
         order by 1, 2
        """,
        (list(OURS),),
    ).fetchall()
    return {
        f"{schema}.{name}": (schema, name, tuple((column, kind) for column, kind in columns))
        for schema, name, columns in found
    }


def rows(connection: Connection, schema: str, name: str, columns: Sequence[tuple[str, str]]) -> Rows:
    """Return every row as its text under pinned settings, with how often it occurs."""
    listed = sql.SQL(", ").join(sql.Identifier(column) for column, _ in columns)
    query = sql.SQL(
        "select case when length(r) <= {shown} then r else md5(r) || ' ' || left(r, 80) end, n"
        ' from (select (row({columns})::text) collate "C" as r, count(*) as n from only {table} group by 1) rows'
    ).format(shown=sql.Literal(SHOWN), columns=listed, table=sql.Identifier(schema, name))
    return dict(connection.execute(query).fetchall())


def differences(source: Connection, target: Connection) -> tuple[str, ...]:
    """Return what is not the same on both sides, in words; empty when all is."""
    return tuple(_differences(source, target))


def _differences(source: Connection, target: Connection) -> Iterator[str]:
    here, there = tables(source), tables(target)
    if here.keys() != there.keys():
        yield f"tables on one side only: {sorted(here.keys() ^ there.keys())}"
    for full_name in sorted(here.keys() & there.keys()):
        if here[full_name] != there[full_name]:
            yield f"{full_name} has other columns: {here[full_name][2]} and {there[full_name][2]}"
            continue
        ours, theirs = Counter(rows(source, *here[full_name])), Counter(rows(target, *there[full_name]))
        missing, extra = ours - theirs, theirs - ours
        if missing or extra:
            yield (
                f"{full_name}: {missing.total()} rows missing, such as {sorted(missing)[:3]};"
                f" {extra.total()} too many, such as {sorted(extra)[:3]}"
            )


def assert_same_contents(source: Connection, target: Connection) -> None:
    """O1 for tables."""
    found = differences(source, target)
    assert not found, "\n".join(found)


def assert_none_held(status: pump.LinkStatus) -> None:
    """No table was set aside, for whatever reason."""
    held = [f"{table.name}: {table.held_because}" for table in status.tables if table.state == "paused"]
    assert not held, "\n".join(held)


def sequences(connection: Connection) -> Mapping[str, tuple[int, bool]]:
    """Return each sequence's last value and whether it was called."""
    found: dict[str, tuple[int, bool]] = {}
    for schema, name in connection.execute(
        "select schemaname, sequencename from pg_sequences where schemaname <> all(%s) order by 1, 2", (list(OURS),)
    ).fetchall():
        row = connection.execute(
            sql.SQL("select last_value, is_called from {}").format(sql.Identifier(schema, name))
        ).fetchone()
        assert row is not None
        found[f"{schema}.{name}"] = (row[0], row[1])
    return found


def assert_same_sequences(source: Connection, target: Connection) -> None:
    """O1 for sequences, to be asked after ``carry_sequences`` on a target that never drew from them."""
    assert sequences(source) == sequences(target)


# O2: every acknowledged commit exactly once.

LEDGER = """
create table ledger_kept (client int, n int, at timestamptz not null default clock_timestamp(), primary key (client, n));
create table ledger_bare (client int, n int);
create table balance (id int primary key, cents bigint not null);
insert into balance select i, 1000 from generate_series(1, 40) i;
"""


@dataclass
class Client(threading.Thread):
    """Appends to a keyed and to a bare ledger and moves cents between accounts, all in one transaction each.

    Keeps which commits were acknowledged and which may or may not have happened, because the connection died on them.
    """

    url: str
    number: int
    seed: int = 0
    limit_seconds: float = 2.0
    pause_seconds: float = 0.0

    def __post_init__(self) -> None:
        super().__init__(name=f"ledger-{self.number}", daemon=True)
        self.acknowledged: list[int] = []
        self.unknown: list[int] = []
        self.refused: list[str] = []
        self.slowest_seconds = 0.0
        self.stopping = threading.Event()
        self._random = random.Random(self.seed * 1000 + self.number)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        n = 0
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, application_name="ledger", connect_timeout=5) as app:
                    while not self.stopping.is_set():
                        n += 1
                        self._append(app, n)
                        self.stopping.wait(self.pause_seconds)
            except psycopg.OperationalError:
                # The server restarts or the network is cut; a client tries again.
                self.stopping.wait(0.05)

    def _append(self, app: psycopg.Connection, n: int) -> None:
        began = time.monotonic()
        a, b = self._random.sample(range(1, 41), 2)
        try:
            with app.transaction():
                app.execute("insert into ledger_kept values (%s, %s)", (self.number, n))
                app.execute("insert into ledger_bare values (%s, %s)", (self.number, n))
                # Always in the same order, so that clients never wait for each other in a circle.
                for account, cents in sorted(((a, -1), (b, 1))):
                    app.execute("update balance set cents = cents + %s where id = %s", (cents, account))
        except psycopg.OperationalError as error:
            self.unknown.append(n)
            if error.sqlstate is not None and error.sqlstate[:2] not in ("57", "08"):
                self.refused.append(str(error))
            raise
        except psycopg.Error as error:
            self.refused.append(f"{error.sqlstate} {error}")
            return
        self.acknowledged.append(n)
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)

    def stop(self) -> None:
        self.stopping.set()
        self.join(30)
        assert not self.is_alive()


@contextmanager
def clients(url: str, count: int, *, seed: int = 0, pause_seconds: float = 0.0) -> Iterator[tuple[Client, ...]]:
    """Run ledger clients until the end of the block."""
    running = tuple(Client(url, number, seed, pause_seconds=pause_seconds) for number in range(1, count + 1))
    for client in running:
        client.start()
    try:
        yield running
    finally:
        for client in running:
            client.stop()


def committed(running: Sequence[Client]) -> int:
    return sum(len(client.acknowledged) for client in running)


def assert_history(target: Connection, running: Sequence[Client]) -> None:
    """O2: each acknowledged commit is there exactly once, and nothing is there that no client ever tried."""
    for table in ("ledger_kept", "ledger_bare"):
        found: dict[int, Counter[int]] = {client.number: Counter() for client in running}
        query = sql.SQL("select client, n from {}").format(sql.Identifier("public", table))
        for number, n in target.execute(query):
            found[number][n] += 1
        for client in running:
            seen = found[client.number]
            assert (table, client.number, [n for n in client.acknowledged if seen[n] != 1]) == (
                table,
                client.number,
                [],
            )
            invented = seen.keys() - set(client.acknowledged) - set(client.unknown)
            assert (table, client.number, sorted(invented)) == (table, client.number, [])


def assert_undisturbed(running: Sequence[Client], *, limit_seconds: float = 5.0) -> None:
    """O4: no statement was refused, and no transaction waited for us.

    Nothing of ours that an application may wait for lasts a second; ``limit_seconds`` leaves room for a busy machine.
    """
    assert [refusal for client in running for refusal in client.refused] == []
    assert max((client.slowest_seconds for client in running), default=0.0) < limit_seconds


# O3: at every commit of the target it equals a past moment of the source.


@dataclass
class Watcher(threading.Thread):
    """Reads the target in REPEATABLE READ as fast as it can, and at each new position asks whether what it sees is whole."""

    url: str
    link: Link
    holds: Callable[[Connection, str], str | None]
    """Given the target within a snapshot and its position, says what is wrong with it, or None."""
    moments: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name="watcher", daemon=True)
        self.stopping = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        last = ""
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, application_name="watcher") as reader:
                    while not self.stopping.is_set():
                        last = self._look(reader, last)
                        self.stopping.wait(0.002)
            except (psycopg.OperationalError, OutsideError):
                # The server restarts or the network is cut; whoever watches comes back.
                self.stopping.wait(0.05)

    def _look(self, reader: Connection, last: str) -> str:
        with reader.transaction():
            reader.execute("set transaction isolation level repeatable read, read only")
            position = self._position(reader)
            if position is None or position == last:
                return last
            said = self.holds(reader, position)
        self.moments += 1
        if said is not None:
            self.wrong.append(f"at {position}: {said}")
        return position

    def _position(self, reader: Connection) -> str | None:
        status = pump.status(reader, self.link)
        return status.position if status is not None and status.phase in ("live", "paused") else None

    def stop(self) -> None:
        self.stopping.set()
        self.join(30)
        assert not self.is_alive()


@contextmanager
def watched(url: str, link: Link, holds: Callable[[Connection, str], str | None]) -> Iterator[Watcher]:
    """Watch the target until the end of the block, which fails when any moment was not whole."""
    watcher = Watcher(url, link, holds)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.stop()
    assert watcher.wrong == []


def ledger_is_whole(target: Connection, _position: str) -> str | None:
    """The clients' invariant: money is neither made nor lost, and the two ledgers tell the same."""
    row = target.execute(
        """
        select (select sum(cents) from public.balance), (select count(*) * 1000 from public.balance),
               (select count(*) from public.ledger_kept), (select count(*) from public.ledger_bare),
               (select count(*) from (select client, n from public.ledger_kept except all
                                      select client, n from public.ledger_bare) only_kept)
        """
    ).fetchone()
    assert row is not None
    cents, owed, kept, bare, strays = row
    return None if cents == owed and kept == bare and not strays else f"sum {cents} of {owed}, {kept} kept, {bare} bare"


# O5: nothing is left.


def log_rows(origin: Connection) -> int:
    """Return how many entries lie in the origin's logs, whatever the logs are called."""
    total = 0
    for (name,) in origin.execute(
        "select relname from pg_class where relnamespace = to_regnamespace('offramp') and relkind = 'r' and relname like 'log%'"
    ).fetchall():
        row = origin.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("offramp", name))).fetchone()
        assert row is not None
        total += row[0]
    return total


@contextmanager
def nothing_left(source: Connection, target: Connection) -> Iterator[None]:
    """Take the source's catalogue before the block and demand the same after removal from both sides."""
    before = pump_world.catalogue(source)
    yield
    for side in (source, target):
        pump.remove(side)
        assert pump.leftovers(side) == ()
    assert pump_world.catalogue(source) == before
