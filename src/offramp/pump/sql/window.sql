-- name: begin
-- Changed rows are few and found by their key; a scan of the whole table would make a poll as dear as the table is big.
-- A window reads many tables and keeps their locks to its end, so it never waits for one as long as deadlock_timeout (1 s): a
-- migration that alters one table and then another would be the deadlock's victim (seen with Django's AlterField of a key).
begin isolation level repeatable read read only;
set local lock_timeout = '250ms';
set local enable_seqscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;

-- name: scans_allowed
set local enable_seqscan = on;
set local enable_hashjoin = on;
set local enable_mergejoin = on;

-- name: nested_loops_dear
-- So many changed rows of one table that one pass over it is cheaper than that many searches.
set local enable_nestloop = off;

-- name: nested_loops_allowed
set local enable_nestloop = on;
set local enable_seqscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;

-- name: news
-- The snapshot, the origin's clock, whether a fence stands, where the WAL is, and what the logs hold that the position has
-- not seen: one row per table, or one with nulls. Our snapshot is B, so everything we see was committed in B.
select s.*, n.t, n.entries, n.whole, n.arrays, n.logs
  from (select pg_current_snapshot()::text,
               extract(epoch from clock_timestamp())::float8,
               to_regclass('offramp.fence') is not null,
               pg_current_wal_insert_lsn()::text) s
  left join (select u.t,
                    sum(case u.op when 'a' then 100 when 'r' then 1000 else 1 end)::bigint as entries,
                    bool_or(u.op = 'w') as whole,
                    bool_or(u.op in ('a', 'r')) as arrays,
                    array_agg(distinct u.log) as logs
               from ({unread}) u
              group by u.t) n on true

-- name: no_news
select pg_current_snapshot()::text,
       extract(epoch from clock_timestamp())::float8,
       to_regclass('offramp.fence') is not null,
       pg_current_wal_insert_lsn()::text,
       null::int,
       null::bigint,
       null::boolean,
       null::boolean,
       null::int[]

-- name: rewritten
-- pg_relation_filenode looks at the present, pg_class at the snapshot: where they differ, a TRUNCATE or a rewrite came
-- between, and an older snapshot sees the table empty.
select c.oid::bigint
  from pg_class c
 where c.oid = any(%(oids)s::bigint[])
   and pg_relation_filenode(c.oid) is distinct from c.relfilenode;

-- name: changed_keys
select distinct {typed} from ({unread}) l where l.op = 'k'

-- name: changed_keys_with_arrays
-- Bulk statements log arrays of keys, and ranges of keys that are one whole number, which may hold some that nobody wrote to.
select distinct {names}
  from (select {typed} from ({unread}) l where l.op = 'k'
        union all
        select {unnested} from ({unread}) u, rows from ({arrays}) as a({names}) where u.op = 'a'
        {ranges}) keys

-- name: ranges
union all
select {typed}
  from ({unread}) u
 cross join lateral generate_series((u.k1::bigint[])[1], (u.k1::bigint[])[2]) as l(k1)
 where u.op = 'r'

-- name: changed_rows
-- Each changed key once, with its row as B sees it, or marked as gone. The keys come in order, so a merge join need not sort rows:
-- the first ones are on their way while the others are looked up.
copy (
  select t.ctid is null, {aliases}, {columns}
    from ({keys} order by {names}) k
    left join only {table} t on {match}
) to stdout

-- name: only_keys
copy ({keys}) to stdout

-- name: changed_images
copy (
  select u.k1, sum(case when u.op = '+' then 1 else -1 end)
    from ({unread}) u
   where u.op in ('+', '-')
   group by u.k1
  having sum(case when u.op = '+' then 1 else -1 end) <> 0
) to stdout

-- name: whole_table
copy (select {columns} from only {table} t) to stdout
