-- name: tables
-- Everything about a table that can be carried by a statement. Names come out qualified, since search_path is pinned.
-- Columns keep their number and all else its oid: that is how a renamed thing is told from a new one.
select c.oid::bigint as oid,
       n.nspname as schema,
       c.relname as name,
       c.relkind::text as kind,
       c.relpersistence::text as persistence,
       pg_relation_filenode(c.oid)::bigint as filenode,
       c.relispartition as partition,
       pg_get_partkeydef(c.oid) as partition_key,
       pg_get_expr(c.relpartbound, c.oid) as bound,
       coalesce((select jsonb_agg(format('%%I.%%I', pn.nspname, pc.relname) order by h.inhseqno)
                   from pg_inherits h
                   join pg_class pc on pc.oid = h.inhparent
                   join pg_namespace pn on pn.oid = pc.relnamespace
                  where h.inhrelid = c.oid), '[]') as parents,
       coalesce((select jsonb_agg(o order by o) from unnest(c.reloptions) as o), '[]') as options,
       c.relrowsecurity as row_security,
       c.relforcerowsecurity as forced_row_security,
       coalesce((
         select jsonb_agg(jsonb_build_object(
                  'number', a.attnum,
                  'name', a.attname,
                  'type', format_type(a.atttypid, a.atttypmod),
                  'type_oid', a.atttypid::bigint,
                  'collation', case when a.attcollation <> t.typcollation
                                    then (select format('%%I.%%I', cn.nspname, cl.collname)
                                            from pg_collation cl
                                            join pg_namespace cn on cn.oid = cl.collnamespace
                                           where cl.oid = a.attcollation) end,
                  'not_null', a.attnotnull,
                  'default', pg_get_expr(d.adbin, d.adrelid),
                  'identity', a.attidentity,
                  'generated', a.attgenerated,
                  'missing', case when a.atthasmissing then (a.attmissingval::text::text[])[1] end,
                  'has_missing', a.atthasmissing,
                  'sequence', (select s.definition from (
                      select format('sequence name %%I.%%I start with %%s increment by %%s minvalue %%s maxvalue %%s cache %%s %%s',
                                    sn.nspname, sc.relname, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache,
                                    case when q.seqcycle then 'cycle' else 'no cycle' end) as definition
                        from pg_depend p
                        join pg_class sc on sc.oid = p.objid and sc.relkind = 'S'
                        join pg_namespace sn on sn.oid = sc.relnamespace
                        join pg_sequence q on q.seqrelid = sc.oid
                       where p.classid = 'pg_class'::regclass and p.refclassid = 'pg_class'::regclass
                         and p.refobjid = c.oid and p.refobjsubid = a.attnum and p.deptype = 'i') s))
                order by a.attnum)
           from pg_attribute a
           join pg_type t on t.oid = a.atttypid
           left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]') as columns,
       coalesce((
         select jsonb_agg(jsonb_build_object(
                  'oid', o.oid::bigint,
                  'name', o.conname,
                  'kind', o.contype,
                  'definition', regexp_replace(pg_get_constraintdef(o.oid), ' NOT VALID$', ''),
                  'validated', o.convalidated,
                  'index', o.conindid::bigint)
                order by o.oid)
           from pg_constraint o
          where o.conrelid = c.oid and o.contype in ('p', 'u', 'f', 'c', 'x') and o.conislocal and o.conparentid = 0), '[]') as constraints,
       coalesce((
         select jsonb_agg(jsonb_build_object(
                  'oid', i.indexrelid::bigint,
                  'name', ic.relname,
                  'definition', pg_get_indexdef(i.indexrelid),
                  'unique', i.indisunique,
                  'valid', i.indisvalid and i.indisready and i.indislive)
                order by i.indexrelid)
           from pg_index i
           join pg_class ic on ic.oid = i.indexrelid
          where i.indrelid = c.oid
            and not ic.relispartition
            and not exists (select from pg_constraint o where o.conindid = i.indexrelid and o.conrelid = c.oid and o.contype in ('p', 'u', 'x'))), '[]') as indexes,
       coalesce((
         select jsonb_agg(jsonb_build_object(
                  'oid', g.oid::bigint,
                  'name', g.tgname,
                  'definition', pg_get_triggerdef(g.oid),
                  'enabled', g.tgenabled)
                order by g.oid)
           from pg_trigger g
          where g.tgrelid = c.oid and not g.tgisinternal and g.tgname not like 'offramp\_%%' and g.tgparentid = 0), '[]') as triggers
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.oid = any(%(oids)s::bigint[]::oid[])
   and c.relkind in ('r', 'p')
 order by c.oid;

-- name: things
-- What a schema has besides tables, in the order of creation; each with the statement that makes it. Nothing that belongs to an
-- extension, to an identity column or to us.
with own as (
  select d.classid, d.objid
    from pg_depend d
   where d.deptype = 'e'
  union all
  select d.classid, d.objid
    from pg_depend d
   where d.deptype = 'i' and d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjsubid <> 0),
spaces as (
  select n.oid, n.nspname, quote_ident(n.nspname) as quoted
    from pg_namespace n
   where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'offramp')),
