"""Does a receiver keep what it acknowledges, once, whatever is sent and whenever it dies?"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from telemetry_drain import LINES, Drain, lines

from offramp.errors import RefusedError
from offramp.kit import processes
from offramp.kit.clock import SystemClock
from offramp.telemetry import segments, serving
from offramp.telemetry.store import Store

NOW = 1_791_200_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def drain(folder: Path) -> Iterator[Drain]:
    started = Drain(folder)
    yield started
    if started.process.poll() is None:
        started.stop()


def texts(folder: Path) -> list[str]:
    with Store(folder) as store:
        return [line.text for line in store.lines(most=1_000_000)]


def test_what_heroku_may_send_is_never_refused_and_a_wrong_password_is(drain: Drain, folder: Path) -> None:
    bodies = (
        lines("good"),
        b"",
        b"\x00\xff binary",
        b"999 <190>1 cut",
        b"no frame at all\n" * 1000,
        lines("wrong")[3:],
    )
    answers = [drain.post(body, f"F{number}") for number, body in enumerate(bodies)]
    without_headers = httpx.post(drain.address, content=lines("bare"), auth=("x", "invented")).status_code
    wrong = drain.post(lines("stranger"), "F9", password="guess")

    assert answers == [204] * len(bodies)
    assert (without_headers, wrong) == (204, 401)
    kept = "\n".join(texts(folder))
    assert "good/19" in kept and "bare/19" in kept and "binary" in kept
    assert "stranger" not in kept


def test_lines_are_the_apps_that_the_drains_address_names(drain: Drain, folder: Path) -> None:
    drain.post(lines("hello"), "A", token="d.0c8f9a52")

    with Store(folder) as store:
        assert store.apps() == ("kiosk",)


def test_a_repeated_frame_is_kept_once_across_a_restart_and_a_seal(drain: Drain, folder: Path) -> None:
    assert [drain.post(lines("one"), "SAME"), drain.post(lines("one"), "SAME")] == [204, 204]
    drain.kill()
    second = Drain(folder)
    assert second.post(lines("one"), "SAME") == 204
    second.stop()
    with Store(folder) as store:
        assert store.seal(now=time.time()) == LINES
    third = Drain(folder)
    assert third.post(lines("one"), "SAME") == 204
    third.stop()

    assert len(texts(folder)) == LINES


def test_a_torn_request_is_cut_off_and_counted(drain: Drain, folder: Path) -> None:
    drain.post(lines("whole"), "A")
    drain.kill()
    (segment,) = segments.listed(folder)
    segment.write_bytes(segment.read_bytes() + segments.encode(segments.Record("t", "B", 1, lines("torn")))[:-5])
    torn = segment.stat().st_size

    after = Drain(folder)
    after.post(lines("later"), "C")
    after.stop()

    assert len(texts(folder)) == 2 * LINES
    with Store(folder) as store:
        assert 0 < store.coverage().torn_bytes < torn


def test_a_second_receiver_into_the_same_folder_is_refused(drain: Drain, folder: Path) -> None:
    with pytest.raises(RefusedError, match="Another process"):
        serving.run(folder, host="127.0.0.1", port=0, secret=None, clock=SystemClock())


def test_strangers_are_not_listened_to_without_a_password(folder: Path) -> None:
    with pytest.raises(RefusedError, match=r"0\.0\.0\.0"):
        serving.run(folder, host="0.0.0.0", port=0, secret=None, clock=SystemClock())


def test_lines_are_followed_as_they_come_in(drain: Drain, folder: Path) -> None:
    drain.post(lines("before"), "A")
    waited: list[int] = []

    def wait() -> bool:
        waited.append(drain.post(lines("during", 3), f"B{len(waited)}"))
        return len(waited) < 3

    with Store(folder) as store:
        found = [line.text for line in store.follow(("kiosk",), wait)]

    assert found[:3] == ["during/0", "during/1", "during/2"]
    assert not [text for text in found if text.startswith("before")]


def test_nothing_acknowledged_is_lost_over_kills_and_nothing_is_kept_twice(folder: Path) -> None:
    """Five of the kills; the bench makes twenty."""
    acknowledged: set[str] = set()
    moments, again = random.Random(7), list[str]()
    for _ in range(5):
        drain, lock, failed = Drain(folder), threading.Lock(), list[str]()
        threads = [
            threading.Thread(target=send, args=(drain, again[place::4], acknowledged, failed, lock))
            for place in range(4)
        ]
        for thread in threads:
            thread.start()
        enough = len(acknowledged) + moments.randrange(1, 12)
        processes.wait_until(lambda enough=enough: len(acknowledged) >= enough, seconds=30, what="an answer")
        drain.kill(threads)
        again = failed

    kept = Counter(texts(folder))

    assert len(acknowledged) >= 5
    assert not [name for name in acknowledged for number in range(LINES) if kept[f"{name}/{number}"] != 1]
    assert max(kept.values()) == 1


def send(drain: Drain, first: list[str], acknowledged: set[str], failed: list[str], lock: threading.Lock) -> None:
    """Send until the receiver is gone; what was not answered is sent again to the next one, as Logplex does."""
    while True:
        name = first.pop() if first else uuid.uuid4().hex
        try:
            drain.post(lines(name), name)
        except httpx.HTTPError:
            with lock:
                failed += [name, *first]
            return
        with lock:
            acknowledged.add(name)


def test_a_sealer_killed_at_any_moment_leaves_each_line_once(folder: Path) -> None:
    with Store(folder):
        for number in range(6):
            record = segments.encode(segments.Record("kiosk", f"F{number}", 1, lines(f"s{number}", 200)))
            (folder / "wal" / f"{number:020d}.seg").write_bytes(record)
    script = f"from pathlib import Path; from offramp.telemetry import sealer; print('go', flush=True); sealer.seal(Path({str(folder)!r}), now={NOW})"
    moments = random.Random(3)
    for _ in range(3):
        sealer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert sealer.stdout is not None
        sealer.stdout.readline()
        try:
            sealer.wait(moments.random() / 3)
        except subprocess.TimeoutExpired:
            os.kill(sealer.pid, signal.SIGKILL)
            sealer.wait()
        sealer.stdout.close()
        assert len(texts(folder)) == 6 * 200

    with Store(folder) as store:
        store.seal(now=NOW)
        assert store.coverage().lines == 6 * 200
    assert set(Counter(texts(folder)).values()) == {1}
    assert segments.listed(folder) == []
    named = {str(path) for path in folder.glob("sealed/*/*")}
    with Store(folder) as store:
        assert len(named) == store.coverage().files
