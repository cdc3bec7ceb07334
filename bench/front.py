"""Applications that write through a pooler: how many of their requests fail, and how long can nobody write?"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.pooler import config
from offramp.pooler.serve import Pooler
from offramp.postgres import Console
from offramp.rehearsal.servers import programs
from offramp.rehearsal.servers.ports import free_port, listening

from .clusters import HOST, Side

CLIENT = "app"
INSERT = "insert into bulk (id, n, v) values (%s, 0, 'written while the switch was on its way')"


@dataclass
class Front:
    """One PgBouncer before the database that is primary now."""

    pooler: Pooler
    document: list[config.PoolerConfig]
    port: int

    @property
    def url(self) -> str:
        return f"postgres://{CLIENT}:{CLIENT}@{HOST}:{self.port}/{CLIENT}?connect_timeout=5"

    @contextmanager
    def console(self) -> Iterator[Console]:
        served = self.document[0]
        words = quote(served.admin_user), quote(served.admin_password.reveal())
        with Console(Secret(f"postgres://{words[0]}:{words[1]}@{HOST}:{self.port}/pgbouncer")) as console:
            yield console

    def point(self, console: Console, side: Side) -> None:
        """Let everybody who is held go there."""
        self.document[0] = _document(side)
        self.pooler.take_document()
        console.release([])


def _document(side: Side) -> config.PoolerConfig:
    return config.PoolerConfig(
        {CLIENT: config.target_from_url(Secret(side.url), "heroku")},
        {CLIENT: Secret(CLIENT)}, "admin", Secret("admin"), Secret("token"), 16,
    )  # fmt: skip


@contextmanager
def front(folder: Path, side: Side) -> Iterator[Front]:
    document, port = [_document(side)], free_port(HOST)
    pooler = Pooler(
        fetch=lambda: config.dump(document[0]), resolve=None, folder=processes.own_directory(folder), address=HOST, port=port,
        binary=programs.pgbouncer(), log=lambda *_, **__: None,
    )  # fmt: skip
    pooler.start()
    processes.wait_until(lambda: listening(HOST, port), seconds=10, what="PgBouncer")
    try:
        yield Front(pooler, document, port)
    finally:
        stop = threading.Event()
        stop.set()
        pooler.wait(stop)


@dataclass
class Writers:
    """``count`` applications that write ``rate`` rows a second in all. ``url`` may change: that is a redeploy."""

    url: Callable[[], str]
    count: int = 8
    rate: float = 500
    acknowledged: list[list[int]] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    maintenance: threading.Event = field(default_factory=threading.Event)
    """While set, every request is answered by a maintenance page."""
    _halt: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Writers:
        self.acknowledged, self.failed = [[] for _ in range(self.count)], [0] * self.count
        self._threads = [threading.Thread(target=self._run, args=(at,), daemon=True) for at in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self, at: int) -> None:
        number, pause, connection, used = (at + 1) * 10_000_000, self.count / self.rate, None, ""
        due = time.monotonic()
        while not self._halt.is_set():
            due = max(due + pause, time.monotonic() - 1)
            self._halt.wait(max(due - time.monotonic(), 0))
            number += 1
            if self.maintenance.is_set():
                self.failed[at] += 1
                continue
            try:
                if connection is None or used != self.url():
                    used = self.url()
                    connection = psycopg.connect(used, autocommit=True, prepare_threshold=None)
                connection.execute(INSERT, (number,))
            except psycopg.Error:
                self.failed[at] += 1
                if connection is not None and connection.broken:
                    connection = None
                continue
            self.acknowledged[at].append(number)
            self.moments.append(time.monotonic())

    def gap(self) -> float:
        """The longest time in which nobody's write was acknowledged."""
        moments = sorted(self.moments)
        return max((after - before for before, after in itertools.pairwise(moments)), default=0.0)

    def lost(self, side: Side) -> int:
        """How many acknowledged writes are not there."""
        with side.connect() as reader:
            there = {row[0] for row in reader.execute("select id from bulk where id >= 10000000")}
        return sum(number not in there for numbers in self.acknowledged for number in numbers)
