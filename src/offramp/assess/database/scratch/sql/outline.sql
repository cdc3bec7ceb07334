-- name: calm
-- Reading never writes and never waits for a lock: the database serves customers.
set default_transaction_read_only = on;
set lock_timeout = '500ms';
set idle_in_transaction_session_timeout = '30s';
set search_path = pg_catalog;

-- name: patience
select set_config('statement_timeout', %(milliseconds)s, false);

-- name: server
select current_setting('server_version_num')::integer,
       current_database(),
       current_user,
       pg_encoding_to_char(d.encoding),
       d.datcollate,
       d.datctype,
       current_setting('block_size')::integer
  from pg_database d
 where d.datname = current_database();

-- name: settings
-- What the application's sessions get when they begin: the connection's own pins are not the application's. Categories are
-- those that the planner reads, and those by which literals in statements are understood.
select name,
       reset_val
  from pg_settings
 where category like 'Query Tuning%'
    or name in (
       'work_mem', 'hash_mem_multiplier', 'effective_io_concurrency', 'max_parallel_workers_per_gather', 'DateStyle', 'IntervalStyle',
       'TimeZone', 'default_text_search_config', 'search_path'
    )
 order by name;

-- name: extensions
select e.extname,
       n.nspname
  from pg_extension e
  join pg_namespace n on n.oid = e.extnamespace
 where e.extname <> 'plpgsql'
 order by e.oid;

-- name: extension_types
-- What a stand-in must be called where an extension is missing.
select e.extname,
       n.nspname,
       t.typname
  from pg_extension e
  join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.classid = 'pg_type'::regclass and d.deptype = 'e'
  join pg_type t on t.oid = d.objid
  join pg_namespace n on n.oid = t.typnamespace
 where t.typcategory <> 'A'
   and t.typtype in ('b', 'd')
 order by t.oid;

