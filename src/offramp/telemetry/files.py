"""Where do the store's files lie, and how do new ones come to count? Written under another name, moved, and entered in one commit."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .manifest import Manifest
from .sealing import Sealed

UNFINISHED = "unfinished"


class Place:
    """The folder of a store and its manifest."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to enter and delete files; whoever else wants it waits. It ends with the process, however that ends."""
        handle = os.open(self.folder / "writer.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # Whatever is unfinished while nobody else writes was left by a crash.
            unfinished = self.folder / UNFINISHED
            unfinished.mkdir(exist_ok=True, mode=0o700)
            for left in unfinished.iterdir():
                left.unlink()
            yield
        finally:
            os.close(handle)

    def fresh(self) -> Path:
        """Return a path without suffix for files to be written under, until they are entered."""
        return self.folder / UNFINISHED / uuid.uuid4().hex

    def enter(
        self,
        found: Sequence[Sealed],
        source: str,
        reached: Mapping[str, int],
        frames: Sequence[tuple[str, int]] = (),
    ) -> None:
        """Give files their names and have them count, together with how far each source was read and which
        requests that was. Called while ``writing``."""
        names = [self._name(sealed) for sealed in found]
        for sealed, name in zip(found, names, strict=True):
            final = self.folder / name
            final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(sealed.path).replace(final)
            _sync(final.parent)
        with self.manifest.transaction():
            self.manifest.add(found, names, source)
            for name, offset in reached.items():
                self.manifest.reach(name, offset)
            self.manifest.add_frames(frames)

    def tidy(self) -> None:
        """Delete files that were moved to their place by a process that died before it entered them. Called while ``writing``."""
        known = {name for _, name, _, _, _, _ in self.manifest.oldest_files()}
        for path in (self.folder / "sealed").glob("*/*.parquet"):
            if str(path.relative_to(self.folder)) not in known:
                path.unlink()

    def _name(self, sealed: Sealed) -> str:
        day = datetime.fromtimestamp(min(part.min_us for part in sealed.parts) / 1e6, UTC)
        return f"sealed/{day:%Y-%m-%d}/{Path(sealed.path).name}"


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
