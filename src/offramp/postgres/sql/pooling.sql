-- name: statements_schema
select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements';

-- name: statements
-- Statements that were run on this database; what a role may not see of another's shows as <insufficient privilege>.
select s.query, s.calls
  from {schema}.pg_stat_statements s
 where s.dbid = (select oid from pg_database where datname = current_database())
   and s.query ~* '^\s*(listen|unlisten|notify|prepare|deallocate|set|reset|load|declare|create\s+(local\s+|global\s+)?temp|discard)|pg_(try_)?advisory_lock(_shared)?\s*\(|pg_notify\s*\('

-- name: sessions
-- What sessions of applications run or ran last. Offramp's own are left out.
select coalesce(nullif(application_name, ''), 'a program without a name'), query
  from pg_stat_activity
 where datname = current_database()
   and backend_type = 'client backend'
   and pid <> pg_backend_pid()
   and coalesce(application_name, '') not like 'offramp%'
   and query is not null;

-- name: advisory_locks
select coalesce(nullif(a.application_name, ''), 'a program without a name'), count(*)
  from pg_locks l
  join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'advisory'
   and l.database = (select oid from pg_database where datname = current_database())
   and coalesce(a.application_name, '') not like 'offramp%'
   and (a.xact_start is null or a.state = 'idle')
 group by 1
 order by 1;
