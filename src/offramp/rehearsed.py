"""What is left of a rehearsal? A migration like any other, whose files and journal can be read, and the proof."""

from __future__ import annotations

from pathlib import Path

from .migration import Migration
from .rehearsal.report import RehearsalReport


class Rehearsed(Migration):
    """The migration that a rehearsal made. Its clouds are gone unless it was kept, so ``log`` answers and ``status`` may not."""

    def __init__(self, directory: Path, proof: RehearsalReport) -> None:
        super().__init__(directory)
        self.proof = proof
