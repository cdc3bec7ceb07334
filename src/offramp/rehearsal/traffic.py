"""Who uses the applications during a rehearsal? The load generator, in a process of its own that nothing here may slow down."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import OutsideError
from ..kit import processes
from .ground import Ground


@dataclass
class Traffic:
    """Constant arrivals until ``stop``. ``ledger`` holds every write, ``samples`` every request."""

    ground: Ground
    rate: float
    seed: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def ledger(self) -> Path:
        return self.ground.folder / "traffic" / "ledger.jsonl"

    @property
    def samples(self) -> Path:
        return self.ground.folder / "traffic" / "samples.jsonl"

    @property
    def mix(self) -> Path:
        return self.ground.estate / "traffic.toml"

    def start(self) -> None:
        self._process = self.ground.spawn(
            "load", "offramp.load", "run", "--traffic", str(self.mix), "--dns", self.ground.dns, "--http-port",
            str(self.ground.http_port), "--rate", str(self.rate), "--seed", str(self.seed), "--ledger", str(self.ledger),
            "--samples", str(self.samples), "--until-file", str(self.ground.folder / "traffic" / "stop"),
        )  # fmt: skip

    def rest(self, seconds: float) -> None:
        """Let the traffic run for a while. Raises OutsideError when the generator has ended."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._process is None or self._process.poll() is not None:
                log = (self.ground.folder / "load.log").read_text("utf-8", "replace")[-1500:]
                raise OutsideError(f"The load generator ended by itself. Its log ends with:\n{log}")
            time.sleep(min(left, 0.25))

    def stop(self) -> None:
        """Let requests in flight end, then end the generator."""
        if self._process is not None:
            processes.stop(self._process, seconds=45, first=signal.SIGTERM)
            self._process = None
