"""How long does ``offramp discover`` take for a large account? ``python -m bench.discover`` prints a row for each latency."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SETTINGS = """name = "many"
[aws]
region = "us-east-1"
account = "000000000000"
[heroku]
api = "{api}"
data_api = "{api}"
"""


@contextmanager
def many_apps(apps: int, latency: float) -> Iterator[str]:
    """Serve an account in a process of its own until the block ends; yields its address."""
    command = [sys.executable, "-m", "bench.many_apps", "--apps", str(apps), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as double:
        assert double.stdout
        try:
            yield double.stdout.readline().strip()
        finally:
            double.terminate()


def measured(apps: int, latency: float) -> tuple[float, int]:
    """Return the wall seconds of the whole command, interpreter and all, and how many calls it made."""
    with many_apps(apps, latency) as api, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "offramp.toml").write_text(SETTINGS.format(api=api))
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "offramp", "--dir", folder, "discover"],
            env={**os.environ, "HEROKU_API_KEY": "bench"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - began
        if done.returncode:
            sys.exit(done.stderr)
        estate = json.loads((Path(folder) / "estate.json").read_text())
        assert len(estate["apps"]) == apps
        with urllib.request.urlopen(f"{api}/_asked") as answer:
            return seconds, len(json.load(answer)["asked"])


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.discover", description=__doc__)
    parser.add_argument("--apps", type=int, default=100)
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0, 0.1, 0.2])
    given = parser.parse_args(arguments)
    print("| apps | latency of a call, ms | calls | seconds |")
    print("|---|---|---|---|")
    for latency in given.latency:
        seconds, calls = measured(given.apps, latency)
        print(f"| {given.apps} | {latency * 1000:g} | {calls} | {seconds:.1f} |", flush=True)
    print(f"\nLoad average before and after counts: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores.")


if __name__ == "__main__":
    main(sys.argv[1:])
