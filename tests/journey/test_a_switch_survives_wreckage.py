"""A link, the pooler, a server or a line goes in the middle of a switch; a seeded sample of the matrix, all of which is in `make soak`."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import wreckage

SEED, SAMPLE = 4, 8


@pytest.mark.timeout(420)
def test_a_sample_of_all_that_can_go_wrong(module_folder: Path) -> None:
    cells = random.Random(SEED).sample(wreckage.matrix(), SAMPLE)
    with wreckage.ruins(module_folder) as ruins:
        broken = ruins.run(cells)

    assert broken == []