things as (
  select 'schema' as kind, n.oid, '' as schema, n.nspname::text as name, '' as on_table,
         format('create schema %I', n.nspname) as definition, '[]'::jsonb as parts, 'pg_namespace'::regclass as class
    from spaces n
  union all
  select 'extension', e.oid, n.nspname, e.extname, '', format('create extension if not exists %I with schema %I', e.extname, n.nspname),
         jsonb_build_array(e.extversion), 'pg_extension'::regclass
    from pg_extension e
    join pg_namespace n on n.oid = e.extnamespace
   where e.extname <> 'plpgsql'
  union all
  select 'enum', t.oid, n.nspname, t.typname, '',
         format('create type %I.%I as enum (%s)', n.nspname, t.typname,
                (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid)),
         coalesce((select jsonb_agg(jsonb_build_array(e.oid::bigint, e.enumlabel) order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid), '[]'),
         'pg_type'::regclass
    from pg_type t
    join spaces n on n.oid = t.typnamespace
   where t.typtype = 'e'
  union all
  select 'domain', t.oid, n.nspname, t.typname, '',
         format('create domain %I.%I as %s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod))
         || coalesce((select format(' collate %I.%I', cn.nspname, cl.collname)
                        from pg_collation cl
                        join pg_namespace cn on cn.oid = cl.collnamespace
                        join pg_type b on b.oid = t.typbasetype
                       where cl.oid = t.typcollation and t.typcollation <> b.typcollation), '')
         || coalesce(' default ' || t.typdefault, '') || case when t.typnotnull then ' not null' else '' end,
         coalesce((select jsonb_agg(jsonb_build_array(o.oid::bigint, o.conname, pg_get_constraintdef(o.oid)) order by o.oid)
                     from pg_constraint o where o.contypid = t.oid and o.contype = 'c'), '[]'),
         'pg_type'::regclass
    from pg_type t
    join spaces n on n.oid = t.typnamespace
   where t.typtype = 'd'
  union all
  select 'composite', t.oid, n.nspname, t.typname, '',
         format('create type %I.%I as (%s)', n.nspname, t.typname,
                (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
                   from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)),
         '[]', 'pg_type'::regclass
    from pg_type t
    join pg_class c on c.oid = t.typrelid and c.relkind = 'c'
    join spaces n on n.oid = t.typnamespace
   where t.typtype = 'c'
  union all
  select 'range', t.oid, n.nspname, t.typname, '',
         format('create type %I.%I as range (subtype = %s%s)', n.nspname, t.typname, format_type(r.rngsubtype, null),
                coalesce((select format(', multirange_type_name = %I.%I', mn.nspname, m.typname)
                            from pg_type m join pg_namespace mn on mn.oid = m.typnamespace where m.oid = r.rngmultitypid), '')),
         '[]', 'pg_type'::regclass
    from pg_type t
    join pg_range r on r.rngtypid = t.oid
    join spaces n on n.oid = t.typnamespace
   where t.typtype = 'r'
  union all
  select 'sequence', c.oid, n.nspname, c.relname, '',
         format('as %s increment by %s minvalue %s maxvalue %s start with %s cache %s %s', format_type(s.seqtypid, null),
                s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, case when s.seqcycle then 'cycle' else 'no cycle' end),
         coalesce((select jsonb_build_array(format('%I.%I', tn.nspname, tc.relname), a.attname)
                     from pg_depend d
                     join pg_class tc on tc.oid = d.refobjid
                     join pg_namespace tn on tn.oid = tc.relnamespace
                     join pg_attribute a on a.attrelid = tc.oid and a.attnum = d.refobjsubid
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
                      and d.deptype = 'a' and d.refobjsubid <> 0), '[]'),
         'pg_class'::regclass
    from pg_class c
    join pg_sequence s on s.seqrelid = c.oid
    join spaces n on n.oid = c.relnamespace
  union all
  select case f.prokind when 'p' then 'procedure' else 'function' end, f.oid, n.nspname,
         format('%I(%s)', f.proname, pg_get_function_identity_arguments(f.oid)), '', pg_get_functiondef(f.oid), '[]', 'pg_proc'::regclass
    from pg_proc f
    join spaces n on n.oid = f.pronamespace
   where f.prokind in ('f', 'p', 'w')
  union all
  select case c.relkind when 'm' then 'materialized view' else 'view' end, c.oid, n.nspname, c.relname, '',
         regexp_replace(pg_get_viewdef(c.oid), ';\s*$', ''),
         jsonb_build_array(c.relispopulated, coalesce(array_to_string(c.reloptions, ', '), ''),
           coalesce((select jsonb_agg(jsonb_build_array(ic.relname, pg_get_indexdef(i.indexrelid)) order by i.indexrelid)
                       from pg_index i join pg_class ic on ic.oid = i.indexrelid where i.indrelid = c.oid), '[]')),
         'pg_class'::regclass
    from pg_class c
    join spaces n on n.oid = c.relnamespace
   where c.relkind in ('v', 'm')
  union all
  select 'policy', p.oid, n.nspname, p.polname, c.relname,
         format('create policy %I on %I.%I as %s for %s to %s', p.polname, n.nspname, c.relname,
                case when p.polpermissive then 'permissive' else 'restrictive' end,
                case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
                (select string_agg(case when r = 0 then 'public' else quote_ident(pg_get_userbyid(r)) end, ', ') from unnest(p.polroles) as r))
         || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
         || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''),
         '[]', 'pg_policy'::regclass
    from pg_policy p
    join pg_class c on c.oid = p.polrelid
    join spaces n on n.oid = c.relnamespace
  union all
  select 'rule', r.oid, n.nspname, r.rulename, c.relname, pg_get_ruledef(r.oid), '[]', 'pg_rewrite'::regclass
    from pg_rewrite r
    join pg_class c on c.oid = r.ev_class
    join spaces n on n.oid = c.relnamespace
   where r.rulename <> '_RETURN'
  union all
  select 'statistics', s.oid, n.nspname, s.stxname, '', pg_get_statisticsobjdef(s.oid), '[]', 'pg_statistic_ext'::regclass
    from pg_statistic_ext s
    join spaces n on n.oid = s.stxnamespace),
comments as (
  select 'comment' as kind, d.objoid, '' as schema, i.type || ' ' || i.identity as name, '' as on_table,
         format('comment on %s %s is %L', case i.type when 'table column' then 'column' when 'table constraint' then 'constraint' else i.type end,
                i.identity, d.description) as definition,
         jsonb_build_array(d.classoid::bigint, d.objsubid) as parts
    from pg_description d
    cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
   where d.objoid >= 16384
     and i.type = any('{table,table column,table constraint,index,view,materialized view,view column,sequence,function,procedure,type,schema,trigger}')
     and i.identity !~ '^offramp\.'
     and not exists (select from own o where o.classid = d.classoid and o.objid = d.objoid))
select kind, oid::bigint, schema, name, on_table, definition, parts
  from things t
 where not exists (select from own o where o.classid = t.class and o.objid = t.oid)
union all
select kind, objoid::bigint, schema, name, on_table, definition, parts from comments
 order by 2, 1, 4;

-- name: new_tables
-- The application's tables that the link does not know.
select c.oid::bigint
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p')
   and c.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'offramp')
   and not c.oid = any(%(known)s::bigint[]::oid[])
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by c.oid;

