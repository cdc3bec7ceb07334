"""Does a link survive random disorder for a short while? ``make soak`` does the same for as long as one likes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import disorder
import pytest
from pump_world import World


@pytest.fixture(scope="module")
def world(module_folder: Path) -> Iterator[World]:
    with disorder.disorderly_world(module_folder) as world:
        yield world


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_the_target_is_a_past_moment_of_the_source(world: World, seed: int) -> None:
    """M118, O1, O2, O3, O4, O5: a state machine over writes, schema changes, transactions, crashes and cut lines."""
    told = disorder.run(world, seed, steps=40)
    sys.stdout.write(told + "\n")

    assert "target commits judged" in told
