"""Does the pooler hold its clients, take another target, and let them go there, without one error?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from offramp.errors import CredentialsRejectedError, UsageError
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.pooler import config
from offramp.pooler.client import Door
from offramp.pooler.config import PoolerConfig, Target
from offramp.pooler.serve import Pooler, control_server
from offramp.postgres import Console
from offramp.rehearsal.servers import ports, postgres, programs

POOL_SIZE = 5
ARRIVAL_SECONDS = 0.01


@pytest.fixture(scope="module")
def servers(module_folder: Path) -> Iterator[tuple[postgres.Postgres, postgres.Postgres]]:
    with (
        postgres.Postgres(module_folder / "old", programs.source_postgres(), tls=True) as old,
        postgres.Postgres(module_folder / "new", programs.source_postgres(), tls=True) as new,
    ):
        for server, name in ((old, "old"), (new, "new")):
            with server.connect() as connection:
                connection.execute("create role app login password 'app'")
                connection.execute("create database app owner app")
            with psycopg.connect(server.url("app", "app", "app"), autocommit=True) as connection:
                connection.execute("create table place (name text)")
                connection.execute("insert into place values (%s)", (name,))
        yield old, new


def target(server: postgres.Postgres, side: str) -> Target:
    # They want TLS, as on Heroku and AWS: PgBouncer then takes every RELOAD for another target.
    return config.target_from_url(Secret(server.url("app", "app", "app")), side)


def document(old: postgres.Postgres) -> PoolerConfig:
    return PoolerConfig(
        databases={"orders": target(old, "heroku")},
        clients={"orders": Secret('pa"ss')},
        admin_user="controller",
        admin_password=Secret("admin's"),
        control_token=Secret("token"),
        pool_size=POOL_SIZE,
    )


class Running:
    """A pooler whose secret is a variable of the test."""

    def __init__(self, folder: Path, first: PoolerConfig) -> None:
        self.secret = config.dump(first)
        self.port, self.control = ports.free_port(), ports.free_port()
        self.pooler = Pooler(
            fetch=lambda: self.secret,
            resolve=None,
            folder=folder,
            address="127.0.0.1",
            port=self.port,
            binary=programs.pgbouncer(),
            log=lambda *_, **__: None,
        )
        self.pooler.start()
        self.server = control_server(self.pooler, "127.0.0.1", self.control)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        processes.wait_until(lambda: ports.listening("127.0.0.1", self.port), seconds=10, what="PgBouncer")

    @property
    def door(self) -> Door:
        return Door("127.0.0.1", self.control, Secret("token"))

    def console(self) -> Console:
        return Console(Secret(f"postgres://controller:admin%27s@127.0.0.1:{self.port}/pgbouncer"))

    def place(self) -> str:
        url = f"postgres://orders:pa%22ss@127.0.0.1:{self.port}/orders"
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("select name from place").fetchone()
            assert row
            return str(row[0])

    def knock(self) -> str:
        """Come as an application that keeps no connection does; return what went wrong, if anything did."""
        try:
            self.place()
        except psycopg.Error as error:
            return str(error).strip()
        return ""

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        stop = threading.Event()
        stop.set()
        self.pooler.wait(stop)


@pytest.fixture
def running(server_folder: Path, servers: tuple[postgres.Postgres, postgres.Postgres]) -> Iterator[Running]:
    pooler = Running(server_folder, document(servers[0]))
    yield pooler
    pooler.stop()


def test_held_clients_arrive_at_the_new_target_without_an_error(
    running: Running, servers: tuple[postgres.Postgres, postgres.Postgres]
) -> None:
    assert running.place() == "old"
    answers: list[str] = []
    with running.console() as console:
        console.pause("orders", seconds=5)
        waiting = [threading.Thread(target=lambda: answers.append(running.place())) for _ in range(4)]
        for thread in waiting:
            thread.start()
        processes.wait_until(
            lambda: sum(int(row["cl_waiting"]) for row in console.pools()) == 4, seconds=10, what="four held clients"
        )
        moved = replace(document(servers[0]), databases={"orders": target(servers[1], "aws")})
        running.secret = config.dump(moved)
        state = running.door.rewrite()
        console.release(["orders"])
    for thread in waiting:
        thread.join(10)

    assert answers == ["new"] * 4
    assert state.digest == config.digest(moved)
    assert dict(state.sides) == {"orders": "aws"}


@contextmanager
def newcomers(running: Running) -> Iterator[list[str]]:
    """Clients who connect anew for each query, as Django does by default, whether or not others wait; yields what went wrong for them."""
    halt = threading.Event()
    coming: list[Future[str]] = []
    wrong: list[str] = []

    def come(pool: ThreadPoolExecutor) -> None:
        while not halt.wait(ARRIVAL_SECONDS):
            coming.append(pool.submit(running.knock))

    with ThreadPoolExecutor(200) as pool:
        arrivals = threading.Thread(target=come, args=(pool,))
        arrivals.start()
        try:
            yield wrong
        finally:
            halt.set()
            arrivals.join(30)
    wrong += [error for one in coming if (error := one.result())]


def test_newcomers_see_nothing_of_a_hold_and_of_another_target(
    running: Running, servers: tuple[postgres.Postgres, postgres.Postgres]
) -> None:
    """PgBouncer turns newcomers away while it takes the last login at the server for failed, as it does of one that a PAUSE cut off."""
    with newcomers(running) as wrong, running.console() as console:
        for number in range(12):
            # Servers that are let go are replaced by new ones: there is nearly always a login under way.
            console.reload()
            console.pause("orders", seconds=5)
            server, side = ((servers[1], "aws"), (servers[0], "heroku"))[number % 2]
            running.secret = config.dump(replace(document(servers[0]), databases={"orders": target(server, side)}))
            running.door.rewrite()
            console.release(["orders"])

    assert wrong == []


def test_newcomers_see_nothing_of_a_hold_that_was_given_up(running: Running) -> None:
    with newcomers(running) as wrong, running.console() as console:
        for _ in range(12):
            console.reload()
            console.pause("orders", seconds=5)
            console.resume("orders")

    assert wrong == []


def test_newcomers_see_nothing_of_a_configuration_that_is_read_again(running: Running) -> None:
    with newcomers(running) as wrong, running.console() as console:
        for _ in range(12):
            console.reload()
            running.place()

    assert wrong == []


def test_a_pooler_that_starts_while_a_switch_is_under_way_holds_newcomers_too(
    server_folder: Path, servers: tuple[postgres.Postgres, postgres.Postgres]
) -> None:
    running = Running(server_folder, replace(document(servers[0]), held=("orders",)))
    try:
        with newcomers(running) as wrong, running.console() as console:
            processes.wait_until(
                lambda: sum(int(row["cl_waiting"]) for row in console.pools()) > 20, seconds=10, what="held newcomers"
            )
            console.release(["orders"])
            assert running.place() == "old"
    finally:
        running.stop()

    assert wrong == []


def test_a_controller_killed_while_it_pauses_leaves_no_pooler_that_cannot_grow(running: Running) -> None:
    with running.console() as console:
        console._run("SET default_pool_size = 0", 5)
        console.resume("orders")

        assert console._pool_size() == POOL_SIZE


def test_a_rotated_credential_is_taken_without_anybody_asking(
    server_folder: Path, servers: tuple[postgres.Postgres, postgres.Postgres]
) -> None:
    first = document(servers[0])
    sourced = replace(first, databases={"orders": replace(first.databases["orders"], source=("shop", "DATABASE_URL"))})
    running = Running(server_folder, sourced)
    try:
        with servers[0].connect() as connection:
            connection.execute("create role rotated login password 'fresh' in role app")
            connection.execute("grant select on all tables in schema public to rotated")
        running.pooler._resolve = lambda app, var: Secret(servers[0].url("app", "rotated", "fresh"))
        running.pooler.refresh()

        assert running.pooler.served.databases["orders"].user == "rotated"
    finally:
        running.stop()


def test_a_reload_asks_nobody_and_keeps_what_was_resolved(
    server_folder: Path, servers: tuple[postgres.Postgres, postgres.Postgres]
) -> None:
    """Writers are held while the pooler reloads, so Heroku is not asked, and a database that stays keeps its fresh credential."""
    first = document(servers[0])
    orders = replace(first.databases["orders"], source=("shop", "DATABASE_URL"))
    both = replace(
        first,
        databases={"orders": orders, "stock": replace(orders, source=("stock", "DATABASE_URL"))},
        clients={**first.clients, "stock": Secret("x")},
    )
    running = Running(server_folder, both)
    asked: list[str] = []

    def resolve(app: str, config_var: str) -> Secret:
        asked.append(app)
        return Secret(servers[0].url("app", f"fresh-{app}", "fresh"))

    try:
        running.pooler._resolve = resolve
        running.pooler.refresh()
        assert asked == ["shop", "stock"]
        asked.clear()
        moved = replace(both, databases={**both.databases, "orders": target(servers[1], "aws")})
        running.secret = config.dump(moved)
        running.door.rewrite()

        assert asked == []
        served = running.pooler.served.databases
        assert (served["orders"].side, served["orders"].port) == ("aws", servers[1].port)
        assert served["stock"].user == "fresh-stock"

        running.secret = config.dump(both)
        running.door.rewrite()
        assert running.pooler.served.databases["orders"].user == "app"
    finally:
        running.stop()


def test_the_door_wants_its_token(running: Running) -> None:
    with pytest.raises(CredentialsRejectedError):
        Door("127.0.0.1", running.control, Secret("wrong")).state()


def test_a_malformed_secret_is_refused_and_the_old_document_stays(running: Running) -> None:
    before = running.pooler.served
    running.secret = Secret('{"databases": 1}')
    with pytest.raises(UsageError):
        running.pooler.take_document()

    assert running.pooler.served == before
