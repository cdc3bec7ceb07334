-- name: planner_role
-- Statements and the schema's functions run as a role that may do nothing but plan in its own database.
create role planner login nosuperuser nocreatedb nocreaterole;

-- name: database
create database scratch owner planner template template0 encoding {encoding} lc_collate {collate} lc_ctype {ctype};

-- name: database_plain
create database scratch owner planner template template0 encoding {encoding};

-- name: own_public
alter schema public owner to planner;

-- name: extension_schema
create schema if not exists {schema} authorization planner;

-- name: extension
create extension if not exists {name} schema {schema} cascade;

-- name: stand_in
create domain {schema}.{name} as text;

-- name: lenient
select set_config('check_function_bodies', 'off', false);

-- name: relations
select n.nspname,
       c.relname,
       c.relkind::text,
       case when c.relkind in ('p', 'I') then null else pg_relation_filepath(c.oid) end
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm', 'i', 'I');

-- name: relation_statistics
update pg_class c
   set relpages = %(relpages)s,
       reltuples = %(reltuples)s,
       relallvisible = %(all_visible)s
  from pg_namespace n
 where n.oid = c.relnamespace
   and n.nspname = %(schema)s
   and c.relname = %(name)s;

-- name: relation_statistics_18
select pg_restore_relation_stats(
           'schemaname', %(schema)s::text,
           'relname', %(name)s::text,
           'relpages', %(relpages)s::integer,
           'reltuples', %(reltuples)s::real,
           'relallvisible', %(all_visible)s::integer
       );

