"""A pair of real databases as somebody sees them who only has ``offramp pump`` and two URLs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from pump_world import Pair, until

from offramp.kit import processes
from offramp.pump import standalone
from offramp.pump.places import place
from offramp.pump.standalone import Overview
from offramp.rehearsal.servers import programs

COMMAND = (sys.executable, "-m", "offramp", "pump")


@dataclass(frozen=True)
class Said:
    """What one command came to."""

    status: int
    out: str
    err: str

    @property
    def body(self) -> dict[str, Any]:
        """The envelope of ``--json``."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found

    @property
    def everything(self) -> str:
        return self.out + self.err


@dataclass
class Running:
    """One ``offramp pump start``; its words go to ``log``."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop as Ctrl-C does, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@dataclass
class Alone:
    """The commands, run against one pair that the environment names."""

    pair: Pair
    running: list[Running] = field(default_factory=list)

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "OFFRAMP_SOURCE_URL": self.pair.source_url,
            "OFFRAMP_TARGET_URL": self.pair.target_url,
            "OFFRAMP_PG_BIN": str(programs.dump_tools(self.pair.world.source.major)),
        }

    def run(self, *words: str, environ: Mapping[str, str] | None = None) -> Said:
        """Run one command to its end, without a terminal."""
        done = subprocess.run(
            [*COMMAND, *words],
            env=dict(environ if environ is not None else self.environ),
            cwd=self.pair.world.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def met(self, *words: str) -> dict[str, Any]:
        """Run one command that must succeed and return its envelope."""
        said = self.run(*words, "--json")
        assert said.status == 0, said.everything
        return said.body

    def start(self, *words: str, environ: Mapping[str, str] | None = None) -> Running:
        """Let a pump run; it asks nobody."""
        log = self.pair.world.folder / f"{self.pair.name}-alone-{len(self.running)}.log"
        command: Sequence[str] = (*COMMAND, "start", "--owner", self.pair.owner, "--yes", *words)
        started = Running(
            processes.spawn(command, env=environ or self.environ, cwd=self.pair.world.folder, log=log), log
        )
        self.running.append(started)
        return started

    def seen(self) -> Overview:
        """What ``status`` would tell, without starting a program for it."""
        source = place("source", self.pair.source_url, None, {})
        target = place("target", self.pair.target_url, None, {})
        return standalone.look(standalone.Pair("main", source, target))

    def wait_live(self, direction: str = "forward", epoch: int = 0) -> None:
        """Wait until the link in force is live and a pump runs it."""

        def live() -> bool:
            self.demand_running()
            seen = self.seen()
            return (
                seen.running
                and seen.link is not None
                and (seen.link.phase, seen.link.link.direction, seen.link.link.epoch) == ("live", direction, epoch)
            )

        until(live, f"a live link {direction} {epoch}", seconds=60)

    def demand_running(self) -> None:
        if self.running and self.running[-1].process.poll() not in (None, 0, -signal.SIGKILL):
            raise AssertionError(self.running[-1].log.read_text()[-2000:])

    def writes(self, side: str) -> bool:
        """Whether the application may write on that side; False when it is fenced."""
        try:
            self.execute(side, "insert into public.topic (title) values ('may I')")
        except psycopg.errors.ReadOnlySqlTransaction:
            return False
        return True

    def execute(self, side: str, statement: str) -> None:
        """Run one statement as the application's own role."""
        with psycopg.connect(self.app_url(side), autocommit=True) as app:
            app.execute(statement.encode())

    def app_url(self, side: str) -> str:
        if side == "source":
            return self.pair.source_url
        return self.pair.world.target.url(self.pair.name, self.pair.owner, "owner")

    def close(self) -> None:
        for running in self.running:
            if running.process.poll() is None:
                running.kill()
