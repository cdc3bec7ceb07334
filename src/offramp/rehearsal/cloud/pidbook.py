"""Which processes did this world start? A file per process, so that a sweep can end what a crash left behind."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pidbook:
    """A directory with one file per living process: its name is the pid, its content says what it is."""

    folder: Path

    def write(self, pid: int, what: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / str(pid)).write_text(f"{what}\n")

    def strike(self, pid: int) -> None:
        (self.folder / str(pid)).unlink(missing_ok=True)


def marked(marker: str) -> tuple[int, ...]:
    """Return the processes whose environment holds ``marker`` (``NAME=value``), this one excepted.

    A container's end ends everything in it, also what left its process group; the environment is what children cannot lose
    by accident.
    """
    needle = marker.encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if needle in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return tuple(found)


def kill_marked(marker: str) -> None:
    """SIGKILL every process that carries ``marker``."""
    for pid in marked(marker):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
