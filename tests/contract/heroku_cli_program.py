"""Where is the official Heroku CLI? Installed from its lock file when it is first asked for, by whichever test that is."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "heroku_cli"
BINARIES = PACKAGE / "node_modules" / ".bin"
NODE_MAJOR = 20
INSTALL_SECONDS = 600


def node_with_cli() -> Path:
    """Return the folder of a Node.js that runs the CLI. Skips the test where there is none, and fails it in CI."""
    if (node := _node()) is None:
        reason = f"there is no Node.js of version {NODE_MAJOR} or later with npm on this machine"
        if os.environ.get("CI"):
            pytest.fail(f"The Heroku CLI must judge the simulated Heroku in CI, but {reason}.")
        pytest.skip(reason)
    _install(node)
    return node


def _node() -> Path | None:
    """Return the folder of a Node.js that is new enough: the machine's own, else the one that the development wheels bring."""
    for folder in (*os.environ["PATH"].split(os.pathsep), str(Path(sys.executable).parent)):
        node = Path(folder) / "node"
        if node.exists() and (Path(folder) / "npm").exists():
            version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
            found = re.match(r"v(\d+)", version)
            if found and int(found[1]) >= NODE_MAJOR:
                return node.parent
    return None


def _install(node: Path) -> None:
    """Install the pinned CLI beside its lock file, unless that very lock is installed already; one process at a time."""
    lock, stamp = PACKAGE / "package-lock.json", PACKAGE / "node_modules" / ".offramp-lock"
    with lock.open("rb") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
            return
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        environ = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            command, cwd=PACKAGE, env=environ, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        assert done.returncode == 0, f"npm ci failed: {done.stderr[-2000:]}"
        stamp.write_bytes(lock.read_bytes())
