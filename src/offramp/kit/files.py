"""How is a file written so that a crash leaves the old one or the new one, never half of either?"""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, content: str, *, mode: int = 0o644) -> None:
    """Write ``content`` to ``path`` in one step, replacing what was there."""
    fresh = _beside(path, content.encode(), mode)
    try:
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def create(path: Path, content: bytes, *, mode: int = 0o644) -> bool:
    """Write ``content`` to ``path`` in one step unless something is there; return whether it was written."""
    fresh = _beside(path, content, mode)
    try:
        # A link fails where a rename would overwrite.
        path.hardlink_to(fresh)
    except FileExistsError:
        return False
    finally:
        fresh.unlink(missing_ok=True)
    _sync(path.parent)
    return True


def _beside(path: Path, content: bytes, mode: int) -> Path:
    """Write a neighbour of ``path`` whose name is always the same, so that a killed writer leaves nothing that lasts."""
    fresh = path.with_name(f".{path.name.lstrip('.')}.part")
    fresh.unlink(missing_ok=True)
    # Created with its mode: a secret must not be readable for even a moment.
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
