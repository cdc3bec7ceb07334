-- name: digest
-- Count and a 64-bit sum: order does not matter, and equal rows are counted, not confused.
select count(*), coalesce(sum({hash}), 0)::text from {source} t where {within}

-- name: digest_ranges
-- Many ranges in one statement, each by the key's index.
select r.place, d.rows, d.hash
  from (values {ranges}) as r(place, {names})
 cross join lateral (select count(*) as rows, coalesce(sum({hash}), 0)::text as hash from {source} t where {within}) d

-- name: buckets
-- Where in a big set of rows does a sum differ? By the hash's own low bits, so that no order is needed.
select ({hash} & {mask})::int, count(*), sum({hash})::text from {source} t group by 1

-- name: keyed_rows
-- md5 of each row decides where a sum differed.
select array[{texts}], md5({image}) from {source} t where {within}

-- name: bare_rows
select md5({image}), count(*) from {source} t where {within} group by 1

-- name: lookup
-- Rows by key: a key that sorts differently on the two sides lies in another range there, and is no difference.
select k.place::int, array[{texts}], md5({image})
  from (select {typed}, e.place from unnest({arrays}) with ordinality as e({plain}, place)) k
  join {source} t on {match}

-- name: in_bucket
-- Of one type on both sides, so that the list is searched by hash.
({hash} & {mask})::int = any({buckets}::int[])

-- name: in_piece
t.ctid >= {first} and t.ctid < {past}

-- name: in_last_piece
t.ctid >= {first}

-- name: blocks
select (pg_relation_size({relation}::regclass) / current_setting('block_size')::int)::bigint

-- name: scans_on
set local enable_seqscan = on;

-- name: scans_off
set local enable_seqscan = off;

-- name: quiet_settings
-- Nothing moves and somebody waits: the server may use all it has.
select set_config('enable_seqscan', {seqscan}, true), set_config('jit', 'off', true);
