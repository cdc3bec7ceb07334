-- name: stage
-- A session's own landing place. Rows that are gone come with nulls, so domains are laid down as their base types.
create temporary table if not exists {stage} on commit {at_commit} as
select false as {gone}, {keys}, {columns} from {table} t with no data

-- name: stage_keys
-- Where keys land that were logged while the table was copied.
create temporary table if not exists {stage} as select {keys} from {table} t with no data

-- name: fill_stage
copy {stage} ({gone}, {aliases}, {columns}) from stdin

-- name: fill_keys
copy {stage} ({aliases}) from stdin

-- name: empty_stage
truncate {stage}

-- name: delete_gone
delete from only {table} t using {stage} s where s.{gone} and {match}

-- name: delete_changed
delete from only {table} t using {stage} s where {match}

-- name: update_present
-- An update is cheaper than an insert with a conflict, and as HOT; what it does not find is inserted afterwards. A row that is
-- the same already is left alone: byte by byte, since some types have no equality.
update only {table} t set {assignments} from {stage} s
 where not s.{gone} and {match} and row({mine})::record operator(pg_catalog.*<>) row({theirs})::record

-- name: insert_missing
insert into {table} as t ({columns}) overriding system value
select {staged} from {stage} s
 where not s.{gone} and not exists (select from only {table} t where {match})
 order by {aliases}

-- name: insert_all
insert into {table} ({columns}) overriding system value
select {staged} from {stage} s where not s.{gone} order by {aliases}

-- name: toasted
-- Does this table keep values out of line here?
select coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) > 0 from pg_class c where c.oid = {table}::text::regclass

-- name: clear
delete from only {table}

-- name: fill
copy {table} {listed} from stdin

-- name: image_type
-- Only its row type is used: the origin's columns in the origin's order, whatever the order here.
create temporary table if not exists {images} on commit {at_commit} as select {all} from {table} t with no data

-- name: delta
create temporary table if not exists {delta} (image text, change bigint) on commit {at_commit}

-- name: fill_delta
copy {delta} (image, change) from stdin

-- name: take_images
with surplus as (
  select r.place
    from (select t.ctid as place, {image} collate "C" as image, row_number() over (partition by {image} collate "C") as nth
            from only {table} t
           where {image} collate "C" in (select d.image from {delta} d where d.change < 0)) r
    join {delta} d on d.image collate "C" = r.image and d.change < 0 and r.nth <= -d.change)
delete from only {table} where ctid in (select place from surplus)

-- name: count_taken
select coalesce(-sum(d.change) filter (where d.change < 0), 0)::bigint from {delta} d

-- name: give_images
insert into {table} ({columns}) overriding system value
select {parsed}
  from (select d.image::{images} as r, generate_series(1, d.change) from {delta} d where d.change > 0 offset 0) i
