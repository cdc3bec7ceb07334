-- name: census
-- Everything in a database that offramp could have left there, found by the catalogue and not by offramp's own list.
select 'schema ' || nspname
  from pg_namespace
 where nspname = 'offramp'
union all
select 'relation ' || c.oid::regclass::text
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where n.nspname = 'offramp' and c.relkind in ('r', 'p', 'S', 'v')
union all
select 'trigger ' || tgname || ' on ' || tgrelid::regclass::text
  from pg_trigger
 where tgname like '%offramp%'
union all
select 'function ' || p.oid::regprocedure::text
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
 where n.nspname = 'offramp' or p.proname like 'offramp%';