-- name: column_statistics
-- A row of pg_statistic as ANALYZE would write it: the operators are those of the type's default B-tree family, and a domain, an
-- enumeration, an array or a range uses its family's.
with wanted as (
    select a.attrelid,
           a.attnum,
           a.atttypid,
           a.attcollation,
           case when t.typtype = 'd' then b.oid else t.oid end as base,
           case when t.typtype = 'd' then b.typtype else t.typtype end as typtype,
           case when t.typtype = 'd' then b.typelem else t.typelem end as element,
           case when t.typtype = 'd' then b.typcategory else t.typcategory end as category
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid
      join pg_namespace n on n.oid = c.relnamespace
      join pg_type t on t.oid = a.atttypid
      left join pg_type b on b.oid = t.typbasetype
     where n.nspname = %(schema)s
       and c.relname = %(relation)s
       and a.attname = %(column)s
       and a.attnum > 0
       and not a.attisdropped
),
ordering as (
    select eq.amopopr as equal,
           lt.amopopr as less
      from wanted w
      join pg_opclass o on o.opcmethod = (select oid from pg_am where amname = 'btree') and o.opcdefault
      join pg_type t on t.oid = o.opcintype
      join pg_amop eq on eq.amopfamily = o.opcfamily and eq.amoplefttype = o.opcintype and eq.amoprighttype = o.opcintype
                     and eq.amopstrategy = 3
      join pg_amop lt on lt.amopfamily = o.opcfamily and lt.amoplefttype = o.opcintype and lt.amoprighttype = o.opcintype
                     and lt.amopstrategy = 1
     where o.opcintype = w.base
        or exists (
               select from pg_cast k
                where k.castsource = w.base and k.casttarget = o.opcintype and k.castmethod = 'b' and k.castcontext = 'i'
           )
        or o.opcintype = case
               when w.typtype = 'e' then 'anyenum'::regtype
               when w.typtype = 'r' then 'anyrange'::regtype
               when w.typtype = 'm' then 'anymultirange'::regtype
               when w.category = 'A' then 'anyarray'::regtype
               when w.typtype = 'c' then 'record'::regtype
           end
     order by (o.opcintype = w.base) desc, t.typispreferred desc, o.oid
     limit 1
),
elements as (
    select case when w.base = 'tsvector'::regtype then 'text'::regtype::oid else w.element end as type,
           case when w.base = 'tsvector'::regtype then 100::oid else w.attcollation end as collation,
           (
               select eq.amopopr
                 from pg_opclass o
                 join pg_type t on t.oid = o.opcintype
                 join pg_type te on te.oid = case when w.base = 'tsvector'::regtype then 'text'::regtype::oid else w.element end
                 join pg_amop eq on eq.amopfamily = o.opcfamily and eq.amoplefttype = o.opcintype and eq.amoprighttype = o.opcintype
                                and eq.amopstrategy = 3
                where o.opcmethod = (select oid from pg_am where amname = 'btree')
                  and o.opcdefault
                  and (
                      o.opcintype = te.oid
                      or exists (
                             select from pg_cast k
                              where k.castsource = te.oid and k.casttarget = o.opcintype and k.castmethod = 'b' and k.castcontext = 'i'
                         )
                      or (te.typtype = 'e' and o.opcintype = 'anyenum'::regtype)
                  )
                order by (o.opcintype = te.oid) desc, t.typispreferred desc, o.oid
                limit 1
           ) as equal
      from wanted w
)
insert into pg_statistic (
    starelid, staattnum, stainherit, stanullfrac, stawidth, stadistinct,
    stakind1, stakind2, stakind3, stakind4, stakind5,
    staop1, staop2, staop3, staop4, staop5,
    stacoll1, stacoll2, stacoll3, stacoll4, stacoll5,
    stanumbers1, stanumbers2, stanumbers3, stanumbers4, stanumbers5,
    stavalues1, stavalues2, stavalues3, stavalues4, stavalues5
)
select w.attrelid, w.attnum, %(inherited)s, %(null_frac)s, %(avg_width)s, %(n_distinct)s,
       -- Kinds (pg_statistic.h): 1 common values, 2 histogram, 3 correlation, 4 common elements, 5 element counts,
       -- 6 range lengths, 7 range bounds. A column has either elements or ranges.
       case when %(common_values)s::text is null or o.equal is null then 0 else 1 end,
       case when %(bounds)s::text is null or o.less is null then 0 else 2 end,
       case when %(correlation)s::real is null or o.less is null then 0 else 3 end,
       case when %(common_elements)s::text is not null then 4 when %(range_lengths)s::text is not null then 6 else 0 end,
       case when %(element_counts)s::text is not null then 5 when %(range_bounds)s::text is not null then 7 else 0 end,
       coalesce(o.equal, 0),
       coalesce(o.less, 0),
       coalesce(o.less, 0),
       case when %(common_elements)s::text is not null then coalesce(e.equal, 0)
            when %(range_lengths)s::text is not null then '<(float8,float8)'::regoperator::oid else 0 end,
       case when %(element_counts)s::text is not null then coalesce(e.equal, 0) else 0 end,
       w.attcollation, w.attcollation, w.attcollation,
       coalesce(e.collation, 0),
       coalesce(e.collation, 0),
       %(common_freqs)s::real[],
       null,
       array[%(correlation)s::real],
       case when %(common_elements)s::text is not null then %(common_element_freqs)s::real[]
            when %(range_lengths)s::text is not null then array[%(range_empty_frac)s::real] end,
       %(element_counts)s::real[],
       case when %(common_values)s::text is not null and o.equal is not null then array_in(%(common_values)s::cstring, w.atttypid, -1) end,
       case when %(bounds)s::text is not null and o.less is not null then array_in(%(bounds)s::cstring, w.atttypid, -1) end,
       null,
       case when %(common_elements)s::text is not null then array_in(%(common_elements)s::cstring, e.type, -1)
            when %(range_lengths)s::text is not null then array_in(%(range_lengths)s::cstring, 'float8'::regtype, -1) end,
       case when %(range_bounds)s::text is not null then array_in(%(range_bounds)s::cstring, w.base, -1) end
  from wanted w
  left join ordering o on true
  left join elements e on true;

-- name: column_statistics_18
-- The server's own way in. What is null is left alone.
select pg_restore_attribute_stats(
           'schemaname', %(schema)s::text,
           'relname', %(relation)s::text,
           'attname', %(column)s::text,
           'inherited', %(inherited)s::boolean,
           'null_frac', %(null_frac)s::real,
           'avg_width', %(avg_width)s::integer,
           'n_distinct', %(n_distinct)s::real,
           'correlation', %(correlation)s::real,
           'most_common_vals', %(common_values)s::text,
           'most_common_freqs', %(common_freqs)s::real[],
           'histogram_bounds', %(bounds)s::text,
           'most_common_elems', %(common_elements)s::text,
           'most_common_elem_freqs', %(common_element_freqs)s::real[],
           'elem_count_histogram', %(element_counts)s::real[],
           'range_length_histogram', %(range_lengths)s::text,
           'range_empty_frac', %(range_empty_frac)s::real,
           'range_bounds_histogram', %(range_bounds)s::text
       );
