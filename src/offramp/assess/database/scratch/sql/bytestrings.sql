-- name: cast_distinct
-- The types have no input, but their bytes are a bytea's.
create cast (bytea as pg_ndistinct) without function;

-- name: cast_dependencies
create cast (bytea as pg_dependencies) without function;

-- name: keys
select s.oid,
       s.stxkeys::smallint[]
  from pg_statistic_ext s
  join pg_namespace n on n.oid = s.stxnamespace
 where n.nspname = %(schema)s
   and s.stxname = %(name)s;

-- name: enter_15
insert into pg_statistic_ext_data (stxoid, stxdinherit, stxdndistinct, stxddependencies)
values (%(oid)s, %(inherited)s, %(distinct)s::bytea::pg_ndistinct, %(dependencies)s::bytea::pg_dependencies);

-- name: enter_14
-- The row is there from the beginning.
update pg_statistic_ext_data
   set stxdndistinct = %(distinct)s::bytea::pg_ndistinct,
       stxddependencies = %(dependencies)s::bytea::pg_dependencies
 where stxoid = %(oid)s;
