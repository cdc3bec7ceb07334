"""The databases and caches behind RDS and ElastiCache are real, and end with them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import valkey
from cloud_world import Cloud, free_dns_port, running, until

from offramp.kit.processes import alive


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as world:
        yield world


def _template(password_length: int = 40) -> dict[str, Any]:
    generated = {"GenerateStringKey": "password", "PasswordLength": password_length, "ExcludePunctuation": True}
    secret = {"SecretStringTemplate": '{"username": "postgres"}', **generated}
    resolve = "{{resolve:secretsmanager:${Secret}:SecretString:%s}}"
    return {
        "Resources": {
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"Name": "test/database", "GenerateSecretString": secret},
            },
            "Token": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {"PasswordLength": 32, "ExcludePunctuation": True}},
            },
            "Parameters": {
                "Type": "AWS::RDS::DBParameterGroup",
                "Properties": {
                    "Family": "postgres18", "Description": "test",
                    "Parameters": {"rds.logical_replication": "1", "log_min_duration_statement": "500"},
                },
            },
            "Database": {
                "Type": "AWS::RDS::DBInstance",
                "Properties": {
                    "Engine": "postgres", "EngineVersion": "18.1", "DBInstanceClass": "db.t4g.micro", "DBName": "app",
                    "AllocatedStorage": "20", "DBParameterGroupName": {"Ref": "Parameters"},
                    "MasterUsername": {"Fn::Sub": resolve % "username"},
                    "MasterUserPassword": {"Fn::Sub": resolve % "password"},
                },
            },
            "Cache": {
                "Type": "AWS::ElastiCache::ReplicationGroup",
                "Properties": {
                    "ReplicationGroupDescription": "test", "Engine": "valkey", "CacheNodeType": "cache.t4g.micro",
                    "NumNodeGroups": 1, "ReplicasPerNodeGroup": 0, "TransitEncryptionEnabled": True,
                    "AuthToken": {"Fn::Sub": "{{resolve:secretsmanager:${Token}:SecretString}}"},
                },
            },
        },
        "Outputs": {
            "Instance": {"Value": {"Ref": "Database"}},
            "Host": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}},
            "Port": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}},
            "Token": {"Value": {"Ref": "Token"}},
            "CacheHost": {"Value": {"Fn::GetAtt": ["Cache", "PrimaryEndPoint.Address"]}},
            "CachePort": {"Value": {"Fn::GetAtt": ["Cache", "PrimaryEndPoint.Port"]}},
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def outputs(cloud: Cloud) -> dict[str, str]:
    return cloud.deploy("store", _template())


@pytest.fixture(scope="module")
def password(cloud: Cloud, outputs: dict[str, str]) -> str:
    text = cloud.client("secretsmanager").get_secret_value(SecretId="test/database")["SecretString"]
    return str(json.loads(text)["password"])


@pytest.fixture
def master(outputs: dict[str, str], password: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        host=outputs["Host"], port=outputs["Port"], user="postgres", password=password, dbname="app", autocommit=True
    ) as connection:
        yield connection


def test_the_endpoint_that_rds_describes_is_the_server(cloud: Cloud, outputs: dict[str, str]) -> None:
    (seen,) = cloud.client("rds").describe_db_instances(DBInstanceIdentifier=outputs["Instance"])["DBInstances"]

    assert seen["DBInstanceStatus"] == "available"
    assert (outputs["Host"], int(outputs["Port"])) == (seen["Endpoint"]["Address"], seen["Endpoint"]["Port"])


def test_the_master_role_is_no_superuser_but_can_do_what_rds_allows(master: psycopg.Connection) -> None:
    shape = master.execute(
        "select rolsuper, rolreplication, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user"
    ).fetchone()
    memberships = master.execute(
        "select r from unnest(array['rds_superuser', 'pg_monitor', 'pg_signal_backend', 'pg_read_all_data']) r"
        " where not pg_has_role(current_user, r, 'member')"
    ).fetchall()

    assert shape == (False, False, True, True)
    assert memberships == []


def test_the_master_role_may_set_session_replication_role_and_an_ordinary_role_may_not(
    master: psycopg.Connection, outputs: dict[str, str]
) -> None:
    master.execute("set session_replication_role = replica")
    master.execute("create role app login password 'secret'")
    with psycopg.connect(
        host=outputs["Host"], port=outputs["Port"], user="app", password="secret", dbname="app", autocommit=True
    ) as app:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("set session_replication_role = replica")

    master.execute("grant set on parameter session_replication_role to app")


@pytest.mark.parametrize("extension", ["citext", "hstore", "pg_trgm", "unaccent", "pg_stat_statements"])
def test_the_master_role_may_create_the_usual_extensions(master: psycopg.Connection, extension: str) -> None:
    master.execute(f"create extension {extension}")


def test_the_parameter_group_reaches_the_server(master: psycopg.Connection) -> None:
    wal_level, duration = (
        master.execute(f"show {name}").fetchone() for name in ("wal_level", "log_min_duration_statement")
    )

    assert (wal_level, duration) == (("logical",), ("500ms",))


def test_the_cache_wants_its_token_over_tls(cloud: Cloud, outputs: dict[str, str]) -> None:
    token = cloud.client("secretsmanager").get_secret_value(SecretId=outputs["Token"])["SecretString"]
    where: dict[str, Any] = {
        "host": outputs["CacheHost"],
        "port": int(outputs["CachePort"]),
        "ssl": True,
        "ssl_cert_reqs": "none",
    }
    with valkey.Valkey(password=token, **where) as good, valkey.Valkey(password="wrong-token-0123", **where) as bad:
        assert good.ping()
        with pytest.raises(valkey.AuthenticationError):
            bad.ping()


def test_a_dead_server_is_not_available(cloud: Cloud, outputs: dict[str, str], password: str) -> None:
    (database,) = [each for each in cloud.state()["databases"] if each["identifier"] == outputs["Instance"]]
    os.kill(database["pid"], signal.SIGKILL)
    rds = cloud.client("rds")

    def status() -> str:
        (seen,) = rds.describe_db_instances(DBInstanceIdentifier=outputs["Instance"])["DBInstances"]
        return str(seen["DBInstanceStatus"])

    until(lambda: status() == "failed", "the failure to show")
    rds.reboot_db_instance(DBInstanceIdentifier=outputs["Instance"])
    until(lambda: status() == "available", "the server to come back")
    with psycopg.connect(
        host=outputs["Host"], port=outputs["Port"], user="postgres", password=password, dbname="app"
    ) as connection:
        assert connection.execute("select current_database()").fetchone() == ("app",)


def test_a_database_made_through_the_api_is_as_real_and_ends_when_deleted(cloud: Cloud) -> None:
    rds = cloud.client("rds")
    made = rds.create_db_instance(
        DBInstanceIdentifier="direct", Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20,
        MasterUsername="owner", MasterUserPassword="long-enough-1", DBName="shop",
    )["DBInstance"]  # fmt: skip
    assert made["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in made

    def seen() -> Any:
        (found,) = rds.describe_db_instances(DBInstanceIdentifier="direct")["DBInstances"]
        return found if found["DBInstanceStatus"] == "available" else None

    endpoint = until(seen, "the database")["Endpoint"]
    where: dict[str, Any] = {"host": endpoint["Address"], "port": endpoint["Port"], "user": "owner", "dbname": "shop"}
    with psycopg.connect(password="long-enough-1", **where) as connection:
        assert connection.execute("select current_user").fetchone() == ("owner",)
    rds.modify_db_instance(DBInstanceIdentifier="direct", MasterUserPassword="another-one-2", ApplyImmediately=True)
    with psycopg.connect(password="another-one-2", **where):
        pass

    (database,) = [each for each in cloud.state()["databases"] if each["identifier"] == "direct"]
    rds.delete_db_instance(DBInstanceIdentifier="direct", SkipFinalSnapshot=True)
    until(lambda: not alive(database["pid"]), "the server to stop")


def test_deleting_the_stack_stops_its_servers(cloud: Cloud, outputs: dict[str, str]) -> None:
    state = cloud.state()
    pids = [each["pid"] for each in state["databases"]] + [pid for each in state["caches"] for pid in each["pids"]]
    assert pids
    cloud.client("cloudformation").delete_stack(StackName="store")

    until(lambda: not any(map(alive, pids)), "the servers to stop")


def test_a_taken_dns_address_is_one_clear_line(tmp_path: Path) -> None:
    import socket

    port = free_dns_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.53", port))
        told = subprocess.run(
            [
                sys.executable, "-m", "offramp.rehearsal.cloud", "--dir", str(tmp_path / "cloud"), "--http-port", "18080",
                "--dns", f"127.0.0.53:{port}", "--images", str(tmp_path),
            ],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    assert told.returncode == 1
    assert told.stderr.startswith("The emulated cloud could not start: ")
    assert len(told.stderr.splitlines()) == 1
