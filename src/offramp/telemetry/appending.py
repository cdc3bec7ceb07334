"""How are requests kept before they are acknowledged, many of them with one flush? The only writer of segments."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import RefusedError
from . import segments
from .manifest import Manifest
from .segments import SUFFIX, Record

SEGMENT_BYTES = 24 * 1024 * 1024
SEGMENT_SECONDS = 900.0
# Logplex tries a batch three times within seconds; a day is for a batch that a proxy in between held back.
REMEMBER_SECONDS = 86_400
REMEMBER_FRAMES = 200_000


class Segments:
    """The segments of the store in ``folder``, opened for appending by this process alone.

    Opening cuts off what a crash left of a request that was never acknowledged, and counts its bytes. Raises RefusedError when another process
    receives into the same folder.
    """

    def __init__(self, folder: Path, manifest: Manifest, now: float) -> None:
        (folder / "wal").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = os.open(folder / "receiver.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise RefusedError(
                f"Another process receives logs into {folder}.", hint="Stop it first, or receive into another folder."
            ) from error
        self._frames = dict.fromkeys(manifest.frames(int(now) - REMEMBER_SECONDS))
        self.torn_bytes = 0
        for path in segments.listed(folder):
            self._mend(path, manifest.reached(path.name)[0])
        if self.torn_bytes:
            manifest.count("torn-bytes", self.torn_bytes)
        self._open(now)

    def close(self) -> None:
        os.close(self._file)
        os.close(self._lock)

    @property
    def active(self) -> str:
        """The name of the segment that is written to."""
        return self._path.name

    def knows(self, frame: str) -> bool:
        """Whether a request of this id was kept before."""
        return frame in self._frames

    def remember(self, frame: str) -> None:
        """Note a request that was kept; the oldest is forgotten for the newest beyond ``REMEMBER_FRAMES``."""
        if frame:
            self._frames[frame] = None
            if len(self._frames) > REMEMBER_FRAMES:
                del self._frames[next(iter(self._frames))]

    def append(self, records: Sequence[Record], now: float) -> None:
        """Write records and have them on disk when this returns. Raises OSError, with nothing of them kept, when that cannot be done."""
        if self._size and (self._size >= SEGMENT_BYTES or now - self._opened >= SEGMENT_SECONDS):
            os.close(self._file)
            self._open(now)
        content = b"".join(map(segments.encode, records))
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(content)

    def _open(self, now: float) -> None:
        # Named by time, so that names sort by age and are never used again, whatever was sealed and deleted meanwhile.
        stamp = round(now * 1e6)
        newest = max((path.stem for path in segments.listed(self._folder)), default="")
        self._path = self._folder / "wal" / f"{max(stamp, int(newest or 0) + 1):020d}{SUFFIX}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._size, self._opened = 0, now

    def _mend(self, path: Path, reached: int) -> None:
        end = reached
        for record in segments.records(path, reached):
            end = record.end
            self.remember(record.frame)
        if (size := path.stat().st_size) > end:
            os.truncate(path, end)
            self.torn_bytes += size - end
        if not end:
            path.unlink()
