-- name: memory
-- An eighth of the server's memory or so for each index (RDS gives a quarter of it to shared_buffers), within reason.
select set_config('maintenance_work_mem',
                  least(greatest(setting::bigint * 8 / 2, 65536), 1048576)::text || 'kB', false)
  from pg_settings
 where name = 'shared_buffers'
