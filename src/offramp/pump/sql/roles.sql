-- name: current
select current_user;

-- name: all
select rolname from pg_roles;

-- name: superusers
select rolname from pg_roles where rolsuper;

-- name: known
-- The server notes in pg_shdepend every role that an object of a database names: owners, grantees, policies. Members of
-- those roles work through them, and so count too.
with recursive named as (
  select d.refobjid as oid
    from pg_shdepend d
   where d.refclassid = 'pg_authid'::regclass
     and (d.dbid = (select oid from pg_database where datname = current_database())
          or d.dbid = 0 and d.classid = 'pg_database'::regclass
             and d.objid = (select oid from pg_database where datname = current_database()))
   union
  select setrole from pg_db_role_setting
   where setrole <> 0 and setdatabase = (select oid from pg_database where datname = current_database())
), wide as (
  select oid from named
   union
  select m.member from pg_auth_members m join wide on wide.oid = m.roleid
)
select r.rolname, r.rolcanlogin, r.rolinherit, r.rolconnlimit, r.rolvaliduntil::text,
       array_remove(array[case when r.rolcreatedb then 'CREATEDB' end, case when r.rolcreaterole then 'CREATEROLE' end,
                          case when r.rolreplication then 'REPLICATION' end, case when r.rolbypassrls then 'BYPASSRLS' end], null)
  from pg_roles r
 where r.oid in (select oid from wide)
   and not r.rolsuper and r.rolname not like 'pg\_%' and r.rolname <> current_user
 order by r.rolname collate "C";

-- name: memberships
-- Options of a single membership came with PostgreSQL 16; before that a row has no such columns.
select g.rolname, m.rolname, bool_or(a.admin_option),
       bool_or((to_jsonb(a) ->> 'inherit_option')::boolean), bool_or((to_jsonb(a) ->> 'set_option')::boolean)
  from pg_auth_members a
  join pg_roles g on g.oid = a.roleid
  join pg_roles m on m.oid = a.member
 where not g.rolsuper and not m.rolsuper and m.rolname not like 'pg\_%'
 group by g.rolname, m.rolname
 order by g.rolname collate "C", m.rolname collate "C";

-- name: create
create role {role} {login} {inherits} connection limit {limit} {until};

-- name: join
grant {group} to {member} {options};
