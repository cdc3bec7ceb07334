-- name: rows_of_run
-- What the database holds of one run: every token of a run begins with its eight digits, so the run is a range of tokens.
-- Timestamps come in UTC because the caller sets the time zone of its transaction.
select written.{token}::text, to_jsonb(written)
  from {table} as written
 where written.{token} between %(first)s::uuid and %(last)s::uuid
 order by 1;

-- name: traces_of_run
-- How often each of a run's jobs was done.
select trace.{token}::text, count(*)
  from {table} as trace
 where trace.{token} between %(first)s::uuid and %(last)s::uuid
 group by 1;
