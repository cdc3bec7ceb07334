-- name: vacuumed
-- Which tables does somebody vacuum or analyse just now? Only the kind of lock is to be seen: whose worker it is, is not shown to us.
select distinct n.nspname::text, c.relname::text
  from pg_locks l
  join pg_class c on c.oid = l.relation
  join pg_namespace n on n.oid = c.relnamespace
 where l.locktype = 'relation'
   and l.database = (select oid from pg_database where datname = current_database())
   and l.relation = any(%(oids)s::bigint[])
   and l.mode = 'ShareUpdateExclusiveLock'
   and l.granted
   and l.pid is distinct from pg_backend_pid();

-- name: patience
-- A worker of autovacuum gives way to whoever has waited for so long; half a second more for it to be gone.
select (extract(epoch from current_setting('deadlock_timeout')::interval) * 1000)::int + 500;

-- name: take
-- Conflicts with vacuum and with nothing that an application does.
lock table {table} in share update exclusive mode
