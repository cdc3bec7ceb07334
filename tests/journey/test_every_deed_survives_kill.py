"""Killed after or before any deed of any stage, does running again converge? The whole journey, one deed per life of the controller."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offramp.load import samples
from offramp.load.summary import summary
from offramp.rehearsal import settings
from offramp.rehearsal.evidence import heroku_left
from offramp.rehearsal.ground import Ground
from offramp.rehearsal.operator import Operator
from offramp.rehearsal.options import EXAMPLE
from offramp.rehearsal.traffic import Traffic

MOST_LIVES = 200
SECONDS = 120
ANSWERS = {"design/blueprint": "approve", "shift/start": "approve", "cutover/main": "go", "retire": "approve"}


@pytest.fixture
def ground(server_folder: Path) -> Iterator[Ground]:
    made = Ground(server_folder, EXAMPLE.resolve(), rows=2000, seed=1)
    try:
        made.start()
        settings.write(made, bake_seconds=1)
        yield made
    finally:
        made.stop()


@pytest.fixture
def traffic(ground: Ground) -> Iterator[Traffic]:
    """A little traffic: a share of the domains is only baked while somebody asks for them."""
    made = Traffic(ground, rate=15, seed=1)
    made.start()
    yield made
    made.stop()


def live(ground: Ground, crash_at: str | None, *words: str) -> tuple[int, dict[str, Any], int]:
    """Run one controller; return its exit status, its last object, and how many deeds it began."""
    crash = ["--crash-at", crash_at] if crash_at else []
    command = [sys.executable, "-m", "offramp", "--dir", str(ground.work), "--json", *words, *crash]
    try:
        done = subprocess.run(command, env=ground.environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode() if isinstance(error.stdout, bytes) else str(error.stdout)
        raise AssertionError(f"`offramp {' '.join(words)}` did not end; it said last: {said[-1500:]}") from None
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines[-1] if lines else {}, sum(line.get("event") == "deed-began" for line in lines)


@pytest.mark.timeout(600)
def test_a_controller_that_dies_at_every_deed_still_arrives(ground: Ground, traffic: Traffic) -> None:
    """Lives end in turn just after a deed that the journal never saw ended, and just before the deed that follows one."""
    deaths = {"after": 0, "before": 0}
    goals: set[str] = set()
    for life in range(MOST_LIVES):
        when = "after" if life % 2 else "before"
        status, last, _ = live(ground, f"*:{when}:{1 if when == 'after' else 2}", "run", "--yes")
        if status == -signal.SIGKILL:
            deaths[when] += 1
            continue
        assert status in (0, 3), last
        goals |= {goal["name"] for stage in last["stages"] for goal in stage["goals"]}
        if status == 0:
            break
        decision = last["stopped_at"]["decision"]
        if decision == "design/blueprint":
            ground.publish_images()
        assert live(ground, None, "decide", decision, ANSWERS[decision])[0] == 0
    else:
        raise AssertionError(f"the journey did not end in {MOST_LIVES} lives")

    traffic.stop()
    felt = summary(samples.read(traffic.samples))
    assert felt.failed == 0, felt.failures[:3]
    left = heroku_left(ground, Operator(ground))
    assert (left.dynos, left.addons, left.capture_objects) == (0, 0, 0), left.names
    assert deaths["after"] >= 25
    assert deaths["before"] >= 15
    assert {goal.partition("/")[0] for goal in goals} == {
        "discover", "assess", "design", "provision", "deploy", "shift", "replicate", "cutover", "retire",
    }  # fmt: skip
