"""Does a receiver that is killed at any moment keep what it acknowledged, once? Real processes, real requests, SIGKILL."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from offramp.telemetry.store import Store

LINES = 100
SENDERS = 16
PASSWORD = "invented-for-the-bench"


@dataclass
class Done:
    """What came of it."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    spent_ms: list[float] = field(default_factory=list)

    @property
    def p50_ms(self) -> float:
        return sorted(self.spent_ms)[len(self.spent_ms) // 2]

    @property
    def p99_ms(self) -> float:
        return sorted(self.spent_ms)[len(self.spent_ms) * 99 // 100]


def body(name: str) -> bytes:
    """A request of ``LINES`` lines that carry its name."""
    lines = (
        f"<190>1 2026-11-16T10:00:00.{number:06d}+00:00 host app web.1 - line {name}/{number}\n"
        for number in range(LINES)
    )
    return b"".join(b"%d %s" % (len(line), line.encode()) for line in lines)


def start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a receiver and return it with its address, once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "offramp.telemetry", str(folder), "0"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "OFFRAMP_DRAIN_SECRET": PASSWORD}, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    _, host, port = process.stdout.readline().split()
    return process, f"http://{host}:{port}/kiosk"


def run(folder: Path, kills: int, *, seed: int = 1, senders: int = SENDERS, seconds: float = 0.6) -> Done:
    """Kill a receiver ``kills`` times while senders send, each repeating what was not acknowledged, as Logplex does; then count."""
    moments, done = random.Random(seed), Done(kills=kills)
    acknowledged: set[str] = set()
    unanswered: list[str] = []
    lock = threading.Lock()
    for _ in range(kills):
        process, address = start(folder)
        stopped = threading.Event()
        again, unanswered = unanswered, []

        def send(
            first: list[str], address: str = address, stopped: threading.Event = stopped, failed: list[str] = unanswered
        ) -> None:
            with httpx.Client(auth=("offramp", PASSWORD), timeout=5) as client:
                while not stopped.is_set():
                    name = first.pop() if first else uuid.uuid4().hex
                    begun = time.monotonic()
                    try:
                        answer = client.post(
                            address,
                            content=body(name),
                            headers={"Logplex-Frame-Id": name, "Logplex-Drain-Token": "d.bench"},
                        )
                    except httpx.HTTPError:
                        with lock:
                            failed.append(name)
                        return
                    with lock:
                        assert answer.status_code == 204, answer.status_code
                        acknowledged.add(name)
                        done.spent_ms.append((time.monotonic() - begun) * 1000)

        shares = [again[place::senders] for place in range(senders)]
        threads = [threading.Thread(target=send, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        stopped.wait(seconds * (0.5 + moments.random()))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        stopped.set()
        for thread in threads:
            thread.join()
        unanswered += [name for share in shares for name in share]
    _count(folder, acknowledged, done)
    return done


def _count(folder: Path, acknowledged: set[str], done: Done) -> None:
    found: dict[str, int] = {}
    with Store(folder) as store:
        store.seal(now=time.time())
        for line in store.lines(most=1 << 40):
            if line.text.startswith("line "):
                found[line.text] = found.get(line.text, 0) + 1
    expected = {f"line {name}/{number}" for name in acknowledged for number in range(LINES)}
    done.acknowledged = len(expected)
    done.lost = len(expected - found.keys())
    done.doubled = sum(count - 1 for count in found.values())
