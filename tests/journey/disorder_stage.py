"""What can go wrong with one database on the move, and how is it known at every moment what the target must hold?

Each table tells a history of its rows, which is itself a table and carried like any other. So the target can be judged by itself:
within one snapshot every live table must be what its history says. And the history at the target must be the source's as of the
stored position, to the row. Together they say that every target commit is a past moment of the source.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
import pump_oracles
from psycopg import sql
from pump_oracles import Watcher
from pump_world import LinkProcess, Pair, World, until
from tcp_shim import Shim

from offramp import pump
from offramp.postgres import Connection
from offramp.pump import Link

LINK = Link("disorder", "forward", 1)
# The columns that no change of schema touches, by table; what a history tells of.
CORE = {
    "account": ("id", "cents", "label"),
    "item": ("id", "account_id", "label"),
    "bare": ("a", "label"),
    "doc": ("key", "body"),
}
SCHEMA = """
create type mood as enum ('sad', 'glad');
create table account (id int primary key, cents int not null, label text, place int unique);
create table item (id bigserial primary key, account_id int references account on delete cascade, label text, mood mood);
create table bare (a int, label text);
create table doc (key text primary key, body jsonb, big text);
create table history (n bigserial primary key, xid xid8 not null, rel text not null, op text not null, row jsonb);
create function core_of(r jsonb, names text[]) returns jsonb language sql immutable as
  $$ select jsonb_object_agg(e.key, e.value) from jsonb_each(r) e where e.key = any(names) $$;
create function remember() returns trigger language plpgsql as $$
begin
  if tg_op = 'TRUNCATE' then insert into history (xid, rel, op) values (pg_current_xact_id(), tg_argv[0], 'T'); end if;
  if tg_op in ('UPDATE', 'DELETE') then
    insert into history (xid, rel, op, row) values (pg_current_xact_id(), tg_argv[0], '-', core_of(to_jsonb(old), tg_argv[1]::text[]));
  end if;
  if tg_op in ('INSERT', 'UPDATE') then
    insert into history (xid, rel, op, row) values (pg_current_xact_id(), tg_argv[0], '+', core_of(to_jsonb(new), tg_argv[1]::text[]));
  end if;
  return null;
end $$;
""" + "".join(
    f"create trigger remember after insert or update or delete on {name} for each row execute function remember('{name}', '{{{','.join(core)}}}');"
    f"create trigger remember_truncate after truncate on {name} for each statement execute function remember('{name}');"
    for name, core in CORE.items()
)  # fmt: skip
# What an application meets by its own doing: constraints, its own short lock timeout, deadlocks, a table or column it has dropped itself.
OWN_DOING = (
    "23505",
    "23503",
    "23502",
    "23514",
    "55P03",
    "40P01",
    "40001",
    "42P01",
    "42703",
    "42701",
    "42710",
    "42P07",
    "25P02",
    "0A000",
    "55000",
)
LOCK_TIMEOUT = "set lock_timeout = '300ms'"
# A table whose triggers were disabled behind our back is noticed at the next look at the catalogue.
NOTICED_SECONDS = 20.0
RUN_SECONDS = 8.0
FOLDED = """
with last as (select coalesce(max(n) filter (where op = 'T'), 0) as n from public.history where rel = %(rel)s),
told as (select h.row, sum(case h.op when '+' then 1 else -1 end) as times from public.history h, last
          where h.rel = %(rel)s and h.op <> 'T' and h.n > last.n group by h.row having sum(case h.op when '+' then 1 else -1 end) <> 0),
held as (select public.core_of(to_jsonb(t), %(core)s) as row, count(*) as times from only {table} t group by 1)
select coalesce(told.row, held.row)::text, coalesce(told.times, 0)::int, coalesce(held.times, 0)::int
  from told full join held on told.row = held.row
 where told.times is distinct from held.times limit 3
