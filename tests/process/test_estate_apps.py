"""Do the example's applications work as a well-built Heroku estate should: through a pooler, through restarts, exactly once?

The real applications run here, with a PostgreSQL and a Redis like Heroku's, behind PgBouncer in transaction mode.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from offramp.kit import processes
from offramp.rehearsal.servers import ports, programs
from offramp.rehearsal.servers.postgres import Postgres
from offramp.rehearsal.servers.valkey import Valkey

MENTORING = Path(__file__).parents[2] / "examples/mentoring"
APPS = {"mentors-api": "mentors", "sessions-api": "sessions"}
ROWS = 3000

POOLER = """
[databases]
{databases}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = console
pool_mode = transaction
default_pool_size = 6
max_client_conn = 200
server_login_retry = 1
server_tls_sslmode = require
"""


def procfile(app: str) -> dict[str, str]:
    lines = (MENTORING / app / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


@dataclass
class Estate:
    """The servers, and the applications as processes."""

    folder: Path
    postgres: Postgres
    valkey: Valkey
    port: dict[str, int] = field(default_factory=lambda: {app: ports.free_port() for app in (*APPS, "web")})
    pooler_port: int = field(default_factory=ports.free_port)

    def url(self, app: str) -> str:
        return f"http://127.0.0.1:{self.port[app]}"

    def database_url(self, app: str) -> str:
        return self.postgres.url(APPS[app], APPS[app], f"pw {app}")

    def connect(self, app: str) -> psycopg.Connection:
        return psycopg.connect(self.database_url(app), autocommit=True)

    def count(self, app: str, query: str, *values: object) -> int:
        with self.connect(app) as connection:
            row = connection.execute(query.encode(), values).fetchone()
            assert row
            return int(row[0])

    def console(self) -> psycopg.Connection:
        return psycopg.connect(f"postgres://console@127.0.0.1:{self.pooler_port}/pgbouncer", autocommit=True)

    def environment(self, app: str) -> dict[str, str]:
        made = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SECRET_KEY": "secret",
            "ALLOWED_HOSTS": "*",
            "REDIS_URL": self.valkey.url,
            "MENTORS_API_URL": self.url("mentors-api"),
            "MENTORS_API_ORIGIN": self.url("mentors-api"),
            "SESSIONS_API_ORIGIN": self.url("sessions-api"),
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{self.port[app]}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if app in APPS:
            made["DATABASE_URL"] = f"postgres://any@127.0.0.1:{self.pooler_port}/{APPS[app]}"
        return made

    def spawn(self, app: str, kind: str) -> subprocess.Popen[bytes]:
        command = shlex.split(procfile(app)[kind])
        log = self.folder / f"{app}.{kind}.log"
        return processes.spawn(command, env=self.environment(app), cwd=MENTORING / app, log=log)

    def command(self, app: str, *words: str, **more: str) -> str:
        env = {**self.environment(app), **more}
        done = subprocess.run(words, env=env, cwd=MENTORING / app, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fill(self, rows: int = ROWS) -> Any:
        urls = {f"{app.upper().replace('-', '_')}_DATABASE_URL": self.database_url(app) for app in APPS}
        command = [sys.executable, "fill.py", "--rows", str(rows), "--seed", "1"]
        done = subprocess.run(command, env={**os.environ, **urls}, cwd=MENTORING, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def running(self, app: str, kind: str) -> Iterator[subprocess.Popen[bytes]]:
        process = self.spawn(app, kind)
        try:
            if kind == "web":
                processes.wait_until(
                    lambda: ports.listening("127.0.0.1", self.port[app]), seconds=20, what=f"{app} {kind}"
                )
            yield process
        finally:
            processes.stop(process, seconds=10)

    @contextmanager
    def pooled(self) -> Iterator[None]:
        lines = "".join(
            f"{name} = host=127.0.0.1 port={self.postgres.port} dbname={name} user={name} password='pw {app}'\n"
            for app, name in APPS.items()
        )
        folder = processes.own_directory(self.folder / "pooler")
        (folder / "pgbouncer.ini").write_text(POOLER.format(databases=lines, port=self.pooler_port))
        process = processes.spawn(
            [programs.pgbouncer(), folder / "pgbouncer.ini"], as_server=True, cwd=folder, log=folder / "pgbouncer.log"
        )
        try:
            processes.wait_until(lambda: ports.listening("127.0.0.1", self.pooler_port), seconds=10, what="PgBouncer")
            yield
        finally:
            processes.stop(process, seconds=5)


@pytest.fixture(scope="module")
def estate(module_folder: Path) -> Iterator[Estate]:
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(module_folder / "pg", programs.source_postgres(), tls=True))
        made = Estate(module_folder, postgres, stack.enter_context(Valkey(module_folder / "valkey", tls=True)))
        with postgres.connect() as server:
            for app, name in APPS.items():
                server.execute(f"create role {name} login password 'pw {app}'".encode())
                server.execute(f"create database {name} owner {name}".encode())
        stack.enter_context(made.pooled())
        for app in APPS:
            made.command(app, *shlex.split(procfile(app)["release"]))
        assert made.fill()["rows"] == ROWS
        for app in (*APPS, "web"):
            stack.enter_context(made.running(app, "web"))
        yield made


@pytest.fixture
def worker(estate: Estate) -> Iterator[subprocess.Popen[bytes]]:
    with estate.running("sessions-api", "worker") as process:
        yield process


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=35) as client:
        yield client


@pytest.fixture
def mentor(estate: Estate, web: httpx.Client) -> str:
    return str(web.get(f"{estate.url('mentors-api')}/api/mentors").json()["results"][0]["id"])


def headers(token: str) -> Mapping[str, str]:
    return {"Idempotency-Key": token, "X-Request-Id": f"request-{token}"}


def book(estate: Estate, web: httpx.Client, mentor: str, token: str) -> httpx.Response:
    body = {
        "mentor_id": mentor, "mentee": "Mentee7@Example.org", "starts_at": "2027-01-01T10:00:00+00:00", "minutes": 45,
        "notes": token, "details": {"channel": "video"},
    }  # fmt: skip
    return web.post(f"{estate.url('sessions-api')}/api/sessions", json=body, headers=headers(token))


def bookings(estate: Estate, token: str) -> int:
    return estate.count("sessions-api", "select count(*) from bookings_session where client_token = %s", token)


def audits(estate: Estate, token: str) -> int:
    return estate.count("sessions-api", "select count(*) from bookings_auditentry where client_token = %s", token)


@pytest.mark.parametrize("app", APPS)
def test_the_committed_migrations_match_the_models(estate: Estate, app: str) -> None:
    assert "No changes detected" in estate.command(app, "python", "manage.py", "makemigrations", "--check", "--dry-run")


def test_the_examples_in_the_docstrings_hold() -> None:
    files = ["fill.py", "steady/config.py"]
    done = subprocess.run([sys.executable, "-m", "doctest", *files], cwd=MENTORING, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "")


def test_filling_again_changes_nothing(estate: Estate) -> None:
    assert estate.fill()["rows"] == 0


def test_the_schemas_contain_what_django_schemas_contain(estate: Estate) -> None:
    query = """
        select string_agg(distinct what, ' ' order by what) from (
            select udt_name from information_schema.columns where table_schema = 'public'
            union all select 'generated' from information_schema.columns where is_generated = 'ALWAYS'
            union all select 'bigserial' from information_schema.columns where column_default like 'nextval%'
            union all select 'identity' from information_schema.columns where is_identity = 'YES'
            union all select 'cascade' from pg_constraint where contype = 'f' and confdeltype = 'c'
            union all select amname from pg_class join pg_am on pg_am.oid = relam where relkind = 'i'
            union all select 'keyless' from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace
                and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
        ) as found (what)"""
    found: set[str] = set()
    for app in APPS:
        with estate.connect(app) as connection:
            row = connection.execute(query).fetchone()
            assert row
            found |= set(row[0].split())

    assert found >= {
        "_text", "bigserial", "brin", "btree", "cascade", "citext", "generated", "gin", "identity", "jsonb", "keyless",
        "timestamptz", "tsvector", "uuid",
    }  # fmt: skip


def test_every_read_of_the_apis_answers(estate: Estate, web: httpx.Client, mentor: str) -> None:
    mentors, sessions = estate.url("mentors-api"), estate.url("sessions-api")
    reads = [
        f"{mentors}/healthz", f"{mentors}/api/mentors?page=2", f"{mentors}/api/mentors?topic=python", f"{mentors}/api/search?q=clear",
        f"{mentors}/api/topics", f"{mentors}/api/mentors/{mentor}", f"{sessions}/healthz", f"{sessions}/api/mentors/{mentor}/agenda",
        f"{sessions}/api/sessions?mentee=MENTEE7@example.org",
    ]  # fmt: skip

    assert [200] * len(reads) == [web.get(url).status_code for url in reads]


def test_the_page_says_where_the_apis_are(estate: Estate, web: httpx.Client) -> None:
    config = web.get(f"{estate.url('web')}/config.json").json()
    page = web.get(f"{estate.url('web')}/").text

    assert config == {f"{app.upper().replace('-', '_')}_ORIGIN": estate.url(app) for app in APPS}
    assert all(origin in page for origin in config.values())
    assert web.get(f"{estate.url('web')}/app.js").headers["Content-Type"].startswith("text/javascript")
    assert web.get(f"{estate.url('web')}/settings.py").status_code == 404


def test_another_origin_may_call_the_apis(estate: Estate, web: httpx.Client) -> None:
    answer = web.options(f"{estate.url('mentors-api')}/api/mentors", headers={"Origin": "http://www.mentoring.example"})

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


def test_the_request_id_is_passed_on_to_the_other_app(estate: Estate, web: httpx.Client, mentor: str) -> None:
    token = str(uuid.uuid4())

    answer = book(estate, web, mentor, token)

    assert answer.headers["X-Request-Id"] == f"request-{token}"
    log = (estate.folder / "mentors-api.web.log").read_text()
    assert f"path=/api/mentors/{mentor} status=200" in next(line for line in log.splitlines() if token in line)


def test_a_booking_sent_twice_is_booked_once(estate: Estate, web: httpx.Client, mentor: str) -> None:
    token = str(uuid.uuid4())

    first, second = book(estate, web, mentor, token), book(estate, web, mentor, token)

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.headers["Idempotency-Replayed"] == "true"
    assert bookings(estate, token) == 1


def test_a_booking_sent_twice_at_once_is_booked_once(estate: Estate, web: httpx.Client, mentor: str) -> None:
    token = str(uuid.uuid4())
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: book(estate, web, mentor, token).json()["id"], range(6)))

    assert (len(set(answers)), bookings(estate, token)) == (1, 1)


def test_a_refused_write_does_not_use_up_its_token(estate: Estate, web: httpx.Client, mentor: str) -> None:
    url, token = f"{estate.url('mentors-api')}/api/mentors/{mentor}/reviews", str(uuid.uuid4())

    refused = web.post(url, json={"author": "a", "stars": 6, "text": "t"}, headers=headers(token))
    taken = web.post(url, json={"author": "a", "stars": 5, "text": "t"}, headers=headers(token))

    assert (refused.status_code, taken.status_code) == (400, 201)


def test_malformed_requests_are_answered_400(estate: Estate, web: httpx.Client, mentor: str) -> None:
    mentors, sessions = estate.url("mentors-api"), estate.url("sessions-api")
    answers = [
        web.post(f"{mentors}/api/mentors/{mentor}/reviews", content=b"{", headers=headers(str(uuid.uuid4()))),
        web.post(f"{mentors}/api/mentors/{mentor}/reviews", json={}, headers={"Idempotency-Key": "seven"}),
        web.post(f"{sessions}/api/sessions", json={"mentor_id": mentor}),
        web.post(f"{sessions}/api/sessions", json=[]),
    ]

    assert [answer.status_code for answer in answers] == [400] * 4


def test_a_mentor_nobody_knows_cannot_be_booked(estate: Estate, web: httpx.Client) -> None:
    assert book(estate, web, str(uuid.uuid4()), str(uuid.uuid4())).status_code == 422


def test_a_cancelled_session_takes_its_messages_along(estate: Estate, web: httpx.Client, mentor: str) -> None:
    made = book(estate, web, mentor, str(uuid.uuid4())).json()
    url = f"{estate.url('sessions-api')}/api/sessions/{made['id']}"
    web.post(f"{url}/messages", json={"author": "me", "text": "hello"})
    shown = web.get(url).json()

    gone = web.delete(url, headers=headers(str(uuid.uuid4())))

    assert (shown["messages"], shown["mentor"]["id"]) == ([{"author": "me", "text": "hello"}], mentor)
    assert (gone.status_code, web.get(url).status_code) == (200, 404)
    messages = "select count(*) from bookings_message where session_id = %s"
    assert estate.count("sessions-api", messages, made["id"]) == 0


def test_the_worker_does_each_job_once(
    estate: Estate, web: httpx.Client, mentor: str, worker: subprocess.Popen[bytes]
) -> None:
    tokens = [str(uuid.uuid4()) for _ in range(5)]
    for token in tokens:
        book(estate, web, mentor, token)

    processes.wait_until(lambda: all(audits(estate, token) for token in tokens), seconds=10, what="the jobs")

    assert [audits(estate, token) for token in tokens] == [1] * 5


def test_jobs_outlive_a_queue_that_lost_everything(estate: Estate, web: httpx.Client, mentor: str) -> None:
    """So a cache may start cold after a move."""
    token = str(uuid.uuid4())
    book(estate, web, mentor, token)
    estate.command("sessions-api", "python", "-c", FLUSH)

    with estate.running("sessions-api", "worker"):
        processes.wait_until(lambda: audits(estate, token) > 0, seconds=10, what="the job")

    assert audits(estate, token) == 1


FLUSH = "import os; from steady import config; config.redis(os.environ['REDIS_URL']).flushall()"
DELIVER_AGAIN = """
import os, sys
from steady import config
config.redis(os.environ["REDIS_URL"]).lpush("jobs:in-hand", *sys.argv[1:])
"""


def test_a_job_that_is_delivered_again_after_a_kill_is_done_once(
    estate: Estate, web: httpx.Client, mentor: str
) -> None:
    token = str(uuid.uuid4())
    with estate.running("sessions-api", "worker") as first:
        book(estate, web, mentor, token)
        processes.wait_until(lambda: audits(estate, token) > 0, seconds=10, what="the job")
        first.send_signal(signal.SIGKILL)
    job = estate.count("sessions-api", "select id from bookings_job where client_token = %s", token)
    estate.command("sessions-api", "python", "-c", DELIVER_AGAIN, str(job))

    later = str(uuid.uuid4())
    with estate.running("sessions-api", "worker"):
        book(estate, web, mentor, later)
        processes.wait_until(lambda: audits(estate, later) > 0, seconds=10, what="the later job")

    assert audits(estate, token) == 1


def test_the_worker_stops_at_sigterm(estate: Estate) -> None:
    with estate.running("sessions-api", "worker") as worker:
        log = estate.folder / "sessions-api.worker.log"
        before = log.read_text().count("event=worker_stopped")
        processes.wait_until(lambda: b"SIGTERM" in signals(worker.pid), seconds=10, what="the worker's handler")
        worker.terminate()

        assert worker.wait(5) == 0
        assert log.read_text().count("event=worker_stopped") == before + 1


def signals(pid: int) -> bytes:
    """Name SIGTERM if the process has a handler for it."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), 16)
    return b"SIGTERM" if caught >> (signal.SIGTERM - 1) & 1 else b""


