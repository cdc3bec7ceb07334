"""Where does a rehearsal happen? One folder, one HTTP port, one DNS address, and the processes that stand for two clouds."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ..errors import OutsideError
from ..kit import processes
from .servers import ports

DNS_HOST = "127.0.0.53"
ROUTER_HOST = "127.0.0.2"
READY_SECONDS = 180.0


@dataclass
class Ground:
    """A rehearsal's folder and its processes, newest last. ``stop`` ends all of them, by pid."""

    folder: Path
    estate: Path
    rows: int
    seed: int
    http_port: int = field(default_factory=ports.free_everywhere)
    dns_port: int = 0
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)

    @property
    def work(self) -> Path:
        """Where the controller's own files are: settings, estate, blueprint, journal."""
        return self.folder / "work"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def description(self) -> dict[str, Any]:
        """The estate's ``rehearsal.toml``."""
        return tomllib.loads((self.estate / "rehearsal.toml").read_text("utf-8"))

    @property
    def dns(self) -> str:
        return f"{DNS_HOST}:{self.dns_port}"

    @property
    def heroku(self) -> dict[str, Any]:
        """What the simulated Heroku wrote when it was ready: ``api``, ``router``, ``token``."""
        return _read(self.folder / "platform" / "ready.json")

    @property
    def aws(self) -> dict[str, Any]:
        """What the emulated AWS wrote when it was ready: ``endpoint``."""
        return _read(self.folder / "cloud" / "ready.json")

    @property
    def environ(self) -> dict[str, str]:
        """The environment of the controller: credentials for both doubles, and nothing that could reach a real cloud."""
        keep = {
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "HOME", "LANG", "TERM", "TMPDIR", "USER")
        }
        return keep | {
            "HEROKU_API_KEY": self.heroku["token"],
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "*",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self) -> None:
        """Start AWS, then Heroku with its applications; return when both answer. Raises OutsideError with the log's end."""
        for name in ("platform", "cloud", "work", "images", "traffic"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.dns_port = self.dns_port or _free_dns_port()
        common = ["--http-port", str(self.http_port), "--dns", self.dns]
        self.spawn(
            "cloud", "offramp.rehearsal.cloud", "--dir", str(self.folder / "cloud"), "--images", str(self.images), *common
        )  # fmt: skip
        self._await("cloud")
        self.spawn(
            "platform", "offramp.rehearsal.platform", "--dir", str(self.folder / "platform"), "--estate", str(self.estate),
            "--rows", str(self.rows), "--seed", str(self.seed), *common,
        )  # fmt: skip
        self._await("platform")
        self._register_domains()

    def _register_domains(self) -> None:
        """Tell the DNS server what the customer's present provider answers: every custom domain leads to its Heroku app."""
        names = {domain: app["host"] for app in self.heroku["apps"].values() for domain in app["domains"]}
        answer = httpx.put(f"{self.aws['endpoint']}/_rehearsal/outside", json=names, timeout=10, trust_env=False)
        answer.raise_for_status()

    def spawn(
        self, name: str, module: str, *arguments: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start ``python -m module`` with its output in ``<folder>/<name>.log``."""
        started = processes.spawn(
            [sys.executable, "-m", module, *arguments], log=self.folder / f"{name}.log", env=env, cwd=self.folder
        )
        self._processes[name] = started
        return started

    def _await(self, name: str) -> None:
        ready = self.folder / name / "ready.json"
        deadline = time.monotonic() + READY_SECONDS
        while not ready.exists():
            status = self._processes[name].poll()
            if status is not None or time.monotonic() > deadline:
                log = (self.folder / f"{name}.log").read_text("utf-8", "replace")[-3000:]
                what = f"ended with {status}" if status is not None else f"was not ready within {READY_SECONDS:g} s"
                raise OutsideError(f"The rehearsal's {name} {what}. Its log ends with:\n{log}")
            time.sleep(0.05)

    def publish_images(self) -> None:
        """Put every app's code into the image registry under the tag of its Heroku release, as a CI pipeline would."""
        slugs = {app["name"]: app.get("slug", app["name"]) for app in self.description["app"]}
        estate = json.loads((self.work / "estate.json").read_text("utf-8"))
        for app in estate["apps"]:
            slug = self.estate / slugs[app["name"]]
            manifest = {
                "repository": app["name"],
                "tags": {f"v{app['release_version']}": {"directory": str(slug.resolve()), "env": {}}},
            }
            (self.images / f"{app['name']}.json").write_text(json.dumps(manifest, indent=1))

    def stop(self) -> None:
        """Stop everything that was started, by pid; what a killed parent left behind is swept."""
        for name in reversed(self._processes):
            processes.stop(self._processes[name], seconds=40)
        _sweep(self.folder)


def _sweep(folder: Path) -> None:
    """Kill what a killed parent left behind: whatever process carries this rehearsal's folder in what tells it from a stranger."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        if str(folder) in _command_and_environment(int(entry.name)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)


def _command_and_environment(pid: int) -> str:
    """Return what tells a process of this rehearsal from a stranger that got the same pid later."""
    parts = []
    for name in ("cmdline", "environ"):
        with contextlib.suppress(OSError):
            parts.append(Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace"))
    with contextlib.suppress(OSError):
        parts.append(str(Path(f"/proc/{pid}/cwd").readlink()))
    return "\0".join(parts)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _free_dns_port() -> int:
    """Return a port that is free for UDP and TCP on the DNS server's address."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((DNS_HOST, 0))
            port = int(udp.getsockname()[1])
            try:
                tcp.bind((DNS_HOST, port))
            except OSError:
                continue
            return port
    raise OutsideError(f"No port is free for a DNS server on {DNS_HOST}.")


def fresh_folder(keep: Path | None) -> Path:
    """Return the folder of a rehearsal: ``keep``, or a temporary one that servers of another user may enter."""
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise OutsideError(f"{keep} is not empty.", hint="Name a folder that does not exist yet.")
        keep.mkdir(parents=True, exist_ok=True)
        return keep.resolve()
    folder = Path(tempfile.mkdtemp(prefix="offramp-rehearsal-"))
    folder.chmod(0o755)
    return folder


def clear(folder: Path) -> None:
    """Remove a rehearsal's folder."""
    shutil.rmtree(folder, ignore_errors=True)
