"""Where do the engine's loops end?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the engine goes on before it says that something is wrong."""

    repeats: int = 5
    """How often the same deeds may end without their goal's verdict changing."""
    endings: int = 50
    """How often one deed may end in one run, whatever was seen in between."""
    retries: int = 6
    """How often an error that may pass is met before it is raised."""
    retry_seconds: float = 90.0
    """How long after its first appearance: a client that is patient itself must not be asked for its patience six times."""
    rounds: int = 5
    """How often the acting stages are gone through until none has anything left to do."""
    unchanged_seconds: float = 3600.0
    """How long a goal may wait for the same reason."""
    longest_pause_seconds: float = 15.0

    def pause(self, nth: int) -> float:
        """Seconds before try number ``nth`` (from 1): one, then doubling.

        >>> [Limits().pause(nth) for nth in (1, 2, 3, 9)]
        [1.0, 2.0, 4.0, 15.0]
        """
        return float(min(2 ** (nth - 1), self.longest_pause_seconds))
