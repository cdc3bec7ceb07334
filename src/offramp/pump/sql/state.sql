-- name: create
-- What the receiving side knows of its link. The position commits together with the rows that brought it there.
create table if not exists offramp.link (
  name text not null,
  direction text not null,
  epoch int not null,
  phase text not null,
  position pg_snapshot not null,
  origin text not null,
  origin_lsn pg_lsn,
  indexed boolean not null default false,
  held_because text,
  lag_ms double precision not null default 0,
  lag_p99_ms double precision not null default 0,
  batches bigint not null default 0,
  rows_applied bigint not null default 0,
  differences bigint not null default 0,
  repaired bigint not null default 0,
  lag_keys bigint not null default 0,
  log_bytes bigint not null default 0,
  beat_at timestamptz not null default clock_timestamp(),
  verify_asked_at timestamptz,
  admitted boolean not null default false,
  primary key (name, direction)
) with (fillfactor = 50);
create table if not exists offramp.moved (
  link text not null,
  direction text not null,
  schema text not null,
  name text not null,
  relid bigint not null,
  state text not null,
  since pg_snapshot,
  outline text not null,
  fingerprint text not null default '',
  rows_copied bigint not null default 0,
  rows_estimate bigint not null default 0,
  bytes_copied bigint not null default 0,
  copy_began_at timestamptz,
  copied_at timestamptz,
  held_because text,
  primary key (link, direction, schema, name)
) with (fillfactor = 70);
create table if not exists offramp.chunk (
  link text not null,
  direction text not null,
  relid bigint not null,
  number int not null,
  low text[],
  high text[],
  rows bigint not null,
  dirty boolean not null default true,
  verified_at timestamptz,
  primary key (link, direction, relid, number)
) with (fillfactor = 70);
create table if not exists offramp.range (
  link text not null,
  direction text not null,
  relid bigint not null,
  low bigint not null,
  high bigint,
  file bigint not null,
  rows bigint not null,
  primary key (link, direction, relid, low)
);
create table if not exists offramp.difference (
  link text not null,
  direction text not null,
  name text not null,
  key text not null,
  kind text not null,
  found_at timestamptz not null default clock_timestamp(),
  relid bigint,
  chunk int,
  repaired_at timestamptz
);

-- name: exists
select to_regclass('offramp.link') is not null;

-- name: read_link
select epoch, phase, position::text, origin, indexed, held_because, admitted
  from offramp.link
 where name = %(link)s and direction = %(direction)s;

-- name: start_link
insert into offramp.link (name, direction, epoch, phase, position, origin, indexed)
values (%(link)s, %(direction)s, %(epoch)s, %(phase)s, %(position)s, %(origin)s, %(indexed)s)
on conflict (name, direction) do update
   set epoch = excluded.epoch, phase = excluded.phase, position = excluded.position, origin = excluded.origin, origin_lsn = null,
       indexed = excluded.indexed, held_because = null, beat_at = clock_timestamp(), lag_ms = 0, admitted = false;

-- name: forget_tables
delete from offramp.moved where link = %(link)s and direction = %(direction)s;

-- name: forget_ranges
delete from offramp.range
 where link = %(link)s and direction = %(direction)s and (%(relid)s::bigint is null or relid = %(relid)s::bigint);

-- name: ranges
-- Which page ranges of the origin's file are here already.
select low, high, file from offramp.range where link = %(link)s and direction = %(direction)s and relid = %(relid)s order by low;

-- name: add_range
insert into offramp.range (link, direction, relid, low, high, file, rows)
values (%(link)s, %(direction)s, %(relid)s, %(low)s, %(high)s, %(file)s, %(rows)s);

-- name: forget_strange_chunks
delete from offramp.chunk c
 where c.link = %(link)s and c.direction = %(direction)s
   and not exists (select from offramp.moved m where m.link = c.link and m.direction = c.direction and m.relid = c.relid);

-- name: add_table
insert into offramp.moved (link, direction, schema, name, relid, state, outline, fingerprint, rows_estimate, held_because)
values (%(link)s, %(direction)s, %(schema)s, %(name)s, %(relid)s, %(state)s, %(outline)s, %(fingerprint)s, %(rows)s, %(because)s)
on conflict (link, direction, schema, name) do nothing;

-- name: tables
select schema, name, relid, state, since::text, outline, fingerprint, rows_copied, rows_estimate, held_because
  from offramp.moved
 where link = %(link)s and direction = %(direction)s
 order by schema collate "C", name collate "C";

-- name: set_phase
update offramp.link
   set phase = %(phase)s, held_because = %(because)s, beat_at = clock_timestamp()
 where name = %(link)s and direction = %(direction)s;

-- name: admit
update offramp.link set admitted = true where name = %(link)s and direction = %(direction)s and epoch = %(epoch)s and not admitted;

-- name: set_indexed
update offramp.link set indexed = true where name = %(link)s and direction = %(direction)s;

