-- name: inventory
-- Everything that makes a schema, one row per object: what it is, its name, and what is to be the same on both sides as JSON
-- without what is usual. Left out: ours, the server's, what an extension made, and invalid indexes (pg_dump leaves them, too).
-- Not null constraints have names only since PostgreSQL 18; the column says whether it may be null.
with spaces as (
  select n.oid, n.nspname, n.nspowner
    from pg_namespace n
   where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'offramp', '_heroku')
     and n.nspname not like 'pg\_temp%%' and n.nspname not like 'pg\_toast\_temp%%'
), made as (
  select d.classid, d.objid from pg_depend d where d.deptype = 'e' and d.objsubid = 0
), relations as (
  select c.*, c.oid::regclass::text as named
    from pg_class c
    join spaces s on s.oid = c.relnamespace
   where not exists (select from made where made.classid = 'pg_class'::regclass and made.objid = c.oid)
), objects(kind, name, said) as (
  select 'schema', format('%%I', s.nspname), jsonb_build_object(
           'comment', case when s.nspname <> 'public' then obj_description(s.oid, 'pg_namespace') end)
    from spaces s
   where not exists (select from made where made.classid = 'pg_namespace'::regclass and made.objid = s.oid)
  union all
  select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end, c.named, jsonb_build_object(
           'owner', pg_get_userbyid(c.relowner),
           'kind', c.relkind,
           'unlogged', nullif(c.relpersistence = 'u', false),
           'row security', nullif(c.relrowsecurity, false),
           'forced row security', nullif(c.relforcerowsecurity, false),
           'options', (select string_agg(o, ', ' order by o) from unnest(c.reloptions) as o),
           'replica identity', nullif(c.relreplident, 'd'),
           'partitioned by', pg_get_partkeydef(c.oid),
           'bounds', pg_get_expr(c.relpartbound, c.oid),
           'inherits', (select string_agg(h.inhparent::regclass::text, ', ' order by h.inhseqno) from pg_inherits h where h.inhrelid = c.oid),
           'definition', case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
           'comment', obj_description(c.oid, 'pg_class'))
    from relations c
   where c.relkind in ('r', 'p', 'v', 'm')
  union all
  select 'column', format('%%s.%%I', c.named, a.attname), jsonb_build_object(
           'type', format_type(a.atttypid, a.atttypmod),
           'not null', nullif(a.attnotnull, false),
           'default', pg_get_expr(f.adbin, f.adrelid),
           'identity', nullif(a.attidentity, ''),
           'generated', nullif(a.attgenerated, ''),
           'collation', case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end,
           'storage', nullif(a.attstorage, t.typstorage),
           'compression', nullif(a.attcompression, ''),
           'statistics', nullif(coalesce(a.attstattarget, -1), -1),
           'options', a.attoptions::text,
           'place', row_number() over (partition by a.attrelid order by a.attnum),
           'comment', col_description(a.attrelid, a.attnum))
    from relations c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
   where c.relkind in ('r', 'p', 'v', 'm')
  union all
  select 'constraint', format('%%I on %%s', o.conname, coalesce(c.named, format_type(o.contypid, null))), jsonb_build_object(
           'definition', pg_get_constraintdef(o.oid),
           'comment', obj_description(o.oid, 'pg_constraint'))
    from pg_constraint o
    left join relations c on c.oid = o.conrelid
   where o.contype in ('c', 'f', 'p', 'u', 'x')
     and (c.oid is not null or o.conrelid = 0 and o.connamespace in (select oid from spaces)
          and not exists (select from made where made.classid = 'pg_type'::regclass and made.objid = o.contypid))
  union all
  select 'index', c.named, jsonb_build_object(
           'definition', pg_get_indexdef(i.indexrelid),
           'clustered', nullif(i.indisclustered, false),
           'statistics', (select string_agg(a.attnum || ': ' || a.attstattarget, ', ' order by a.attnum)
                            from pg_attribute a where a.attrelid = i.indexrelid and a.attstattarget >= 0),
           'comment', obj_description(c.oid, 'pg_class'))
    from pg_index i
    join relations c on c.oid = i.indexrelid
   where i.indisvalid or c.relkind = 'I'
  union all
  select 'trigger', format('%%I on %%s', t.tgname, c.named), jsonb_build_object(
           'definition', pg_get_triggerdef(t.oid),
           'enabled', nullif(t.tgenabled, 'O'),
           'comment', obj_description(t.oid, 'pg_trigger'))
    from pg_trigger t
    join relations c on c.oid = t.tgrelid
   where not t.tgisinternal and t.tgname not like 'offramp\_%%'
  union all
  select 'rule', format('%%I on %%s', r.rulename, c.named), jsonb_build_object(
           'definition', pg_get_ruledef(r.oid),
           'enabled', nullif(r.ev_enabled, 'O'),
           'comment', obj_description(r.oid, 'pg_rewrite'))
    from pg_rewrite r
    join relations c on c.oid = r.ev_class
   where r.rulename <> '_RETURN'
  union all
  select 'function', p.oid::regprocedure::text, jsonb_build_object(
           'owner', pg_get_userbyid(p.proowner),
           'kind', nullif(p.prokind, 'f'),
           'definition', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end,
           'aggregate', (select concat_ws(' ', g.aggkind, g.aggtransfn, g.aggfinalfn::oid::regproc, g.aggcombinefn::oid::regproc,
                                          format_type(g.aggtranstype, null), g.agginitval, g.aggsortop::regoper)
                           from pg_aggregate g where g.aggfnoid = p.oid),
           'comment', obj_description(p.oid, 'pg_proc'))
    from pg_proc p
    join spaces s on s.oid = p.pronamespace
   where not exists (select from made where made.classid = 'pg_proc'::regclass and made.objid = p.oid)
     -- A range type makes its own constructors.
     and not exists (select from pg_depend d
                      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'i'
                        and d.refclassid = 'pg_type'::regclass)
  union all
  select 'type', format_type(t.oid, null), jsonb_build_object(
           'owner', pg_get_userbyid(t.typowner),
           'kind', t.typtype,
           'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
           'base', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
           'not null', nullif(t.typnotnull, false),
           'default', t.typdefault,
           'collation', case when t.typtype = 'd' and t.typcollation <> 0 then t.typcollation::regcollation::text end,
           'subtype', (select concat_ws(' ', format_type(r.rngsubtype, null), nullif(r.rngcollation, 0)::regcollation,
                                        nullif(r.rngsubdiff::oid, 0)::regproc, nullif(r.rngcanonical::oid, 0)::regproc,
                                        format_type(r.rngmultitypid, null))
                         from pg_range r where r.rngtypid = t.oid),
           'attributes', (select jsonb_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)) order by a.attnum)
                            from pg_attribute a
                           where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped),
           'comment', obj_description(t.oid, 'pg_type'))
    from pg_type t
    join spaces s on s.oid = t.typnamespace
   where (t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
     and not exists (select from made where made.classid = 'pg_type'::regclass and made.objid = t.oid)
  union all
  select 'collation', o.oid::regcollation::text, jsonb_build_object(
           'provider', o.collprovider,
           'locale', coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale', o.collcollate),
           'deterministic', nullif(o.collisdeterministic, true),
           'comment', obj_description(o.oid, 'pg_collation'))
    from pg_collation o
    join spaces s on s.oid = o.collnamespace
   where not exists (select from made where made.classid = 'pg_collation'::regclass and made.objid = o.oid)
  union all
  select 'operator', o.oid::regoperator::text, jsonb_build_object(
           'function', o.oprcode::text,
           'commutator', nullif(o.oprcom, 0)::regoperator,
           'negator', nullif(o.oprnegate, 0)::regoperator,
           'comment', obj_description(o.oid, 'pg_operator'))
    from pg_operator o
    join spaces s on s.oid = o.oprnamespace
   where not exists (select from made where made.classid = 'pg_operator'::regclass and made.objid = o.oid)
  union all
  select 'cast', format('%%s as %%s', format_type(c.castsource, null), format_type(c.casttarget, null)), jsonb_build_object(
           'function', nullif(c.castfunc, 0)::regprocedure,
           'context', c.castcontext,
           'method', c.castmethod)
    from pg_cast c
   where c.oid >= 16384
     and not exists (select from made where made.classid = 'pg_cast'::regclass and made.objid = c.oid)
  union all
  select 'statistics', format('%%I.%%I', s.nspname, x.stxname), jsonb_build_object(
           'definition', pg_get_statisticsobjdef(x.oid),
           'target', nullif(coalesce(x.stxstattarget, -1), -1),
           'comment', obj_description(x.oid, 'pg_statistic_ext'))
    from pg_statistic_ext x
    join spaces s on s.oid = x.stxnamespace
  union all
  select 'text search configuration', g.oid::regconfig::text, jsonb_build_object(
           'mapping', (select jsonb_agg(concat_ws(' ', m.maptokentype, m.mapseqno, m.mapdict::regdictionary) order by m.maptokentype, m.mapseqno)
                         from pg_ts_config_map m where m.mapcfg = g.oid),
           'comment', obj_description(g.oid, 'pg_ts_config'))
    from pg_ts_config g
    join spaces s on s.oid = g.cfgnamespace
   where not exists (select from made where made.classid = 'pg_ts_config'::regclass and made.objid = g.oid)
  union all
  select 'text search dictionary', g.oid::regdictionary::text, jsonb_build_object('options', g.dictinitoption)
    from pg_ts_dict g
    join spaces s on s.oid = g.dictnamespace
   where not exists (select from made where made.classid = 'pg_ts_dict'::regclass and made.objid = g.oid)
  union all
  select 'extension', format('%%I', e.extname), jsonb_build_object(
           'version', e.extversion, 'schema', n.nspname, 'comment', obj_description(e.oid, 'pg_extension'))
    from pg_extension e
    join pg_namespace n on n.oid = e.extnamespace
   where e.extname <> 'plpgsql'
  union all
  select 'database', 'itself', jsonb_build_object(
           'encoding', pg_encoding_to_char(d.encoding), 'collation', d.datcollate, 'character type', d.datctype,
           'comment', shobj_description(d.oid, 'pg_database'))
    from pg_database d
   where d.datname = current_database()
)
select kind, name, jsonb_strip_nulls(said)::text from objects;

-- name: probe
create temporary view offramp_probe as {definition}

-- name: printed
select pg_get_viewdef('pg_temp.offramp_probe'::regclass);
