-- name: look
-- Where recovery ended is known for as long as the server runs: after a promotion and after a crash alike. A server that
-- was shut down in order has replayed nothing, and lost nothing.
select (select system_identifier::text from pg_control_system()),
       case when pg_is_in_recovery() then (select lpad(upper(to_hex(timeline_id)), 8, '0') from pg_control_checkpoint())
            else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end,
       extract(epoch from pg_postmaster_start_time())::text,
       pg_last_wal_replay_lsn()::text,
       pg_is_in_recovery(),
       %(position)s::text is not null
         and pg_snapshot_xmax(%(position)s::pg_snapshot)::text::numeric > pg_snapshot_xmax(pg_current_snapshot())::text::numeric;

-- name: create
create table if not exists offramp.origin (
  link text not null,
  direction text not null,
  system text not null,
  timeline text not null,
  started text not null,
  replayed text,
  doubted_at timestamptz,
  doubt text,
  primary key (link, direction)
);

-- name: known
select o.system, o.timeline, o.started, o.replayed, l.origin_lsn::text
  from offramp.origin o
  join offramp.link l on l.name = o.link and l.direction = o.direction
 where o.link = %(link)s and o.direction = %(direction)s;

-- name: remember
insert into offramp.origin (link, direction, system, timeline, started, replayed)
values (%(link)s, %(direction)s, %(system)s, %(timeline)s, %(started)s, %(replayed)s)
on conflict (link, direction) do update
   set system = excluded.system, timeline = excluded.timeline, started = excluded.started, replayed = excluded.replayed;

-- name: doubt
-- Everything that was found equal before must be found equal again.
update offramp.chunk
   set dirty = true, verified_at = null
 where link = %(link)s and direction = %(direction)s;

-- name: doubted
update offramp.origin
   set doubted_at = clock_timestamp(), doubt = %(because)s
 where link = %(link)s and direction = %(direction)s;

-- name: verified
-- Has every chunk been found equal since the doubt?
update offramp.origin o
   set doubted_at = null, doubt = null
 where o.link = %(link)s and o.direction = %(direction)s
   and o.doubted_at is not null
   and not exists (select from offramp.chunk c
                    where c.link = o.link and c.direction = o.direction
                      and (c.verified_at is null or c.verified_at < o.doubted_at))
   and not exists (select from offramp.moved m
                    where m.link = o.link and m.direction = o.direction and m.state <> 'live')
returning (select differences from offramp.link l where l.name = o.link and l.direction = o.direction);

-- name: reload_keyless
update offramp.moved
   set state = 'reload', since = null
 where link = %(link)s and direction = %(direction)s and relid = any(%(relids)s::bigint[]) and state not in ('paused', 'copy');

-- name: standing
select l.position::text, o.doubt
  from offramp.link l
  join offramp.origin o on o.link = l.name and o.direction = l.direction
 where l.name = %(link)s and l.direction = %(direction)s;

-- name: move_origin
update offramp.link set origin = %(origin)s where name = %(link)s and direction = %(direction)s;
