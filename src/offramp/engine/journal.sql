-- name: create
-- Strict tables: a wrong type is an error here, not a surprise at three in the morning.
begin immediate;
create table if not exists decision (
    id      integer primary key,
    at      real not null,
    name    text not null,
    answer  text not null,
    who     text not null,
    why     text not null
) strict;
create index if not exists decision_name on decision (name, id);
create table if not exists entry (
    id      integer primary key,
    at      real not null,
    fence   integer not null,
    goal    text not null,
    kind    text not null check (kind in ('stage', 'verdict', 'began', 'ended', 'failed')),
    text    text not null,
    keys    text not null check (json_valid(keys))
) strict;
create index if not exists entry_goal on entry (goal, id);
create table if not exists lease (
    one      integer primary key check (one = 1),
    fence    integer not null,
    who      text not null,
    machine  text not null,
    pid      integer not null,
    started  integer not null,
    taken    real not null,
    expires  real not null
) strict;
pragma user_version = 1;
commit;

-- name: decide
insert into decision (at, name, answer, who, why)
values (:at, :name, :answer, :who, :why)
returning id;

-- name: decisions
-- Nothing is ever overwritten: the latest answer counts, and ids only grow.
select name, answer
  from decision
 where id in (select max(id) from decision group by name)
 order by id;

-- name: decision_history
select id, at, name, answer, who, why
  from decision
 where :name is null
    or name = :name
 order by id;

-- name: write
-- The fence is compared in the same statement that writes, so a controller that was overtaken writes nothing.
insert into entry (at, fence, goal, kind, text, keys)
select :at, :fence, :goal, :kind, :text, :keys
 where exists (select 1 from lease where fence = :fence)
returning id;

-- name: entries
select id, at, fence, goal, kind, text, keys
  from entry
 where :goal is null
    or goal = :goal
    or substr(goal, 1, length(:goal) + 1) = :goal || '/'
 order by id desc
 limit :last;

-- name: last_verdict
select json_extract(keys, '$.verdict'), text, coalesce(json_extract(keys, '$.decision'), '')
  from entry
 where goal = :goal
   and kind = 'verdict'
 order by id desc
 limit 1;

-- name: questions
-- What stages have asked, so that an answer to a question nobody asked can be told from a typing mistake.
select json_extract(keys, '$.decision'), json_extract(keys, '$.answers')
  from entry
 where kind = 'verdict'
   and json_extract(keys, '$.decision') is not null
 order by id;

-- name: unfinished
-- A deed that failed may have taken half its effect, so it is unfinished too.
select goal
  from entry
 where id in (select max(id) from entry where kind in ('began', 'ended') group by goal)
   and kind = 'began'
 order by id desc;

-- name: reached
select distinct goal
  from entry
 where kind = 'stage';

-- name: read_lease
select fence, who, machine, pid, started, taken, expires
  from lease;

-- name: take_lease
-- Two takers of one free lease: the second finds a fence that is neither expired nor the dead one it saw, and gets nothing.
insert into lease (one, fence, who, machine, pid, started, taken, expires)
values (1, 1, :who, :machine, :pid, :started, :now, :expires)
on conflict (one) do update
   set fence = lease.fence + 1,
       who = :who,
       machine = :machine,
       pid = :pid,
       started = :started,
       taken = :now,
       expires = :expires
 where lease.expires <= :now
    or lease.fence = :dead_fence
returning fence;

-- name: renew_lease
update lease
   set expires = :expires
 where fence = :fence
returning fence;

-- name: release_lease
-- The row and its fence stay, so that the next number is larger.
update lease
   set expires = 0
 where fence = :fence;