def test_the_scheduled_job_expires_and_counts_anew(estate: Estate) -> None:
    late = "select count(*) from bookings_session where status = 'requested' and starts_at < now()"
    assert estate.count("sessions-api", late) > 0

    for _ in range(2):
        estate.command("sessions-api", "python", "manage.py", "expire_sessions")

    assert estate.count("sessions-api", late) == 0
    days = "select count(*) from bookings_session where starts_at is not null"
    assert estate.count("sessions-api", "select sum(sessions) from bookings_dailyload") == estate.count(
        "sessions-api", days
    )


@contextmanager
def customers(estate: Estate, web: httpx.Client, mentor: str) -> Iterator[list[tuple[str, int]]]:
    """Let four customers read and book without a pause; give each booking's token with its status, reads with no token."""
    answers: list[tuple[str, int]] = []
    over = threading.Event()

    def customer() -> None:
        while not over.is_set():
            token = str(uuid.uuid4())
            answers.append((token, book(estate, web, mentor, token).status_code))
            answers.append(("", web.get(f"{estate.url('mentors-api')}/api/mentors").status_code))

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(customer) for _ in range(4)]
        try:
            processes.wait_until(lambda: len(answers) > 10, seconds=10, what="the first answers")
            yield answers
            after = len(answers)
            processes.wait_until(lambda: len(answers) > after + 10, seconds=20, what="answers after the trouble")
        finally:
            over.set()
        for each in running:
            each.result()


