-- name: memory
-- An eighth of the server's memory or so for each index (RDS gives a quarter of it to shared_buffers), within reason.
select set_config('maintenance_work_mem',
                  least(greatest(setting::bigint * 8 / 2, 65536), 1048576)::text || 'kB', false)
  from pg_settings
 where name = 'shared_buffers'

-- name: trees
-- Autovacuum never analyzes a partitioned table, so the planner would know nothing of the tree as a whole.
select n.nspname, c.relname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'p' and not c.relispartition and n.nspname not in ('offramp', 'pg_catalog', 'information_schema')
 order by 1, 2;
