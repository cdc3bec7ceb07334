-- Each query here yields what the trouble is about (null for the server itself) and a detail for the sentence, no row when all is well.

-- name: standby
select null, null where pg_is_in_recovery();

-- name: read_only
select null, s.setting from pg_settings s where s.name = 'default_transaction_read_only' and s.reset_val = 'on';

-- name: foreign_schema
select 'schema offramp', null
  from pg_namespace
 where nspname = 'offramp'
   and to_regclass('offramp.captured') is null and to_regclass('offramp.link') is null
   and to_regclass('offramp.kept_constraint') is null and to_regclass('offramp.fence') is null
   and exists (select from pg_class where relnamespace = pg_namespace.oid);

-- name: foreign_triggers
-- Our own call a function in our schema.
select format('trigger %I on %s', t.tgname, t.tgrelid::regclass), null
  from pg_trigger t
  join pg_proc p on p.oid = t.tgfoid
  join pg_namespace n on n.oid = p.pronamespace
 where t.tgname like 'offramp\_%' and not t.tgisinternal and n.nspname <> 'offramp';

-- name: may_not_create
select 'database', null where not has_database_privilege(current_database(), 'CREATE');

-- name: may_not_make_temporary
select 'database', null where not has_database_privilege(current_database(), 'TEMPORARY');

-- name: prepared
-- A prepared transaction's locks have no process; its own number is among them.
select format('prepared transaction %s', p.gid),
       coalesce((select ' on ' || string_agg(distinct l.relation::regclass::text, ', ')
                   from pg_locks own
                   join pg_locks l on l.virtualtransaction = own.virtualtransaction and l.pid is null
                  where own.transactionid = p.transaction and own.pid is null and l.relation is not null), '')
  from pg_prepared_xacts p
 where p.database = current_database();

-- name: long_transactions
select format('transaction of process %%s (%%s)', pid, coalesce(nullif(application_name, ''), usename)),
       date_trunc('second', now() - xact_start)::text
  from pg_stat_activity
 where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
   and backend_xid is not null and extract(epoch from now() - xact_start) >= %(seconds)s
 order by xact_start;

-- name: snapshot_too_old
-- Gone with PostgreSQL 17.
select null, setting || ' min' from pg_settings where name = 'old_snapshot_threshold' and setting::int >= 0;

-- name: not_owned
select c.oid::regclass::text, format('%I', pg_get_userbyid(c.relowner))
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and c.relpersistence <> 't' and not pg_has_role(c.relowner, 'USAGE')
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'offramp', '_heroku')
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by 1;

-- name: hidden_rows
select c.oid::regclass::text, null
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_roles r on r.rolname = current_user
 where c.relrowsecurity and c.relkind in ('r', 'p') and n.nspname <> 'offramp'
   and not r.rolsuper and not r.rolbypassrls
   and (c.relforcerowsecurity or not pg_has_role(c.relowner, 'USAGE'))
 order by 1;

-- name: forced_row_security
select c.oid::regclass::text, null
  from pg_class c
  join pg_roles r on r.rolname = current_user
 where c.relrowsecurity and c.relforcerowsecurity and (r.rolsuper or r.rolbypassrls)
 order by 1;

-- name: no_columns
select c.oid::regclass::text, null
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'offramp', '_heroku')
   and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
 order by 1;

-- name: unlogged
select c.oid::regclass::text, null
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.relpersistence = 'u' and n.nspname not in ('pg_toast', 'offramp')
 order by 1;

-- name: no_key
-- The same rule as the catalogue's: a unique btree index that is valid, immediate and whole, over columns that are never null.
select c.oid::regclass::text,
       case when exists (select from pg_constraint o where o.conrelid = c.oid and o.contype = 'p'
                          and exists (select from pg_class i join pg_am m on m.oid = i.relam where i.oid = o.conindid and m.amname <> 'btree'))
            then ' (its primary key is WITHOUT OVERLAPS)' else '' end
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'offramp', '_heroku')
   and exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
   and not exists (
     select from pg_index i
       join pg_class ic on ic.oid = i.indexrelid
       join pg_am am on am.oid = ic.relam and am.amname = 'btree'
      where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indisready and i.indimmediate
        and i.indpred is null and i.indexprs is null
        and not exists (
          select from unnest(i.indkey::int2[]) with ordinality as u(attnum, place)
            left join pg_attribute a on a.attrelid = c.oid and a.attnum = u.attnum
           where u.place <= i.indnkeyatts and (a.attnum is null or not a.attnotnull or a.attgenerated <> '')))
 order by 1;

-- name: wide
-- A row image is read with as many aliases again; 1664 is the most that a target list holds.
select c.oid::regclass::text, count(*)::text
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'offramp', '_heroku')
   and not exists (select from pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
                    and i.indpred is null and i.indexprs is null)
 group by c.oid
