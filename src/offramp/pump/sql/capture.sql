-- name: register
-- Which tables are captured, under which number their changes are logged, and which logs there are. One of the logs is
-- active: the trigger functions write there.
create table if not exists offramp.captured (
  number int primary key,
  relid oid not null unique,
  link text not null,
  direction text not null,
  log int not null,
  definition text not null
);
create table if not exists offramp.logs (
  number int primary key,
  width int not null,
  active boolean not null
);

-- name: capture_exists
select to_regclass('offramp.captured') is not null and to_regclass('offramp.logs') is not null;

-- name: captured
select number, relid::bigint, link, direction, log, definition from offramp.captured order by number;

-- name: logs
select l.number, l.width, l.active, pg_relation_size(c.oid), pg_relation_filenode(c.oid)::bigint
  from offramp.logs l
  join pg_class c on c.oid = to_regclass('offramp.log_' || l.number)
 order by l.number;

-- name: next_number
select coalesce(max(number), 0) + 1 from offramp.captured;

-- name: enter
insert into offramp.captured (number, relid, link, direction, log, definition)
values (%(number)s, %(relid)s, %(link)s, %(direction)s, %(log)s, %(definition)s)
on conflict (relid) do update
   set link = excluded.link, direction = excluded.direction, log = excluded.log, definition = excluded.definition;

-- name: log_table
-- Keys only, no index, no sequence, no vacuum: the log is appended to, read by snapshot and truncated.
-- op: k a key, a arrays of keys, w the whole table, + and - a row image that came or went.
create table if not exists {log} (xid xid8 not null, t int not null, op "char" not null, {columns})
  with (autovacuum_enabled = off, toast.autovacuum_enabled = off);

-- name: enter_log
insert into offramp.logs (number, width, active)
select coalesce(max(number), 0) + 1, %(width)s, false from offramp.logs
returning number;

-- name: activate
update offramp.logs set active = (number = %(number)s) where active <> (number = %(number)s);

-- name: keyed_insert
-- Positional aliases bind to no column name and leave no dependency: renames, drops and retypes pass without a failed
-- statement. Nulls pad the row so that dropping columns never leaves fewer than the alias list.
-- Everything is named with its schema instead of a pinned search_path, and few settings are made: each costs a microsecond.
-- Few rows are logged one by one; a bulk statement's as ranges where whole numbers lie close together, which cost next to
-- nothing, else in arrays, which cost half of single rows.
create or replace function {function}() returns trigger
language plpgsql security definer {settings} as $offramp$
declare
  logged bigint;
  patience constant text := pg_catalog.current_setting('lock_timeout');
  low pg_catalog.numeric;
  high pg_catalog.numeric;
  total bigint;
  ranged boolean := false;
begin
  {wait_long}
  insert into {log} (xid, t, op, {names})
  select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {keys}
    from (select r.*{pads} from {rows} r) as n({aliases})
   limit 128;
  get diagnostics logged = row_count;
  {guard}
  if logged operator(pg_catalog.>=) 128 then
    {one_range}
    if not ranged then
      insert into {log} (xid, t, op, {names})
      select pg_catalog.pg_current_xact_id(), {number}, 'a'::pg_catalog."char", {arrays}
        from (select {named_keys}, pg_catalog.row_number() over () operator(pg_catalog./) 100 as part
                from (select r.*{pads} from {rows} r) as n({aliases})) s
       group by s.part;
    end if;
  end if;
  {wait_as_before}
  return null;
end
$offramp$;

-- name: keyed_update
-- An update may change a key, so the old keys are logged too: always of few rows, else where the sums of hashes tell that
-- the old keys are not the new ones. A range covers both.
create or replace function {function}() returns trigger
language plpgsql security definer {settings} as $offramp$
declare
  logged bigint;
  patience constant text := pg_catalog.current_setting('lock_timeout');
  low pg_catalog.numeric;
  high pg_catalog.numeric;
  total bigint;
  ranged boolean := false;
