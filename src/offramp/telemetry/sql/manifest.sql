-- name: schema
-- The manifest is the only place that says which files count; a file that it does not name is waste.
create table if not exists file (
  id integer primary key autoincrement,
  name text not null unique,
  shape text not null check (shape in ('lines', 'samples')),
  min_us integer not null,
  max_us integer not null,
  rows integer not null,
  bytes integer not null,
  sha256 text not null,
  source text not null
);
create table if not exists part (
  file integer not null references file (id) on delete cascade,
  app text not null,
  kind text not null,
  rows integer not null,
  min_us integer not null,
  max_us integer not null,
  primary key (file, app, kind)
);
create table if not exists tally (
  file integer not null references file (id) on delete cascade,
  app text not null,
  name text not null,
  count integer not null,
  primary key (file, app, name)
);
create table if not exists source (
  name text primary key,
  reached integer not null,
  finished integer not null
);
create table if not exists drain (
  token text primary key,
  app text not null
);
create table if not exists frame (
  id text primary key,
  at integer not null
);
create table if not exists total (
  name text primary key,
  count integer not null
);

-- name: add_file
insert into file (name, shape, min_us, max_us, rows, bytes, sha256, source)
values (:name, :shape, :min_us, :max_us, :rows, :bytes, :sha256, :source)
returning id;

-- name: add_part
insert into part (file, app, kind, rows, min_us, max_us)
values (:file, :app, :kind, :rows, :min_us, :max_us);

-- name: add_tally
insert into tally (file, app, name, count)
values (:file, :app, :name, :count);

-- name: reach
-- How far a source was read. It commits with the files that hold what was read, so nothing is taken twice and nothing is left out.
insert into source (name, reached, finished)
values (:name, :reached, :finished)
    on conflict (name) do update set reached = excluded.reached, finished = excluded.finished;

-- name: reached
select reached, finished
  from source
 where name = :name;

-- name: files
-- Files of a shape that may hold lines of these times, and of one of these apps unless none is named.
select name
  from file f
 where shape = :shape
   and max_us >= :since_us
   and min_us < :until_us
   and (:anyone or exists (select 1 from part p where p.file = f.id and p.app in (select value from json_each(:apps)) and (:kind = '' or p.kind = :kind)))
 order by f.min_us, f.id;

-- name: apps
select p.app, d.app
  from (select distinct app from part) p
  left join drain d on d.token = p.app
 order by 1;

-- name: parts
select p.app, p.kind, sum(p.rows), min(p.min_us), max(p.max_us)
  from part p
  join file f on f.id = p.file
 where f.shape = 'lines'
 group by p.app, p.kind
 order by p.app, p.kind;

-- name: tallies
select app, name, sum(count)
  from tally
 group by app, name
 order by app, name;

-- name: weights
-- An app's share of the bytes on disk, by its rows of each file.
select p.app, sum(cast(p.rows as real) / f.rows * f.bytes)
  from part p
  join file f on f.id = p.file
 group by p.app;

-- name: stored
select count(*), coalesce(sum(bytes), 0)
  from file;

-- name: name_drain
insert into drain (token, app)
values (:token, :app)
    on conflict (token) do update set app = excluded.app;

-- name: drains
select token, app
  from drain
 order by token;

-- name: oldest_files
select id, name, shape, rows, bytes, max_us
  from file
 order by max_us, id;

-- name: drop_file
delete from file
 where id = :id;

-- name: add_total
insert into total (name, count)
values (:name, :count)
    on conflict (name) do update set count = count + excluded.count;

-- name: total
select coalesce(sum(count), 0)
  from total
 where name = :name;

-- name: add_frame
insert or ignore into frame (id, at)
values (:id, :at);

-- name: frames
select id
  from frame
 where at >= :since
 order by at;

-- name: forget_frames
delete from frame
 where at < :before;
