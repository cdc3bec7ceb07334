-- name: try_lock
-- One switch at a time. The lock dies with the session that began the switch, so whoever gets it next may settle the wreckage.
select pg_try_advisory_lock(hashtextextended('offramp/switch/' || %(name)s, 0));

-- name: unlock
select pg_advisory_unlock(hashtextextended('offramp/switch/' || %(name)s, 0));

-- name: names
-- Which links does this database receive?
select distinct name from offramp.link order by name;

-- name: links_exist
select to_regclass('offramp.link') is not null;

-- name: runner
-- Who holds a link's lock? pg_locks shows the key's halves.
select l.pid, coalesce(a.client_addr::text, 'local'), coalesce(a.application_name, '')
  from (select hashtextextended('offramp/' || %(name)s || '/' || %(direction)s, 0) as key) k
  join pg_locks l on l.locktype = 'advisory' and l.granted and l.objsubid = 1
                 and l.classid = ((k.key >> 32) & 4294967295)::oid and l.objid = (k.key & 4294967295)::oid
                 and l.database = (select oid from pg_database where datname = current_database())
  left join pg_stat_activity a on a.pid = l.pid;

-- name: server
select current_setting('server_version'), current_database(), current_user, pg_database_size(current_database()),
       (select coalesce(sum(pg_total_relation_size(c.oid)), 0)
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'offramp' and c.relkind = 'r')::bigint;
