-- name: size
-- Pages of the table's own file, which file that is, and bytes of all that hangs on it out of line.
select pg_relation_size(c.oid) / current_setting('block_size')::bigint,
       pg_relation_filenode(c.oid)::bigint,
       coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
  from pg_class c
 where c.oid = %(oid)s::bigint::oid;

-- name: filenode
select pg_relation_filenode(%(oid)s::bigint::oid)::bigint;

-- name: pages
select {columns} from only {table} t where {pages}

-- name: clear
-- Rows of a copy that must begin anew.
truncate only {table}

-- name: copy_out
copy ({query}) to stdout

-- name: fill
copy {table} {listed} from stdin
