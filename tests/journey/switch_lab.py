"""A switch without clouds: two real databases, PgBouncer, links, a writer; and a controller that can be killed at any move.

``main(FOLDER, perform|settle, DIRECTION, EPOCH, POINT)`` is the controller, a process of its own: it kills itself at POINT.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import psycopg
from nursery import Child, Nursery

from offramp import postgres as pg
from offramp import pump
from offramp.cutover import settle
from offramp.cutover.switching import Pair, Switching
from offramp.design.model import Blueprint, CutoverPlan
from offramp.kit import processes
from offramp.kit.clock import SystemClock
from offramp.kit.secret import Secret
from offramp.pooler import config
from offramp.pooler.client import Door
from offramp.pooler.config import PoolerConfig
from offramp.pooler.serve import Pooler, control_server
from offramp.postgres import Console
from offramp.pump import Link
from offramp.rehearsal.servers import ports, postgres, programs

UNIT = Path(__file__).parents[1] / "unit"
Direction = Literal["forward", "reverse"]
NAMES = ("orders", "stock")
DEADLINE_SECONDS = 20.0


def blueprint() -> Blueprint:
    sys.path.insert(0, str(UNIT))
    import blueprints

    return replace(
        blueprints.blueprint(), cutover=replace(blueprints.blueprint().cutover, deadline_seconds=DEADLINE_SECONDS)
    )


@dataclass
class Lab:
    """Everything that outlives a controller. Both clouds are one server each; two databases switch together."""

    folder: Path
    heroku: postgres.Postgres
    rds: postgres.Postgres
    pooler: Pooler | None = None
    port: int = field(default_factory=ports.free_port)
    control: int = field(default_factory=ports.free_port)
    links: dict[str, Child] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """Ports that stand between somebody and a server, by ``controller/heroku`` and so on; the server's own where there is none."""

    @cached_property
    def nursery(self) -> Nursery:
        return Nursery(self.folder)

    @property
    def document_file(self) -> Path:
        return self.folder / "pooler.json"

    def url(self, side: str, name: str, who: str = "lab") -> Secret:
        """The controller's URL: the owner's on Heroku, the master's on AWS."""
        return self._url(side, name, "owner" if side == "heroku" else "master", who)

    def app_url(self, side: str, name: str, who: str = "lab") -> Secret:
        return self._url(side, name, "owner" if side == "heroku" else "app", who)

    def _url(self, side: str, name: str, user: str, who: str) -> Secret:
        server = self.heroku if side == "heroku" else self.rds
        port = self.lines.get(f"{who}/{side}", server.port)
        return Secret(server.url(name, user, user).replace(f":{server.port}/", f":{port}/"))

    def first_document(self) -> PoolerConfig:
        return PoolerConfig(
            databases={
                name: config.target_from_url(self.app_url("heroku", name, "pooler"), "heroku") for name in NAMES
            },
            clients={name: Secret("client") for name in NAMES},
            admin_user="controller",
            admin_password=Secret("admin"),
            control_token=Secret("token"),
            pool_size=8,
        )

    def make(self) -> None:
        with self.heroku.connect() as conn:
            conn.execute("create role owner login password 'owner'")
            for name in NAMES:
                conn.execute(f"create database {name} owner owner")
        with self.rds.connect() as conn:
            conn.execute("create role master login password 'master' createdb createrole")
            conn.execute("create role app login password 'app'")
            conn.execute("grant app to master with inherit true, set true")
            conn.execute("grant set on parameter session_replication_role to master")
            for name in NAMES:
                conn.execute(f"create database {name} owner app")
        for name in NAMES:
            with psycopg.connect(self.url("heroku", name).reveal(), autocommit=True) as conn:
                conn.execute("create table parent (id bigserial primary key, label text not null)")
                conn.execute(
                    "create table entry (id bigserial primary key, token text not null,"
                    " parent bigint not null references parent on delete cascade, version int not null default 0)"
                )
                conn.execute("create table trail (token text, at timestamptz default now())")
                conn.execute("insert into parent (label) select 'p' || n from generate_series(1, 50) n")
                conn.execute(
                    "insert into entry (token, parent) select 'seed' || n, 1 + n % 50 from generate_series(1, 2000) n"
                )
        self.document_file.write_text(config.dump(self.first_document()).reveal())
        (self.folder / "lab.json").write_text(json.dumps(self.settings()))

    def settings(self) -> dict[str, object]:
        return {
            "heroku": [self.heroku.port, self.heroku.password],
            "rds": [self.rds.port, self.rds.password],
            "port": self.port,
            "control": self.control,
            "lines": self.lines,
        }

    def start_pooler(self) -> None:
        folder = processes.own_directory(self.folder / "pooler")
        self.pooler = Pooler(
            fetch=lambda: Secret(self.document_file.read_text()),
            resolve=None,
            folder=folder,
            address="127.0.0.1",
            port=self.port,
            binary=programs.pgbouncer(),
            log=lambda *_, **__: None,
        )
        self.pooler.start()
        self._door = control_server(self.pooler, "127.0.0.1", self.control)
        threading.Thread(target=self._door.serve_forever, daemon=True).start()
        processes.wait_until(lambda: ports.listening("127.0.0.1", self.port), seconds=10, what="PgBouncer")

    def kill_pooler(self) -> None:
        """PgBouncer dies, and its task with it."""
        assert self.pooler is not None
        os.kill(self.pooler.pid, signal.SIGKILL)
        self._end_pooler()

    def _end_pooler(self) -> None:
        assert self.pooler is not None
        self._door.shutdown()
        self._door.server_close()
        stop = threading.Event()
        stop.set()
        self.pooler.wait(stop)
        self.pooler = None

    def start_links(self, direction: Direction, epoch: int) -> None:
        """What the stage `replicate` does: end every other link, run this one, for both databases."""
        self.stop_links()
        for name in NAMES:
            self._start_link(name, direction, epoch)

    def _start_link(self, name: str, direction: Direction, epoch: int) -> None:
        heroku, rds = self.url("heroku", name, "link").reveal(), self.url("aws", name, "link").reveal()
        source, target = (heroku, rds) if direction == "forward" else (rds, heroku)
        self.links[name] = self.nursery.fork(
            "link",
            ["--name", name, "--direction", direction, "--epoch", str(epoch)],
            log=self.folder / f"link-{name}.log",
            env={
                "SOURCE_URL": source,
                "TARGET_URL": target,
                "TARGET_OWNER": "app" if direction == "forward" else "owner",
                "OFFRAMP_PG_BIN": str(programs.dump_tools(self.heroku.major)),
            },
        )

    def wait_live(self, direction: Direction, epoch: int, seconds: float = 30) -> None:
        receiver = "aws" if direction == "forward" else "heroku"

        def live() -> bool:
            for name in NAMES:
                if self.links[name].poll() is not None:
                    self._start_link(name, direction, epoch)  # As ECS does.
                with pg.connect(self.url(receiver, name), application_name="offramp lab") as conn:
                    found = pump.status(conn, Link(name, direction, epoch))
                    # A link that was armed a moment ago counts as live before anybody runs it.
                    runs = pump.runner(conn, Link(name, direction, epoch))
                if not runs or found is None or found.phase != "live" or found.beat_age_seconds > 5:
                    return False
            return True

        try:
            processes.wait_until(live, seconds=seconds, what=f"the {direction} links of epoch {epoch}", every=0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}; the links say: {self.link_logs()}") from error

    def link_logs(self) -> str:
        return "".join((self.folder / f"link-{name}.log").read_text()[-1500:] for name in NAMES)

    def stop_links(self) -> None:
        for link in self.links.values():
            link.stop()
        self.links.clear()

    def begin(self, what: str, direction: Direction, epoch: int, point: str = "") -> Child:
        """Start a controller that does not kill itself: it waits at ``point`` until ``go_on``."""
        for mark in (self.reached, self.go_on):
            mark.unlink(missing_ok=True)
        return self._controller(what, direction, epoch, f"wait {point}")

    def _controller(self, what: str, direction: Direction, epoch: int, point: str) -> Child:
        log = self.folder / "controller.log"
        log.unlink(missing_ok=True)
        return self.nursery.fork("controller", [str(self.folder), what, direction, str(epoch), point], log)

    @property
    def reached(self) -> Path:
        return self.folder / "reached"

    @property
    def go_on(self) -> Path:
        return self.folder / "go-on"

    def controller(self, what: str, direction: Direction, epoch: int, point: str = "") -> int:
        done = self._controller(what, direction, epoch, point)
        status = done.wait(90)
        if status not in (0, -signal.SIGKILL):
            raise AssertionError(done.said()[-3000:])
        return status

    def primary(self) -> tuple[str, int]:
        """Who is primary by the deciding record, and the epoch."""
        with pg.connect(self.url("aws", NAMES[0]), application_name="offramp lab") as conn:
            record = pump.read_switch(conn)
        if record is None:
            return "heroku", 0
        assert record.state == "committed", "an unfinished switch was left"
        return ("aws" if record.direction == "forward" else "heroku"), record.epoch

    def sides(self) -> set[str]:
        return set(Door("127.0.0.1", self.control, Secret("token")).state().sides.values())

    def close(self) -> None:
        self.stop_links()
        self.nursery.close()
        if self.pooler:
            self._end_pooler()


