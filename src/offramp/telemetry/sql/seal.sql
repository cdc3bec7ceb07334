-- name: settings
-- One thread: a sealer shares its machine with the applications' receiver, and on an import several run beside each other.
set threads = 1;

-- name: quiet
set enable_progress_bar = false;

-- name: received
set variable received_us = $received_us;

-- name: lines
-- Rows that were gathered, as columns of the file.
create or replace temp view lines_to_seal as
with router as (
  select app, time, 'router' as kind, 'heroku' as source, process, request_id, '' as text, head, code, method, path, route, host, fwd,
         try_cast(connect as integer) as connect_ms, try_cast(service as integer) as service_ms, try_cast(status as smallint) as status,
         try_cast(bytes as bigint) as bytes, tail
    from router_rows
   where app <> ''
),
every as (
  from line_rows
 where app <> ''
  union all by name
  from router
),
timed as (
  select epoch_us(try_cast(left(time, 26) as timestamp)) as read_us, *
    from every
)
select app,
       case when read_us between 946684800000000 and 4102444800000000 then read_us else getvariable('received_us') end as time_us,
       * exclude (app, time, read_us),
       -- A line without a header has no time of its own, which is its smaller fault.
       kind <> 'malformed' and (read_us is null or read_us not between 946684800000000 and 4102444800000000) as untimed
  from timed;

-- name: samples
create or replace temp view samples_to_seal as
with timed as (
  select epoch_us(try_cast(left(time, 26) as timestamp)) as read_us, *
    from sample_rows
   where app <> ''
)
select app, case when read_us between 946684800000000 and 4102444800000000 then read_us else getvariable('received_us') end as time_us,
       kind, source, name, value
  from timed;

-- name: keep
-- Lines that wait, with the same columns as the file's.
create or replace temp table sealed as from lines_to_seal;

-- name: keep_samples
create or replace temp table sealed_samples as from samples_to_seal;

-- name: write
-- Rows come in the order in which they are kept: every app's other lines, then every app's router lines, each by time, so that reading one
-- app's router lines touches little else. A dictionary as large as the column makes DuckDB write a bloom filter for it, by which a
-- request id is found without reading the rest; one larger than a row group would cost a quarter of the time and 150 MB for nothing.
copy (from lines_to_seal)
to '$path' (format parquet, compression zstd, compression_level 1, row_group_size 65536, dictionary_size_limit 65536);

-- name: write_samples
copy (from samples_to_seal order by app, kind, source, name, time_us) to '$path' (format parquet, compression zstd);

-- name: written
select app, kind, count(*), min(time_us), max(time_us), count(*) filter (where untimed)
  from read_parquet($path)
 group by app, kind
 order by app, kind;

-- name: written_samples
select app, kind, count(*), min(time_us), max(time_us)
  from read_parquet($path)
 group by app, kind
 order by app, kind;
