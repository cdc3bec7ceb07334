-- name: pin
-- As postgres/sql/connection.sql does, with this driver's parameters.
select pg_catalog.set_config(wanted.name, wanted.value, false)
  from unnest($1::text[], $2::text[]) as wanted(name, value)
 where pg_catalog.current_setting(wanted.name, true) is not null;

-- name: receiver
-- Rows and their line in the ledger commit together, so a crash may lose both, and they are copied again.
set synchronous_commit = off;

-- name: replica
set session_replication_role = replica;

-- name: filenode
select pg_relation_filenode($1::bigint::oid)::bigint

-- name: range_copied
insert into offramp.range (link, direction, relid, low, high, file, rows) values ($1, $2, $3, $4, $5, $6, $7)

-- name: rows_copied
update offramp.moved
   set rows_copied = rows_copied + $4, rows_estimate = greatest(rows_estimate, rows_copied + $4),
       bytes_copied = bytes_copied + $5, copied_at = clock_timestamp(),
       copy_began_at = coalesce(copy_began_at, clock_timestamp() - make_interval(secs => $6))
 where link = $1 and direction = $2 and relid = $3;

-- name: touched
update offramp.link set beat_at = clock_timestamp() where name = $1 and direction = $2

-- name: empty
-- Rows may be written frozen only into a table that was emptied in the same transaction. Nobody else has seen it yet.
truncate only {table}
