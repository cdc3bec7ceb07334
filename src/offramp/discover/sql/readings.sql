-- name: counters
-- Hits and reads are of this database since its statistics were last reset; null times mean: since nobody knows when.
select extract(epoch from clock_timestamp())::float8,
       extract(epoch from d.stats_reset)::float8,
       d.xact_commit,
       d.xact_rollback,
       d.deadlocks,
       d.temp_bytes,
       (select sum(heap_blks_hit)::float8 / nullif(sum(heap_blks_hit) + sum(heap_blks_read), 0) from pg_statio_user_tables),
       (select sum(idx_blks_hit)::float8 / nullif(sum(idx_blks_hit) + sum(idx_blks_read), 0) from pg_statio_user_indexes),
       (select max(age(c.relfrozenxid)) from pg_class c where c.relkind in ('r', 'm', 't')),
       current_setting('autovacuum_freeze_max_age')::integer
  from pg_stat_database d
 where d.datname = current_database();

-- name: table_use
-- Loose bytes: pages that the file has beyond what its rows need at their mean width, each with a header of 24 bytes and a line pointer
-- of 4. Only where every column has statistics and the file is over a megabyte; toast is stored elsewhere and not counted.
select s.schemaname,
       s.relname,
       coalesce(s.seq_scan, 0),
       coalesce(s.seq_tup_read, 0),
       coalesce(s.idx_scan, 0),
       s.n_tup_ins,
       s.n_tup_upd,
       s.n_tup_hot_upd,
       s.n_tup_del,
       s.n_live_tup,
       s.n_dead_tup,
       case
           when c.relpages > 128 and c.reltuples >= 0 and w.columns = w.known
           then greatest(
                    0,
                    c.relpages - ceil(c.reltuples * (28 + ceil(w.width / 8) * 8) / (current_setting('block_size')::integer - 24))
                )::bigint * current_setting('block_size')::bigint
       end,
       extract(epoch from greatest(s.last_vacuum, s.last_autovacuum))::float8,
       extract(epoch from greatest(s.last_analyze, s.last_autoanalyze))::float8
  from pg_stat_user_tables s
  join pg_class c on c.oid = s.relid
  cross join lateral (
       select count(*) as columns,
              count(t.avg_width) as known,
              coalesce(sum((1 - t.null_frac) * t.avg_width), 0) as width
         from pg_attribute a
         left join pg_stats t
           on t.schemaname = s.schemaname and t.tablename = s.relname and t.attname = a.attname and not t.inherited
        where a.attrelid = c.oid
          and a.attnum > 0
          and not a.attisdropped
       ) w
 where s.schemaname !~ '^pg_'
   and s.schemaname <> 'offramp'
 order by s.schemaname, s.relname;

-- name: indexes
-- Two indexes are the same when the catalogue describes them alike; where in a statement an expression stood does not count.
-- Nothing here asks for an index's definition in words, which would wait for a table that is being altered.
select n.nspname,
       t.relname,
       x.relname,
       array(
           select coalesce(quote_ident(a.attname), '(expression)')
             from unnest(i.indkey::smallint[]) with ordinality as k(attnum, place)
             left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum > 0
            where k.place <= i.indnkeyatts
            order by k.place
       ),
       x.relpages::bigint * current_setting('block_size')::bigint,
       coalesce(s.idx_scan, 0),
       i.indisunique or i.indisexclusion
       or exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')),
       i.indisvalid,
       i.indpred is not null,
       m.amname,
       concat_ws(
           '|', m.amname, i.indnkeyatts, i.indkey, i.indclass, i.indcollation, i.indoption, i.indisunique,
           regexp_replace(concat(i.indexprs, '|', i.indpred), ':location -?\d+', '', 'g')
       ),
       i.indnatts > i.indnkeyatts
  from pg_index i
  join pg_class x on x.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  join pg_am m on m.oid = x.relam
  left join pg_stat_user_indexes s on s.indexrelid = i.indexrelid
 where n.nspname !~ '^pg_'
   and n.nspname not in ('information_schema', 'offramp')
   and x.relkind = 'i'
 order by n.nspname, t.relname, x.relname;

-- name: foreign_keys
select n.nspname,
       t.relname,
       k.conname,
       array(
           select quote_ident(a.attname)
             from unnest(k.conkey) with ordinality as c(attnum, place)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.attnum
            order by c.place
       )
  from pg_constraint k
  join pg_class t on t.oid = k.conrelid
  join pg_namespace n on n.oid = t.relnamespace
 where k.contype = 'f'
   and n.nspname !~ '^pg_'
   and n.nspname not in ('information_schema', 'offramp')
 order by n.nspname, t.relname, k.conname;

