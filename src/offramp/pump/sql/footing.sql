-- name: export_snapshot
select pg_export_snapshot();

-- name: begin_origin
begin isolation level repeatable read read only;
set transaction snapshot {snapshot};
set local enable_seqscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;
set local jit = off;
set local max_parallel_workers_per_gather = 0;

-- name: begin_receiver
begin isolation level repeatable read read only;
set local enable_seqscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;
set local jit = off;
set local max_parallel_workers_per_gather = 0;
select extract(epoch from clock_timestamp())::float8;

-- name: waited_for
-- Does anybody wait for a lock that this session holds?
select exists (select from pg_locks l where not l.granted and pg_backend_pid() = any(pg_blocking_pids(l.pid)))

-- name: rewritten
-- pg_relation_filenode looks at the present, pg_class at the snapshot: where they differ, the snapshot may see too little.
select exists (select from pg_class c
                where c.oid = {relation}::regclass and pg_relation_filenode(c.oid) is distinct from c.relfilenode)

-- name: clock
select extract(epoch from clock_timestamp())::float8;
