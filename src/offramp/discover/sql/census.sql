-- name: calm
-- A census never writes, never waits for a lock and never holds a snapshot for long: the database serves customers.
-- No SET, which pg_stat_statements would keep as something that an application leaves in its sessions.
select set_config('default_transaction_read_only', 'on', false),
       set_config('statement_timeout', '10s', false),
       set_config('lock_timeout', '1s', false),
       set_config('idle_in_transaction_session_timeout', '30s', false),
       set_config('search_path', 'pg_catalog', false);

-- name: server
-- The connection limit that bites is the least of the role's, the database's and the server's; -1 means none.
select current_setting('server_version_num')::integer,
       pg_database_size(current_database()),
       pg_is_in_recovery(),
       least(
           nullif(r.rolconnlimit, -1),
           nullif(d.datconnlimit, -1),
           current_setting('max_connections')::integer
       )
  from pg_database d
  join pg_roles r on r.rolname = current_user
 where d.datname = current_database();

-- name: tables
-- Where rows live: plain tables and leaf partitions. The usable key is the primary key, else the narrowest unique index that is
-- complete (no predicate), plain (no expression), immediate (not deferrable) and over not-null columns only.
-- Pages come from the last vacuum or analyse: asking the file itself would wait for a lock (see sizes).
select c.oid::bigint,
       n.nspname,
       c.relname,
       c.relpages::bigint * current_setting('block_size')::bigint,
       greatest(c.reltuples, 0)::bigint,
       coalesce(k.columns, '{}')
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join lateral (
       select (
                  select array_agg(a.attname::text order by p.position)
                    from unnest(i.indkey::smallint[]) with ordinality as p(attnum, position)
                    join pg_attribute a on a.attrelid = c.oid and a.attnum = p.attnum
                   where p.position <= i.indnkeyatts
              ) as columns
         from pg_index i
         join pg_class x on x.oid = i.indexrelid
        where i.indrelid = c.oid
          and i.indisunique
          and i.indisvalid
          and i.indimmediate
          and i.indpred is null
          and i.indexprs is null
          and not exists (
                  select
                    from pg_attribute a
                   where a.attrelid = c.oid
                     and a.attnum = any (i.indkey::smallint[])
                     and not a.attnotnull
              )
        order by i.indisprimary desc, i.indnkeyatts, x.relname
        limit 1
       ) k on true
 where c.relkind = 'r'
   and c.relpersistence <> 't'
   and n.nspname !~ '^pg_'
   and n.nspname not in ('information_schema', 'offramp')
   and not exists (
           select
             from pg_depend d
            where d.classid = 'pg_class'::regclass
              and d.objid = c.oid
              and d.deptype = 'e'
       )
 order by n.nspname, c.relname;

-- name: sizes
-- The true sizes in bytes, whole and of the heap alone. Takes a share lock on each table, so it fails while one is being altered.
select c.oid::bigint,
       pg_total_relation_size(c.oid),
       pg_relation_size(c.oid)
  from pg_class c
 where c.oid = any (%(tables)s::oid[]);

-- name: count_rows
-- For tables small enough that counting costs less than being wrong.
select count(*)
  from {table};

-- name: guess_rows
-- The planner scales its statistics by the file's present size, so this is right for tables that were never analysed, too.
explain (format json)
 select 1
   from {table};

-- name: oddities
-- What does not carry by itself, as (kind, name): the sentences are made where people read them.
with ours as (
    select c.*, format('%I.%I', n.nspname, c.relname) as title
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     where n.nspname !~ '^pg_'
       and n.nspname not in ('information_schema', 'offramp')
       and not exists (
               select
                 from pg_depend d
                where d.classid = 'pg_class'::regclass
                  and d.objid = c.oid
                  and d.deptype = 'e'
           )
)
select 'unlogged' as kind, title as name
  from ours
 where relkind = 'r'
   and relpersistence = 'u'
union all
select 'foreign table', title
  from ours
 where relkind = 'f'
union all
select 'materialised view', title
  from ours
 where relkind = 'm'
union all
select 'row security', title
  from ours
 where relkind in ('r', 'p')
   and relrowsecurity
union all
select 'not owned', title
  from ours
 where relkind in ('r', 'p')
   and not pg_has_role(relowner, 'usage')
union all
select 'rule', format('%s on %s', r.rulename, o.title)
  from pg_rewrite r
  join ours o on o.oid = r.ev_class
 where o.relkind in ('r', 'p')
union all
select 'large objects', count(*)::text
  from pg_largeobject_metadata
having count(*) > 0
union all
select 'language', lanname
  from pg_language
 where lanname not in ('internal', 'c', 'sql', 'plpgsql')
union all
select 'event trigger', evtname
  from pg_event_trigger
union all
select 'publication', pubname
  from pg_publication
union all
select 'prepared transaction', gid
  from pg_prepared_xacts
 where database = current_database()
 order by kind, name;
