"""Killed at any move, in any direction: is the wave fully switched or fully back, with every write, and did no client see an error?

Here a seeded sample of the moves; `make soak-switch ARGS="--only controller"` goes through all of them.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from switch_lab import Direction, Lab, Writers, lost

from offramp.cutover.moves import MOVES
from offramp.rehearsal.servers import postgres, programs

POINTS = [f"cutover/main#{move.name}:{when}" for move in MOVES for when in ("before", "after")]
SEED, SAMPLE = 7, 12
# The one-way door is always among them.
DOOR = [point for point in POINTS if "#commit:" in point]


@pytest.fixture(scope="module")
def lab(module_folder: Path) -> Iterator[Lab]:
    with (
        postgres.Postgres(module_folder / "heroku", programs.source_postgres(), tls=True) as heroku,
        postgres.Postgres(module_folder / "rds", programs.target_postgres()) as rds,
    ):
        made = Lab(module_folder, heroku, rds)
        made.make()
        made.start_pooler()
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def writers(lab: Lab) -> Iterator[Writers]:
    thread = Writers(lab.port)
    thread.start()
    yield thread
    thread.halt.set()
    thread.join(30)


@pytest.mark.timeout(420)
def test_moves_in_both_directions(lab: Lab, writers: Writers) -> None:
    """One estate lives through all of it: to AWS, back, and there again, with a death on each way."""
    points = [*DOOR, *random.Random(SEED).sample([point for point in POINTS if point not in DOOR], SAMPLE - len(DOOR))]
    lab.start_links("forward", 0)
    for place, point in enumerate([*points, *reversed(DOOR)]):
        strike(lab, writers, point, "reverse" if place % 2 else "forward")

    writers.halt.set()
    writers.join(30)
    assert writers.errors == []
    assert len(writers.acknowledged["orders"]) > 500
    side, _ = lab.primary()
    assert lost(lab, writers, side) == []


def strike(lab: Lab, writers: Writers, point: str, direction: Direction) -> None:
    """Kill a switch at ``point``, settle it, and finish it if it went back; the wave ends on the other side."""
    before, epoch = lab.primary()
    lab.wait_live(direction, epoch)

    assert lab.controller("perform", direction, epoch + 1, point) == -signal.SIGKILL, f"{point} was not reached"
    lab.controller("settle", direction, epoch + 1)

    after, settled = lab.primary()
    assert lab.sides() == {after}, f"the pooler disagrees with the record after {point}"
    assert (after, settled) in ((before, epoch), (("aws" if direction == "forward" else "heroku"), epoch + 1))
    assert writers.errors == [], f"after {point} {direction}"
    if after == before:
        lab.wait_live(direction, epoch)
        lab.controller("perform", direction, epoch + 1)
    back: Direction = "reverse" if direction == "forward" else "forward"
    lab.start_links(back, epoch + 1)