begin
  {wait_long}
  insert into {log} (xid, t, op, {names})
  select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {keys}
    from (select r.*{pads} from new_rows r
          union all
          select r.*{pads} from old_rows r) as n({aliases})
   limit 128;
  get diagnostics logged = row_count;
  {guard}
  if logged operator(pg_catalog.>=) 128 then
    {both_ranges}
    if not ranged then
      insert into {log} (xid, t, op, {names})
      select pg_catalog.pg_current_xact_id(), {number}, 'a'::pg_catalog."char", {arrays}
        from (select {named_keys}, pg_catalog.row_number() over () operator(pg_catalog./) 100 as part
                from (select r.*{pads} from new_rows r) as n({aliases})) s
       group by s.part;
      if (select pg_catalog.sum(pg_catalog.hashtextextended({hashed}, 77)) from (select r.*{pads} from new_rows r) as n({aliases}))
         operator(pg_catalog.<>)
         (select pg_catalog.sum(pg_catalog.hashtextextended({hashed}, 77)) from (select r.*{pads} from old_rows r) as n({aliases}))
      then
        insert into {log} (xid, t, op, {names})
        select pg_catalog.pg_current_xact_id(), {number}, 'a'::pg_catalog."char", {arrays}
          from (select {named_keys}, pg_catalog.row_number() over () operator(pg_catalog./) 100 as part
                  from (select r.*{pads} from old_rows r) as n({aliases})) s
         group by s.part;
      end if;
    end if;
  end if;
  {wait_as_before}
  return null;
end
$offramp$;

-- name: wait_long
-- An application with a lock_timeout of a millisecond must not fail because many writers lengthen the log at once. A setting of
-- the function's own would cost every call more than this question does.
if patience operator(pg_catalog.<>) '0' then
  perform pg_catalog.set_config('lock_timeout', '0', true);
end if;

-- name: wait_as_before
if patience operator(pg_catalog.<>) '0' then
  perform pg_catalog.set_config('lock_timeout', patience, true);
end if;

