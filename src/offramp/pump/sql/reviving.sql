-- name: new_relid
update offramp.moved
   set relid = %(new)s
 where link = %(link)s and direction = %(direction)s and relid = %(old)s;

-- name: forget_chunks
delete from offramp.chunk where link = %(link)s and direction = %(direction)s and relid = %(old)s;

-- name: triggers
-- Where capture triggers stand, whatever the register says: in a copy of the database tables may have other oids.
select distinct n.nspname, c.relname
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where t.tgname = any('{offramp_insert,offramp_update,offramp_delete,offramp_truncate}') and not t.tgisinternal;

-- name: drop_triggers
drop trigger if exists offramp_insert on {table};
drop trigger if exists offramp_update on {table};
drop trigger if exists offramp_delete on {table};
drop trigger if exists offramp_truncate on {table};

-- name: remains
-- What is left of capture when no trigger stands. Not the fence, and not what this database knows as a receiver or of switches.
select format('drop function offramp.%I()', p.proname)
  from pg_proc p
 where p.pronamespace = to_regnamespace('offramp') and p.prorettype = 'trigger'::regtype and p.proname <> 'deny'
union all
select format('drop table offramp.%I', c.relname)
  from pg_class c
 where c.relnamespace = to_regnamespace('offramp') and c.relkind = 'r' and c.relname ~ '^(log_.*|logs|captured|heartbeat)$';

-- name: doubt
-- Everything that was found equal before must be found equal again.
update offramp.chunk
   set dirty = true, verified_at = null
 where link = %(link)s and direction = %(direction)s;

-- name: empty
truncate only {table};
