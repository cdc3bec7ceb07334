"""Which processes has this simulated Heroku started? A file that a driver can sweep after a SIGKILL.

Each line is ``PID START WHAT``; START is field 22 of ``/proc/PID/stat`` (clock ticks since boot), so that a sweeper does not
end a stranger who was given the same number later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Register:
    """The live children, kept in ``path`` as well."""

    path: Path
    _known: dict[int, str] = field(default_factory=dict)

    def add(self, pid: int, what: str) -> None:
        self._known[pid] = f"{pid} {started(pid)} {what}"
        self._write()

    def remove(self, *pids: int) -> None:
        for pid in pids:
            self._known.pop(pid, None)
        self._write()

    def replace(self, old: Iterable[int], new: Iterable[int], what: str) -> None:
        """Note that a server came back under other pids."""
        for pid in old:
            self._known.pop(pid, None)
        for pid in new:
            self._known[pid] = f"{pid} {started(pid)} {what}"
        self._write()

    def _write(self) -> None:
        part = self.path.with_name(f"{self.path.name}.part")
        part.write_text("".join(f"{line}\n" for line in self._known.values()))
        part.replace(self.path)


def started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot, or ``-`` where that cannot be read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "-"
    return stat.rpartition(")")[2].split()[19]