-- name: whole_numbers
-- Ranges of a key that is one whole number. Its type is asked for each time, for it may have been changed a moment ago, and no
-- statement may fail because of us. The first rows tell whether a look at all of them is worth while.
if exists (select from (select r.*{pads} from (select * from {rows} limit 1) r) as n({aliases})
            where pg_catalog.pg_typeof(n.{key}) operator(pg_catalog.=)
                  any (array['pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype]))
then
  select pg_catalog.min(n.{key}), pg_catalog.max(n.{key}) into low, high
    from (select r.*{pads} from (select * from {rows} limit 64) r) as n({aliases});
  if (high operator(pg_catalog.-) low) operator(pg_catalog.<=) 256::pg_catalog.numeric then
    {extent}
    if (high operator(pg_catalog.-) low) operator(pg_catalog.<=) (total::pg_catalog.numeric operator(pg_catalog.*) 1.25) then
      insert into {log} (xid, t, op, k1)
      select pg_catalog.pg_current_xact_id(), {number}, 'r'::pg_catalog."char",
             array[p.at, least(p.at operator(pg_catalog.+) 999, high)]::pg_catalog.text
        from pg_catalog.generate_series(low, high, 1000) as p(at);
      ranged := true;
    end if;
  end if;
end if;

-- name: one_extent
select pg_catalog.min(n.{key}), pg_catalog.max(n.{key}), pg_catalog.count(*) into low, high, total
  from (select r.*{pads} from {rows} r) as n({aliases});

-- name: both_extents
select pg_catalog.min(e.low), pg_catalog.max(e.high), pg_catalog.max(e.total) into low, high, total
  from (select pg_catalog.min(n.{key}) as low, pg_catalog.max(n.{key}) as high, pg_catalog.count(*) as total
          from (select r.*{pads} from new_rows r) as n({aliases})
        union all
        select pg_catalog.min(n.{key}), pg_catalog.max(n.{key}), 0
          from (select r.*{pads} from old_rows r) as n({aliases})) e;

-- name: bare_insert
-- A table without a key is followed by whole row images: one that came, one that went.
create or replace function {function}() returns trigger
language plpgsql security definer {settings} as $offramp$
declare
  logged bigint;
  patience constant text := pg_catalog.current_setting('lock_timeout');
begin
  {wait_long}
  insert into {log} (xid, t, op, k1)
  select pg_catalog.pg_current_xact_id(), {number}, {sign}::pg_catalog."char", row({all})::pg_catalog.text
    from (select r.*{pads} from {rows} r) as n({aliases});
  get diagnostics logged = row_count;
  {guard}
  {wait_as_before}
  return null;
end
$offramp$;

-- name: bare_update
create or replace function {function}() returns trigger
language plpgsql security definer {settings} as $offramp$
declare
  logged bigint;
  patience constant text := pg_catalog.current_setting('lock_timeout');
begin
  {wait_long}
  insert into {log} (xid, t, op, k1)
  select pg_catalog.pg_current_xact_id(), {number}, '+'::pg_catalog."char", row({all})::pg_catalog.text
    from (select r.*{pads} from new_rows r) as n({aliases})
  union all
  select pg_catalog.pg_current_xact_id(), {number}, '-'::pg_catalog."char", row({all})::pg_catalog.text
    from (select r.*{pads} from old_rows r) as n({aliases});
  get diagnostics logged = row_count;
  {guard}
  {wait_as_before}
  return null;
end
$offramp$;

-- name: truncated
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 as $offramp$
begin
  insert into {log} (xid, t, op) values (pg_catalog.pg_current_xact_id(), {number}, 'w'::pg_catalog."char");
  return null;
end
$offramp$;

-- name: close_function
revoke all on function {function}() from public;

-- name: lock_table
-- First of all, so that no writer of this table is in flight while its function is made anew.
lock table {table} in share row exclusive mode;

-- name: triggers
create or replace trigger offramp_insert after insert on {table}
  referencing new table as new_rows for each statement execute function {on_insert}();
create or replace trigger offramp_update after update on {table}
  referencing old table as old_rows new table as new_rows for each statement execute function {on_update}();
create or replace trigger offramp_delete after delete on {table}
  referencing old table as old_rows for each statement execute function {on_delete}();
create or replace trigger offramp_truncate after truncate on {table}
  for each statement execute function {on_truncate}();

-- name: row_triggers
create or replace trigger offramp_insert after insert on {table} for each row execute function {on_insert}();
create or replace trigger offramp_update after update on {table} for each row execute function {on_update}();
create or replace trigger offramp_delete after delete on {table} for each row execute function {on_delete}();
create or replace trigger offramp_truncate after truncate on {table} for each statement execute function {on_truncate}();

-- name: always
-- Someone else's replica-role session must be captured too.
alter table {table} enable always trigger offramp_insert;
alter table {table} enable always trigger offramp_update;
alter table {table} enable always trigger offramp_delete;
alter table {table} enable always trigger offramp_truncate;

-- name: drop_triggers
drop trigger if exists offramp_insert on {table};
drop trigger if exists offramp_update on {table};
drop trigger if exists offramp_delete on {table};
drop trigger if exists offramp_truncate on {table};

-- name: drop_functions
drop function if exists {on_insert}(), {on_update}(), {on_delete}(), {on_truncate}();

-- name: forget
delete from offramp.captured where relid = %(relid)s;

-- name: drop_log
drop table if exists {log};

-- name: drop_register
drop table if exists offramp.captured, offramp.logs;

-- name: schema_is_empty
select not exists (select from pg_class where relnamespace = n.oid)
   and not exists (select from pg_proc where pronamespace = n.oid)
  from pg_namespace n
 where n.nspname = 'offramp';

-- name: drop_schema
drop schema if exists offramp;

-- name: standing
-- Which of our triggers stand on which tables, with their functions, and do they fire?
select t.tgrelid::bigint, count(*)::int, coalesce(bool_and(t.tgenabled = %(mode)s::"char"), false)
  from pg_trigger t
 where t.tgname = any('{offramp_insert,offramp_update,offramp_delete,offramp_truncate}')
   and not t.tgisinternal
   and t.tgrelid = any(%(oids)s::bigint[])
 group by t.tgrelid;

-- name: blockers
-- Who holds or waits for a lock on this table that keeps us out?
select coalesce(string_agg(distinct coalesce('pid ' || l.pid || ' (' || coalesce(nullif(a.application_name, ''), a.usename::text, 'unknown') || ')',
                                    'the prepared transaction ' || p.gid, 'a prepared transaction'), ', '), 'nobody any more')
  from pg_locks l
  left join pg_stat_activity a on a.pid = l.pid
  left join pg_locks x on l.pid is null and x.pid is null and x.locktype = 'transactionid' and x.virtualtransaction = l.virtualtransaction
  left join pg_prepared_xacts p on p.transaction = x.transactionid
 where l.locktype = 'relation'
   and l.database = (select oid from pg_database where datname = current_database())
   and l.relation = any(%(oids)s::bigint[])
   and l.pid is distinct from pg_backend_pid()
   and (%(wholly)s or l.mode not in ('AccessShareLock', 'RowShareLock'));

-- name: point
update offramp.captured set log = %(log)s where number = %(number)s;

-- name: lock_log
-- Nobody may wait behind us: a writer of this log is a writer of the application.
lock table {log} in access exclusive mode nowait;

-- name: log_is_consumed
-- What the stored position has not seen is not consumed yet. Under the exclusive lock there are no writers in flight.
select not exists (select from {log} l where {unread} and not pg_visible_in_snapshot(l.xid, %(position)s::pg_snapshot));

-- name: truncate_log
truncate {log};
