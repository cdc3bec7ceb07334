"""An estate with flaws, people who use it, and what its logs and `offramp assess` say: for the tests that judge assessments."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from offramp.kit import processes
from offramp.rehearsal.ground import Ground
from offramp.rehearsal.servers import ports

ESTATE = Path(__file__).parents[2] / "examples" / "mentoring"
ROUTER = re.compile(r"request_id=(\S+).* connect=(\d+)ms service=(\d+)ms")


def rewrite(path: Path, old: str, new: str) -> None:
    """Put ``new`` where ``old`` stands in a copied estate's file."""
    assert old in path.read_text(), f"{path.name} has no {old!r}"
    path.write_text(path.read_text().replace(old, new))


def offramp(ground: Ground, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "offramp", "--dir", str(ground.work), "--json", *words],
        env=ground.environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@contextmanager
def drained(ground: Ground) -> Iterator[None]:
    """Every app's log flows into the migration's store meanwhile."""
    port = ports.free_port()
    receiver = processes.spawn(
        [sys.executable, "-m", "offramp", "--dir", str(ground.work), "drain", "--port", str(port)],
        env={**ground.environ, "OFFRAMP_DRAIN_SECRET": "rehearsal"},
        log=ground.folder / "drain.log",
    )
    try:
        processes.wait_until(lambda: ports.listening("127.0.0.1", port), seconds=20, what="the receiver of drains")
        for app in ground.heroku["apps"]:
            drain = {"url": f"http://offramp:rehearsal@127.0.0.1:{port}/{app}"}
            _heroku(ground, "POST", f"/apps/{app}/log-drains", drain)
        yield
    finally:
        processes.stop(receiver, seconds=20, first=signal.SIGTERM)


def lines(ground: Ground, app: str) -> list[Mapping[str, Any]]:
    """Return all lines of an app that were taken in, oldest first."""
    found: list[Mapping[str, Any]] = offramp(ground, "logs", "--app", app, "--last", "100000", "--unredacted")["lines"]
    return found


def assessment(ground: Ground) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((ground.work / "assessment.json").read_text("utf-8"))
    return found


def latency_of(assessed: Mapping[str, Any], app: str) -> Mapping[str, Any]:
    return next(one for one in assessed["latencies"] if one["app"] == app)


def config(ground: Ground, app: str) -> Mapping[str, str]:
    """Return an app's config vars, as its owner reads them."""
    answer = _heroku(ground, "GET", f"/apps/{app}/config-vars")
    found: Mapping[str, str] = answer.json()
    return found


def _heroku(ground: Ground, method: str, path: str, body: object = None) -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {ground.heroku['token']}",
        "Accept": "application/vnd.heroku+json; version=3",
    }
    answer = httpx.request(method, f"{ground.heroku['api']}{path}", json=body, headers=headers, trust_env=False)
    answer.raise_for_status()
    return answer
