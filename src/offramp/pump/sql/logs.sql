-- name: logs
select l.number, l.width, l.active, pg_relation_size(c.oid), pg_relation_filenode(c.oid)::bigint
  from offramp.logs l
  join pg_class c on c.oid = to_regclass('offramp.log_' || l.number)
 order by l.number;

-- name: pages
-- The lines that we see on each page, and at least how many bytes they take. A row of more than 1900 bytes may keep a value
-- elsewhere, so it counts as a small one.
select p.page, array_agg(p.line), sum(p.bytes)::bigint
  from (select (l.ctid::text::point)[0]::bigint as page,
               (l.ctid::text::point)[1]::int as line,
               4 + case when b.keys > 1900 then 40 else ((37 + b.keys + 7) / 8) * 8 end as bytes
          from only {log} l
          cross join lateral (select {bytes} as keys) b
         where l.ctid >= {low}::tid) p
 group by p.page
