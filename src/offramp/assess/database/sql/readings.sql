-- name: extension
-- Where pg_stat_statements lives, and which version it is.
select n.nspname,
       e.extversion
  from pg_extension e
  join pg_namespace n on n.oid = e.extnamespace
 where e.extname = 'pg_stat_statements';

-- name: statements
-- Versions 1.8 to 1.12 name these alike. A role sees the text of its own statements, with pg_read_all_stats of all.
select s.queryid::text,
       s.query,
       sum(s.calls)::bigint,
       sum(s.total_exec_time)::float8,
       sum(s.rows)::bigint
  from {schema}.pg_stat_statements s
  join pg_database d on d.oid = s.dbid
 where d.datname = current_database()
   and s.queryid is not null
 group by s.queryid, s.query;

-- name: hidden
-- Statements whose text and id only pg_read_all_stats may see.
select count(*)
  from {schema}.pg_stat_statements s
  join pg_database d on d.oid = s.dbid
 where d.datname = current_database()
   and s.queryid is null;

-- name: since
-- From 1.9 on: how long the counts have been running.
select extract(epoch from clock_timestamp() - stats_reset)::float8
  from {schema}.pg_stat_statements_info;

-- name: now
select extract(epoch from clock_timestamp())::float8;

-- name: hot
-- Which part of a table's updates stay within their page and touch no index.
select schemaname || '.' || relname,
       case when n_tup_upd > 0 then n_tup_hot_upd::float8 / n_tup_upd else 0 end
  from pg_stat_user_tables;
