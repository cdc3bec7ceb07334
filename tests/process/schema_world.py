"""What a schema is, said in rows that both sides can be asked for, and who waits for whom while it changes."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import psycopg
import pump_world
from pump_world import LinkProcess, Pair, until

from offramp import postgres, pump
from offramp.pump import Link

SCHEMA_QUERY = r"""
with tables as (
  select format('%I.%I', n.nspname, c.relname) as name, c.*
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'offramp'))
select 'table' as kind, name, relkind::text, relpersistence::text || relrowsecurity || coalesce(obj_description(oid, 'pg_class'), '')
  from tables t where relkind in ('r', 'v', 'm', 'S')
union all select 'column', t.name, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
    a.attidentity, a.attgenerated)
  from tables t join pg_attribute a on a.attrelid = t.oid left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
 where relkind = 'r' and a.attnum > 0 and not a.attisdropped
union all select 'constraint', t.name, o.conname, pg_get_constraintdef(o.oid) || o.convalidated
  from tables t join pg_constraint o on o.conrelid = t.oid where o.contype in ('p', 'u', 'c', 'f', 'x')
union all select 'index', t.name, i.relname, pg_get_indexdef(i.oid) || x.indisvalid from tables t join pg_index x on x.indrelid = t.oid
  join pg_class i on i.oid = x.indexrelid where t.relkind in ('r', 'm')
union all select 'trigger', t.name, g.tgname, pg_get_triggerdef(g.oid) || g.tgenabled::text from tables t join pg_trigger g on g.tgrelid = t.oid
 where not g.tgisinternal and g.tgname !~ '^offramp_'
union all select 'view', t.name, '', regexp_replace(pg_get_viewdef(t.oid), '\m\w+\.|\s+', '', 'g') from tables t where relkind in ('v', 'm')
union all select 'sequence', t.name, '', concat_ws(' ', s.seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle)
  from tables t join pg_sequence s on s.seqrelid = t.oid
union all select 'enum', t.typname, '', string_agg(e.enumlabel, ',' order by e.enumsortorder)
  from pg_type t join pg_enum e on e.enumtypid = t.oid group by 2
union all select 'domain', t.typname, o.conname, pg_get_constraintdef(o.oid) from pg_type t join pg_constraint o on o.contypid = t.oid
 where t.typnamespace <> 'information_schema'::regnamespace
union all select 'function', p.oid::regprocedure::text, '', p.prosrc from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'offramp')
   and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all select 'policy', polrelid::regclass::text, polname, coalesce(pg_get_expr(polqual, polrelid), '') from pg_policy
order by 1, 2, 3, 4
"""


def schema_of(connection: postgres.Connection) -> list[tuple[Any, ...]]:
    """Every table, column, constraint, index, trigger, view, sequence, type, function and policy of the application."""
    return connection.execute(SCHEMA_QUERY).fetchall()


def schemas_meet(pair: Pair, *, seconds: float = 40) -> None:
    """Wait until the target's schema is the source's."""
    here, there = pair.source(), pair.target()

    def meet() -> bool:
        try:
            return schema_of(here) == schema_of(there)
        except psycopg.errors.InternalError_:
            return False  # A definition that is printed while its object goes away.

    try:
        until(meet, "the schemas to be equal", seconds)
    except TimeoutError as error:
        mine, theirs = set(schema_of(here)), set(schema_of(there))
        tail = [line for process in pair.running for line in process.log.read_text().splitlines()[-15:]]
        lacking, extra = sorted(mine - theirs), sorted(theirs - mine)
        raise AssertionError(f"lacking {lacking}\nextra {extra}\n" + "\n".join(tail)) from error
    finally:
        here.close()
        there.close()


def carried(link: LinkProcess) -> list[str]:
    """What the link says it carried over, table first."""
    return [
        f"{event.get('table', '')}: {event['what']}".removeprefix(": ")
        for event in link.events()
        if event["event"] == "schema change carried over"
    ]


def reloads(link: LinkProcess) -> list[str]:
    return [event["table"] for event in link.events() if event["event"] == "table read as a whole"]


def all_live(pair: Pair, link: Link) -> pump.LinkStatus:
    return pair.wait(
        link,
        lambda status: status.phase == "live" and all(table.state == "live" for table in status.tables),
        what="every table to be live",
    )


class Steady(threading.Thread):
    """Statements in turn, each its own transaction, until told to stop; none may fail."""

    def __init__(self, url: str, statements: tuple[str, ...]) -> None:
        super().__init__(name="steady", daemon=True)
        self.url, self.statements = url, statements
        self.stopping = threading.Event()
        self.committed, self.failures = 0, list[str]()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True, application_name="writer") as app:
            while not self.stopping.is_set():
                statement = self.statements[self.committed % len(self.statements)]
                try:
                    app.execute(statement, {"n": self.committed})
                except psycopg.errors.DeadlockDetected as error:
                    # A migration that updates rows and then alters their table can meet its own application so.
                    if ours(app, error):
                        self.failures.append(f"{statement}: {error}")
                except psycopg.Error as error:
                    self.failures.append(f"{statement}: {error}")
                    return
                self.committed += 1

    def stop(self) -> None:
        self.stopping.set()
        self.join(30)
        assert self.failures == [], self.failures


def ours(app: psycopg.Connection, error: psycopg.errors.DeadlockDetected) -> bool:
    """Whether one of the sessions in a deadlock is the pump's."""
    pids = [
        int(pid)
        for pid in re.findall(r"Process (\d+)|process (\d+)", error.diag.message_detail or "")
        for pid in pid
        if pid
    ]
    row = app.execute(
        "select count(*) from pg_stat_activity where pid = any(%s) and application_name ~ '^offramp'", (pids,)
    ).fetchone()
    return row is None or row[0] > 0


class Waits(threading.Thread):
    """How long, in seconds, any session of the application waited for a lock that a session of ours held, at worst."""

    QUERY = """
        select a.pid
          from pg_stat_activity a
         where a.wait_event_type = 'Lock' and a.datname = current_database() and a.application_name !~ '^offramp'
           and exists (select from unnest(pg_blocking_pids(a.pid)) as b join pg_stat_activity o on o.pid = b
                        where o.application_name ~ '^offramp')
    """

    def __init__(self, pair: Pair) -> None:
        super().__init__(name="waits", daemon=True)
        self.connection = pair.source()
        self.stopping = threading.Event()
        self.worst = 0.0

    def run(self) -> None:
        since: dict[int, float] = {}
        while not self.stopping.is_set():
            now = time.monotonic()
            waiting = {pid for (pid,) in self.connection.execute(self.QUERY).fetchall()}
            since = {pid: since.get(pid, now) for pid in waiting}
            self.worst = max(self.worst, *(now - began for began in since.values()), 0.0)
            time.sleep(0.01)  # The pace of the sampling.

    def __enter__(self) -> Waits:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.join(10)
        self.connection.close()


def close(world: pump_world.World) -> None:
    world.close()
    world.source.stop()
    world.target.stop()
