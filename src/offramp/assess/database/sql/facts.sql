-- name: columns
-- Asked of the scratch server, which has all statistics. ``sharing``: equal keys may share an entry (btequalimage, from 13 on).
select n.nspname,
       c.relname,
       a.attname,
       coalesce(nullif(t.typlen, -1), s.stawidth, 32)::integer,
       t.typlen < 0,
       case t.typalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end,
       coalesce(s.stanullfrac, 0)::float8,
       coalesce(s.stadistinct, -1)::float8,
       o.oid is not null,
       coalesce(o.sharing, false),
       coalesce(nullif(t.typbasetype, 0), t.oid) = 'boolean'::regtype
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_type t on t.oid = a.atttypid
  left join lateral (
       select s.*
         from pg_statistic s
        where s.starelid = a.attrelid
          and s.staattnum = a.attnum
        order by s.stainherit desc
        limit 1
  ) s on true
  left join lateral (
       select o.oid,
              exists (select from pg_amproc p where p.amprocfamily = o.opcfamily and p.amproclefttype = o.opcintype and p.amprocnum = 4)
                  as sharing
         from pg_opclass o
        where o.opcmethod = (select oid from pg_am where amname = 'btree')
          and o.opcdefault
          and (
              o.opcintype = coalesce(nullif(t.typbasetype, 0), t.oid)
              or (t.typtype = 'e' and o.opcintype = 'anyenum'::regtype)
              or exists (
                     select from pg_cast k
                      where k.castsource = coalesce(nullif(t.typbasetype, 0), t.oid) and k.casttarget = o.opcintype
                        and k.castmethod = 'b' and k.castcontext = 'i'
                 )
          )
        order by (o.opcintype = t.oid) desc
        limit 1
  ) o on true
 where c.relkind in ('r', 'p', 'm')
   and a.attnum > 0
   and not a.attisdropped
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema';

-- name: tables
-- Each table with the root of its partition tree, itself elsewhere.
select n.nspname,
       c.relname,
       rn.nspname,
       r.relname,
       c.relkind = 'p'
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_class r on r.oid = case when c.relispartition then pg_partition_root(c.oid) else c.oid end
  join pg_namespace rn on rn.oid = r.relnamespace
 where c.relkind in ('r', 'p', 'm')
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema';

-- name: indexes
-- Key columns as they would be written, each with its direction; B-trees only.
select tn.nspname,
       t.relname,
       n.nspname,
       c.relname,
       array(
           select pg_get_indexdef(x.indexrelid, k, true)
             from generate_series(1, x.indnkeyatts) as k
            order by k
       ),
       array(
           select x.indoption[k - 1] & 1 = 1
             from generate_series(1, x.indnkeyatts) as k
            order by k
       ),
       coalesce(pg_get_expr(x.indpred, x.indrelid), ''),
       x.indisunique or x.indisprimary or exists (select from pg_constraint k where k.conindid = c.oid),
       x.indnatts > x.indnkeyatts,
       exists (select from unnest(x.indclass::oid[]) as used (oid) join pg_opclass o on o.oid = used.oid where not o.opcdefault)
  from pg_index x
  join pg_class c on c.oid = x.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_class t on t.oid = x.indrelid
  join pg_namespace tn on tn.oid = t.relnamespace
  join pg_am am on am.oid = c.relam
 where am.amname = 'btree'
   and x.indisvalid
   and n.nspname not like 'pg\_%'
 order by c.oid;

-- name: links
-- Which tables refer to which.
select distinct n.nspname || '.' || c.relname,
       fn.nspname || '.' || f.relname
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_class f on f.oid = k.confrelid
  join pg_namespace fn on fn.oid = f.relnamespace
 where k.contype = 'f';