class Writers(threading.Thread):
    """Writes through the pooler as applications do, and remembers every acknowledged write."""

    def __init__(self, port: int, pause_seconds: float = 0.01) -> None:
        super().__init__(name="writers", daemon=True)
        self.port, self.pause_seconds = port, pause_seconds
        # Several of them may write to one lab, one after the other.
        self.mark = secrets.token_hex(3)
        self.acknowledged: dict[str, list[str]] = {name: [] for name in NAMES}
        self.errors: list[str] = []
        self.halt = threading.Event()

    def run(self) -> None:
        with ExitStack() as stack:
            connections = {
                name: stack.enter_context(
                    psycopg.connect(
                        f"postgres://{name}:client@127.0.0.1:{self.port}/{name}",
                        autocommit=True,
                        prepare_threshold=None,
                    )
                )
                for name in NAMES
            }
            number = 0
            while not self.halt.is_set():
                for name, conn in connections.items():
                    number += 1
                    token = f"w{self.mark}-{number}"
                    try:
                        with conn.transaction():
                            conn.execute("insert into entry (token, parent) values (%s, 1 + %s %% 50)", (token, number))
                            conn.execute(
                                "update entry set version = version + 1 where id = (select 1 + %s %% 1000)", (number,)
                            )
                            conn.execute("insert into trail (token) values (%s)", (token,))
                    except psycopg.Error as error:
                        self.errors.append(f"{name} {token}: {error}")
                        return
                    self.acknowledged[name].append(token)
                time.sleep(self.pause_seconds)  # A rate, not a wait: about 150 transactions a second with 10 ms.


