-- name: origin
select current_setting('server_version_num')::int,
       (select count(*) from pg_largeobject_metadata),
       has_database_privilege(current_database(), 'CREATE'),
       current_setting('server_encoding'),
       (select datcollate from pg_database where datname = current_database());

-- name: not_owned
select format('%%I.%%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.oid = any(%(oids)s::bigint[]) and not pg_has_role(c.relowner, 'USAGE');

-- name: always_triggers
select format('%I on %I.%I', t.tgname, n.nspname, c.relname)
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal and t.tgenabled in ('A', 'R') and t.tgname not like 'offramp\_%';

-- name: other_grants
select distinct pg_get_userbyid(g.grantee)::text
  from pg_class c
  cross join lateral aclexplode(c.relacl) g
 where c.oid = any(%(oids)s::bigint[]) and g.grantee <> 0 and g.grantee <> c.relowner;

-- name: foreign_tables
select format('%I.%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'f' and n.nspname not in ('pg_catalog', 'information_schema');

-- name: prepared
select gid from pg_prepared_xacts where database = current_database();

-- name: available
select name from pg_available_extensions;
