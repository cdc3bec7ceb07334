-- name: sequences
-- last is null where no number was handed out, or where none may be read. A column may hold fewer numbers than the sequence
-- that feeds it: an int column with a bigint sequence stops at 2147483647.
with taking as (
  select d.refobjid as sequence, min(case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 end) as highest
    from pg_depend d
    join pg_attrdef f on d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
    join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
   where d.refclassid = 'pg_class'::regclass
   group by d.refobjid
)
select n.nspname, c.relname, s.seqincrement, s.seqcycle,
       case when has_sequence_privilege(c.oid, 'SELECT, USAGE') then pg_sequence_last_value(c.oid) end,
       format_type(s.seqtypid, null), s.seqstart, s.seqmin, s.seqmax, s.seqcache,
       (select array[tn.nspname, t.relname, a.attname]::text[]
          from pg_depend d
          join pg_class t on t.oid = d.refobjid
          join pg_namespace tn on tn.oid = t.relnamespace
          join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
           and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')),
       case when s.seqincrement > 0 then least(s.seqmax, k.highest) end
  from pg_sequence s
  join pg_class c on c.oid = s.seqrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join taking k on k.sequence = c.oid
 where n.nspname not in ('pg_catalog', 'information_schema', 'offramp', '_heroku')
   and n.nspname not like 'pg\_temp%'
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by 1, 2;

-- name: value
select {at}::int, last_value, is_called from {sequence}

-- name: set
select count(setval(s.name::regclass, s.value, s.called))
  from unnest(%(sequences)s::text[], %(values)s::bigint[], %(called)s::boolean[]) as s(name, value, called);

-- name: alter
alter sequence {sequence} as {type} increment by {increment} minvalue {minimum} maxvalue {maximum}
  start with {start} restart with {last} cache {cache} {cycle};

-- name: own
alter sequence {sequence} owned by {owner};