-- name: new_origin
update offramp.link
   set origin = %(origin)s, origin_lsn = null, position = %(position)s
 where name = %(link)s and direction = %(direction)s;

-- name: set_table
update offramp.moved
   set state = %(state)s, since = %(since)s, held_because = %(because)s
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: set_shape
update offramp.moved
   set outline = %(outline)s, fingerprint = %(fingerprint)s
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: all_live
update offramp.moved
   set state = 'live', since = null
 where link = %(link)s and direction = %(direction)s and state = any(%(from)s);

-- name: reload_all
update offramp.moved
   set state = 'reload', since = null
 where link = %(link)s and direction = %(direction)s and state <> 'paused';

-- name: chunks
select number, low, high, rows, dirty, extract(epoch from verified_at)::float8
  from offramp.chunk
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s
 order by number;

-- name: copied_rows
update offramp.moved
   set rows_copied = rows_copied + %(rows)s, rows_estimate = greatest(rows_estimate, rows_copied + %(rows)s),
       bytes_copied = bytes_copied + %(bytes)s, copied_at = clock_timestamp(),
       copy_began_at = coalesce(copy_began_at, clock_timestamp() - make_interval(secs => %(seconds)s))
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: reset_copied
update offramp.moved set rows_copied = 0, bytes_copied = 0, copy_began_at = null, copied_at = null
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: advance
update offramp.link
   set position = %(position)s,
       origin_lsn = %(lsn)s::pg_lsn,
       lag_ms = %(lag_ms)s,
       batches = batches + %(batches)s,
       rows_applied = rows_applied + %(rows)s,
       beat_at = clock_timestamp()
 where name = %(link)s and direction = %(direction)s and epoch = %(epoch)s;

-- name: beat
update offramp.link
   set lag_ms = %(lag_ms)s, lag_p99_ms = %(lag_p99_ms)s, beat_at = clock_timestamp(), held_because = null,
       lag_keys = coalesce(%(lag_keys)s, lag_keys), log_bytes = coalesce(%(log_bytes)s, log_bytes)
 where name = %(link)s and direction = %(direction)s;

-- name: dirty_table
update offramp.chunk set dirty = true
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s and not dirty;

-- name: lock
-- One runner per link: the lock lives and dies with the very session that applies.
select pg_try_advisory_lock(hashtextextended('offramp/' || %(link)s || '/' || %(direction)s, 0));

-- name: end_silent
-- Runners of this link whose server has heard nothing from them for so long. Of another role's sessions nothing is known.
select pg_terminate_backend(a.pid)
  from pg_stat_activity a
 where a.datname = current_database()
   and a.pid <> pg_backend_pid()
   and starts_with(a.application_name, left(%(program)s, 63))
   and a.wait_event in ('ClientRead', 'ClientWrite')
   and a.state_change < clock_timestamp() - make_interval(secs => %(seconds)s);

-- name: status
select l.epoch, l.phase,
       greatest(l.lag_ms / 1000.0, 0) + case when l.phase = 'live' then greatest(extract(epoch from clock_timestamp() - l.beat_at) - 1.5, 0) else 0 end,
       l.lag_p99_ms, l.batches, l.rows_applied, l.differences, l.repaired, l.position::text,
       extract(epoch from clock_timestamp() - l.beat_at)::float8, l.origin, l.held_because,
       coalesce(v.share, 0)::float8, coalesce(v.age, 0)::float8
  from offramp.link l
  left join lateral (
    select sum(c.rows) filter (where c.verified_at is not null) / nullif(sum(c.rows), 0) as raw,
           case when bool_and(c.verified_at is not null) then 1.0
                else coalesce(sum(c.rows) filter (where c.verified_at is not null) / nullif(sum(c.rows), 0), 0) end as share,
           extract(epoch from clock_timestamp() - min(c.verified_at)) as age
      from offramp.chunk c
     where c.link = l.name and c.direction = l.direction) v on true
 where l.name = %(link)s and l.direction = %(direction)s;

-- name: seen
-- Has the stored position seen this transaction?
select pg_visible_in_snapshot(%(xid)s::text::xid8, position)
  from offramp.link
 where name = %(link)s and direction = %(direction)s and epoch = %(epoch)s;

-- name: close_link
-- Waits for the batch in flight; the next one finds another epoch and ends the link's process.
update offramp.link
   set epoch = epoch + 1
 where name = %(link)s and direction = %(direction)s and epoch = %(epoch)s;

-- name: reopen_link
update offramp.link
   set epoch = %(epoch)s
 where name = %(link)s and direction = %(direction)s and epoch = %(epoch)s + 1;

-- name: hold_link
select 1
  from offramp.link
 where name = %(link)s and direction = %(direction)s and epoch = %(epoch)s
   for share;

-- name: touch
update offramp.link set beat_at = clock_timestamp() where name = %(link)s and direction = %(direction)s;

-- name: hold_because
update offramp.link
   set held_because = %(because)s, beat_at = clock_timestamp()
 where name = %(link)s and direction = %(direction)s and epoch = %(epoch)s;
