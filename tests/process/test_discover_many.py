"""Is a large account read with few calls, does a killed discovery go on where it was, and is nothing secret left on the way?"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from offramp.discover import file as estate_file
from offramp.kit import processes

ROOT = Path(__file__).parents[2]
APPS = 24
PART = ".discovery.part"
# Whose answers hold secrets or people, and are therefore asked for again.
SECRET = ("config-vars", "log-drains", "collaborators", "webhooks")
SETTINGS = """name = "many"
[aws]
region = "us-east-1"
account = "000000000000"
[heroku]
api = "{api}"
data_api = "{api}"
reserve = {reserve}
"""


@contextmanager
def account(*options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.many_apps", "--apps", str(APPS), "--latency", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as double:
        assert double.stdout
        try:
            yield double.stdout.readline().strip()
        finally:
            double.kill()


def asked(api: str, query: str = "") -> list[str]:
    with urllib.request.urlopen(f"{api}/_asked{query}") as answer:
        return list(json.load(answer)["asked"])


def write_settings(directory: Path, api: str, reserve: int = 1500) -> None:
    (directory / "offramp.toml").write_text(SETTINGS.format(api=api, reserve=reserve))


def discover(directory: Path, *words: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """Run the command; return its exit status, its answer, and the events before it."""
    done = subprocess.run(
        [sys.executable, "-m", "offramp", "--dir", str(directory), "--json", "discover", *words],
        env={**os.environ, "HEROKU_API_KEY": "hush-token"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    *events, answer = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, answer, events


def test_every_app_is_read_once_with_few_calls_and_progress(tmp_path: Path) -> None:
    with account() as api:
        write_settings(tmp_path, api)
        status, _, events = discover(tmp_path)
        paths = asked(api)

    found = estate_file.read(tmp_path / "estate.json")
    told = [event for event in events if event["event"] == "progress" and event["share"]]
    assert status == 0
    assert len(found.apps) == APPS
    # Not even the first discovery of a directory, which draws the salt and writes the file, asks anything twice.
    assert [path for path, times in Counter(paths).items() if times > 1] == []
    assert len(paths) <= 11 * APPS + 10
    assert told[-1]["text"].endswith(f"apps read: {APPS} of {APPS}") and told[-1]["share"] == 1
    assert not (tmp_path / PART).exists()


def test_a_killed_discovery_goes_on_where_it_was(tmp_path: Path) -> None:
    with account("--silent-after", str(6 * APPS)) as api:
        write_settings(tmp_path, api)
        command = [sys.executable, "-m", "offramp", "--dir", str(tmp_path), "discover"]
        with subprocess.Popen(
            command,
            env={**os.environ, "HEROKU_API_KEY": "hush-token"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as running:
            # Eight threads wait for ever.
            processes.wait_until(lambda: len(asked(api)) >= 6 * APPS + 8, seconds=30, what="the double to fall silent")
            running.kill()
        part = (tmp_path / PART).read_text()
        mode = stat.S_IMODE((tmp_path / PART).stat().st_mode)
        first = asked(api, "?go")[: 6 * APPS]

        status, _, _ = discover(tmp_path)
        second = asked(api)

    again = {path for path in {*first} & {*second} if path.rpartition("/")[2] not in SECRET and path.count("/") > 1}
    assert status == 0
    assert len(estate_file.read(tmp_path / "estate.json").apps) == APPS
    # What was answered but not yet written when the kill came may be asked again: one for each thread at most.
    assert len(again) <= 8
    assert len(second) < 11 * APPS - 3 * APPS
    assert mode == 0o600
    assert "hush" not in part and "people.example" not in part and not re.search(r"\bd\.[0-9a-f]{8}-", part)
    assert not (tmp_path / PART).exists()


def test_a_token_that_may_not_read_config_vars_is_one_clear_error(tmp_path: Path) -> None:
    with account("--closed") as api:
        write_settings(tmp_path, api)
        status, answer, _ = discover(tmp_path)

    assert status == 5
    assert "may not read the config vars" in answer["error"]["message"]
    assert "--scope read,read-protected" in answer["error"]["hint"]
    assert {path.name for path in tmp_path.iterdir()} <= {
        "offramp.toml",
        "journal.db",
        "journal.db-wal",
        "journal.db-shm",
    }


def test_nothing_secret_and_nobodys_address_is_in_what_is_kept(tmp_path: Path) -> None:
    with account() as api:
        write_settings(tmp_path, api)
        discover(tmp_path)

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name != "offramp.toml")
    app = estate_file.read(tmp_path / "estate.json").apps[0]
    assert b"hush" not in kept and b"people.example" not in kept
    assert [(person.role, person.permissions) for person in app.people] == [("owner", ("deploy", "view"))]
    assert (app.features, app.drains) == (("log-runtime-metrics",), ("logs.example",))


@pytest.mark.parametrize("as_it_is", [True, False])
def test_the_diff_tells_what_changed_and_writes_nothing(tmp_path: Path, as_it_is: bool) -> None:
    with account() as api:
        write_settings(tmp_path, api)
        discover(tmp_path)
        path = tmp_path / "estate.json"
        if not as_it_is:
            path.write_text(
                path.read_text()
                .replace('"quantity": 2', '"quantity": 1', 1)
                .replace('"name": "DEBUG"', '"name": "TRACE"', 1)
            )
        before = path.read_text()

        status, answer, _ = discover(tmp_path, "--diff")

    assert path.read_text() == before
    expected = {
        "app-000 runs 2 web dynos; it ran 1.",
        "app-000 has a new config var: DEBUG.",
        "app-000 has lost a config var: TRACE.",
    }
    assert {change["text"] for change in answer["changes"]} == (set() if as_it_is else expected)
    assert status == (0 if as_it_is else 3)


def test_a_diff_without_an_estate_says_what_to_do(tmp_path: Path) -> None:
    with account() as api:
        write_settings(tmp_path, api)
        status, answer, _ = discover(tmp_path, "--diff")

    assert status == 2
    assert "offramp discover" in answer["error"]["hint"]