having count(*) > 800
 order by 1;

-- name: always_triggers
select format('trigger %I on %s', t.tgname, t.tgrelid::regclass), null
  from pg_trigger t
 where not t.tgisinternal and t.tgenabled in ('A', 'R') and t.tgname not like 'offramp\_%'
 order by 1;

-- name: named_objects
select format('%s.%I', c.oid::regclass, a.attname), format_type(a.atttypid, null)
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_type t on t.oid = a.atttypid
 where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'offramp')
   and coalesce(nullif(t.typelem, 0), t.oid) in (
     'regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, 'regoperator'::regtype, 'regtype'::regtype,
     'regrole'::regtype, 'regnamespace'::regtype, 'regconfig'::regtype, 'regdictionary'::regtype, 'regcollation'::regtype)
 order by 1;

-- name: tablespaces
select c.oid::regclass::text, format('%I', s.spcname)
  from pg_class c
  join pg_tablespace s on s.oid = c.reltablespace
  join pg_namespace n on n.oid = c.relnamespace
 where s.spcname <> 'pg_global' and n.nspname not in ('pg_catalog', 'pg_toast')
 order by 1;

-- name: invalid_indexes
select format('index %s', i.indexrelid::regclass), null
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not i.indisvalid and c.relkind = 'i' and n.nspname not in ('pg_toast', 'offramp')
 order by 1;

-- name: disordered
-- Operators 664 to 667 are the comparisons of text. The C locales of libc and the built-in ones sort alike everywhere.
with home as (
  select datlocprovider = 'b' or datlocprovider = 'c' and datcollate in ('C', 'POSIX', 'C.UTF-8', 'C.utf8') as uniform
    from pg_database
   where datname = current_database()
)
select c.oid::regclass::text, 'bounds of its partitions'
  from pg_partitioned_table p
  join pg_class c on c.oid = p.partrelid
 where p.partstrat = 'r'
   and exists (select from unnest(p.partcollation::oid[]) as u(oid) join pg_collation o on o.oid = u.oid
                where o.collname not in ('C', 'POSIX', 'ucs_basic', 'pg_c_utf8')
                  and not (o.collname = 'default' and (select uniform from home)))
union all
select format('constraint %I on %s', o.conname, o.conrelid::regclass), 'a check that compares text'
  from pg_constraint o
 where o.contype = 'c' and o.conrelid <> 0 and o.conbin::text ~ ':opno 66[4-7] ' and not (select uniform from home)
union all
select format('%s.%I', a.attrelid::regclass, a.attname), 'a generated column that compares text'
  from pg_attrdef f
  join pg_attribute a on a.attrelid = f.adrelid and a.attnum = f.adnum
 where a.attgenerated <> '' and f.adbin::text ~ ':opno 66[4-7] ' and not (select uniform from home)
 order by 1;

-- name: foreign_tables
select c.oid::regclass::text, null from pg_class c where c.relkind = 'f' order by 1;

-- name: foreign_servers
select format('server %I', srvname), null from pg_foreign_server order by 1;

-- name: event_triggers
-- Heroku's own call functions in its own schema.
select format('event trigger %I', e.evtname), null
  from pg_event_trigger e
  join pg_proc p on p.oid = e.evtfoid
  join pg_namespace n on n.oid = p.pronamespace
 where n.nspname <> '_heroku'
 order by 1;

-- name: publications
select format('publication %I', pubname), null from pg_publication order by 1;

-- name: subscriptions
-- Most columns of pg_subscription may not be read.
select format('subscription %I', subname), null
  from pg_subscription
 where subdbid = (select oid from pg_database where datname = current_database())
 order by 1;

-- name: security_labels
select format('security label of %s %s', s.objtype, s.objname), null from pg_seclabels s order by 1;

-- name: kept_by_extension
-- Rows that the extension itself calls the user's. Counting them exactly may take long, so the planner's estimate has to do.
select t.oid::regclass::text, format('%I', e.extname)
  from pg_extension e
  cross join lateral unnest(e.extconfig) as t(oid)
  join pg_class c on c.oid = t.oid
 where c.relkind = 'r' and pg_relation_size(c.oid) > 0
   -- What an extension fills itself is told apart by a condition; PostGIS' own 8,500 systems are such.
   and coalesce(e.extcondition[array_position(e.extconfig, t.oid)], '') = ''
 order by 1;

-- name: extension_rights
select format('%s', p.oid::regprocedure), format('%I', e.extname)
  from pg_proc p
  join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  join pg_extension e on e.oid = d.refobjid
  left join pg_init_privs i on i.classoid = 'pg_proc'::regclass and i.objoid = p.oid
 where p.proacl is not null and p.proacl is distinct from i.initprivs
 order by 1;

