-- name: busy
-- Sessions of others that are at work now. Of roles that are not ours the state shows only to pg_read_all_stats.
select count(*)::float8
  from pg_stat_activity
 where datname = current_database()
   and backend_type = 'client backend'
   and state = 'active'
   and pid <> pg_backend_pid()
   and pid <> all(%(pids)s::int[]);

-- name: in_the_way
-- Which of our sessions hold a lock that somebody has been waiting for? One of ours that waits itself is not in the way:
-- its own lock_timeout ends that. pg_locks shows everything to everybody; asking who blocks whom is dear, so only of waiters.
select distinct b.pid
  from (select l.pid
          from pg_locks l
         where not l.granted
           and l.waitstart < clock_timestamp() - make_interval(secs => %(seconds)s)
           and l.pid <> all(%(pids)s::int[])) w
 cross join lateral unnest(pg_blocking_pids(w.pid)) as b(pid)
 where b.pid = any(%(pids)s::int[])
   and not exists (select from pg_locks o where o.pid = b.pid and not o.granted);

-- name: cancel
select pg_cancel_backend(%(pid)s);

-- name: terminate
-- A session that is idle in its transaction has no statement to cancel.
select pg_terminate_backend(%(pid)s);

-- name: backend
-- What does the server say of this session? A backend that is idle, or waits for its client, is not at work for us.
select coalesce(a.state, 'unknown'), coalesce(a.wait_event, ''), coalesce(a.state_change::text, '')
  from pg_stat_activity a
 where a.pid = %(pid)s;
