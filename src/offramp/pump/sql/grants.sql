-- name: rights
-- Objects of the application with every privilege on them; one that nobody has a privilege on yields a row without one.
-- What an extension made belongs to it; a null list means the built-in default, which is spelled out.
with things as (
  select case c.relkind when 'S' then 'sequence' else 'relation' end as kind, c.oid::regclass::text as name, '' as part,
         c.relowner as owner, coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)) as acl,
         'pg_class'::regclass as catalogue, c.oid, c.relnamespace as namespace
    from pg_class c
   where c.relkind in ('r', 'v', 'm', 'p', 'S')
  union all
  select 'column', c.oid::regclass::text, a.attname, c.relowner, a.attacl, 'pg_class'::regclass, c.oid, c.relnamespace
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
   where a.attnum > 0 and not a.attisdropped and a.attacl is not null and c.relkind in ('r', 'v', 'm', 'p')
  union all
  select 'routine', p.oid::regprocedure::text, '', p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)),
         'pg_proc'::regclass, p.oid, p.pronamespace
    from pg_proc p
  union all
  select 'type', format_type(t.oid, null), '', t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)),
         'pg_type'::regclass, t.oid, t.typnamespace
    from pg_type t
   where t.typtype in ('d', 'e', 'r', 'b') and t.typcategory <> 'A'
      or t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')
  union all
  select 'schema', format('%I', n.nspname), '', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)),
         'pg_namespace'::regclass, n.oid, n.oid
    from pg_namespace n
  union all
  select 'database', format('%I', d.datname), '', d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)),
         'pg_database'::regclass, d.oid, (select oid from pg_namespace where nspname = 'public')
    from pg_database d
   where d.datname = current_database()
)
select t.kind, t.name, t.part, pg_get_userbyid(t.owner)::text,
       case when g.grantee <> 0 then pg_get_userbyid(g.grantee)::text end, g.privilege_type, g.is_grantable
  from things t
  left join pg_namespace n on n.oid = t.namespace
  left join lateral aclexplode(t.acl) g on true
 where (t.kind = 'database'
        or n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'offramp', '_heroku')
           and n.nspname not like 'pg\_temp%' and n.nspname not like 'pg\_toast\_temp%')
   and not exists (select from pg_depend d
                    where d.classid = t.catalogue and d.objid = t.oid and d.objsubid = 0 and d.deptype = 'e')
   -- A multirange type has the rights of its range.
   and not exists (select from pg_range r where t.catalogue = 'pg_type'::regclass and r.rngmultitypid = t.oid);

-- name: large_objects
select 'large object', m.oid::text, '', pg_get_userbyid(m.lomowner)::text,
       case when g.grantee <> 0 then pg_get_userbyid(g.grantee)::text end, g.privilege_type, g.is_grantable
  from pg_largeobject_metadata m
  left join lateral aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) g on true;

-- name: grant
grant {privileges} on {on} to {grantee} {option};

-- name: revoke
revoke {privileges} on {on} from {grantee};

-- name: default_rights
select pg_get_userbyid(d.defaclrole)::text, coalesce(n.nspname, ''), d.defaclobjtype::text,
       case when g.grantee <> 0 then pg_get_userbyid(g.grantee)::text end, g.privilege_type, g.is_grantable
  from pg_default_acl d
  left join pg_namespace n on n.oid = d.defaclnamespace
  left join lateral aclexplode(d.defaclacl) g on true;

-- name: built_in
select case when g.grantee <> 0 then pg_get_userbyid(g.grantee)::text end, g.privilege_type, g.is_grantable
  from pg_roles r
  cross join lateral aclexplode(acldefault(case %(kind)s when 'S' then 's' else %(kind)s end::"char", r.oid)) g
 where r.rolname = %(role)s;

-- name: default_grant
alter default privileges for role {role} {schema} grant {privilege} on {kind} to {grantee} {option};

-- name: default_revoke
alter default privileges for role {role} {schema} revoke {privilege} on {kind} from {grantee};
