-- name: count
select count(*) from pg_largeobject_metadata;

-- name: one_moment
set transaction isolation level repeatable read, read only;

-- name: digests
-- Piece by piece, so that no object is held in memory whole. The last piece is the first that is not full.
with recursive readable as (
  select m.oid
    from pg_largeobject_metadata m
   where pg_has_role(m.lomowner, 'USAGE')
      or exists (select from aclexplode(m.lomacl) g
                  where g.privilege_type = 'SELECT' and (g.grantee = 0 or pg_has_role(g.grantee, 'USAGE')))
), piece as (
  select r.oid, 0::bigint as at, length(b.bytes) as size, md5(b.bytes) as digest
    from readable r
    cross join lateral (select lo_get(r.oid, 0, %(piece)s) as bytes offset 0) b
  union all
  select p.oid, p.at + 1, length(b.bytes), md5(b.bytes)
    from piece p
    cross join lateral (select lo_get(p.oid, (p.at + 1) * %(piece)s, %(piece)s) as bytes offset 0) b
   where p.size = %(piece)s
)
select oid::bigint, sum(size)::bigint, md5(string_agg(digest, '' order by at)), obj_description(oid, 'pg_largeobject')
  from piece
 group by oid;

-- name: hidden
select m.oid::bigint
  from pg_largeobject_metadata m
 where not pg_has_role(m.lomowner, 'USAGE')
   and not exists (select from aclexplode(m.lomacl) g
                    where g.privilege_type = 'SELECT' and (g.grantee = 0 or pg_has_role(g.grantee, 'USAGE')))
 order by m.oid;

-- name: size
-- 262144 opens for reading; the end of an object is its size. No lateral join: the planner would remember the answer for a
-- descriptor, and descriptors are used again.
select count(*), coalesce(sum(size), 0)::bigint
  from (select lo_lseek64(o.descriptor, 0, 2) as size, lo_close(o.descriptor)
          from (select lo_open(m.oid, 262144) as descriptor
                  from pg_largeobject_metadata m
                 where m.oid <> all(%(hidden)s::oid[])
                offset 0) o
        offset 0) s;

-- name: unlink
select count(lo_unlink(oid)) from pg_largeobject_metadata where oid = any(%(oids)s::oid[]);

-- name: make
-- The same oid, because columns refer to it; what stood under it before has other contents.
select case when exists (select from pg_largeobject_metadata where oid = %(oid)s::oid) then lo_unlink(%(oid)s::oid) end,
       lo_create(%(oid)s::oid);

-- name: get
select lo_get(%(oid)s::oid, %(offset)s::bigint, %(length)s::int);

-- name: put
select lo_put(%(oid)s::oid, %(offset)s::bigint, %(bytes)s::bytea);

-- name: comment
comment on large object {oid} is {text};