def lost(lab: Lab, writers: Writers, side: str) -> list[str]:
    """Return acknowledged writes that are missing or doubled on ``side``."""
    found = []
    for name in NAMES:
        with psycopg.connect(lab.app_url(side, name).reveal(), autocommit=True) as conn:
            for table in ("entry", "trail"):
                rows: dict[str, int] = dict(
                    conn.execute(f"select token, count(*) from {table} where token like 'w%' group by token").fetchall()
                )
                found += [
                    f"{name}.{table} {token} x{rows.get(token, 0)}"
                    for token in writers.acknowledged[name]
                    if rows.get(token, 0) != 1
                ]
    return found


def write(file: Path, document: PoolerConfig) -> None:
    part = file.with_suffix(".part")
    part.write_text(config.dump(document).reveal())
    part.rename(file)


@contextmanager
def switching(folder: Path, direction: Direction, epoch: int, plan: CutoverPlan | None = None) -> Iterator[Switching]:
    """The controller's hands, as ``offramp.cutover.open`` makes them from clouds."""
    settings = json.loads((folder / "lab.json").read_text())
    heroku = postgres.Postgres(folder / "heroku", programs.source_postgres(), port=settings["heroku"][0], tls=True)
    rds = postgres.Postgres(folder / "rds", programs.target_postgres(), port=settings["rds"][0])
    lab = Lab(folder, heroku, rds, port=settings["port"], control=settings["control"], lines=settings["lines"])
    want = replace(blueprint(), cutover=plan) if plan else blueprint()
    back: Direction = "reverse" if direction == "forward" else "forward"
    with ExitStack() as stack:
        pairs = []
        for name in NAMES:
            here, there = (
                stack.enter_context(
                    pg.connect(lab.url(side, name, "controller"), application_name="offramp lab controller")
                )
                for side in ("heroku", "aws")
            )
            origin, receiver = (here, there) if direction == "forward" else (there, here)
            pairs.append(
                Pair(want.database(name), origin, receiver, Link(name, direction, epoch - 1), Link(name, back, epoch))
            )

        def point_pooler() -> str:
            side = "aws" if direction == "forward" else "heroku"
            wanted = replace(
                lab.first_document(),
                databases={name: config.target_from_url(lab.app_url(side, name, "pooler"), side) for name in NAMES},
            )
            write(lab.document_file, wanted)
            return config.digest(wanted)

        def mark_held(begun: bool) -> None:
            document = config.parse(lab.document_file.read_text())
            write(lab.document_file, replace(document, held=NAMES if begun else ()))

        clock = SystemClock()
        yield Switching(
            blueprint=want,
            wave=want.wave("main"),
            direction=direction,
            epoch=epoch,
            pairs=tuple(pairs),
            console=stack.enter_context(Console(Secret(f"postgres://controller:admin@127.0.0.1:{lab.port}/pgbouncer"))),
            door=Door("127.0.0.1", lab.control, Secret("token")),
            point_pooler=point_pooler,
            mark_held=mark_held,
            clock=clock,
            deadline=clock.monotonic() + want.cutover.deadline_seconds,
        )


def main(folder: str, what: str, direction: str, epoch: str, point: str) -> None:
    def interrupt(here: str) -> None:
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)
        if f"wait {here}" == point:
            (Path(folder) / "reached").touch()
            processes.wait_until((Path(folder) / "go-on").exists, seconds=60, what="leave to go on")

    with switching(Path(folder), cast(Direction, direction), int(epoch)) as switch:
        (settle.perform if what == "perform" else settle.settle)(switch, interrupt)
