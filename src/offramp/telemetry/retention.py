"""What is deleted when the logs grow old or big? Whole files, the oldest first, and never what waits to be sealed."""

from __future__ import annotations

from .files import Place
from .model import Retained


def retain(place: Place, *, now: float, max_age_seconds: float | None = None, max_bytes: int | None = None) -> Retained:
    """Delete files whose last line is older than ``max_age_seconds`` before ``now``, then the oldest until ``max_bytes`` are left.

    A file is the grain: lines of the age stay while a younger one is in the same file, which spans minutes of a busy app and at most a
    day of a quiet one.
    """
    with place.writing():
        every = place.manifest.oldest_files()
        kept = sum(size for _, _, _, _, size, _ in every)
        horizon_us = None if max_age_seconds is None else round((now - max_age_seconds) * 1e6)
        gone = []
        for file in every:
            old = horizon_us is not None and file[5] < horizon_us
            if not old and (max_bytes is None or kept <= max_bytes):
                break
            gone.append(file)
            kept -= file[4]
        with place.manifest.transaction():
            for file in gone:
                place.manifest.drop_file(file[0])
        # Unnamed first, deleted then: a crash between leaves waste that the next writer clears, never a name without its file.
        for file in gone:
            (place.folder / file[1]).unlink(missing_ok=True)
        place.tidy()
    lines = sum(rows for _, _, shape, rows, _, _ in gone if shape == "lines")
    return Retained(len(gone), lines, sum(file[4] for file in gone), kept)
