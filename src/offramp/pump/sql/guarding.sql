-- name: exists
select to_regclass('offramp.heartbeat') is not null;

-- name: ready
select to_regclass('offramp.heartbeat') is not null
   and to_regprocedure('offramp.guard_1(text, text)') is not null;

-- name: create
-- One row: who reads the changes of this database, on which server that was, and when it last said so. ``position`` is the
-- last one that was surely committed at the receiver.
create table if not exists offramp.heartbeat (
  one boolean primary key default true check (one),
  consumer text not null default '',
  system text not null,
  timeline text not null,
  installed_at timestamptz not null default clock_timestamp(),
  beat_at timestamptz,
  beats bigint not null default 0,
  position pg_snapshot,
  cap_bytes bigint not null,
  silence_seconds double precision not null,
  promoted_seconds double precision not null
) with (fillfactor = 20);

-- name: adopt
-- Whoever installs capture means this server; a consumer that is alive keeps its claim.
insert into offramp.heartbeat (system, timeline, cap_bytes, silence_seconds, promoted_seconds)
select (select system_identifier::text from pg_control_system()),
       substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
       coalesce(%(cap)s, least(greatest(pg_database_size(current_database()) / 2, %(least)s), %(most)s)),
       %(silence)s,
       least(%(silence)s, %(promoted)s)
on conflict (one) do update
   set system = excluded.system, timeline = excluded.timeline, installed_at = clock_timestamp();

-- name: guard
-- Called now and then by the trigger functions, inside the application's transaction: it must not fail and must not wait.
-- So it asks before it acts, takes locks only when they are free, writes no row (another serializable transaction could
-- conflict with it), and has no exception block. now() is no later than any snapshot of a REPEATABLE READ transaction, so a
-- long one does not take an old heartbeat for silence. What it does is to make the calling table's own trigger
-- function do nothing; every other table comes to the same end by itself.
create or replace function offramp.guard_1(name text, log text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $offramp$
declare
  h record;
  bytes bigint;
  silent interval;
  reason text;
  routine regprocedure;
begin
  select null::text as system into h;
  if to_regclass('offramp.heartbeat') is not null then
    select system, timeline, greatest(beat_at, installed_at) as seen_at, cap_bytes, silence_seconds, promoted_seconds
      into h from offramp.heartbeat;
  end if;
  if h.system is null then
    reason := 'moved: this database has no record of who reads its changes, so it is a copy';
  else
    bytes := pg_relation_size(log::regclass);
    silent := now() - h.seen_at;
    if h.system <> (select system_identifier::text from pg_control_system()) then
      reason := 'moved: this is another server than the one whose changes were to be followed';
    elsif bytes > h.cap_bytes then
      reason := format('full: %s of changes had not been read, and no more than %s were to be kept',
                       pg_size_pretty(bytes), pg_size_pretty(h.cap_bytes));
    elsif silent > make_interval(secs => h.silence_seconds) then
      reason := format('silent: nobody had read the changes since %s UTC', to_char(now() at time zone 'UTC' - silent, 'YYYY-MM-DD HH24:MI'));
    elsif silent > make_interval(secs => h.promoted_seconds) and h.timeline <> substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) then
      reason := format('moved: this server was promoted or restored, and nobody had read its changes since %s UTC',
                       to_char(now() at time zone 'UTC' - silent, 'YYYY-MM-DD HH24:MI'));
    else
      return;
    end if;
  end if;
  routine := to_regprocedure(format('offramp.%I()', name));
  if routine is null
     or not has_schema_privilege('offramp', 'create')
     or not pg_has_role((select proowner from pg_proc where oid = routine), 'usage')
     or not pg_try_advisory_xact_lock_shared(1869964914, 0)
     or not pg_try_advisory_xact_lock(1869964914, hashtext(name)) then
    return;
  end if;
  execute format('create or replace function offramp.%I() returns trigger language plpgsql as %L', name,
                 format(E'-- dead since %s: %s\nbegin return null; end', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), reason));
end
$offramp$;

-- name: call
if (pg_catalog.timestamp_hash(pg_catalog.clock_timestamp()::pg_catalog.timestamp) operator(pg_catalog.&) 1023)
   operator(pg_catalog.<) logged then
  perform offramp.guard_1({name}, {log});
end if;

-- name: close_guard
revoke all on function offramp.guard_1(text, text) from public;

-- name: alone
-- No trigger function may be replaced or dropped while a guard in somebody's transaction replaces it too: the second
-- would fail with "tuple concurrently updated". lock_timeout bounds the wait.
select pg_advisory_xact_lock(1869964914, 0);

-- name: claim
update offramp.heartbeat
   set consumer = %(consumer)s,
       system = (select system_identifier::text from pg_control_system()),
       timeline = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
       beat_at = clock_timestamp(),
       cap_bytes = coalesce(%(cap)s, cap_bytes),
       silence_seconds = %(silence)s,
       promoted_seconds = least(%(silence)s, %(promoted)s)
 where consumer in ('', %(consumer)s) or beat_at is null or beat_at < clock_timestamp() - make_interval(secs => %(lease)s);

-- name: other
-- Who else says that it reads these changes, and how many seconds ago did it say so?
select consumer, extract(epoch from clock_timestamp() - beat_at)::float8
  from offramp.heartbeat
 where consumer not in ('', %(consumer)s) and beat_at > clock_timestamp() - make_interval(secs => %(lease)s);

-- name: beat
update offramp.heartbeat
   set beat_at = clock_timestamp(), beats = beats + 1, position = coalesce(%(position)s::pg_snapshot, position)
 where consumer = %(consumer)s
returning cap_bytes;

-- name: silence
-- How many seconds ago did this consumer last say that it lives?
select extract(epoch from clock_timestamp() - beat_at)::float8 from offramp.heartbeat where consumer = %(consumer)s;

-- name: size
-- Every log there is, whatever its name, with what was toasted.
select coalesce(sum(pg_table_size(c.oid)), 0)::bigint
  from pg_class c
 where c.relnamespace = 'offramp'::regnamespace and c.relkind = 'r' and c.relname like 'log\_%';

-- name: dead
select p.proname::text, substring(p.prosrc from '^-- dead since [^\n]*')
  from pg_proc p
 where p.pronamespace = to_regnamespace('offramp') and p.prosrc like '-- dead since %'
 order by 2;

-- name: went_back
-- Does the receiver know less than it surely knew once? Then it was restored, and what was read since is lost to it.
select pg_snapshot_xmax(position)::text::numeric > pg_snapshot_xmax(%(position)s::pg_snapshot)::text::numeric
  from offramp.heartbeat
 where consumer = %(consumer)s and position is not null;

-- name: forget_position
update offramp.heartbeat set position = null where consumer = %(consumer)s;

-- name: drop
drop table if exists offramp.heartbeat;
drop function if exists offramp.guard_1(text, text);