-- name: steps
-- The statements that make the schema, in an order in which most can run; what needs something later is tried again.
with spaces as (
    select oid, nspname
      from pg_namespace
     where nspname not like 'pg\_%'
       and nspname <> 'information_schema'
),
ours as (
    select c.*, n.nspname
      from pg_class c
      join spaces n on n.oid = c.relnamespace
     where c.relpersistence <> 't'
       and not exists (
           select
             from pg_depend d
            where d.classid = 'pg_class'::regclass
              and d.objid = c.oid
              and d.deptype = 'e'
       )
),
free_types as (
    select t.*, n.nspname
      from pg_type t
      join spaces n on n.oid = t.typnamespace
     where not exists (
           select
             from pg_depend d
            where d.classid = 'pg_type'::regclass
              and d.objid = t.oid
              and d.deptype = 'e'
       )
),
columns as (
    select a.attrelid,
           string_agg(
               format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
               || case
                      when a.attcollation <> t.typcollation and a.attcollation <> 0
                      then format(' collate %I.%I', cn.nspname, co.collname)
                      else ''
                  end
               || case when a.attgenerated = 'v' then format(' generated always as (%s) virtual', pg_get_expr(ad.adbin, ad.adrelid)) else '' end
               || case when a.attnotnull then ' not null' else '' end,
               ', ' order by a.attnum
           ) as list
      from pg_attribute a
      join pg_type t on t.oid = a.atttypid
      left join pg_collation co on co.oid = a.attcollation
      left join pg_namespace cn on cn.oid = co.collnamespace
      left join pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum
     where a.attnum > 0
       and not a.attisdropped
     group by a.attrelid
),
depth as (
    select c.oid,
           (select count(*) from pg_partition_ancestors(c.oid)) as ancestors
      from ours c
)
select rank, kind, name, ddl
  from (
        select 1 as rank, 'schema' as kind, nspname::text as name, format('create schema if not exists %I', nspname) as ddl, 0::bigint as within
          from spaces
        union all
        select 2, 'type', format('%I.%I', nspname, typname),
               format('create type %I.%I as enum (%s)', nspname, typname, (
                   select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid
               )), t.oid::bigint
          from free_types t
         where typtype = 'e'
        union all
        select 2, 'type', format('%I.%I', nspname, typname),
               format('create domain %I.%I as %s', nspname, typname, format_type(typbasetype, typtypmod)), t.oid::bigint
          from free_types t
         where typtype = 'd'
        union all
        select 2, 'type', format('%I.%I', nspname, typname),
               format('create type %I.%I as (%s)', nspname, typname, columns.list), t.oid::bigint
          from free_types t
          join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
          join columns on columns.attrelid = c.oid
         where typtype = 'c'
        union all
        select 2, 'type', format('%I.%I', nspname, typname),
               format('create type %I.%I as range (subtype = %s)', nspname, typname, format_type(r.rngsubtype, null)), t.oid::bigint
          from free_types t
          join pg_range r on r.rngtypid = t.oid
         where typtype = 'r'
        union all
        select 3, 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.oid::bigint
          from pg_proc p
          join spaces n on n.oid = p.pronamespace
          join pg_language l on l.oid = p.prolang
         where p.prokind in ('f', 'p')
           and l.lanname in ('sql', 'plpgsql')
           and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
           and not exists (
               select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
           )
        union all
        select 4, 'sequence', format('%I.%I', nspname, relname), format('create sequence if not exists %I.%I', nspname, relname), oid::bigint
          from ours
         where relkind = 'S'
        union all
        select 5, 'table', format('%I.%I', nspname, relname),
               format('create table %I.%I (%s)%s', nspname, relname, coalesce(columns.list, ''),
                      case when relkind = 'p' then ' partition by ' || pg_get_partkeydef(oid) else '' end), oid::bigint
          from ours
          left join columns on columns.attrelid = oid
         where relkind in ('r', 'p', 'f')
        union all
        select 6, 'partition', format('%I.%I', c.nspname, c.relname),
               case
                   when c.relispartition
                   then format('alter table %s attach partition %I.%I %s', i.inhparent::regclass, c.nspname, c.relname,
                               pg_get_expr(c.relpartbound, c.oid))
                   else format('alter table %I.%I inherit %s', c.nspname, c.relname, i.inhparent::regclass)
               end, c.oid::bigint
          from ours c
          join pg_inherits i on i.inhrelid = c.oid
         where c.relkind in ('r', 'p')
        union all
        select 7, 'view', format('%I.%I', nspname, relname),
               case relkind
                   when 'v' then format('create view %I.%I as %s', nspname, relname, rtrim(pg_get_viewdef(oid), '; '))
                   else format('create materialized view %I.%I as %s with no data', nspname, relname, rtrim(pg_get_viewdef(oid), '; '))
               end, oid::bigint
          from ours
         where relkind in ('v', 'm')
        union all
        -- A partition's keys and indexes before its parent's, which adopts them.
        select 8, 'constraint', format('%I on %s', k.conname, k.conrelid::regclass),
               format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)), -depth.ancestors
          from pg_constraint k
          join ours c on c.oid = k.conrelid
          join depth on depth.oid = c.oid
         where k.contype in ('p', 'u', 'x')
        union all
        select 8, 'constraint', format('%I on %s', k.conname, k.conrelid::regclass),
               format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)), depth.ancestors
          from pg_constraint k
          join ours c on c.oid = k.conrelid
          join depth on depth.oid = c.oid
         where k.contype = 'c'
           and k.coninhcount = 0
        union all
        select 9, 'index', format('%I.%I', c.nspname, c.relname), pg_get_indexdef(c.oid), -depth.ancestors
          from ours c
          join pg_index x on x.indexrelid = c.oid
          join depth on depth.oid = c.oid
         where x.indisvalid
           and not exists (select from pg_constraint k where k.conindid = c.oid and k.contype in ('p', 'u', 'x'))
        union all
        select 10, 'partition', format('%I.%I', c.nspname, c.relname),
               format('alter index %s attach partition %I.%I', i.inhparent::regclass, c.nspname, c.relname), -depth.ancestors
          from ours c
          join pg_inherits i on i.inhrelid = c.oid
          join depth on depth.oid = c.oid
          join pg_index x on x.indexrelid = c.oid
         where x.indisvalid
           and not exists (select from pg_constraint k where k.conindid = i.inhparent and k.contype in ('p', 'u', 'x'))
        union all
        select 11, 'foreign key', format('%I on %s', k.conname, k.conrelid::regclass),
               format('alter table %s add constraint %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)), 0
          from pg_constraint k
          join ours c on c.oid = k.conrelid
         where k.contype = 'f'
           and k.conparentid = 0
        union all
        select 12, 'statistics', format('%I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid), 0
          from pg_statistic_ext s
          join spaces n on n.oid = s.stxnamespace
       ) as made
 order by rank, within, name;

-- name: relations
-- Sizes as the files have them now: the planner scales its counts by them. A locked relation's size is its last known.
select n.nspname,
       c.relname,
       c.relkind::text,
       coalesce(am.amname, ''),
       c.relpages,
       c.reltuples,
       c.relallvisible,
       case when c.relkind in ('p', 'I') then 0 else pg_relation_size(c.oid) / current_setting('block_size')::integer end
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_am am on am.oid = c.relam
 where c.relkind in ('r', 'p', 'm', 'i', 'I')
   and c.relpersistence <> 't'
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
 order by n.nspname, c.relname;

-- name: relations_unlocked
-- The same without asking the files.
select n.nspname,
       c.relname,
       c.relkind::text,
       coalesce(am.amname, ''),
       c.relpages,
       c.reltuples,
       c.relallvisible,
       c.relpages::bigint
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_am am on am.oid = c.relam
 where c.relkind in ('r', 'p', 'm', 'i', 'I')
   and c.relpersistence <> 't'
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
 order by n.nspname, c.relname;

-- name: statistics
-- Most common values, bounds and elements are values of rows: they go to the scratch server and nowhere else.
select schemaname,
       tablename,
       attname,
       inherited,
       null_frac,
       avg_width,
       n_distinct,
       correlation,
       most_common_vals::text,
       most_common_freqs::text,
       histogram_bounds::text,
       most_common_elems::text,
       most_common_elem_freqs::text,
       elem_count_histogram::text,
       null::text,
       null::real,
       null::text
  from pg_stats
 where schemaname not like 'pg\_%'
   and schemaname <> 'information_schema';

-- name: statistics_17
-- From 17 on the statistics of ranges can be read too.
select schemaname,
       tablename,
       attname,
       inherited,
       null_frac,
       avg_width,
       n_distinct,
       correlation,
       most_common_vals::text,
       most_common_freqs::text,
       histogram_bounds::text,
       most_common_elems::text,
       most_common_elem_freqs::text,
       elem_count_histogram::text,
       range_length_histogram::text,
       range_empty_frac,
       range_bounds_histogram::text
  from pg_stats
 where schemaname not like 'pg\_%'
   and schemaname <> 'information_schema';

-- name: extended
-- Lists of values over several columns are left out: no server before 19 takes them in.
select e.statistics_schemaname,
       e.statistics_name,
       e.inherited,
       e.n_distinct::text,
       e.dependencies::text,
       s.stxkeys::smallint[],
       e.most_common_vals is not null
  from pg_stats_ext e
  join pg_namespace n on n.nspname = e.statistics_schemaname
  join pg_statistic_ext s on s.stxnamespace = n.oid and s.stxname = e.statistics_name
 where e.statistics_schemaname not like 'pg\_%'
   and (e.n_distinct is not null or e.dependencies is not null or e.most_common_vals is not null);

-- name: extended_14
select e.statistics_schemaname,
       e.statistics_name,
       false,
       e.n_distinct::text,
       e.dependencies::text,
       s.stxkeys::smallint[],
       e.most_common_vals is not null
  from pg_stats_ext e
  join pg_namespace n on n.nspname = e.statistics_schemaname
  join pg_statistic_ext s on s.stxnamespace = n.oid and s.stxname = e.statistics_name
 where e.statistics_schemaname not like 'pg\_%';

-- name: hidden
-- Tables whose statistics this role may not read, and those whose row security hides them even from their owner.
select format('%I.%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm')
   and c.relpersistence <> 't'
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
   and (not has_table_privilege(c.oid, 'select') or row_security_active(c.oid))
 order by 1;

-- name: ranges
-- Columns of range types: before 17 their statistics are kept where only a superuser may look.
select format('%I.%I.%I', n.nspname, c.relname, a.attname)
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_type t on t.oid = a.atttypid
 where c.relkind in ('r', 'm')
   and t.typtype in ('r', 'm')
   and a.attnum > 0
   and not a.attisdropped
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
 order by 1;

-- name: uncarried
-- What the schema's statements above do not make.
select 'operator', format('%I.%s', n.nspname, o.oprname)
  from pg_operator o
  join pg_namespace n on n.oid = o.oprnamespace
 where n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
   and not exists (select from pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e')
union all
select 'aggregate', p.oid::regprocedure::text
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 where p.prokind = 'a'
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
   and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
 order by 1, 2;

-- name: depth_settings
-- So that the only way left to answer in an index's order is to walk that index.
set local enable_seqscan = off;
set local enable_sort = off;
set local enable_bitmapscan = off;
set local max_parallel_workers_per_gather = 0;

-- name: depth_probes
-- One statement for each B-tree whose height is not plain from its size; what it costs to begin says how deep the tree is.
select n.nspname,
       c.relname,
       format(
           'explain (format json) select 1 from only %s%s order by %s limit 1',
           x.indrelid::regclass,
           coalesce(' where ' || pg_get_expr(x.indpred, x.indrelid), ''),
           (
               select string_agg(
                          pg_get_indexdef(x.indexrelid, k, true)
                          || case when x.indoption[k - 1] & 1 = 1 then ' desc' else ' asc' end
                          || case when x.indoption[k - 1] & 2 = 2 then ' nulls first' else ' nulls last' end,
                          ', ' order by k
                      )
                 from generate_series(1, x.indnkeyatts) as k
           )
       )
  from pg_index x
  join pg_class c on c.oid = x.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_am am on am.oid = c.relam
 where am.amname = 'btree'
   and c.relkind = 'i'
   and x.indisvalid
   and c.relpages > 2
   and has_table_privilege(x.indrelid, 'select')
   and c.relpersistence <> 't'
   and n.nspname not like 'pg\_%'
   and n.nspname <> 'information_schema'
 order by c.oid;