-- name: snapshot
select pg_current_snapshot()::text;

-- name: create
-- What the other side's schema was when it was last carried over to here.
create table if not exists offramp.picture (
  link text not null,
  direction text not null,
  relid bigint not null,
  picture jsonb not null,
  complete boolean not null default true,
  seen pg_snapshot,
  primary key (link, direction, relid)
);
create table if not exists offramp.scenery (
  link text not null,
  direction text not null,
  system text not null,
  fingerprint text not null,
  things jsonb not null,
  left_over jsonb not null default '[]',
  primary key (link, direction)
);

-- name: exists
select to_regclass('offramp.picture') is not null;

-- name: kept
-- ``settled``: the stored position has seen all that the picture shows, so rules on rows can be put on.
select p.relid, p.picture, p.complete,
       coalesce(pg_snapshot_xmax(l.position) >= pg_snapshot_xmax(p.seen)
                and not exists (select from pg_snapshot_xip(l.position) x where pg_visible_in_snapshot(x, p.seen)), true) as settled
  from offramp.picture p
  join offramp.link l on l.name = p.link and l.direction = p.direction
 where p.link = %(link)s and p.direction = %(direction)s
   and (%(oids)s::bigint[] is null or p.relid = any(%(oids)s::bigint[]));

-- name: unfinished
select count(*) from offramp.picture p where p.link = %(link)s and p.direction = %(direction)s and not p.complete;

