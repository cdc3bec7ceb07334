"""How does a rehearsal drive offramp? As a person would: by its commands, in a process of its own that may be killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import OutsideError
from .ground import Ground

EXIT_ASKED = 3
KILLED = -signal.SIGKILL
# A command that says nothing for this long is stuck; the longest single wait of a rehearsal is a stack's creation.
SILENCE_SECONDS = 240.0

EventHook = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one command ended: its exit status and the last object it printed."""

    command: tuple[str, ...]
    status: int
    answer: Mapping[str, Any]

    @property
    def killed(self) -> bool:
        return self.status == KILLED

    @property
    def asked(self) -> str | None:
        """The decision that a person must make, when the command stopped at one."""
        stopped = self.answer.get("stopped_at") or {}
        decision = stopped.get("decision")
        return str(decision) if self.status == EXIT_ASKED and decision else None


@dataclass
class Controller:
    """``offramp --dir WORK --json COMMAND ...`` as a child process; every event is handed on as it is printed."""

    ground: Ground
    on_event: EventHook
    _running: subprocess.Popen[str] | None = field(default=None, repr=False)

    def run(self, *command: str) -> Outcome:
        """Run one command to its end. Raises OutsideError when it falls silent for too long."""
        log = (self.ground.folder / "controller.log").open("a")
        with (
            log,
            subprocess.Popen(
                [sys.executable, "-m", "offramp", "--dir", str(self.ground.work), "--json", *command],
                env=self.ground.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            self._running = process
            watchdog = _Watchdog(process)
            last: Mapping[str, Any] = {}
            assert process.stdout is not None
            with (self.ground.folder / "events.jsonl").open("a") as events:
                for line in process.stdout:
                    watchdog.heard()
                    events.write(line)
                    last = json.loads(line)
                    if last.get("schema") == "offramp/event/1":
                        self.on_event(last)
            status = process.wait()
            watchdog.stop()
        self._running = None
        if watchdog.barked:
            raise OutsideError(f"`offramp {' '.join(command)}` said nothing for {SILENCE_SECONDS:g} s.")
        return Outcome(command, status, last)

    def kill(self) -> None:
        """Kill the running command as a crash would. Safe to call from an event hook."""
        if self._running is not None:
            self._running.kill()


class _Watchdog:
    """Kills a process that has printed nothing for too long."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._news = threading.Event()
        self._over = False
        self.barked = False
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while not self._over:
            if not self._news.wait(SILENCE_SECONDS):
                self.barked = True
                self._process.kill()
                return
            self._news.clear()

    def heard(self) -> None:
        self._news.set()

    def stop(self) -> None:
        self._over = True
        self._news.set()
