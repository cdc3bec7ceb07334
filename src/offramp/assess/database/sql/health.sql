-- name: cache
select sum(heap_blks_hit)::float8 / nullif(sum(heap_blks_hit + heap_blks_read), 0),
       sum(idx_blks_hit)::float8 / nullif(sum(idx_blks_hit + idx_blks_read), 0)
  from pg_statio_user_tables;

-- name: connections
-- The limit that bites is the least of the role's, the database's and the server's without what is kept for superusers.
select count(a.pid) filter (where a.pid <> pg_backend_pid()),
       count(a.pid) filter (where a.state = 'active' and a.pid <> pg_backend_pid()),
       count(a.pid) filter (where a.state = 'idle'),
       count(a.pid) filter (where a.state like 'idle in transaction%'),
       least(
           nullif(max(r.rolconnlimit), -1),
           nullif(max(d.datconnlimit), -1),
           current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
       )
  from pg_database d
  join pg_roles r on r.rolname = current_user
  left join pg_stat_activity a on a.datname = d.datname
 where d.datname = current_database();

-- name: idle_transactions
select pid,
       application_name,
       extract(epoch from clock_timestamp() - state_change)::float8,
       coalesce(query, '')
  from pg_stat_activity
 where datname = current_database()
   and state like 'idle in transaction%'
   and clock_timestamp() - state_change > interval '10 seconds'
 order by 3 desc
 limit 20;

-- name: locks
-- Everybody who waits, and everybody whom they wait for.
with waiting as (
    select a.pid,
           unnest(pg_blocking_pids(a.pid)) as blocker
      from pg_stat_activity a
     where a.datname = current_database()
       and a.wait_event_type = 'Lock'
)
select a.pid,
       coalesce((select array_agg(distinct w.blocker) from waiting w where w.pid = a.pid), '{}'),
       a.application_name,
       coalesce(a.state, ''),
       coalesce(a.wait_event, ''),
       coalesce(l.mode, ''),
       coalesce(c.relname, ''),
       extract(epoch from clock_timestamp() - case when l.mode is null then a.xact_start else a.query_start end)::float8,
       coalesce(a.query, '')
  from pg_stat_activity a
  left join lateral (
       select l.mode, l.relation
         from pg_locks l
        where l.pid = a.pid
          and not l.granted
        limit 1
  ) l on true
  left join pg_class c on c.oid = l.relation
 where a.pid in (select pid from waiting union select blocker from waiting);

-- name: bloat
-- Dead rows are counted; what is empty beside them is guessed from the rows' mean width (pg_stats), a page's overhead and its filling.
select format('%I.%I', s.schemaname, s.relname),
       c.relpages::bigint * 8192,
       s.n_dead_tup,
       case when s.n_live_tup + s.n_dead_tup > 0 then s.n_dead_tup::float8 / (s.n_live_tup + s.n_dead_tup) else 0 end,
       greatest(0, c.relpages::bigint * 8192 - ceil(
           greatest(c.reltuples, 0) * (w.bytes + 28) / (8192 - 24)
           * 100 / coalesce((select option_value::integer from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'), 100)
       )::bigint * 8192),
       extract(epoch from clock_timestamp() - greatest(s.last_vacuum, s.last_autovacuum))::float8 / 3600
  from pg_stat_user_tables s
  join pg_class c on c.oid = s.relid
  join lateral (
       select sum(p.avg_width * (1 - p.null_frac)) as bytes
         from pg_stats p
        where p.schemaname = s.schemaname
          and p.tablename = s.relname
          and not p.inherited
  ) w on w.bytes is not null
 where c.relpages > 128
 order by 5 desc
 limit 20;

-- name: indexes
-- One row for each index with what tells whether it is needed: its key columns, each with how it is ordered, and what else it has.
select format('%I.%I', tn.nspname, t.relname),
       format('%I.%I', n.nspname, c.relname),
       c.relpages::bigint * 8192,
       x.indisvalid,
       x.indisunique or x.indisexclusion or exists (select from pg_constraint k where k.conindid = c.oid),
       coalesce(s.idx_scan, 0),
       am.amname,
       array(
           select concat_ws(' ', x.indkey[k], x.indclass[k], x.indcollation[k], x.indoption[k])
             from generate_series(0, x.indnkeyatts - 1) as k
            order by k
       ),
       concat(
           pg_get_expr(x.indexprs, x.indrelid), pg_get_expr(x.indpred, x.indrelid),
           array_to_string((x.indkey::smallint[])[x.indnkeyatts:], ' ')
       ),
       c.relkind = 'I' or c.relispartition
  from pg_index x
  join pg_class c on c.oid = x.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_class t on t.oid = x.indrelid
  join pg_namespace tn on tn.oid = t.relnamespace
  join pg_am am on am.oid = c.relam
  left join pg_stat_user_indexes s on s.indexrelid = c.oid
 where n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
 order by c.oid;

-- name: statistics_age
-- Hours since the counts of scans began, unknown when they were never reset.
select extract(epoch from clock_timestamp() - stats_reset)::float8 / 3600
  from pg_stat_database
 where datname = current_database();

-- name: bare_foreign_keys
-- References that no B-tree begins with: each delete or key change of the other table reads this one whole.
select format('%I.%I', n.nspname, c.relname),
       k.conname::text,
       f.relname::text,
       array(
           select a.attname::text
             from unnest(k.conkey) with ordinality as u (number, place)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number
            order by u.place
       ),
       c.relpages::bigint * 8192,
       coalesce(s.n_tup_del, 0)
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_class f on f.oid = k.confrelid
  left join pg_stat_user_tables s on s.relid = k.confrelid
 where k.contype = 'f'
   and k.conparentid = 0
   and not exists (
       select
         from pg_index x
        where x.indrelid = k.conrelid
          and x.indisvalid
          and x.indpred is null
          and (x.indkey::smallint[])[0:cardinality(k.conkey) - 1] @> k.conkey
   )
 order by 1, 2;

-- name: sequences
-- What the sequence gives and what its column can hold: the smaller is the end.
select format('%I.%I', s.schemaname, s.sequencename),
       coalesce(format('%s.%I', o.table_name, o.column_name), ''),
       s.last_value,
       least(s.max_value, case o.type when 'smallint' then 32767 when 'integer' then 2147483647 else s.max_value end)
  from pg_sequences s
  left join lateral (
       select d.refobjid::regclass::text as table_name,
              a.attname as column_name,
              format_type(a.atttypid, null) as type
         from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
                         and d.deptype in ('a', 'i') and d.refobjsubid > 0
         join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where n.nspname = s.schemaname
          and c.relname = s.sequencename
        limit 1
  ) o on true
 where s.last_value is not null
   and s.increment_by > 0;

-- name: age
select age(datfrozenxid)::float8 / 2147483648
  from pg_database
 where datname = current_database();
