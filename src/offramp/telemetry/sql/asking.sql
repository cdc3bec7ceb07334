-- name: settings
set preserve_insertion_order = false;

-- name: quiet
set enable_progress_bar = false;

-- name: files
set variable files = $files;

-- name: lines_with_files
-- What is sealed and what waits to be, as one.
create or replace temp view line as
select * from read_parquet(getvariable('files'))
 union all by name
select * from sealed;

-- name: lines_without_files
create or replace temp view line as
select * from sealed;

-- name: samples_with_files
create or replace temp view sample as
select * from read_parquet(getvariable('files'))
 union all by name
select * from sealed_samples;

-- name: samples_without_files
create or replace temp view sample as
select * from sealed_samples;

-- name: router_names
-- Each combination of names once, so that millions of lines are joined to numbers and no text of them leaves the database.
create or replace temp table label as
with found as (
  select method, route, process, code
    from line
   where list_contains($apps, app) and kind = 'router' and time_us >= $since_us and time_us < $until_us
   group by all
)
select *, trim(method || ' ' || route) as name,
       (dense_rank() over (order by trim(method || ' ' || route)) - 1)::integer as route_number,
       (dense_rank() over (order by process) - 1)::integer as dyno_number,
       (dense_rank() over (order by code) - 1)::smallint as code_number
  from found;

-- name: router_routes
select distinct route_number, name from label order by 1;

-- name: router_dynos
select distinct dyno_number, process from label order by 1;

-- name: router_codes
select distinct code_number, code from label order by 1;

-- name: router
-- In no order: sorting rows here takes several times the memory of the arrays, which are nearly sorted.
select time_us as completed_us, coalesce(connect_ms, -1)::integer as connect_ms, coalesce(service_ms, -1)::integer as service_ms,
       coalesce(status, -1)::smallint as status, coalesce(bytes, -1)::bigint as sent_bytes, dyno_number as dyno, route_number as route,
       code_number as code
  from line
  join label using (method, route, process, code)
 where list_contains($apps, app) and kind = 'router' and time_us >= $since_us and time_us < $until_us;

-- name: sample_names
create or replace temp table label as
with found as (
  select source, name
    from sample
   where list_contains($apps, app) and kind = $kind and time_us >= $since_us and time_us < $until_us
   group by all
)
select *, (dense_rank() over (order by source) - 1)::integer as source_number, (dense_rank() over (order by name) - 1)::integer as name_number
  from found;

-- name: sample_sources
select distinct source_number, source from label order by 1;

-- name: sample_figures
select distinct name_number, name from label order by 1;

-- name: samples
select time_us, source_number as source, name_number as name, value
  from sample
  join label using (source, name)
 where list_contains($apps, app) and kind = $kind and time_us >= $since_us and time_us < $until_us
 order by time_us, name, source;

-- name: of_kinds
select time_us, app, kind, source, process, request_id, text
  from line
 where list_contains($apps, app) and list_contains($kinds, kind) and time_us >= $since_us and time_us < $until_us
 order by time_us;

-- name: scheduler
select time_us, app, kind, source, process, request_id, text
  from line
 where list_contains($apps, app) and kind = 'state' and starts_with(process, 'scheduler.') and time_us >= $since_us and time_us < $until_us
 order by process, time_us;

-- name: lines
select time_us, app, kind, source, process, coalesce(request_id, '') as request_id, text, coalesce(head, '') as head,
       coalesce(code, '') as code, coalesce(method, '') as method, coalesce(path, '') as path, coalesce(host, '') as host,
       coalesce(fwd, '') as fwd,
       coalesce(connect_ms::varchar, '') as connect, coalesce(service_ms::varchar, '') as service, coalesce(status::varchar, '') as status,
       coalesce(bytes::varchar, '') as bytes,
       coalesce(tail, '') as tail
  from line
 where ($every or list_contains($apps, app)) and time_us >= $since_us and time_us < $until_us
 order by time_us
 limit $most;

-- name: last_lines
-- The latest lines, in their order.
from (
  select time_us, app, kind, source, process, coalesce(request_id, '') as request_id, text, coalesce(head, '') as head,
       coalesce(code, '') as code, coalesce(method, '') as method, coalesce(path, '') as path, coalesce(host, '') as host,
       coalesce(fwd, '') as fwd,
         coalesce(connect_ms::varchar, '') as connect, coalesce(service_ms::varchar, '') as service, coalesce(status::varchar, '') as status,
         coalesce(bytes::varchar, '') as bytes,
       coalesce(tail, '') as tail
    from line
   where ($every or list_contains($apps, app)) and time_us >= $since_us and time_us < $until_us
   order by time_us desc
   limit $most
) order by time_us;

-- name: request
select time_us, app, kind, source, process, coalesce(request_id, '') as request_id, text, coalesce(head, '') as head,
       coalesce(code, '') as code, coalesce(method, '') as method, coalesce(path, '') as path, coalesce(host, '') as host,
       coalesce(fwd, '') as fwd,
       coalesce(connect_ms::varchar, '') as connect, coalesce(service_ms::varchar, '') as service, coalesce(status::varchar, '') as status,
       coalesce(bytes::varchar, '') as bytes,
       coalesce(tail, '') as tail
  from line
 where request_id = $request_id
 -- A router's line is written when the request ends; in order means by its beginning.
 order by time_us - 1000 * coalesce(service_ms, 0) - 1000 * coalesce(connect_ms, 0), time_us;

-- name: shared_requests
-- A request within another of the same id was made by it. Times are cut to milliseconds and clocks differ a little, hence the slack.
with router as (
  select app, request_id, time_us as ended_us, time_us - 1000 * (coalesce(service_ms, 0) + coalesce(connect_ms, 0)) as began_us
    from line
   where kind = 'router' and request_id <> '' and time_us >= $since_us and time_us < $until_us
),
shared as (
  select request_id
    from router
   group by request_id
  having count(distinct app) > 1
),
crossed as (
  select *
    from router
    join shared using (request_id)
)
select o.app as caller, i.app as callee,
       count(*) filter (where i.began_us >= o.began_us - $slack_us and i.ended_us <= o.ended_us + $slack_us
                          and i.ended_us - i.began_us <= o.ended_us - o.began_us) as within,
       count(distinct o.request_id) as requests
  from crossed o
  join crossed i on i.request_id = o.request_id and i.app <> o.app
 group by o.app, i.app
having within > 0
 order by within desc, caller, callee;

-- name: waiting
select app, kind, count(*) as rows, min(time_us) as min_us, max(time_us) as max_us, count(*) filter (where untimed) as untimed
  from sealed
 group by app, kind;
