-- name: extension_schema
create schema if not exists {schema};

-- name: extension
create extension if not exists {name} with schema {schema};

-- name: owner_may_use
grant usage on schema {schema} to {owner};

-- name: owner_may_create
-- The application's role will own its tables and run its migrations.
grant connect, create, temporary on database {database} to {owner};
grant usage, create on schema public to {owner};

-- name: restore_settings
-- Names in a dump are fully qualified; bodies of functions may name what comes later.
select set_config('search_path', '', true);
set local check_function_bodies = false;
set local xmloption = content;
set local enable_seqscan = on;
set local enable_hashjoin = on;
set local enable_mergejoin = on;

-- name: restore_over
set local role none;
set local search_path = pg_catalog;

-- name: own_triggers
select t.oid::bigint from pg_trigger t where t.tgname like 'offramp\_%' and not t.tgisinternal;

-- name: relations
-- A foreign key depends on both its tables.
select 2606, oid::bigint, conrelid::bigint from pg_constraint where conrelid <> 0
union all
select 2606, oid::bigint, confrelid::bigint from pg_constraint where confrelid <> 0
union all
select 1259, indexrelid::bigint, indrelid::bigint from pg_index
union all
select 2620, oid::bigint, tgrelid::bigint from pg_trigger
union all
select 2618, oid::bigint, ev_class::bigint from pg_rewrite
union all
select 3256, oid::bigint, polrelid::bigint from pg_policy;

-- name: exists_already
-- An index or a constraint may carry the name of another table's, so each is looked for where it belongs. A function is
-- named as pg_dump lists it: with its argument types and without quotes.
select case
  when %(kind)s = 'index' then exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = %(schema)s and c.relname = %(name)s and c.relkind in ('i', 'I'))
  when %(kind)s in ('constraint', 'fk') then exists (
    select from pg_constraint o
      left join pg_class c on c.oid = o.conrelid
      left join pg_type t on t.oid = o.contypid
      join pg_namespace n on n.oid = coalesce(c.relnamespace, t.typnamespace)
     where n.nspname = %(table_schema)s
       and case when o.contypid = 0 then c.relname = %(table)s and o.conname = %(name)s
                else %(table)s = '' and t.typname || ' ' || o.conname = %(name)s end)
  when %(kind)s = 'trigger' then exists (
    select from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = %(table_schema)s and c.relname = %(table)s and t.tgname = %(name)s)
  when %(kind)s = 'rule' then exists (
    select from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = %(table_schema)s and c.relname = %(table)s and r.rulename = %(name)s and r.rulename <> '_RETURN')
  when %(kind)s = 'statistics' then exists (
    select from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace
     where n.nspname = %(schema)s and s.stxname = %(name)s)
  when %(kind)s = 'policy' and %(name)s = %(table)s then exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = %(table_schema)s and c.relname = %(table)s and c.relrowsecurity)
  when %(kind)s = 'policy' then exists (
    select from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = %(table_schema)s and c.relname = %(table)s and p.polname = %(name)s)
  when %(kind)s = 'other' then exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = %(schema)s and c.relname = %(name)s and c.relkind in ('v', 'm', 'r', 'p'))
    or exists (
    select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = %(schema)s
       and %(name)s = p.proname || '(' || coalesce((
             select string_agg(format_type(a.type, null), ', ' order by a.place)
               from unnest(p.proargtypes::oid[]) with ordinality as a(type, place)), '') || ')')
  else false
end;
