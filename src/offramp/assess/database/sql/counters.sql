-- name: extension
-- Where pg_stat_statements lives, if its columns are those that `counters` asks for.
select n.nspname
  from pg_extension e
  join pg_namespace n on n.oid = e.extnamespace
 where e.extname = 'pg_stat_statements'
   and string_to_array(e.extversion, '.')::integer[] >= array[1, 8];

-- name: counters
-- Without the statements' texts, which the server keeps in a file and would read each time. The moment is the server's: routers keep
-- their time as well as it does, and the machine that asks may not.
select extract(epoch from statement_timestamp())::float8,
       s.queryid::text,
       sum(s.calls)::float8,
       sum(s.total_exec_time)::float8
  from {schema}.pg_stat_statements(false) s
 where s.dbid = (select oid from pg_database where datname = current_database())
   and s.queryid is not null
 group by s.queryid;
