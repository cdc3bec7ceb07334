-- name: estimate
-- Rows as the last ANALYZE or VACUUM counted them, for the size the table has now.
select greatest(case when c.relpages > 0 then c.reltuples / c.relpages * b.blocks else c.reltuples end, 0)::bigint, b.blocks
  from pg_class c, lateral (select pg_relation_size(c.oid) / current_setting('block_size')::int as blocks) b
 where c.oid = {relation}::regclass

-- name: sample_bounds
-- Every {step}th key of a sample: bounds need not be exact, only in order.
select array[{texts}]
  from (select s.*, row_number() over (order by {keys}) as place
          from (select {keys_of_table} from {source} t tablesample {method} ({percent}) repeatable (1)) s) s
 where s.place % {step} = 0
 order by s.place

-- name: exact_bounds
select array[{texts}]
  from (select s.*, row_number() over (order by {keys}) as place
          from (select {keys_of_table} from {source} t where {within}) s) s
 where (s.place - 1) % {step} = 0 and s.place > 1
 order by s.place

-- name: in_order
-- Do these bounds ascend here too? The empty branch lends the columns' types and collations to the values.
select not exists (
  select
    from (select b.*, {lags} from ({bounds}) b window w as (order by b.place)) x
   where {has_before} and not {ascends})

-- name: bounds
select 0 as place, {keys_of_table} from {source} t where false
union all
values {values}

-- name: range_plan
explain (format json, costs off) select 1 from {source} t where {within}

-- name: touched
-- Which chunks do the staged keys fall into? width_bucket finds the place by binary search with the type's own order. All are
-- told, dirty before or not, since a check may have any of them in hand.
with hit as materialized (
  select distinct ({numbers}::int[])[1 + w.place + n.step] as number
    from (select distinct width_bucket({staged}, p.bounds) as place
            from {stage} s, (select array(select {bound} from ({bounds}) b where b.place > 0 order by b.place) as bounds offset 0) p) w
   cross join unnest({steps}::int[]) as n(step)
   where 1 + w.place + n.step > 0),
marked as (
  update offramp.chunk c
     set dirty = true
   where c.link = {link} and c.direction = {direction} and c.relid = {relid} and not c.dirty
     and c.number in (select h.number from hit h))
select h.number from hit h where h.number is not null