"""
DIGEST = "select count(*), coalesce(sum(hashtextextended(concat_ws('|', n, xid, rel, op, row::text), 0)), 0) from public.history"


class ShimmedPair(Pair):
    """A pair of which only the link goes through shims."""

    shims: tuple[Shim, Shim] | None = None
    _by_shim = False

    @property
    def source_url(self) -> str:
        url = super().source_url
        return self.shims[0].through(url) if self._by_shim and self.shims else url

    @property
    def target_url(self) -> str:
        url = super().target_url
        return self.shims[1].through(url) if self._by_shim and self.shims else url

    def start(self, link: Link, *, source_command: str = "") -> LinkProcess:
        self._by_shim = True
        try:
            return super().start(link, source_command=source_command)
        finally:
            self._by_shim = False


@dataclass
class Stage:
    """One database, its link, its writers, its open sessions, and the watcher that judges every target commit."""

    pair: ShimmedPair
    dice: random.Random
    with_schema_changes: bool = True
    link: LinkProcess | None = None
    sessions: list[psycopg.Connection] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    extras: list[tuple[str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    moments: list[tuple[str, int, int]] = field(default_factory=list)
    """The position, the number of history rows and their digest, of each target commit that was seen."""
    tolerated: dict[str, float] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    stalled: frozenset[int] = frozenset()
    serial: int = 0

    @classmethod
    def begin(cls, world: World, name: str, seed: int, *, writers: int = 2, with_schema_changes: bool = True) -> Stage:
        pair = ShimmedPair(world, name)
        pair.create(SCHEMA)
        world.made.append(pair)
        pair.shims = (Shim(world.source.port), Shim(world.target.port))
        for shim in pair.shims:
            shim.__enter__()
        stage = cls(pair, random.Random(seed), with_schema_changes)
        stage.execute(
            "insert into account select i, 100, 'a' || i, i from generate_series(1, 40) i",
            "insert into item (account_id, label) select 1 + i % 40, 'i' || i from generate_series(1, 200) i",
            "insert into bare select i % 5, 'twin' from generate_series(1, 30) i",
            "insert into doc select 'k' || i, jsonb_build_object('n', i), repeat('big', i * 50) from generate_series(1, 30) i",
        )
        stage.link = pair.start(LINK)
        pair.wait_live(LINK)
        stage.watcher = Watcher(pair.target_url, LINK, stage.judge)
        stage.watcher.start()
        stage.writers = [Scribbler(pair.source_url, seed * 100 + n) for n in range(writers)]
        for writer in stage.writers:
            writer.start()
        return stage

    def __post_init__(self) -> None:
        self.watcher: Watcher
        self.writers: list[Scribbler]

    # Judging.

    def judge(self, reader: Connection, position: str) -> str | None:
        """Say what of this target snapshot is not what its own history tells, and remember the history for later."""
        status = pump.status(reader, LINK)
        assert status is not None
        live = {table.name.partition(".")[2] for table in status.tables if table.state == "live"}
        if "history" not in live:
            return None
        row = reader.execute(DIGEST).fetchone()
        assert row is not None
        self.moments.append((position, row[0], row[1]))
        for name, core in CORE.items():
            if name not in live:
                continue
            query = sql.SQL(FOLDED).format(table=sql.Identifier("public", name))
            found = reader.execute(query, {"rel": name, "core": list(core)}).fetchall()
            if not found:
                continue
            if time.monotonic() > self.tolerated.get(name, 0.0):
                return f"{name} is not what its history tells (row, told, held): {found}"
        return None

    def demand_past_moments(self, source: Connection) -> None:
        """Each history seen at the target was the source's whole history as of the position."""
        for position, count, digest in self.moments:
            row = source.execute(f"{DIGEST} where pg_visible_in_snapshot(xid, %s::pg_snapshot)", (position,)).fetchone()
            assert row == (count, digest), f"at {position} the target told {(count, digest)}, the source {row}"

    def complaints(self) -> list[str]:
        """What has gone wrong so far: moments that never were, statements that failed because of us, a link that gave up."""
        found = list(self.watcher.wrong)
        found += [failure for writer in self.writers for failure in writer.failures]
        if self.link is not None and self.link.process.poll() not in (None, 0, -9):
            found.append(f"the link ended by itself: {self.link.log.read_text()[-1500:]}")
        return found

    # The application.

    def note(self, step: str) -> None:
        self.steps.append(f"{self.pair.name}: {step}")

    def execute(self, *statements: str) -> bool:
        """Run statements as one transaction each in a session of their own; False when the application had itself to blame."""
        try:
            with psycopg.connect(self.pair.source_url, autocommit=True, application_name="disorder") as app:
                app.execute(LOCK_TIMEOUT)
                for statement in statements:
                    app.execute(statement)
        except psycopg.Error as error:
            return self.forgiven(error)
        return True

    def forgiven(self, error: psycopg.Error) -> bool:
        """Raise what is not the application's own doing; always False."""
        said = f"{error.sqlstate} {error}"
        if "offramp" in str(error.diag.context or "") + str(error.diag.message_primary or ""):
            raise AssertionError(f"capture made a statement fail: {said} {error.diag.context}") from error
        if error.sqlstate is not None and error.sqlstate not in OWN_DOING and error.sqlstate[:2] not in ("08", "57"):
            raise AssertionError(f"a statement failed: {said} {error.diag.context}") from error
        return False

    def write(self, count: int) -> None:
        for _ in range(count):
            self.execute(statement(self.dice))

    def write_in_one(self, count: int, undo: bool) -> None:
        """One transaction of several statements with a savepoint that is rolled back."""
        parts = [statement(self.dice) for _ in range(count)]
        middle = f"savepoint s; {statement(self.dice)}; rollback to savepoint s" if undo else "select 1"
        self.execute(f"begin; {'; '.join(parts)}; {middle}; {statement(self.dice)}; commit")

    def open_session(self) -> None:
        """Leave a transaction open, with an id and with writes."""
        if len(self.sessions) < 3:
            session = psycopg.connect(self.pair.source_url, autocommit=True, application_name="disorder")
            self.sessions.append(session)
            self.within(session, LOCK_TIMEOUT, "begin", "select pg_current_xact_id()", statement(self.dice))

    def within(self, session: psycopg.Connection, *statements: str) -> None:
        try:
            for each in statements:
                session.execute(each)
        except psycopg.Error as error:
            session.close()
            self.sessions.remove(session)
            self.forgiven(error)

    def close_session(self, how: str) -> None:
        if not self.sessions:
            return
        session = self.sessions[self.dice.randrange(len(self.sessions))]
        self.serial += 1
        if how == "go on":
            self.within(session, statement(self.dice))
            return
        name = f"{self.pair.name}-{self.serial}"
        self.within(session, f"prepare transaction '{name}'" if how == "prepare" else how)
        if session in self.sessions:
            self.sessions.remove(session)
            session.close()
            if how == "prepare":
                self.prepared.append(name)

    def end_prepared(self, commit: bool) -> None:
        if self.prepared:
            name = self.prepared.pop(self.dice.randrange(len(self.prepared)))
            if not self.execute(f"{'commit' if commit else 'rollback'} prepared '{name}'"):
                self.prepared.append(name)

    def truncate(self) -> None:
        again = (
            "; insert into bare values (1, 'after the truncate'), (1, 'after the truncate')"
            if self.dice.random() < 0.5
            else ""
        )
        self.execute(
            self.dice.choice(("truncate bare", f"begin; truncate bare{again}; commit", "truncate item restart identity",
 "begin; truncate doc; rollback",
                              "truncate account cascade", f"begin; truncate doc{again}; commit"))
        )  # fmt: skip

    def disable_triggers(self) -> None:
        """Change rows with every trigger off, as a data migration may, and tell the history by hand; one transaction."""
        name = self.dice.choice(("account", "doc", "bare"))
        core = CORE[name]
        listed = "array[" + ", ".join(f"'{column}'" for column in core) + "]"
        number = self.dice.randrange(1, 40)
        where = {"account": f"id = {number}", "doc": f"key = 'k{number}'", "bare": f"a = {number % 5}"}[name]
        self.tolerated[name] = time.monotonic() + NOTICED_SECONDS
        self.execute(
            f"begin; alter table {name} disable trigger user;"
            f" with gone as (delete from {name} where {where} returning *) insert into history (xid, rel, op, row)"
            f" select pg_current_xact_id(), '{name}', '-', core_of(to_jsonb(gone), {listed}) from gone;"
            f" alter table {name} enable trigger user; commit"
        )
        self.tolerated[name] = time.monotonic() + NOTICED_SECONDS

    # Changes of schema.

    def change_schema(self, kind: str) -> None:
        """Do one thing that a migration does; additive, destructive, or a rewrite."""
        if not self.with_schema_changes:
            return
        self.serial += 1
        n, name = self.serial, self.dice.choice(tuple(CORE))
        change: Sequence[str]
        match kind:
            case "add":
                column = f"extra_{n}"
                default = self.dice.choice(
                    ("int", "int default 7", "text", "text default 'd'", "float8 default random()", "numeric(9,2)")
                )
                change = (f"alter table {name} add column {column} {default}",)
                self.extras.append((name, column))
            case "drop" if self.extras:
                name, column = self.extras.pop(self.dice.randrange(len(self.extras)))
                change = (f"alter table {name} drop column {column}",)
            case "rename" if self.extras:
                name, column = self.extras.pop(self.dice.randrange(len(self.extras)))
                change = (f"alter table {name} rename column {column} to renamed_{n}",)
                self.extras.append((name, f"renamed_{n}"))
            case "retype" if self.extras:
                name, column = self.dice.choice(self.extras)
                change = (f"alter table {name} alter column {column} type text",)
            case "index":
                change = (f"create index index_{n} on {name} ({self.dice.choice(CORE[name])})",)
            case "label":
                change = (
                    f"alter type mood add value if not exists 'mood {n}'",
                    f"update item set mood = 'mood {n}' where id % 7 = {n % 7}",
                )
            case "table":
                change = (f"create table made_{n} (id serial primary key, v text); insert into made_{n} (v) values ('first')",
                          f"insert into made_{n} (v) select 'v' from generate_series(1, 9)")  # fmt: skip
                self.made.append(f"made_{n}")
            case "fill" if self.made:
                change = (f"insert into {self.dice.choice(self.made)} (v) values ('more')",)
            case "drop table" if self.made:
                change = (f"drop table {self.made.pop(self.dice.randrange(len(self.made)))}",)
            case _:
                change = (f"vacuum full {name}",)
        self.execute(*change)

    # Faults.

    def kill_link(self, start_again: bool) -> None:
        assert self.link is not None
        if self.link.process.poll() is None:
            self.link.kill()
        if start_again:
            self.start_link()

    def stop_link(self) -> None:
        assert self.link is not None
        if self.link.process.poll() is None:
            if self.stalled:
                # Whoever waits for an answer that never comes is ended by force, as by any host.
                self.link.kill()
            else:
                # A process that has hardly begun has no handler yet, and ends by the signal itself.
                assert self.link.end() in (0, -signal.SIGTERM)
        self.start_link()

    def start_link(self) -> None:
        if self.link is None or self.link.process.poll() is not None:
            self.link = self.pair.start(LINK)

    def harm_line(self, side: int, harm: str) -> None:
        assert self.pair.shims is not None
        shim = self.pair.shims[side]
        self.stalled = (
            self.stalled - {side} if harm == "mend" else self.stalled | ({side} if harm == "stall" else set())
        )
        acts: dict[str, Callable[[], None]] = {
            "cut": shim.cut, "refuse": lambda: shim.cut(refuse=True), "stall": shim.stall, "mend": shim.mend,
        }  # fmt: skip
        acts[harm]()

    def let_it_run(self, moments: int) -> None:
        """Mend what is broken and let the watcher see some target commits; a link that waits longer is not waited for."""
        for side in (0, 1):
            self.harm_line(side, "mend")
        self.start_link()
        seen, deadline = self.watcher.moments, time.monotonic() + RUN_SECONDS
        while self.watcher.moments < seen + moments and time.monotonic() < deadline:
            self.watcher.stopping.wait(0.02)

    # The end.

    def finish(self) -> None:
        """Let everything come to rest, and demand that both sides are equal and that every moment seen was one."""
        for session in self.sessions:
            session.close()
        for name in self.prepared:
            self.execute(f"rollback prepared '{name}'")
        for writer in self.writers:
            writer.stop()
        for side in (0, 1):
            self.harm_line(side, "mend")
        self.start_link()
        source, target = self.pair.source(), self.pair.target()
        until(lambda: self._at_rest(source, target), f"{self.pair.name} to be equal: {self._said()}", 90)
        self.pair.drain(LINK)
        self.watcher.stop()
        pump_oracles.assert_same_contents(source, target)
        self.demand_past_moments(source)
        assert not self.complaints(), "\n".join(self.complaints())
        pump.carry_sequences(source, target)
        assert self.link is not None
        assert self.link.end() == 0
        for end in (source, target):
            pump.remove(end)
            assert pump.leftovers(end) == ()

    def _at_rest(self, source: Connection, target: Connection) -> bool:
        status = pump.status(target, LINK)
        live = status is not None and all(table.state == "live" for table in status.tables)
        return live and not pump_oracles.differences(source, target)

    def _said(self) -> str:
        assert self.link is not None
        return self.link.log.read_text()[-2000:]

    def close(self) -> None:
        """End what runs, whatever state it is in."""
        for writer in self.writers:
            writer.stopping.set()
        self.watcher.stopping.set()
        self.pair.close()
        for shim in self.pair.shims or ():
            shim.__exit__(None, None, None)


