"""When do lines that wait become files? When their segment is closed: sealed in its turn, entered, and only then deleted."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import sealing, segments
from .appending import REMEMBER_SECONDS
from .files import Place
from .gathering import Gathering
from .manifest import Manifest


def seal(folder: Path, *, now: float, redacting: bool = True, active: str | None = None) -> int:
    """Seal every segment but the ``active`` one and return how many lines that were.

    Without ``active`` the newest is left alone if somebody receives into the folder. A crash at any moment leaves each line in
    its segment or in a file that counts, never in both or neither.
    """
    with Manifest(folder) as manifest:
        place = Place(folder, manifest)
        with place.writing(), _alone(folder) as alone:
            found = segments.listed(folder)
            if active is None and not alone and found:
                active = found[-1].name
            lines = sum(_seal(place, path, round(now * 1e6), redacting) for path in found if path.name != active)
            manifest.forget_frames(int(now) - REMEMBER_SECONDS)
            place.tidy()
    return lines


def _seal(place: Place, path: Path, now_us: int, redacting: bool) -> int:
    reached, _ = place.manifest.reached(path.name)
    rows, end, received_us, frames = Gathering(redacting), reached, now_us, []
    with sealing.no_collection():
        for record in segments.records(path, reached):
            rows.body(record.token, record.body)
            frames.append((record.frame, record.received_us // 1_000_000))
            received_us, end = record.received_us, record.end
        sealed = sealing.write(rows, place.fresh(), received_us) if end > reached else ()
    place.enter(sealed, path.name, {path.name: end}, frames=[frame for frame in frames if frame[0]])
    path.unlink()
    return sum(file.rows for file in sealed if file.shape == "lines")


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Tell whether nobody receives, and let nobody begin meanwhile."""
    handle = os.open(folder / "receiver.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