-- name: waiting
select exists (select from offramp.picture p where p.link = %(link)s and p.direction = %(direction)s and not p.complete)
    or exists (select from offramp.scenery s where s.link = %(link)s and s.direction = %(direction)s and s.left_over <> '[]');

-- name: keep
insert into offramp.picture (link, direction, relid, picture, complete, seen)
values (%(link)s, %(direction)s, %(relid)s, %(picture)s, %(complete)s, %(seen)s)
on conflict (link, direction, relid) do update
   set picture = excluded.picture, complete = excluded.complete, seen = excluded.seen;

-- name: forget
delete from offramp.picture where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: kept_scenery
select system, fingerprint, things, left_over from offramp.scenery where link = %(link)s and direction = %(direction)s;

-- name: keep_scenery
insert into offramp.scenery (link, direction, system, fingerprint, things, left_over)
values (%(link)s, %(direction)s, %(system)s, %(fingerprint)s, %(things)s, %(left_over)s)
on conflict (link, direction) do update
   set system = excluded.system, fingerprint = excluded.fingerprint, things = excluded.things, left_over = excluded.left_over;

-- name: rename_table
update offramp.moved
   set schema = %(schema)s, name = %(name)s
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: doubt
update offramp.moved
   set fingerprint = %(fingerprint)s
 where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: forget_table
delete from offramp.moved where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: forget_chunks
delete from offramp.chunk where link = %(link)s and direction = %(direction)s and relid = %(relid)s;

-- name: settings
-- Changes give up soon when somebody reads the table, and are tried again. Bodies of functions may name what comes later.
set local lock_timeout = '2s';
set local check_function_bodies = false;
set local enable_seqscan = on;
set local enable_hashjoin = on;
set local enable_mergejoin = on;

-- name: table_named
select c.oid::bigint
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %(schema)s and c.relname = %(name)s and c.relkind in ('r', 'p');

-- name: begin_look
-- One moment for all that is looked at. Printing a view locks its tables until the end, so nothing is waited for as long as
-- deadlock_timeout (1 s): a migration would be the victim.
begin isolation level repeatable read read only;
set local lock_timeout = '250ms';
