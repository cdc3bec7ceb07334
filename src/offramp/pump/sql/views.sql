-- name: views
select n.nspname, c.relname, c.relispopulated
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'm' and n.nspname not in ('pg_catalog', 'information_schema', 'offramp')
 order by c.oid;

-- name: views_to_refresh
-- CONCURRENTLY needs a filled view and a unique index over plain columns and all rows.
select n.nspname, c.relname, c.relispopulated,
       exists (select from pg_index i
                where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'm' and n.nspname not in ('pg_catalog', 'information_schema', 'offramp');

-- name: view_reads
select distinct n.nspname, c.relname, rn.nspname, r.relname
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_rewrite w on w.ev_class = c.oid
  left join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
                       and d.refobjid <> c.oid
                       and exists (select from pg_class v where v.oid = d.refobjid and v.relkind in ('v', 'm'))
  left join pg_class r on r.oid = d.refobjid
  left join pg_namespace rn on rn.oid = r.relnamespace
 where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'offramp');

-- name: refresh
-- Before PostgreSQL 17 a refresh looks names up in the session's path: the application's, not ours.
set local search_path to default;
refresh materialized view {view};
set local search_path = pg_catalog;

-- name: refresh_concurrently
set local search_path to default;
refresh materialized view concurrently {view};
set local search_path = pg_catalog;

-- name: empty
refresh materialized view {view} with no data;
