"""offramp as its users run it: one process between two URLs, a plain owner at the source, a master shaped like RDS' at the target."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from offramp import postgres as pg
from offramp import pump
from offramp.kit import processes
from offramp.kit.secret import Secret
from offramp.pump import Link, LinkStatus

from ..clusters import APP, Side
from ..stage import Stage
from .engine import EngineStuckError, Kind, Steps

# Rows and keys are there when the target has every index of the source, valid, and every table has left its copy.
INDEXES = """
select c.relname, x.indisvalid from pg_index x join pg_class c on c.oid = x.indexrelid
  join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' order by 1
"""
LIVE_SECONDS = 900
# A link waits out every trouble; one that meets it again and again before it is live will not get there.
TROUBLES = 5


class Offramp:
    """``options`` are further words for the command line, such as ``--no-verify``."""

    def __init__(self, stage: Stage, source: Side, target: Side, options: tuple[str, ...] = ()) -> None:
        self._stage, self.source, self.target = stage, source, target
        self.link = Link(source.database, "forward", 0)
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._log = stage.folder / f"link-{source.database}.log"
        self.steps = Steps()
        self.keyed_at: float | None = None

    def prepare(self) -> None:
        """Nothing: the link makes schema and capture by itself."""

    def spawn(self) -> None:
        """Start the process."""
        if self._process is None:
            self._process = processes.spawn(self.command(), env=self._env(), log=self._log)

    def command(self) -> list[str]:
        return [
            sys.executable, "-m", "offramp.pump", "link", "--name", self.link.name, "--direction", "forward",
            "--epoch", "0", *self._options,
        ]  # fmt: skip

    def _env(self) -> dict[str, str]:
        return {
            **self.source.cluster.environ,
            "SOURCE_URL": self.source.url,
            "TARGET_URL": self.target.url,
            "TARGET_OWNER": APP,
            "OFFRAMP_PG_BIN": str(self.source.cluster.binaries),
        }

    def takes(self, option: str) -> bool:
        """Whether the command line knows an option."""
        words = [sys.executable, "-m", "offramp.pump", "link", "--help"]
        return option in processes.run(words, env=dict(self.source.cluster.environ))

    @property
    def pid(self) -> int:
        assert self._process is not None, "the link does not run"
        return self._process.pid

    def start(self) -> None:
        """Returns when the link is live: schema, rows, keys, statistics and capture. ``keyed_at`` notes when rows and keys were."""
        wanted = self._indexes(self.source)
        self.keyed_at = None
        self.spawn()
        with self._receiver() as receiver:
            deadline = time.monotonic() + LIVE_SECONDS
            while True:
                status = pump.status(receiver, self.link)
                if (
                    self.keyed_at is None
                    and status
                    and _copied(status)
                    and receiver.execute(INDEXES).fetchall() == wanted
                ):
                    self.keyed_at = time.monotonic()
                if status and status.phase == "live":
                    break
                self._demand_alive(deadline)
                time.sleep(0.05)
        self.keyed_at = self.keyed_at or time.monotonic()

    def _indexes(self, side: Side) -> list[tuple[object, ...]]:
        with side.connect() as connection:
            return connection.execute(INDEXES).fetchall()

    def _receiver(self) -> pg.Connection:
        return pg.connect(Secret(self.target.url), application_name="bench")

    def _demand_alive(self, deadline: float) -> None:
        ended = self._process is None or self._process.poll() is not None
        tail = self.tail()
        if ended or time.monotonic() > deadline or tail.count('"link interrupted"') > TROUBLES:
            raise EngineStuckError(f"the link {'ended' if ended else 'is not live'}: {tail[-300:]}")

    def tail(self) -> str:
        """The last events of the link."""
        return self._log.read_text()[-1500:] if self._log.exists() else ""

    def status(self) -> LinkStatus | None:
        with self._receiver() as receiver:
            return pump.status(receiver, self.link)

    def pause(self) -> None:
        if self._process:
            processes.stop(self._process, seconds=60)
            self._process = None

    def resume(self) -> None:
        self.spawn()

    def drop(self) -> None:
        self.pause()
        for side in (self.source, self.target):
            with pg.connect(Secret(side.url), application_name="bench") as connection:
                pump.remove(connection)


def _copied(status: LinkStatus) -> bool:
    return bool(status.tables) and all(table.state != "copy" for table in status.tables)


def peak_memory(pid: int) -> int:
    """The highest resident size of a process so far, in bytes (VmHWM); 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


class Alone(Offramp):
    """The same by the commands for people who move one database only."""

    def command(self) -> list[str]:
        return [
            *self._offramp("start"), "--owner", APP, "--pg-bin", str(self.source.cluster.binaries), *self._options,
        ]  # fmt: skip

    def _offramp(self, verb: str) -> list[str]:
        self._step(verb)
        return [str(Path(sys.executable).with_name("offramp")), "pump", verb, "--yes", "--name", self.link.name]

    def _env(self) -> dict[str, str]:
        return {
            **self.source.cluster.environ,
            "OFFRAMP_SOURCE_URL": self.source.url,
            "OFFRAMP_TARGET_URL": self.target.url,
        }

    def _step(self, verb: str) -> None:
        list_of = self.steps.removal if verb == "remove" else self.steps.begin
        list_of.append(f"offramp pump {verb} SOURCE TARGET")

    def drop(self) -> None:
        self.pause()
        processes.run(self._offramp("remove"), env=self._env())


KIND = Kind("offramp", "offramp", Offramp)
ALONE = Kind("offramp", "offramp", Alone)
