-- name: begin
-- Changed rows are few and found by their key; a scan of the whole table would make a poll as dear as the table is big.
begin isolation level repeatable read read only;
set local enable_seqscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;

-- name: scans_allowed
set local enable_seqscan = on;

-- name: clock
select pg_current_snapshot()::text, extract(epoch from clock_timestamp())::float8;

-- name: fingerprints
-- What a table looks like, then a slash, then what our triggers on it look like. xmin betrays a trigger that was disabled
-- and enabled again, even within one transaction. Read in the window's own snapshot.
select c.oid::bigint,
       c.relfilenode::bigint,
       md5(concat_ws('|', n.nspname, c.relname, c.relpersistence,
         (select string_agg(concat_ws(',', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity, a.attgenerated), ';'
                            order by a.attnum)
            from pg_attribute a
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
         (select string_agg(concat_ws(',', i.indexrelid, i.indisprimary, i.indisvalid, i.indimmediate), ';' order by i.indexrelid)
            from pg_index i
           where i.indrelid = c.oid and i.indisunique)))
       || '/' ||
       coalesce((select string_agg(concat_ws(',', t.tgname, t.tgenabled, t.xmin), ';' order by t.tgname)
                   from pg_trigger t
                  where t.tgrelid = c.oid
                    and t.tgname = any('{offramp_insert,offramp_update,offramp_delete,offramp_truncate}')), '')
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.oid = any(%(oids)s::bigint[]);

-- name: rewritten
-- pg_relation_filenode looks at the present, pg_class at the snapshot: where they differ, a TRUNCATE or a rewrite came
-- between, and an older snapshot sees the table empty.
select c.oid::bigint
  from pg_class c
 where c.oid = any(%(oids)s::bigint[])
   and pg_relation_filenode(c.oid) is distinct from c.relfilenode;

-- name: entries
-- Our snapshot is B, so everything we see was committed in B; what A has seen was read before.
select {relid}::bigint, count(*), coalesce(bool_or(l.first is null), false)
  from (select {first} as first from {log_a} where not pg_visible_in_snapshot(xid, {position}::pg_snapshot)
        union all
        select {first} as first from {log_b} where not pg_visible_in_snapshot(xid, {position}::pg_snapshot)) l

-- name: changed_rows
-- Each changed key once, with its row as B sees it, or marked as gone.
copy (
  with keys as materialized (
    select distinct {typed}
      from (select * from {log_a} where not pg_visible_in_snapshot(xid, {position}::pg_snapshot)
            union all
            select * from {log_b} where not pg_visible_in_snapshot(xid, {position}::pg_snapshot)) l
     where l.k1 is not null)
  select t.ctid is null, {aliases}, {columns}
    from keys k
    left join only {table} t on {match}
   order by {aliases}
) to stdout

-- name: changed_images
copy (
  select l.image, sum(l.change)
    from (select * from {log_a} where not pg_visible_in_snapshot(xid, {position}::pg_snapshot)
          union all
          select * from {log_b} where not pg_visible_in_snapshot(xid, {position}::pg_snapshot)) l
   where l.image is not null
   group by l.image
  having sum(l.change) <> 0
) to stdout

-- name: whole_table
copy (select {columns} from only {table} t) to stdout

-- name: range_rows
copy (select {columns} from only {table} t where {within} order by {key}) to stdout

-- name: bounds
-- The key of every {step}th row of the next {limit}, and of the last of them.
select b.bound, b.place
  from (select array[{texts}] as bound, row_number() over (order by {key}) as place, count(*) over () as total
          from (select {key} from only {table} t where {within} order by {key} limit {limit}) t) b
 where b.place % {step} = 0 or b.place = b.total
 order by b.place

-- name: enter_keys
-- A repair enters the ordinary path: the keys are logged as if their rows had just changed.
insert into {log} (xid, {names}) select pg_current_xact_id(), * from unnest({arrays})

-- name: enter_marker
insert into {log} (xid) values (pg_current_xact_id())
