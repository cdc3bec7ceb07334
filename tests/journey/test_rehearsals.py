"""Does the whole trip prove itself, whatever goes wrong, through the command that a user types?"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from offramp.rehearsal.options import FAULTS

SECONDS = 540


def rehearse(*options: str) -> tuple[int, dict[str, Any]]:
    """Run ``offramp rehearse --json`` and return its exit status and the last object it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "offramp", "rehearse", "--json", *options],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def assert_proof(status: int, report: dict[str, Any]) -> None:
    assert report["failures"] == []
    assert report["ok"] is True
    assert status == 0
    assert report["schema"] == "offramp/rehearsal/1"
    assert report["traffic"]["failed"] == 0
    assert report["traffic"]["heroku"]["p99_ms"] > 0
    assert report["traffic"]["aws"]["p99_ms"] > 0
    assert {key: report["writes"][key] for key in ("lost", "duplicated", "changed")} == dict.fromkeys(
        ("lost", "duplicated", "changed"), 0
    )
    assert report["writes"]["acknowledged"] > 500
    assert (
        report["heroku_left"]["dynos"]
        == report["heroku_left"]["addons"]
        == report["heroku_left"]["capture_objects"]
        == 0
    )
    assert [stage["name"] for stage in report["stages"]] == [
        "discover", "assess", "design", "provision", "deploy", "shift", "replicate", "cutover", "retire",
    ]  # fmt: skip


@pytest.mark.timeout(SECONDS + 30)
def test_there_and_back_and_there_again_with_every_fault() -> None:
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    status, report = rehearse("--rows", "30000", "--with-rollback", *faults)

    assert_proof(status, report)
    assert report["rollback"]["lost"] == 0
    assert report["dry_run"]["held_ms"] > 0
    assert report["switch"]["epoch"] == 3
    assert {fault["name"] for fault in report["faults"]} == set(FAULTS)
