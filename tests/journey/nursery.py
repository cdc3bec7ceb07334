"""How do a controller or a link begin at once? They are forked from a process that has imported everything already.

Most of what a cell of the matrix took went by while two controllers and four links imported their modules. What is forked is a
process of its own, killed by its own pid; ``python nursery.py FD FOLDER`` is the process that forks and waits for what it forked.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.01


@dataclass(eq=False)
class Child:
    """A forked process, with the part of ``Popen``'s ways that its users need."""

    nursery: Nursery
    pid: int
    log: Path
    returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            answer = self.nursery.ask({"poll": self.pid})["status"]
            assert answer is None or isinstance(answer, int)
            self.returncode = answer
        return self.returncode

    def wait(self, seconds: float) -> int:
        """Raises ``subprocess.TimeoutExpired`` when it still runs after ``seconds``."""
        deadline = time.monotonic() + seconds
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.log), seconds)
            time.sleep(POLL_SECONDS)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:  # Until it was asked for, the pid is nobody else's.
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def stop(self, seconds: float = 10) -> int:
        """SIGTERM, then SIGKILL for it and what it started."""
        self.send_signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            return self.wait(seconds)

    def said(self) -> str:
        return self.log.read_text(errors="replace")


class Nursery:
    """Forks what it is asked for; all of it ends with it."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._ours, theirs = socket.socketpair()
        with theirs:
            # The folder among its arguments tells whose it is, for whoever looks for what was left running.
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), str(folder)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
            )
        self._lines = self._ours.makefile("rw", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._ours.close()
        self._process.wait(30)

    def fork(self, what: str, arguments: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Child:
        """Start a ``controller`` or a ``link`` with these arguments; its output is appended to ``log``."""
        asked = {"fork": what, "arguments": list(arguments), "log": str(log), "env": dict(env or {})}
        pid = self.ask(asked)["pid"]
        assert isinstance(pid, int)
        return Child(self, pid, log)

    def ask(self, question: Mapping[str, object]) -> dict[str, object]:
        with self._lock:
            self._lines.write(json.dumps(question) + "\n")
            self._lines.flush()
            answer: dict[str, object] = json.loads(self._lines.readline())
        return answer


def _begin(what: str, arguments: Sequence[str], log: str, env: Mapping[str, str]) -> int:
    """In the forked process: become what was asked for, and return its exit status."""
    import switch_lab

    from offramp.pump import __main__ as pump

    os.setsid()
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.environ.update(env)
    try:
        if what == "link":
            return pump.main(["link", *arguments], os.environ)
        switch_lab.main(*arguments)
        return 0
    except BaseException:  # Its output is all that is ever seen of it.
        traceback.print_exc()
        return 1


def serve(fd: int) -> None:
    import switch_lab  # noqa: F401  Imported ahead, for all who are forked.

    from offramp.pump import __main__  # noqa: F401

    running: set[int] = set()
    try:
        _answer(fd, running)
    finally:  # Whoever asked may have gone without waiting for the answer.
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        for pid in running:
            os.waitpid(pid, 0)


def _answer(fd: int, running: set[int]) -> None:
    """Fork and tell, until the other end is closed."""
    with socket.socket(fileno=fd) as line, line.makefile("rw", encoding="utf-8") as lines:
        for text in lines:
            asked = json.loads(text)
            if "fork" in asked:
                pid = os.fork()
                if pid == 0:
                    os.close(fd)
                    status = _begin(asked["fork"], asked["arguments"], asked["log"], asked["env"])
                    sys.stdout.flush()
                    os._exit(status)
                running.add(pid)
                answer: dict[str, object] = {"pid": pid}
            else:
                ended, state = os.waitpid(asked["poll"], os.WNOHANG)
                answer = {"status": os.waitstatus_to_exitcode(state) if ended else None}
                running -= {ended}
            lines.write(json.dumps(answer) + "\n")
            lines.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
