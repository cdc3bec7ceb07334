-- name: server
-- A standby writes no WAL of its own; its control file names the timeline it follows.
select current_setting('server_version_num')::int,
       (select system_identifier::text from pg_control_system()),
       case when pg_is_in_recovery() then (select lpad(upper(to_hex(timeline_id)), 8, '0') from pg_control_checkpoint())
            else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end,
       current_database(),
       current_user;

-- name: tables
-- Every table of the application: not the system's, not ours, not an extension's, not a session's own.
-- The key is the primary key, or the narrowest unique index that can stand for it: valid, immediate, whole, and over
-- columns that are not null and not generated. Operators are named with their schema because search_path is pinned:
-- without it a citext column would be compared as text.
select c.oid::bigint as oid,
       n.nspname as schema,
       c.relname as name,
       c.relkind::text as kind,
       c.relpersistence::text as persistence,
       c.relispartition
         or exists (select from pg_inherits h where h.inhrelid = c.oid)
         or exists (select from pg_inherits h join pg_class m on m.oid = h.inhrelid and m.relkind in ('r', 'p', 'f') where h.inhparent = c.oid) as in_tree,
       c.relforcerowsecurity as forces_row_security,
       greatest(c.reltuples, 0)::bigint as rows,
       pg_get_userbyid(c.relowner)::text as owner,
       coalesce((
         select jsonb_agg(jsonb_build_object(
                  'name', a.attname,
                  'type', format_type(a.atttypid, a.atttypmod),
                  'base', format_type(coalesce(nullif(b.oid, 0), a.atttypid), case when b.oid is null then a.atttypmod else -1 end),
                  'not_null', a.attnotnull,
                  'identity', a.attidentity,
                  'generated', a.attgenerated) order by a.attnum)
           from pg_attribute a
           join pg_type t on t.oid = a.atttypid
           left join lateral (
             with recursive up as (
               select t.typbasetype as oid where t.typtype = 'd'
               union all
               select d.typbasetype from up join pg_type d on d.oid = up.oid where d.typtype = 'd')
             select up.oid from up join pg_type d on d.oid = up.oid where d.typtype <> 'd') b on true
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]') as columns,
       coalesce(k.columns, '[]') as key,
       coalesce(k.index_oid, 0)::bigint as key_index,
       coalesce(k.constraint_oid, 0)::bigint as key_constraint,
       k.definition as key_definition
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join lateral (
    select i.indexrelid::bigint as index_oid,
           o.oid::bigint as constraint_oid,
           case when o.oid is null then pg_get_indexdef(i.indexrelid)
                else format('alter table %%I.%%I add constraint %%I %%s', n.nspname, c.relname, o.conname, pg_get_constraintdef(o.oid))
            end as definition,
           (select jsonb_agg(jsonb_build_object(
                     'name', a.attname,
                     'schema', os.nspname,
                     'operator', op.oprname) order by u.place)
              from unnest(i.indkey::int2[], i.indclass::oid[]) with ordinality as u(attnum, class, place)
              join pg_attribute a on a.attrelid = c.oid and a.attnum = u.attnum
              join pg_opclass oc on oc.oid = u.class
              join pg_amop ao on ao.amopfamily = oc.opcfamily and ao.amoplefttype = oc.opcintype
                             and ao.amoprighttype = oc.opcintype and ao.amopstrategy = 3
              join pg_operator op on op.oid = ao.amopopr
              join pg_namespace os on os.oid = op.oprnamespace
             where u.place <= i.indnkeyatts) as columns
      from pg_index i
      join pg_class ic on ic.oid = i.indexrelid
      join pg_am am on am.oid = ic.relam and am.amname = 'btree'
      left join pg_constraint o on o.conindid = i.indexrelid and o.contype in ('p', 'u') and o.conrelid = c.oid
     where i.indrelid = c.oid
       and i.indisunique and i.indisvalid and i.indisready and i.indimmediate
       and i.indpred is null and i.indexprs is null
       and not exists (
         select
           from unnest(i.indkey::int2[]) with ordinality as u(attnum, place)
           left join pg_attribute a on a.attrelid = c.oid and a.attnum = u.attnum
          where u.place <= i.indnkeyatts and (a.attnum is null or not a.attnotnull or a.attgenerated <> ''))
     order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
     limit 1) k on true
 where c.relkind in ('r', 'p')
   and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'offramp')
   and n.nspname not like 'pg\_toast%%'
   and n.nspname not like 'pg\_temp%%'
   and not exists (select from pg_depend d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
   and (%(oids)s::bigint[] is null or c.oid = any(%(oids)s::bigint[]))
 order by n.nspname collate "C", c.relname collate "C";

-- name: extensions
select e.extname, n.nspname, e.extversion
  from pg_extension e
  join pg_namespace n on n.oid = e.extnamespace
 where e.extname <> 'plpgsql'
 order by e.oid;
