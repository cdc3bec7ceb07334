-- name: visitors
-- Sessions of others; what a role may not see of another's session shows as unknown.
select a.pid,
       coalesce(a.usename::text, 'unknown'),
       coalesce(nullif(a.application_name, ''), 'a program without a name'),
       coalesce(host(a.client_addr), 'this host'),
       coalesce(a.state, 'unknown'),
       greatest(extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.backend_start)), 0)::float8,
       a.xact_start is not null
  from pg_stat_activity a
 where a.datname = current_database()
   and a.backend_type = 'client backend'
   and a.pid <> pg_backend_pid()
   and coalesce(a.application_name, '') not like 'offramp%'
 order by a.xact_start nulls last, a.backend_start, a.pid;

-- name: end
select pg_terminate_backend(%(pid)s);

-- name: end_runner
select count(pg_terminate_backend(a.pid))
  from pg_stat_activity a
 where a.datname = current_database()
   and a.pid <> pg_backend_pid()
   and starts_with(a.application_name, left(%(program)s, 63))
   and (a.usename = current_user or pg_has_role(a.usesysid, 'USAGE') or pg_has_role('pg_signal_backend', 'USAGE'));

-- name: note
update offramp.fence set read_only = true;

-- name: stranded
update offramp.fence set stranded = true;

-- name: noted
select read_only from offramp.fence;

-- name: read_only
alter database {database} set default_transaction_read_only = on

-- name: writable
alter database {database} reset default_transaction_read_only

-- name: used
-- What the databases take that we may ask about; the provider's own are small.
select sum(pg_database_size(oid))::bigint from pg_database where has_database_privilege(oid, 'connect');
