-- name: extension_schema
create schema if not exists {schema};

-- name: extension
create extension if not exists {name} with schema {schema};

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

-- name: filled_views
select n.nspname, c.relname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'm' and c.relispopulated
 order by c.oid;

-- name: refresh
refresh materialized view {view};
