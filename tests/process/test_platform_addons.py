"""Are the add-ons what Heroku gives: real servers, TLS, passwords, and no right too many?"""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import valkey
from platform_fixtures import Running, running_platform, until, write_estate

GRACE_SECONDS = 3


@pytest.fixture(scope="module")
def heroku(module_folder: Path) -> Iterator[Running]:
    estate = write_estate(module_folder / "estate", redis=True)
    with running_platform(module_folder / "platform", estate, "--rotation-grace", str(GRACE_SECONDS)) as platform:
        yield platform


def _config(heroku: Running, app: str = "shop") -> dict[str, str]:
    found: dict[str, str] = heroku.call("GET", f"/apps/{app}/config-vars").json
    return found


def _database(heroku: Running) -> dict[str, Any]:
    addons: list[dict[str, Any]] = heroku.call("GET", "/addons").json
    return next(addon for addon in addons if addon["addon_service"]["name"] == "heroku-postgresql")


def _row(conn: psycopg.Connection[Any], question: str) -> tuple[Any, ...]:
    row = conn.execute(question.encode()).fetchone()
    assert row is not None
    return tuple(row)


def _ended(conn: psycopg.Connection[Any]) -> bool:
    try:
        conn.execute("select 1")
    except psycopg.OperationalError:
        return True
    return False


