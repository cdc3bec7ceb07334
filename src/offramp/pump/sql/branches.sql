-- name: grown
-- Is there any tree?
select exists (select from pg_inherits h join pg_class c on c.oid = h.inhrelid and c.relkind in ('r', 'p'));

-- name: branches
-- A partition that is being detached concurrently hangs on its parent until that has ended.
select n.nspname,
       c.relname,
       pg_get_expr(c.relpartbound, c.oid),
       coalesce((select jsonb_agg(jsonb_build_array(pn.nspname, pc.relname) order by h.inhseqno)
                   from pg_inherits h
                   join pg_class pc on pc.oid = h.inhparent
                   join pg_namespace pn on pn.oid = pc.relnamespace
                  where h.inhrelid = c.oid), '[]')
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p')
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'offramp')
   and n.nspname not like 'pg\_toast%'
   and n.nspname not like 'pg\_temp%'
 order by c.oid;

-- name: foreign_members
select c.oid::regclass::text
  from pg_inherits h
  join pg_class c on c.oid = h.inhrelid and c.relkind = 'f'
 order by 1;

-- name: locks
-- How many tables are in trees, and how many locks all transactions of this server can hold together.
select (select count(distinct c.oid)
          from pg_inherits h
          join pg_class c on c.oid in (h.inhrelid, h.inhparent) and c.relkind in ('r', 'p')),
       current_setting('max_locks_per_transaction')::bigint
         * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint);

-- name: missing
-- The values that columns had given to the rows that were there when they were added, of this partitioned table's partitions.
select distinct on (a.attname) a.attname, (a.attmissingval::text::text[])[1]
  from pg_partition_tree(%(root)s::bigint::oid::regclass) t
  join pg_attribute a on a.attrelid = t.relid and a.atthasmissing and not a.attisdropped
 where t.isleaf
 order by a.attname, t.relid;

-- name: detach
alter table {parent} detach partition {table}

-- name: attach
alter table {parent} attach partition {table} {bound}

-- name: no_inherit
alter table {table} no inherit {parent}

-- name: inherit
alter table {table} inherit {parent}
