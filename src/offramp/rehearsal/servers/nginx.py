"""How is a real Nginx run from a configuration text?"""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ...kit import processes
from . import programs


@dataclass
class Nginx:
    """One Nginx in ``folder``, running ``configuration`` (a whole file with ``daemon off``)."""

    folder: Path
    configuration: str
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def file(self) -> Path:
        return self.folder / "nginx.conf"

    @property
    def log(self) -> Path:
        return self.folder / "nginx.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def write(self) -> None:
        processes.own_directory(self.folder)
        self.file.write_text(self.configuration)
        processes.give(self.file)
        self.log.touch(exist_ok=True)
        processes.give(self.log)

    def check(self) -> str:
        """Run ``nginx -t`` and return what it says. Raises RuntimeError when the configuration is refused."""
        self.write()
        return processes.run(
            [programs.nginx(), "-p", self.folder, "-c", self.file, "-e", self.log, "-t"], as_server=True
        )

    def start(self) -> None:
        self.write()
        self._process = processes.spawn(
            [programs.nginx(), "-p", self.folder, "-c", self.file, "-e", self.log], log=self.log, as_server=True
        )

    def stop(self) -> None:
        if self._process:
            processes.stop(self._process, seconds=5, first=signal.SIGQUIT)
            self._process = None
