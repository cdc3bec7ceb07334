-- name: sequences
select n.nspname, c.relname, s.seqincrement, s.seqcycle
  from pg_sequence s
  join pg_class c on c.oid = s.seqrelid
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname not in ('pg_catalog', 'information_schema', 'offramp')
   and n.nspname not like 'pg\_temp%'
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by 1, 2;

-- name: value
select {at}::int, last_value, is_called from {sequence}

-- name: set
select setval({sequence}::text::regclass, {value}::bigint, {called}::boolean)
