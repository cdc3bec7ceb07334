-- name: chunks
select relid, number, low, high, rows, dirty, extract(epoch from verified_at)::float8
  from offramp.chunk
 where link = %(link)s and direction = %(direction)s and (%(relids)s::bigint[] is null or relid = any(%(relids)s::bigint[]))
 order by relid, number;

-- name: add_whole
-- A table that was never cut is one chunk, never verified.
insert into offramp.chunk (link, direction, relid, number, low, high, rows)
select %(link)s, %(direction)s, n.relid, 1, null, null, n.rows
  from unnest(%(relids)s::bigint[], %(rows)s::bigint[]) as n(relid, rows)
on conflict do nothing;

-- name: drop_chunks
delete from offramp.chunk
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s and (%(numbers)s::int[] is null or number = any(%(numbers)s::int[]));

-- name: insert_chunks
insert into offramp.chunk (link, direction, relid, number, low, high, rows)
select %(link)s, %(direction)s, %(relid)s, n.number,
       case when n.low is not null then array(select jsonb_array_elements_text(n.low)) end,
       case when n.high is not null then array(select jsonb_array_elements_text(n.high)) end,
       n.rows
  from rows from (jsonb_to_recordset(%(chunks)s::jsonb) as (number int, low jsonb, high jsonb, rows bigint)) as n;

-- name: chunks_by_name
select coalesce(jsonb_agg(jsonb_build_object('schema', m.schema, 'name', m.name, 'number', c.number, 'low', c.low, 'high', c.high,
                                             'rows', c.rows)), '[]')::text
  from offramp.chunk c
  join offramp.moved m on m.link = c.link and m.direction = c.direction and m.relid = c.relid
 where c.link = %(link)s and c.direction = %(direction)s;

-- name: drop_all_chunks
delete from offramp.chunk where link = %(link)s and direction = %(direction)s;

-- name: inherit_chunks
insert into offramp.chunk (link, direction, relid, number, low, high, rows, dirty, verified_at)
select %(link)s, %(direction)s, t.relid, n.number,
       case when n.low <> 'null' then array(select jsonb_array_elements_text(n.low)) end,
       case when n.high <> 'null' then array(select jsonb_array_elements_text(n.high)) end,
       n.rows, false, clock_timestamp()
  from rows from (jsonb_to_recordset(%(chunks)s::jsonb)
                  as (schema text, name text, number int, low jsonb, high jsonb, rows bigint)) as n
  join unnest(%(schemas)s::text[], %(names)s::text[], %(relids)s::bigint[]) as t(schema, name, relid)
    on t.schema = n.schema and t.name = n.name;

-- name: chunks_equal
-- What changed after the moment of the check stays dirty.
update offramp.chunk c
   set dirty = c.dirty and not v.clean, verified_at = to_timestamp(v.at), rows = v.rows
  from unnest(%(relids)s::bigint[], %(numbers)s::int[], %(rows)s::bigint[], %(ats)s::float8[], %(cleans)s::boolean[])
       as v(relid, number, rows, at, clean)
 where c.link = %(link)s and c.direction = %(direction)s and c.relid = v.relid and c.number = v.number;

-- name: dirty_table
update offramp.chunk set dirty = true
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s and not dirty;

-- name: chunk_differs
update offramp.chunk
   set verified_at = null, dirty = true
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s and number = %(number)s;

-- name: found
insert into offramp.difference (link, direction, name, key, kind, relid, chunk)
select %(link)s, %(direction)s, %(name)s, f.key, f.kind, %(relid)s, %(number)s
  from unnest(%(keys)s::text[], %(kinds)s::text[]) as f(key, kind);

-- name: count_found
update offramp.link
   set differences = differences + %(found)s
 where name = %(link)s and direction = %(direction)s;

-- name: settled
-- A chunk is equal again, so what was found in it is repaired.
with mended as (
  update offramp.difference
     set repaired_at = clock_timestamp()
   where link = %(link)s and direction = %(direction)s and relid = %(relid)s and chunk = %(number)s and repaired_at is null
  returning 1)
update offramp.link
   set repaired = repaired + greatest(%(count)s, (select count(*) from mended))
 where name = %(link)s and direction = %(direction)s;

-- name: open_differences
-- What a link that ended had found and not yet seen repaired.
select d.relid, d.chunk, array_agg(array[d.key, d.kind])
  from offramp.difference d
 where d.link = %(link)s and d.direction = %(direction)s and d.repaired_at is null and d.relid is not null
 group by d.relid, d.chunk;

-- name: move_open
-- The chunk is cut anew; what was found in it goes on under the first of its successors.
update offramp.difference
   set chunk = %(number)s
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s and repaired_at is null
   and (%(numbers)s::int[] is null or chunk = any(%(numbers)s::int[]));

-- name: ask
update offramp.link
   set verify_asked_at = clock_timestamp()
 where name = %(link)s and direction = %(direction)s
returning verify_asked_at;

-- name: asked
select extract(epoch from verify_asked_at)::float8
  from offramp.link
 where name = %(link)s and direction = %(direction)s;

-- name: progress
-- A live table without a chunk has not been looked at yet; a held one cannot be.
select coalesce(sum(c.rows) filter (where c.verified_at >= %(since)s), 0)::bigint,
       coalesce(sum(c.rows), 0)::bigint,
       count(*) filter (where c.verified_at >= %(since)s),
       count(*),
       (select count(*) from offramp.difference d
         where d.link = %(link)s and d.direction = %(direction)s and d.found_at >= %(since)s),
       (select count(*) from offramp.difference d
         where d.link = %(link)s and d.direction = %(direction)s and d.repaired_at is null
           and exists (select from offramp.chunk o
                        where o.link = d.link and o.direction = d.direction and o.relid = d.relid and o.number = d.chunk))
  from offramp.moved m
  left join offramp.chunk c on c.link = m.link and c.direction = m.direction and c.relid = m.relid and m.state = 'live'
 where m.link = %(link)s and m.direction = %(direction)s;

-- name: stale
-- Which tables hold what was not found equal since it last changed, and which of their chunks?
select m.relid,
       count(c.number),
       coalesce(jsonb_agg(jsonb_build_array(c.number, c.low, c.high) order by c.number)
                  filter (where c.dirty or c.verified_at is null), '[]')
  from offramp.moved m
  left join offramp.chunk c on c.link = m.link and c.direction = m.direction and c.relid = m.relid
 where m.link = %(link)s and m.direction = %(direction)s
 group by m.relid
having count(c.number) = 0 or bool_or(c.dirty or c.verified_at is null);

-- name: rows_to_compare
-- As `stale`: all of a table of which many chunks are stale, else only these. Until a chunk was looked at, its rows are only an
-- estimate, and none where the table had never been analysed; how many were copied is known.
select coalesce(sum(case when t.stale * %(few)s <= t.chunks then t.stale_rows
                         when t.unknown then greatest(t.rows, t.copied)
                         else t.rows end), 0)::bigint
  from (select count(*) as chunks,
               sum(c.rows) as rows,
               max(m.rows_copied) as copied,
               bool_or(c.verified_at is null) as unknown,
               count(*) filter (where c.dirty or c.verified_at is null) as stale,
               coalesce(sum(c.rows) filter (where c.dirty or c.verified_at is null), 0) as stale_rows
          from offramp.moved m
          left join offramp.chunk c on c.link = m.link and c.direction = m.direction and c.relid = m.relid
         where m.link = %(link)s and m.direction = %(direction)s
         group by m.relid) t;

-- name: moved
select relid from offramp.moved where link = %(link)s and direction = %(direction)s;
