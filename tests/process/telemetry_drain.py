"""A receiver as a process of its own, and requests as Logplex makes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import httpx

PASSWORD = "invented"
LINES = 20


class Drain:
    """A receiver into ``folder``, started and listening."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "offramp.telemetry", str(folder), "0"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "OFFRAMP_DRAIN_SECRET": PASSWORD}, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        _, host, port = self.process.stdout.readline().split()
        # One for all: making a client reads the certificates of the world, which takes longer than a request.
        self._client = httpx.Client(timeout=10)
        self.address = f"http://{host}:{port}/kiosk"

    def post(self, body: bytes, frame: str, *, password: str = PASSWORD, token: str = "d.test") -> int:
        """Send one request and return its status."""
        headers = {
            "Logplex-Frame-Id": frame,
            "Logplex-Drain-Token": token,
            "Content-Type": "application/logplex-1",
            "Logplex-Msg-Count": "7",
        }
        return self._client.post(self.address, content=body, headers=headers, auth=("offramp", password)).status_code

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self._close()

    def kill(self, senders: Iterable[threading.Thread] = ()) -> None:
        """Kill it; ``senders`` are in the middle of their posts and end by it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
        for sender in senders:
            sender.join()
        self._close()

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._client.close()


def lines(name: str, count: int = LINES) -> bytes:
    """A body of lines that carry its name."""
    found = (
        f"<190>1 2026-10-05T10:00:00.{number:06d}+00:00 host app web.1 - {name}/{number}\n" for number in range(count)
    )
    return b"".join(b"%d %s" % (len(line), line.encode()) for line in found)
