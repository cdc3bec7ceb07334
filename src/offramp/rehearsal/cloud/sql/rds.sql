-- name: create_admin
-- RDS keeps its superuser to itself under this name, so that a customer may call theirs postgres.
create role rdsadmin superuser login;

-- name: hide_bootstrap
-- The bootstrap superuser cannot be dropped, so it is renamed out of the way.
alter role postgres rename to rds_bootstrap;

-- name: create_superuser_role
-- What AWS documents of rds_superuser: no superuser, but what a customer needs to run a database.
create role rds_superuser nologin;

-- name: create_replication_role
create role rds_replication nologin;

-- name: create_password_role
create role rds_password nologin;

-- name: grant_predefined
grant pg_monitor, pg_signal_backend, pg_read_all_data, pg_write_all_data, pg_checkpoint, pg_create_subscription,
      pg_use_reserved_connections, pg_maintain, rds_replication, rds_password
   to rds_superuser
 with admin option;

-- name: grant_session_replication_role
-- On RDS members of rds_superuser may set it and let others set it; an application's role may not.
grant set on parameter session_replication_role to rds_superuser with grant option;

-- name: grant_logging
grant set on parameter log_min_duration_statement, log_statement to rds_superuser with grant option;

-- name: create_master
create role {name} login createdb createrole nosuperuser noreplication valid until 'infinity' password {password};

-- name: grant_superuser_role
grant rds_superuser to {name} with admin option;

-- name: change_password
alter role {name} password {password};

-- name: create_database
create database {database} owner {name};

-- name: own_default_database
alter database postgres owner to {name};
