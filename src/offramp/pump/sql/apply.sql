-- name: stage
-- A session's own landing place. Rows that are gone come with nulls, so domains are laid down as their base types.
create temporary table if not exists {stage} on commit delete rows as
select false as offramp_gone, {keys}, {columns} from {table} t with no data

-- name: fill_stage
copy {stage} (offramp_gone, {aliases}, {columns}) from stdin

-- name: delete_gone
delete from {table} t using {stage} s where s.offramp_gone and {match}

-- name: delete_changed
delete from {table} t using {stage} s where {match}

-- name: upsert
-- The image comparison sees every byte, and it knows types that have no equality at all.
insert into {table} as t ({columns}) overriding system value
select {staged} from {stage} s where not s.offramp_gone order by {aliases}
on conflict ({key}) do update set {assignments}
 where row({mine})::record operator(pg_catalog.*<>) row({theirs})::record

-- name: insert_new
insert into {table} as t ({columns}) overriding system value
select {staged} from {stage} s where not s.offramp_gone order by {aliases}
on conflict ({key}) do nothing

-- name: insert_all
insert into {table} ({columns}) overriding system value
select {staged} from {stage} s where not s.offramp_gone order by {aliases}

-- name: mark_dirty
update offramp.chunk c
   set dirty = true
 where c.link = {link} and c.direction = {direction} and c.relid = {relid} and not c.dirty
   and exists (select from {stage} s
                where (c.low is null or row({aliases}) > row({low})) and (c.high is null or row({aliases}) <= row({high})))
returning c.number

-- name: clear
delete from {table}

-- name: fill
copy {table} ({columns}) from stdin

-- name: image_type
-- Only its row type is used: the origin's columns in the origin's order, whatever the order here.
create temporary table if not exists {images} on commit delete rows as select {all} from {table} t with no data

-- name: delta
create temporary table if not exists {delta} (image text, change bigint) on commit delete rows

-- name: fill_delta
copy {delta} (image, change) from stdin

-- name: take_images
with surplus as (
  select r.place
    from (select t.ctid as place, {image} collate "C" as image, row_number() over (partition by {image} collate "C") as nth
            from only {table} t
           where {image} collate "C" in (select d.image from {delta} d where d.change < 0)) r
    join {delta} d on d.image collate "C" = r.image and d.change < 0 and r.nth <= -d.change)
delete from {table} where ctid in (select place from surplus)

-- name: count_taken
select coalesce(-sum(d.change) filter (where d.change < 0), 0)::bigint from {delta} d

-- name: give_images
insert into {table} ({columns}) overriding system value
select {parsed}
  from (select d.image::{images} as r, generate_series(1, d.change) from {delta} d where d.change > 0 offset 0) i