def test_the_owner_has_no_right_that_heroku_does_not_give(heroku: Running) -> None:
    with psycopg.connect(_config(heroku)["DATABASE_URL"], autocommit=True) as conn:
        rights = _row(
            conn,
            "select rolsuper, rolreplication, rolcreaterole, rolcreatedb, rolbypassrls, rolconnlimit from pg_roles where rolname = current_user",
        )
        tls = _row(conn, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        owner = _row(
            conn, "select pg_get_userbyid(datdba) = current_user from pg_database where datname = current_database()"
        )

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("create function nothing() returns event_trigger language plpgsql as 'begin end'; "
                         "create event trigger t on ddl_command_start execute function nothing()")  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("set session_replication_role = replica")
        with pytest.raises(psycopg.Error):
            conn.execute("select pg_create_logical_replication_slot('s', 'pgoutput')")
        conn.execute("create extension citext")
        conn.execute("create extension hstore schema heroku_ext")

    assert rights == (False, False, False, False, False, 20)
    assert (tls, owner) == ((True,), (True,))


def test_a_connection_without_tls_is_refused(heroku: Running) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(_config(heroku)["DATABASE_URL"], sslmode="disable")


def test_an_ordinary_bundle_does_not_know_the_certificate(heroku: Running) -> None:
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(_config(heroku)["DATABASE_URL"], sslmode="verify-full", sslrootcert="system")


def test_connections_end_at_the_plans_limit(heroku: Running) -> None:
    held: list[psycopg.Connection[Any]] = []
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        while len(held) < 30:
            held.append(psycopg.connect(_config(heroku)["DATABASE_URL"]))
    for conn in held:
        conn.close()

    assert len(held) == 20


def test_redis_asks_for_a_password_over_tls_and_denies_config(heroku: Running) -> None:
    url = _config(heroku)["REDIS_URL"]
    with pytest.raises(valkey.ConnectionError):
        valkey.Valkey.from_url(url).ping()
    with valkey.Valkey.from_url(url, ssl_cert_reqs=None) as client:
        client.set("a", "1")
        assert client.get("a") == b"1"
        with pytest.raises(valkey.exceptions.NoPermissionError):
            client.config_get("maxmemory")
    with valkey.Valkey(host="127.0.0.1", port=urlsplit(url).port or 0, ssl=True, ssl_cert_reqs=None) as stranger:
        with pytest.raises(valkey.AuthenticationError):
            stranger.ping()
    assert ssl.OPENSSL_VERSION


def test_pg_info_tells_what_the_server_says(heroku: Running) -> None:
    addon = _database(heroku)
    with psycopg.connect(_config(heroku)["DATABASE_URL"], autocommit=True) as conn:
        conn.execute("create table if not exists counted (id bigint primary key)")
        found = heroku.call("GET", f"/client/v11/databases/{addon['id']}").json
        version = _row(conn, "select current_setting('server_version')")[0].split()[0]
        tables = _row(conn, "select count(*) from pg_tables where schemaname = 'public'")[0]

    assert (found["postgres_version"], found["num_tables"], found["num_connections"]) == (version, tables, 1)
    assert found["num_bytes"] > 7_000_000
    assert found["resource_url"] == _config(heroku)["DATABASE_URL"]


def test_rotation_keeps_the_owner_gives_a_grace_and_then_ends_the_old_login(heroku: Running) -> None:
    addon, before = _database(heroku), _config(heroku)["DATABASE_URL"]
    release = heroku.call("GET", "/apps/shop/releases").json[-1]["version"]
    with psycopg.connect(before, autocommit=True) as old:
        old.execute("create table made_before (id bigserial primary key)")
        answer = heroku.call("POST", f"/postgres/v0/databases/{addon['id']}/credentials/default/credentials_rotation")
        after = _config(heroku)["DATABASE_URL"]
        # The old login works on, in the session it has and in a new one.
        old.execute("insert into made_before default values")
        psycopg.connect(before).close()
        with psycopg.connect(after, autocommit=True) as fresh:
            owner = _row(fresh, "select current_user, session_user")
            fresh.execute("alter table made_before add column note text")
            fresh.execute("create table made_after (id bigserial primary key)")
            owners = _row(fresh, "select count(distinct tableowner) from pg_tables where schemaname = 'public'")
        until(lambda: _ended(old), "the end of the old session", GRACE_SECONDS + 10)

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(before)
    with psycopg.connect(after) as fresh:
        assert _row(fresh, "select count(*) from made_before") == (1,)
    latest = heroku.call("GET", "/apps/shop/releases").json[-1]
    assert answer.json["state"] == "rotating"
    assert owners == (1,)
    assert owner[0] != owner[1]
    assert (latest["version"], latest["description"]) == (release + 1, "Update DATABASE by heroku-postgresql")
    until(lambda: heroku.dynos("shop")["web.1"]["release"] == latest["version"], "dynos of the new release")
    assert heroku.get("shop").json["env"]["DATABASE_URL"] == after


def test_a_second_rotation_drops_the_login_of_the_first(heroku: Running) -> None:
    addon = _database(heroku)
    first = urlsplit(_config(heroku)["DATABASE_URL"]).username
    heroku.call("POST", f"/postgres/v0/databases/{addon['id']}/credentials_rotation")
    path = f"/postgres/v0/databases/{addon['id']}/credentials/default"
    until(lambda: heroku.call("GET", path).json["state"] == "active", "the end of the rotation", GRACE_SECONDS + 10)
    with psycopg.connect(_config(heroku)["DATABASE_URL"]) as conn:
        left = _row(conn, f"select count(*) from pg_roles where rolname = '{first}'")
        owners = _row(conn, "select count(distinct tableowner) from pg_tables where schemaname = 'public'")

    assert (left, owners) == ((0,), (1,))


def test_a_backup_is_a_whole_dump_that_can_be_fetched(heroku: Running, tmp_path: Path) -> None:
    from offramp.rehearsal.servers import programs

    addon = _database(heroku)
    begun = heroku.call("POST", f"/client/v11/databases/{addon['id']}/backups").json
    path = f"/client/v11/apps/shop/transfers/{begun['uuid']}"
    until(lambda: heroku.call("GET", path).json["finished_at"], "the backup")
    done = heroku.call("GET", path).json
    url = heroku.call("POST", f"/client/v11/apps/shop/transfers/{done['num']}/actions/public-url").json["url"]
    file = tmp_path / "b001.dump"
    file.write_bytes(heroku.call("GET", urlsplit(url).path, token="").body)
    listed = subprocess.run(
        [programs.source_postgres() / "pg_restore", "--list", file], capture_output=True, text=True, check=True
    ).stdout

    assert done["succeeded"]
    assert done["processed_bytes"] == file.stat().st_size
    assert "TABLE DATA public made_before" in listed


def test_a_server_restart_ends_sessions_and_keeps_rows(heroku: Running) -> None:
    name, url = _database(heroku)["name"], _config(heroku)["DATABASE_URL"]
    before = heroku.state()["addons"][name]["pids"]
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("insert into made_after default values")
        answer = heroku.call("POST", f"/_rehearsal/postgres/{name}/restart")
        with pytest.raises(psycopg.OperationalError):
            conn.execute("select 1")
    with psycopg.connect(url) as conn:
        rows = _row(conn, "select count(*) from made_after")

    assert answer.status == 200
    assert rows == (1,)
    assert heroku.state()["addons"][name]["pids"] != before
    assert str(heroku.state()["addons"][name]["pids"][0]) in (heroku.folder / "pids").read_text()


def test_a_rotation_under_load_fails_no_request(heroku: Running) -> None:
    statuses: list[int] = []
    urls: set[str] = set()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = heroku.get("shop", "/slow?seconds=0.02")
            statuses.append(answer.status)
            urls.add(answer.json["env"]["DATABASE_URL"] if answer.status == 200 else "")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    heroku.call("POST", f"/postgres/v0/databases/{_database(heroku)['id']}/credentials_rotation")
    until(lambda: len(urls) > 1, "answers with the new credential")
    stop.set()
    for thread in threads:
        thread.join()

    assert set(statuses) == {200}


def test_a_deleted_add_on_takes_its_server_and_variables_with_it(heroku: Running) -> None:
    addon, url = _database(heroku), _config(heroku)["DATABASE_URL"]
    folder = heroku.folder / "addons" / addon["name"]
    answer = heroku.call("DELETE", f"/apps/shop/addons/{addon['id']}")

    assert answer.status == 200
    assert "DATABASE_URL" not in _config(heroku)
    assert addon["name"] not in heroku.state()["addons"]
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
