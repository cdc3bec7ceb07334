-- name: leftovers
select 'schema offramp' as name from pg_namespace where nspname = 'offramp'
union all
select format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname)
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where t.tgname like 'offramp\_%' and not t.tgisinternal
union all
select format('table offramp.%I', c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'offramp' and c.relkind = 'r'
union all
select format('function offramp.%I', p.proname)
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 where n.nspname = 'offramp'
 order by name;

-- name: drop
drop schema if exists offramp cascade;
