"""``python -m offramp.telemetry FOLDER PORT``: receive a drain with nothing else of offramp, as a container does.

The drain's password is in ``OFFRAMP_DRAIN_SECRET``. It says ``listening HOST PORT`` on its stdout, and stops on SIGTERM.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..kit.clock import SystemClock
from ..kit.secret import Secret
from .serving import run


def main(arguments: list[str], secret: str) -> None:
    folder, port, *rest = arguments
    host = rest[0] if rest else "127.0.0.1"
    run(
        Path(folder),
        host=host,
        port=int(port),
        secret=Secret(secret) if secret else None,
        clock=SystemClock(),
        ready=lambda at, number: print(f"listening {at} {number}", flush=True),  # noqa: T201
    )


if __name__ == "__main__":
    main(sys.argv[1:], os.environ.get("OFFRAMP_DRAIN_SECRET", ""))
