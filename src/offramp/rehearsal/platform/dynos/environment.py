"""What does a dyno's process find in its environment and its folder?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

RESOLVER = Path(__file__).resolve().parents[2] / "resolver"


def environment(
    config: Mapping[str, str], *, dyno: str, home: Path, port: int | None, dns: tuple[str, int] | None
) -> dict[str, str]:
    """Return the whole environment: config vars, and what stands in for the dyno's container.

    ``GUNICORN_CMD_ARGS`` and the resolver's path are rehearsal only: dynos share this machine, so servers are told to stay on
    loopback, and names are asked of the rehearsal's DNS.
    """
    # Like Heroku's buildpack profile: Python does not hold its output back.
    found = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "TMPDIR": str(home.parent / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "true",
        **config,
        "DYNO": dyno,
    }
    if port is not None:
        found["PORT"] = str(port)
        found["GUNICORN_CMD_ARGS"] = f"--bind 127.0.0.1:{port}"
    if dns:
        found["OFFRAMP_DNS"] = f"{dns[0]}:{dns[1]}"
        if (RESOLVER / "sitecustomize.py").is_file():
            found["PYTHONPATH"] = ":".join(part for part in (str(RESOLVER), config.get("PYTHONPATH", "")) if part)
    return found


def unpack(slug: Path, folder: Path) -> Path:
    """Copy the slug for one dyno, whose disk nobody else sees and which is gone when it stops; return the app's folder."""
    home = folder / "app"
    shutil.copytree(slug, home, symlinks=True)
    (folder / "tmp").mkdir()
    return home


def discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
