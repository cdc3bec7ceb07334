-- name: create
create table if not exists offramp.switch (
  one boolean primary key default true check (one),
  link_name text not null,
  wave text not null,
  epoch int not null,
  direction text not null,
  state text not null,
  at timestamptz not null,
  held_ms double precision,
  moves jsonb,
  notes jsonb,
  reason text not null default ''
);

-- name: record
insert into offramp.switch (link_name, wave, epoch, direction, state, at, reason)
values (%(link_name)s, %(wave)s, %(epoch)s, %(direction)s, %(state)s, %(at)s, %(reason)s)
on conflict (one) do update
   set link_name = excluded.link_name, wave = excluded.wave, epoch = excluded.epoch,
       direction = excluded.direction, state = excluded.state, at = excluded.at,
       reason = excluded.reason,
       held_ms = case when switch.epoch = excluded.epoch then switch.held_ms end,
       moves = case when switch.epoch = excluded.epoch then switch.moves end,
       notes = case when switch.epoch = excluded.epoch then switch.notes end;

-- name: exists
select to_regclass('offramp.switch') is not null;

-- name: read
select link_name, wave, epoch, direction, state, at, held_ms,
       coalesce(moves, '{}'::jsonb) as moves, coalesce(notes, '[]'::jsonb) as notes, reason
  from offramp.switch;

-- name: restore
-- An open switch that was undone leaves the record of the switch before it, which alone says who is primary.
update offramp.switch
   set epoch = epoch - 1,
       direction = case direction when 'forward' then 'reverse' else 'forward' end,
       state = 'committed'
 where epoch = %(epoch)s and state = 'open' and epoch > 1;

-- name: forget_first
delete from offramp.switch
 where epoch = %(epoch)s and state = 'open' and epoch = 1;

-- name: report_hold
update offramp.switch
   set held_ms = %(held_ms)s, moves = %(moves)s::jsonb, notes = %(notes)s::jsonb
 where epoch = %(epoch)s and state = 'committed';