-- name: unreadable_sequences
select c.oid::regclass::text, null
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'S' and n.nspname not in ('pg_catalog', 'information_schema', 'offramp', '_heroku') and n.nspname not like 'pg\_temp%'
   and not case when c.relkind = 'S' then has_sequence_privilege(c.oid, 'SELECT') end
 order by 1;

-- name: target_event_triggers
select format('event trigger %I', evtname), null from pg_event_trigger where evtenabled <> 'D' order by 1;

-- name: occupied
-- A database that a link works on already is not looked at again.
select 'target database', count(*)::text
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and c.relpersistence <> 't' and to_regnamespace('offramp') is null
   and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
having count(*) > 0;

-- name: few_locks
select null, (current_setting('max_locks_per_transaction')::int * (current_setting('max_connections')::int
              + current_setting('max_prepared_transactions')::int))::text
 where current_setting('max_locks_per_transaction')::int < 64;

-- name: server
-- What both servers are asked and what is then compared.
select current_setting('server_version_num')::int, d.encoding, pg_encoding_to_char(d.encoding),
       d.datcollate, d.datctype, d.datlocprovider::text,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), d.datcollversion,
       pg_database_size(d.oid)
  from pg_database d
 where d.datname = current_database();

-- name: defaults
-- What a session has when nobody says otherwise; our own sessions pin some of these, so not the value but its default is asked.
select name, reset_val
  from pg_settings
 where name in ('TimeZone', 'DateStyle', 'IntervalStyle', 'lc_monetary', 'lc_numeric', 'lc_time', 'bytea_output',
                'standard_conforming_strings', 'default_text_search_config', 'array_nulls', 'xmloption')
 order by 1;

-- name: room
-- The nearest of three limits on connections, and how many are taken; -1 is no limit.
select s.name, s.most, s.used
  from (select 'the role''s connection limit' as name, r.rolconnlimit as most,
               (select count(*) from pg_stat_activity a where a.usename = current_user and a.pid <> pg_backend_pid()) as used
          from pg_roles r where r.rolname = current_user
        union all
        select 'the database''s connection limit', d.datconnlimit,
               (select count(*) from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid())
          from pg_database d where d.datname = current_database()
        union all
        select 'max_connections', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
               (select count(*) from pg_stat_activity a where a.backend_type = 'client backend' and a.pid <> pg_backend_pid())) s
 where s.most >= 0
 order by s.most - s.used
 limit 1;

-- name: backend
select pg_backend_pid();

-- name: extensions
select e.extname, e.extversion from pg_extension e where e.extname <> 'plpgsql' order by e.oid;

-- name: available
select a.name, a.default_version,
       coalesce((select v.superuser and not v.trusted from pg_available_extension_versions v
                  where v.name = a.name and v.version = a.default_version), true)
  from pg_available_extensions a;

-- name: may_install
-- On RDS members of rds_superuser may install whatever is offered.
select r.rolsuper or exists (select from pg_roles g where g.rolname = 'rds_superuser' and pg_has_role(g.oid, 'USAGE'))
  from pg_roles r
 where r.rolname = current_user;

-- name: languages
select distinct l.lanname
  from pg_proc p
  join pg_language l on l.oid = p.prolang
  join pg_namespace n on n.oid = p.pronamespace
 where n.nspname not in ('pg_catalog', 'information_schema', 'offramp', '_heroku')
   and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
   and not exists (select from pg_depend d where d.classid = 'pg_language'::regclass and d.objid = l.oid and d.deptype = 'e'
                    and l.lanname <> 'plpgsql');

-- name: collations
-- Collations of the server that columns, indexes and domains use, and the database's own definitions.
select distinct o.collname, n.nspname, o.collprovider::text
  from (select attcollation as oid from pg_attribute where attrelid >= 16384 and not attisdropped
        union select u.oid from pg_index i cross join lateral unnest(i.indcollation::oid[]) as u(oid) where i.indexrelid >= 16384
        union select typcollation from pg_type where typtype = 'd'
        union select c.oid from pg_collation c where c.oid >= 16384) used
  join pg_collation o on o.oid = used.oid
  join pg_namespace n on n.oid = o.collnamespace
 where o.collname not in ('default', 'C', 'POSIX');

-- name: known_collations
select collname from pg_collation where collnamespace = 'pg_catalog'::regnamespace;

-- name: probe_icu
create collation pg_temp.offramp_probe (provider = icu, locale = 'und');

-- name: owner
select r.oid is not null,
       coalesce(pg_has_role(r.oid, 'USAGE'), false),
       coalesce(pg_has_role(r.oid, case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end), false)
  from (select %(owner)s::text as name) wanted
  left join pg_roles r on r.rolname = wanted.name;

-- name: may_make_roles
select rolcreaterole or rolsuper from pg_roles where rolname = current_user;
