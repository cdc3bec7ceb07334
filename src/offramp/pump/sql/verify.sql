-- name: digest
-- Count and 64-bit sums: order does not matter, and hashtextextended is kept equal over majors by hash partitioning.
select count(*), coalesce(sum(hashtextextended({image} collate "C", 0)), 0)::text from only {table} t where {within}

-- name: keys
-- md5 of each row decides where a sum differed.
select array[{texts}], md5({image}) from only {table} t where {within}

-- name: images
select md5({image}), count(*) from only {table} t group by 1
