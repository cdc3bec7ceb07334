-- name: identity
-- Versions of collations exist per database since 15; an older server tells the library's through a collation that it uses.
select version(),
       pg_encoding_to_char(d.encoding),
       d.datcollate,
       d.datctype,
       current_setting('TimeZone'),
       current_setting('wal_level'),
       current_setting('max_connections')::integer,
       pg_size_bytes(current_setting('shared_buffers')),
       r.rolreplication or r.rolsuper
  from pg_database d
  join pg_roles r on r.rolname = current_user
 where d.datname = current_database();

-- name: collation_15
select datlocprovider::text,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
       datcollversion,
       pg_database_collation_actual_version(oid)
  from pg_database d
 where datname = current_database();

-- name: settings
-- What somebody set. Left out: what initdb sets everywhere, and what may hold a path, a command or a password. Settings that
-- applications invent (``app.jwt_secret``) are not in this view.
select name,
       current_setting(name),
       source
  from pg_settings
 where source not in ('default', 'override', 'client', 'session')
   and category <> 'Preset Options'
   and name !~ '(command|conninfo|passphrase|password|_file|_directory|directories|hba|ident)'
 order by name;

-- name: roles
-- Roles that may log in, that own something here, or that one of these is a member of. Those of the server itself are left out.
select r.rolname,
       r.rolcanlogin,
       r.rolsuper,
       r.rolreplication,
       r.rolconnlimit,
       coalesce(
           (
               select array_agg(g.rolname::text order by g.rolname)
                 from pg_auth_members m
                 join pg_roles g on g.oid = m.roleid
                where m.member = r.oid
           ),
           '{}'
       )
  from pg_roles r
 where r.rolname !~ '^pg_'
   and (
           pg_has_role(r.oid, 'usage')
        or exists (select from pg_class c where c.relowner = r.oid and c.relnamespace <> 'pg_catalog'::regnamespace)
       )
 order by r.rolname;

-- name: extensions
select e.extname,
       e.extversion,
       n.nspname
  from pg_extension e
  join pg_namespace n on n.oid = e.extnamespace
 order by e.extname;

-- name: large_objects
select count(*)
  from pg_largeobject_metadata;
