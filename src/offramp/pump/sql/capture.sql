-- name: schema
create schema if not exists offramp;

-- name: own_schema
-- The application's own roles need nothing in here: trigger functions run as their owner.
revoke all on schema offramp from public;

-- name: register
create table if not exists offramp.captured (
  number int primary key,
  relid oid not null unique,
  link text not null,
  direction text not null,
  active "char" not null default 'a',
  definition text not null
);

-- name: capture_exists
select to_regclass('offramp.captured') is not null;

-- name: captured
select number, relid::bigint, link, direction, active::text, definition from offramp.captured order by number;

-- name: next_number
select coalesce(max(number), 0) + 1 from offramp.captured;

-- name: enter
insert into offramp.captured (number, relid, link, direction, definition)
values (%(number)s, %(relid)s, %(link)s, %(direction)s, %(definition)s)
on conflict (relid) do update
   set link = excluded.link, direction = excluded.direction, definition = excluded.definition, active = 'a';

-- name: log_tables
-- Keys only, no index, no sequence, no vacuum: the log is appended to, read by snapshot and truncated.
create table if not exists {log_a} ({columns}) with (autovacuum_enabled = off, toast.autovacuum_enabled = off);
create table if not exists {log_b} ({columns}) with (autovacuum_enabled = off, toast.autovacuum_enabled = off);

-- name: drop_logs
drop table if exists {log_a}, {log_b};

-- name: keyed_function
-- Positional aliases bind to no column name and leave no dependency: renames, drops and retypes pass without a failed
-- statement. Nulls pad the row so that dropping columns never leaves fewer than the alias list.
-- An update may change a key, so both the old and the new key are entered.
create or replace function {function}() returns trigger
language plpgsql security definer {settings} as $offramp$
begin
  if tg_op = 'INSERT' then
    insert into {log} select pg_current_xact_id(), {keys} from (select r.*{pads} from new_rows r) as n({aliases});
  elsif tg_op = 'UPDATE' then
    insert into {log}
    select pg_current_xact_id(), {keys} from (select r.*{pads} from new_rows r) as n({aliases})
    union all
    select pg_current_xact_id(), {keys} from (select r.*{pads} from old_rows r) as n({aliases});
  elsif tg_op = 'DELETE' then
    insert into {log} select pg_current_xact_id(), {keys} from (select r.*{pads} from old_rows r) as n({aliases});
  else
    insert into {log} (xid) values (pg_current_xact_id());
  end if;
  return null;
end
$offramp$;

-- name: bare_function
-- A table without a key is followed by whole row images: +1 for a row that came, -1 for one that went.
create or replace function {function}() returns trigger
language plpgsql security definer {settings} as $offramp$
begin
  if tg_op = 'INSERT' then
    insert into {log} select pg_current_xact_id(), row({all})::text, 1 from (select r.*{pads} from new_rows r) as n({aliases});
  elsif tg_op = 'UPDATE' then
    insert into {log}
    select pg_current_xact_id(), row({all})::text, 1 from (select r.*{pads} from new_rows r) as n({aliases})
    union all
    select pg_current_xact_id(), row({all})::text, -1 from (select r.*{pads} from old_rows r) as n({aliases});
  elsif tg_op = 'DELETE' then
    insert into {log} select pg_current_xact_id(), row({all})::text, -1 from (select r.*{pads} from old_rows r) as n({aliases});
  else
    insert into {log} (xid) values (pg_current_xact_id());
  end if;
  return null;
end
$offramp$;

-- name: fast_settings
set search_path = pg_catalog, pg_temp

-- name: exact_settings
-- Some types print as the session likes; these settings make the text the one that the other side reads and compares.
set search_path = pg_catalog, pg_temp
set extra_float_digits = 3
set datestyle = 'ISO, YMD'
set intervalstyle = 'iso_8601'
set timezone = 'UTC'
set bytea_output = 'hex'
set lc_monetary = 'C'
set xmloption = 'content'

-- name: close_function
revoke all on function {function}() from public;

-- name: lock_table
-- First of all, so that no writer of this table is in flight while its log or its function is made anew.
lock table {table} in share row exclusive mode;

-- name: triggers
create or replace trigger offramp_insert after insert on {table}
  referencing new table as new_rows for each statement execute function {function}();
create or replace trigger offramp_update after update on {table}
  referencing old table as old_rows new table as new_rows for each statement execute function {function}();
create or replace trigger offramp_delete after delete on {table}
  referencing old table as old_rows for each statement execute function {function}();
create or replace trigger offramp_truncate after truncate on {table}
  for each statement execute function {function}();

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

-- name: drop_function
drop function if exists {function}();

-- name: forget
delete from offramp.captured where relid = %(relid)s;

-- name: drop_register
drop table if exists offramp.captured;

-- name: schema_is_empty
select not exists (select from pg_class where relnamespace = n.oid)
   and not exists (select from pg_proc where pronamespace = n.oid)
  from pg_namespace n
 where n.nspname = 'offramp';

-- name: drop_schema
drop schema if exists offramp;

-- name: standing
-- Which of our triggers stand on which tables, and do they fire?
select t.tgrelid::bigint, count(*)::int, coalesce(bool_and(t.tgenabled = %(mode)s::"char"), false)
  from pg_trigger t
 where t.tgname = any('{offramp_insert,offramp_update,offramp_delete,offramp_truncate}')
   and not t.tgisinternal
   and t.tgrelid = any(%(oids)s::bigint[])
 group by t.tgrelid;

-- name: blockers
-- Who holds or waits for a lock on this table that keeps us out?
select coalesce(string_agg(distinct coalesce('pid ' || l.pid || ' (' || coalesce(nullif(a.application_name, ''), a.usename::text, 'unknown') || ')',
                                    'a prepared transaction'), ', '), 'nobody any more')
  from pg_locks l
  left join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'relation'
   and l.database = (select oid from pg_database where datname = current_database())
   and l.relation = any(%(oids)s::bigint[])
   and l.pid is distinct from pg_backend_pid()
   and l.mode in ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock');

-- name: log_sizes
select c.number, pg_relation_size(a.oid), pg_relation_size(b.oid)
  from offramp.captured c
  join pg_class a on a.oid = to_regclass('offramp.log_' || c.number || '_a')
  join pg_class b on b.oid = to_regclass('offramp.log_' || c.number || '_b');

-- name: switch
update offramp.captured set active = %(active)s where number = %(number)s;

-- name: lock_log
-- Nobody may wait behind us: a writer of this log is a writer of the application.
lock table {log} in access exclusive mode nowait;

-- name: log_is_consumed
-- Under the exclusive lock there are no writers in flight, so what is not seen by the stored position is not consumed yet.
select not exists (select from {log} l where not pg_visible_in_snapshot(l.xid, %(position)s::pg_snapshot));

-- name: truncate_log
truncate {log};
