-- name: settings
-- Of roles only those that this database names: a server may hold other databases with roles of their own.
with named as (
  select d.refobjid as oid
    from pg_shdepend d
   where d.refclassid = 'pg_authid'::regclass and d.dbid = (select oid from pg_database where datname = current_database())
  union
  select oid from pg_roles where rolname = current_user
)
select r.rolname, s.setdatabase <> 0, split_part(c.line, '=', 1), substr(c.line, strpos(c.line, '=') + 1)
  from pg_db_role_setting s
  cross join lateral unnest(s.setconfig) as c(line)
  left join pg_roles r on r.oid = s.setrole
 where (s.setdatabase = (select oid from pg_database where datname = current_database())
        or s.setdatabase = 0 and s.setrole in (select oid from named))
   and (s.setrole = 0 or r.rolname is not null and not r.rolsuper)
   -- That a database is closed is true of one side only.
   and not (s.setrole = 0 and split_part(c.line, '=', 1) = 'default_transaction_read_only');

-- name: store
alter {whose} set {name} to {value};

-- name: store_list
select set_config({key}, {value}, true);
alter {whose} set {name} from current;
set local search_path = pg_catalog;

-- name: comments
select 'database', current_database()::text, shobj_description(oid, 'pg_database') from pg_database where datname = current_database()
union all
select 'schema', nspname, obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'public'
union all
select 'extension', extname, obj_description(oid, 'pg_extension') from pg_extension where extname <> 'plpgsql';

-- name: comment
comment on {} {} is {text};