-- name: sequences
-- A sequence ends where its own limit is or where its column's type ends, whichever comes first. Only those that count upwards.
select s.schemaname,
       s.sequencename,
       coalesce(c.relname || '.' || a.attname, ''),
       coalesce(format_type(a.atttypid, null), s.data_type::text),
       s.last_value,
       least(
           s.max_value,
           case a.atttypid
               when 'smallint'::regtype then 32767
               when 'integer'::regtype then 2147483647
           end
       )
  from pg_sequences s
  join pg_class q on q.relname = s.sequencename and q.relnamespace = to_regnamespace(quote_ident(s.schemaname))
  left join pg_depend d
    on d.classid = 'pg_class'::regclass and d.objid = q.oid and d.refclassid = 'pg_class'::regclass
   and d.refobjsubid > 0 and d.deptype in ('a', 'i')
  left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
  left join pg_class c on c.oid = d.refobjid
 where s.last_value is not null
   and s.increment_by > 0
   and s.schemaname <> 'offramp'
 order by s.schemaname, s.sequencename;

-- name: small_keys
-- Keys of one smallint or integer column: their largest value is one step down the index.
select n.nspname,
       c.relname,
       a.attname,
       format_type(a.atttypid, null)
  from pg_index i
  join pg_class c on c.oid = i.indrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
 where i.indisprimary
   and i.indnkeyatts = 1
   and a.atttypid in ('smallint'::regtype, 'integer'::regtype)
   and c.relkind in ('r', 'p')
   and n.nspname !~ '^pg_'
   and n.nspname not in ('information_schema', 'offramp')
 order by n.nspname, c.relname
 limit 500;

-- name: largest
select max({column})::bigint
  from {table};

-- name: unusual_types
-- Types beyond those that every tool carries: of extensions, of the people themselves, and the odd ones of PostgreSQL.
select format_type(a.atttypid, null),
       count(*),
       min(format('%I.%I.%I', n.nspname, c.relname, a.attname))
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_type t on t.oid = a.atttypid
  left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
 where c.relkind in ('r', 'p')
   and a.attnum > 0
   and not a.attisdropped
   and n.nspname !~ '^pg_'
   and n.nspname not in ('information_schema', 'offramp')
   and (
           coalesce(e.typnamespace, t.typnamespace) <> 'pg_catalog'::regnamespace
        or coalesce(e.typname, t.typname) in (
               'xml', 'money', 'oid', 'regclass', 'regproc', 'regtype', 'pg_lsn', 'txid_snapshot', 'tsvector', 'tsquery', 'bit', 'varbit',
               'name', 'char', 'xid', 'xid8', 'cid', 'tid', 'pg_snapshot'
           )
       )
 group by 1
 order by 1;

-- name: sessions
-- Names of applications only; what they run is their own business.
select coalesce(nullif(application_name, ''), 'unnamed'),
       coalesce(state, 'unknown'),
       count(*)
  from pg_stat_activity
 where datname = current_database()
   and pid <> pg_backend_pid()
   and backend_type = 'client backend'
 group by 1, 2
 order by 3 desc, 1, 2;

-- name: waiting
-- Transactions open for a minute or more, and whoever waits for a lock, with whom they wait for.
select pid,
       coalesce(nullif(application_name, ''), 'unnamed'),
       coalesce(state, 'unknown'),
       upper(coalesce((regexp_match(query, '^\s*([A-Za-z]+)'))[1], '')),
       extract(epoch from clock_timestamp() - xact_start)::float8,
       case when wait_event_type = 'Lock' then coalesce(wait_event, 'lock') else '' end,
       pg_blocking_pids(pid)
  from pg_stat_activity
 where datname = current_database()
   and pid <> pg_backend_pid()
   and backend_type = 'client backend'
   and xact_start is not null
   and (wait_event_type = 'Lock' or clock_timestamp() - xact_start > interval '1 minute')
 order by xact_start
 limit 50;

-- name: statements
-- The heaviest by time and those called most; sums are over all statements of this database.
with ours as (
    select queryid::text as id,
           query,
           calls,
           total_exec_time,
           mean_exec_time,
           rows,
           shared_blks_hit,
           shared_blks_read
      from {schema}.pg_stat_statements s
      join pg_database d on d.oid = s.dbid
     where d.datname = current_database()
       and query <> '<insufficient privilege>'
),
ranked as (
    select *,
           row_number() over (order by total_exec_time desc) as by_time,
           row_number() over (order by calls desc) as by_calls,
           sum(total_exec_time) over () as whole_time,
           sum(calls) over () as whole_calls
      from ours
     where query ~* '^\s*(/\*.*?\*/\s*)*(select|insert|update|delete|merge|with)\y'
)
select id, query, calls, total_exec_time, mean_exec_time, rows, shared_blks_hit, shared_blks_read, whole_time, whole_calls::bigint
  from ranked
 where by_time <= %(top)s
    or by_calls <= %(top)s
 order by total_exec_time desc;

-- name: statements_since
select extract(epoch from stats_reset)::float8
  from {schema}.pg_stat_statements_info;