class Scribbler(threading.Thread):
    """Writes random statements without a pause, in transactions of a few; comes back after every restart."""

    def __init__(self, url: str, seed: int) -> None:
        super().__init__(daemon=True, name="scribbler")
        self.url, self.dice = url, random.Random(seed)
        self.stopping, self.failures, self.committed = threading.Event(), list[str](), 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True, application_name="scribbler", connect_timeout=5) as app:
                    app.execute("set lock_timeout = '2s'")
                    while not self.stopping.wait(0.02):
                        self._write(app)
            except psycopg.OperationalError:
                self.stopping.wait(0.1)

    def _write(self, app: psycopg.Connection) -> None:
        try:
            with app.transaction():
                for _ in range(self.dice.choice((1, 1, 2, 4))):
                    app.execute(statement(self.dice))
            self.committed += 1
        except psycopg.Error as error:
            if error.sqlstate is None or error.sqlstate[:2] in ("08", "57"):
                raise
            if error.sqlstate not in OWN_DOING or "offramp" in str(error.diag.context or ""):
                self.failures.append(f"{error.sqlstate} {error} {error.diag.context}")

    def stop(self) -> None:
        self.stopping.set()
        self.join(30)


def statement(dice: random.Random) -> str:
    """Return a random statement of the application."""
    n, k, m = dice.randrange(1, 60), dice.randrange(1, 60), dice.randrange(10**6)
    return dice.choice(
        (
            f"insert into account (id, cents, label) values ({n}, {m % 100}, 'again') on conflict (id) do update set cents = account.cents + 1",
            f"update account set cents = cents + {m % 9} where id in ({n}, {k})",
            f"update account set label = 'l{m}' where id = {n}",
            f"update account set place = 1000 + place where id = {n} and place < 1000",
            f"update account set id = {n + 100} where id = {n} and not exists (select from item where account_id = {n})",
            f"update account set id = {n} where id = {n + 100}",
            f"delete from account where id = {n} and {m % 3} = 0",
            f"insert into item (account_id, label) select id, 'n{m}' from account where id = {n}",
            f"update item set label = label || '.' where account_id = {n}",
            f"update item set account_id = (select min(id) from account) where account_id = {n}",
            f"delete from item where id % 50 = {n % 50}",
            f"insert into bare select {n % 5}, 'twin' from generate_series(1, {1 + k % 3})",
            "delete from bare where ctid = (select min(ctid) from bare)",
            f"update bare set label = 'b{m % 4}' where a = {n % 5} and label = 'b{k % 4}'",
            f"delete from bare where a = {n % 5} and (select count(*) from bare) > 300",
            f"insert into doc values ('k{n}', '{{\"n\": {m}}}', repeat('x', {m % 9000})) on conflict (key) do update set body = excluded.body",
            f"update doc set big = big || '{m}' where key = 'k{n}' and length(big) < 20000",
            f"update doc set key = 'K{n}' where key = 'k{n}' and not exists (select from doc where key = 'K{n}')",
            f"delete from doc where key in ('k{n}', 'K{k}')",
        )
    )