def restart(estate: Estate) -> None:
    estate.postgres.restart()


def crash(estate: Estate) -> None:
    estate.postgres.restart(immediately=True)


def terminate(estate: Estate) -> None:
    with estate.postgres.connect() as server:
        server.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where backend_type = 'client backend' and pid <> pg_backend_pid()"
        )


def hold(estate: Estate) -> None:
    with estate.console() as console:
        console.execute("pause")
        console.execute("resume")


def fence(estate: Estate) -> None:
    """Deny writes as the switch does, for as long as it takes that somebody has met the fence, and then lift it."""
    log = estate.folder / "sessions-api.web.log"
    met = log.read_text().count("error=ReadOnlySqlTransaction")
    with estate.connect("sessions-api") as connection:
        connection.execute(
            "create function deny() returns trigger language plpgsql as"
            " $$ begin raise exception 'fenced' using errcode = '25006'; end $$"
        )
        connection.execute(
            "create trigger deny before insert on bookings_session for each statement execute function deny()"
        )
        processes.wait_until(
            lambda: log.read_text().count("error=ReadOnlySqlTransaction") > met, seconds=10, what="a write at the fence"
        )
        connection.execute("drop function deny() cascade")


@pytest.mark.parametrize("trouble", [restart, crash, terminate, hold, fence])
def test_no_customer_notices_a_database_that_goes_away_for_seconds(
    estate: Estate, web: httpx.Client, mentor: str, trouble: Callable[[Estate], None]
) -> None:
    with customers(estate, web, mentor) as answers:
        trouble(estate)

    assert {status for token, status in answers if token} == {201}
    assert {status for token, status in answers if not token} == {200}
    booked = "select count(*), count(distinct client_token) from bookings_session where client_token = any(%s::uuid[])"
    tokens = [token for token, _ in answers if token]
    with estate.connect("sessions-api") as connection:
        assert connection.execute(booked, [tokens]).fetchone() == (len(tokens), len(tokens))


def test_a_write_without_a_token_is_refused_rather_than_repeated(
    estate: Estate, web: httpx.Client, mentor: str
) -> None:
    """A review that meets a fence: with a token it waits, without one it is told at once."""
    url = f"{estate.url('mentors-api')}/api/mentors/{mentor}/reviews"
    with estate.connect("mentors-api") as connection:
        connection.execute(
            "create function deny() returns trigger language plpgsql as"
            " $$ begin raise exception 'fenced' using errcode = '25006'; end $$"
        )
        connection.execute(
            "create trigger deny before insert on mentors_review for each statement execute function deny()"
        )
        try:
            answer = web.post(url, json={"author": "a", "stars": 5, "text": "t"})
        finally:
            connection.execute("drop function deny() cascade")

    assert (answer.status_code, answer.json()) == (503, {"error": "the database is not available"})
