-- name: policies
select n.nspname, c.relname, p.polname, p.polpermissive,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
       array(select pg_get_userbyid(r.oid)::text from unnest(p.polroles) as r(oid) where r.oid <> 0),
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy')
  from pg_policy p
  join pg_class c on c.oid = p.polrelid
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname not in ('pg_catalog', 'information_schema', 'offramp', '_heroku')
 order by 1, 2, 3;

-- name: tables
select n.nspname, c.relname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p');

-- name: create
create policy {name} on {table} as {kind} for {command} to {roles}

-- name: comment
; comment on policy {name} on {table} is {text}
