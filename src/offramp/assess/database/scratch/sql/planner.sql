-- name: read_only
set default_transaction_read_only = on;

-- name: setting
select set_config(%(name)s, %(value)s, false);

-- name: newest_index
select n.nspname,
       c.relname
  from pg_index x
  join pg_class c on c.oid = x.indexrelid
  join pg_class t on t.oid = x.indrelid
  join pg_namespace n on n.oid = t.relnamespace
 where n.nspname = %(schema)s
   and t.relname = %(table)s
 order by c.oid desc
 limit 1;

-- name: forget
drop index if exists {name};
