-- name: create_owner
-- What Heroku gives: the owner of the database, with none of the rights that replication by logical decoding needs.
create role {owner} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
  connection limit {connections} password {password};

-- name: create_database
create database {database} owner {owner} connection limit {connections};

-- name: close_database
-- Several customers share nothing on a plan of its own, yet Heroku closes the database to everybody but its roles.
revoke all on database {database} from public;

-- name: create_extension_schema
-- Heroku keeps a schema for extensions that its own superuser made; the owner may use it, not own it.
create schema heroku_ext;

-- name: grant_extension_schema
grant usage, create on schema heroku_ext to {owner};

-- name: create_statistics
-- Heroku loads it into every server, and every new database has it.
create extension pg_stat_statements with schema heroku_ext;

-- name: create_credential
-- A rotated credential is a new login that acts as the owner from its first statement on, so that tables, triggers and
-- default privileges keep their owner whichever login made them.
create role {login} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
  connection limit {connections} password {password};

-- name: join_owner
grant {owner} to {login};

-- name: act_as_owner
alter role {login} set role to {owner};

-- name: close_login
alter role {login} with nologin password null;

-- name: end_sessions
select pg_terminate_backend(pid)
  from pg_stat_activity
 where usename = %(login)s;

-- name: give_back
-- A session may have left the owner's role with "set role none" and made something of its own.
reassign owned by {login} to {owner};

-- name: drop_login
drop role {login};

-- name: figures
select pg_database_size(current_database()),
       (select count(*)
          from pg_class as c
          join pg_namespace as n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p')
           and n.nspname not in ('pg_catalog', 'information_schema')
           and n.nspname not like 'pg\_toast%%'),
       (select count(*)
          from pg_stat_activity
         where datname = current_database()
           and backend_type = 'client backend'
           and pid <> pg_backend_pid()),
       (select count(*)
          from pg_stat_activity
         where datname = current_database()
           and wait_event_type = 'Lock'),
       current_setting('server_version'),
       pg_is_in_recovery(),
       pg_current_xact_id_if_assigned()::text,
       pg_snapshot_xmax(pg_current_snapshot())::text;

-- name: connections_of
select count(*)
  from pg_stat_activity
 where usename = %(login)s;
