-- name: create
create table if not exists offramp.fence (
  one boolean primary key default true check (one),
  link text not null,
  epoch int not null,
  xid xid8 not null,
  token text not null,
  at timestamptz not null default clock_timestamp(),
  read_only boolean not null default false,
  stranded boolean not null default false
);

-- name: deny
-- SQLSTATE 25006 is what a read-only server says, so applications and drivers already know it. Whoever owns the fence and
-- names its token passes: that is the reverse link, where no replica role is to be had.
create or replace function offramp.deny() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $offramp$
begin
  if current_setting('offramp.link', true) = {token} and session_user = {owner} then
    return null;
  end if;
  raise exception using
    errcode = '25006',
    message = format('cannot write to %I.%I: this database is closed to writers', tg_table_schema, tg_table_name),
    hint = 'The application''s data is being moved, or has moved, to another server.';
end
$offramp$

-- name: let_in
-- Needs no table's lock, so nobody can be in its way. The triggers that are left find nothing to refuse.
create or replace function offramp.deny() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $offramp$
begin
  return null;
end
$offramp$;
delete from offramp.fence;

-- name: lock_table
lock table {table} in share row exclusive mode

-- name: lock_wholly
lock table {table} in access exclusive mode

-- name: deny_table
create or replace trigger offramp_deny before insert or update or delete or truncate on {table}
  for each statement execute function offramp.deny()

-- name: raise_mark
insert into offramp.fence (link, epoch, xid, token)
values (%(link)s, %(epoch)s, pg_current_xact_id(), %(token)s)
on conflict (one) do update
   set link = excluded.link, epoch = excluded.epoch, xid = excluded.xid, token = excluded.token, at = clock_timestamp(),
       stranded = false
returning link, epoch, xid::text::bigint, at, stranded;

-- name: exists
select to_regclass('offramp.fence') is not null;

-- name: mark
select link, epoch, xid::text::bigint, at, stranded from offramp.fence;

-- name: pass
select set_config('offramp.link', token, false) from offramp.fence;

-- name: open_tables
-- Which of the application's tables can still be written to?
select n.nspname, c.relname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.oid = any(%(oids)s::bigint[])
   and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'offramp_deny' and t.tgenabled in ('O', 'A'));

-- name: denied_tables
select n.nspname, c.relname
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where t.tgname = 'offramp_deny' and not t.tgisinternal;

-- name: allow_table
drop trigger if exists offramp_deny on {table}

-- name: drop_mark
drop table if exists offramp.fence;

-- name: drop_deny
drop function if exists offramp.deny();
