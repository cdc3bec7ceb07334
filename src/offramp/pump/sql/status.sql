-- name: figures
-- How fast did each table's copy go? A table that is being read again has no bytes yet, so no rate either.
select relid, bytes_copied,
       coalesce(extract(epoch from copied_at - copy_began_at), 0)::float8
  from offramp.moved
 where link = %(link)s and direction = %(direction)s;

-- name: backlog
select lag_keys, log_bytes
  from offramp.link
 where name = %(link)s and direction = %(direction)s;

-- name: last_differences
select name, key, kind, extract(epoch from found_at)::float8
  from offramp.difference
 where link = %(link)s and direction = %(direction)s
 order by found_at desc, name, key
 limit %(most)s;
