-- name: row_came
-- Names in here are all qualified, since a function that sets search_path costs 3 us more a row. "select new.*" under positional
-- aliases binds to no column's name, but its plan, which each session keeps, knows the columns' types: after a change of a key's
-- type it would fail. Such a change always makes the key's index anew, and the catalogue cache knows at once that the old one is
-- gone, whatever snapshot the transaction reads by. Then the statement finds nothing to do and a fresh one is made, for 30 us
-- a row, until this function is made anew.
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 {settings} as $offramp$
declare
  logged constant bigint := 1;
begin
  insert into {log} (xid, t, op, {names})
  select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {new_keys}
    from (select new.*{pads}) as n({aliases})
   where {standing};
  if not found then
    if {small} then
      execute {one} using new;
    else
      {marker}
    end if;
  end if;
  {guard}
  return null;
end
$offramp$;

-- name: row_changed
-- The old key is entered when it differs.
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 {settings} as $offramp$
declare
  logged constant bigint := 1;
begin
  insert into {log} (xid, t, op, {names})
  select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {new_keys}
    from (select new.*{pads}) as n({aliases})
   where {standing}
  union all
  select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {old_keys}
    from (select old.*{pads}) as o({aliases}), (select new.*{pads}) as n({aliases})
   where {standing} and ({changed});
  if not found then
    if {small} then
      execute {both} using new, old;
    else
      {marker}
    end if;
  end if;
  {guard}
  return null;
end
$offramp$;

-- name: row_went
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 {settings} as $offramp$
declare
  logged constant bigint := 1;
begin
  insert into {log} (xid, t, op, {names})
  select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {old_keys}
    from (select old.*{pads}) as o({aliases})
   where {standing};
  if not found then
    if {small} then
      execute {one} using old;
    else
      {marker}
    end if;
  end if;
  {guard}
  return null;
end
$offramp$;

-- name: image_came
-- A whole row's text is made by its output function, which looks at the columns as they are.
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 {settings} as $offramp$
declare
  logged constant bigint := 1;
begin
  insert into {log} (xid, t, op, k1)
  values (pg_catalog.pg_current_xact_id(), {number}, '+'::pg_catalog."char", new::pg_catalog.text);
  {guard}
  return null;
end
$offramp$;

-- name: image_changed
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 {settings} as $offramp$
declare
  logged constant bigint := 1;
begin
  insert into {log} (xid, t, op, k1)
  values (pg_catalog.pg_current_xact_id(), {number}, '+'::pg_catalog."char", new::pg_catalog.text),
         (pg_catalog.pg_current_xact_id(), {number}, '-'::pg_catalog."char", old::pg_catalog.text);
  {guard}
  return null;
end
$offramp$;

-- name: image_went
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 {settings} as $offramp$
declare
  logged constant bigint := 1;
begin
  insert into {log} (xid, t, op, k1)
  values (pg_catalog.pg_current_xact_id(), {number}, '-'::pg_catalog."char", old::pg_catalog.text);
  {guard}
  return null;
end
$offramp$;

-- name: emptied
create or replace function {function}() returns trigger
language plpgsql security definer set lock_timeout = 0 as $offramp$
declare
  logged constant bigint := 1;
begin
  {marker}
  {guard}
  return null;
end
$offramp$;

-- name: generic_plan
-- A session's first five plans would be made with the whole row as a constant: a value of 100 MB beside the key would be fetched.
set plan_cache_mode = force_generic_plan

-- name: exact_settings
-- Some types print as the session likes; these settings make the text the one that the other side reads and compares.
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set intervalstyle = 'iso_8601'
set timezone = 'UTC'
set extra_float_digits = 3
set bytea_output = 'hex'
set lc_monetary = 'C'
set xmloption = 'content'
set plan_cache_mode = force_generic_plan

-- name: standing
pg_catalog.pg_relation_filenode({index}) is not null

-- name: small
-- A fresh statement is planned with the whole row as a constant, which fetches what is stored out of line and fails at 1 GB.
pg_catalog.pg_table_size(tg_relid) operator(pg_catalog.-) pg_catalog.pg_relation_size(tg_relid) operator(pg_catalog.<) 100000000

-- name: marker
-- The whole table is to be read again.
insert into {log} (xid, t, op) values (pg_catalog.pg_current_xact_id(), {number}, 'w'::pg_catalog."char");

-- name: one_row
insert into {log} (xid, t, op, {names})
select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {new_keys} from (select ($1).*{pads}) as n({aliases})

-- name: both_rows
insert into {log} (xid, t, op, {names})
select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {new_keys} from (select ($1).*{pads}) as n({aliases})
union all
select pg_catalog.pg_current_xact_id(), {number}, 'k'::pg_catalog."char", {old_keys} from (select ($2).*{pads}) as o({aliases})
