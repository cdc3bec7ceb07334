-- name: role_exists
select true
  from pg_catalog.pg_roles
 where rolname = %(role)s;

-- name: database_exists
select true
  from pg_catalog.pg_database
 where datname = %(database)s;

-- name: create_role
-- Like the owner on Heroku: no superuser, no replication, no right to make roles or databases.
create role {role}
  login
  password {password};

-- name: set_password
alter role {role}
  login
  password {password};

-- name: grant_role
-- PostgreSQL 16 and later let a role be given away, acted as and inherited only when it is said so.
grant {role} to current_user;

-- name: create_database
create database {database}
  owner {role}
  encoding 'UTF8'
  template template0;

-- name: close_to_public
-- On Heroku nobody else can connect to the database either.
revoke all on database {database} from public;
