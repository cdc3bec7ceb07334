"""Is the split of router lines what real servers say themselves? gunicorn with sync and threaded workers, and an event loop.

The event loop is uvicorn where it is installed, else hypercorn, which the emulated AWS brings along.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from bench.latency import open_loop, servers
from bench.latency.open_loop import Kind

from offramp.assess.latency import Facts, splitting, trace

KINDS = (Kind("fast", 0.6, 30), Kind("middle", 0.34, 80), Kind("slow", 0.06, 700))
SECONDS = 10.0


def loop() -> servers.Server:
    if importlib.util.find_spec("uvicorn"):
        return servers.uvicorn(sys.executable, 1)
    if importlib.util.find_spec("hypercorn"):
        return servers.hypercorn(sys.executable, 1)
    pytest.skip("neither uvicorn nor hypercorn is installed")


@pytest.mark.parametrize("rate, workers, threads", [(16, 2, 1), (32, 1, 4)])
def test_workers_in_turn_are_split_as_the_application_times_itself(
    rate: int, workers: int, threads: int, tmp_path: Path
) -> None:
    """With the number of workers that is declared, so that a few hundred requests are enough."""
    pytest.importorskip("gunicorn")
    make = (
        servers.gunicorn_sync if threads == 1 else lambda python, many: servers.gunicorn_threads(python, many, threads)
    )
    measured = servers.measure(make(sys.executable, workers), open_loop.schedule(KINDS, rate, SECONDS, 3), tmp_path)
    requests, _ = trace.from_router(measured.router)
    split, times = splitting.split(requests, Facts(declared_workers=workers * threads))
    app = measured.queue_ms[requests.position]

    assert split.method == "fifo"
    assert split.workers == workers * threads
    assert app.mean() > 20
    assert times.queue.mean() == pytest.approx(float(app.mean()), rel=0.25)
    assert np.quantile(times.queue, 0.95) == pytest.approx(float(np.quantile(app, 0.95)), rel=0.2)


def test_an_event_loop_that_only_waits_has_no_queue(tmp_path: Path) -> None:
    measured = servers.measure(loop(), open_loop.schedule(KINDS, 30, SECONDS, 3), tmp_path)
    requests, _ = trace.from_router(measured.router)
    split, times = splitting.split(requests, Facts())
    beyond = measured.queue_ms[requests.position]

    assert split.method in ("no queue seen", "contention")
    assert abs(float(times.queue.mean() - beyond.mean())) < 25
