-- name: create
create table if not exists offramp.kept_constraint (
  schema text not null,
  name text not null,
  "constraint" text not null,
  definition text not null,
  valid boolean not null,
  restored boolean not null default false,
  primary key (schema, name, "constraint")
);
create table if not exists offramp.kept_trigger (
  schema text not null,
  name text not null,
  trigger text not null,
  enabled "char" not null,
  primary key (schema, name, trigger)
);

-- name: exists
select to_regclass('offramp.kept_constraint') is not null;

-- name: keep_constraints
insert into offramp.kept_constraint (schema, name, "constraint", definition, valid)
select n.nspname, c.relname, o.conname, pg_get_constraintdef(o.oid), o.convalidated
  from pg_constraint o
  join pg_class c on c.oid = o.conrelid
  join pg_namespace n on n.oid = c.relnamespace
 where o.contype = 'f' and o.conparentid = 0
   and n.nspname not in ('pg_catalog', 'information_schema', 'offramp')
on conflict (schema, name, "constraint") do update
   set definition = excluded.definition, valid = excluded.valid or offramp.kept_constraint.valid, restored = false;

-- name: keep_triggers
insert into offramp.kept_trigger (schema, name, trigger, enabled)
select n.nspname, c.relname, t.tgname, t.tgenabled
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where not t.tgisinternal
   and t.tgenabled <> 'D'
   and t.tgname not like 'offramp\_%'
   and n.nspname not in ('pg_catalog', 'information_schema', 'offramp')
on conflict (schema, name, trigger) do nothing;

-- name: standing_constraints
select k.schema, k.name, k."constraint"
  from offramp.kept_constraint k
  join pg_class c on c.oid = to_regclass(format('%I.%I', k.schema, k.name))
  join pg_constraint o on o.conrelid = c.oid and o.conname = k."constraint" and o.contype = 'f';

-- name: kept_triggers
select schema, name, trigger, enabled::text from offramp.kept_trigger;

-- name: missing_constraints
select k.schema, k.name, k."constraint", k.definition
  from offramp.kept_constraint k
 where to_regclass(format('%I.%I', k.schema, k.name)) is not null
   and not exists (select from pg_constraint o
                    where o.conrelid = to_regclass(format('%I.%I', k.schema, k.name)) and o.conname = k."constraint");

-- name: drop_constraint
alter table {table} drop constraint {constraint}

-- name: disable_trigger
alter table {table} disable trigger {trigger}

-- name: enable_trigger
alter table {table} {how} trigger {trigger}

-- name: add_constraint
alter table {table} add constraint {constraint} {definition}

-- name: restored
update offramp.kept_constraint set restored = true;
delete from offramp.kept_trigger;

-- name: to_validate
select k.schema, k.name, k."constraint", o.convalidated or not k.valid
  from offramp.kept_constraint k
  left join pg_constraint o on o.conrelid = to_regclass(format('%I.%I', k.schema, k.name)) and o.conname = k."constraint"
 where k.restored;

-- name: validate
alter table {table} validate constraint {constraint}

-- name: forget_constraint
delete from offramp.kept_constraint where schema = %(schema)s and name = %(name)s and "constraint" = %(constraint)s;
