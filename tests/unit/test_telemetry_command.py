"""Do `offramp logs` and `offramp drain` say what a person needs, and nothing about a log that is not there?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from telemetry_lines import framed, message, request_id, router

from offramp.cli import logs
from offramp.cli.shell import Answer, Shell
from offramp.errors import RefusedError, UsageError
from offramp.migration import Migration


def run(directory: Path, *words: str, command: click.Command = logs.logs) -> Answer:
    shell = Shell(False, Migration, directory)
    answer: Any = command.main(args=list(words), standalone_mode=False, obj=shell)
    assert isinstance(answer, Answer)
    json.dumps(answer.body)
    return answer


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "kiosk.log"
    path.write_bytes(framed(router(1), message("mail to ann@example.com"), b"nonsense"))
    return path


def test_an_import_says_what_came_of_each_file_and_where_to_look_next(tmp_path: Path, saved: Path) -> None:
    first, again = run(tmp_path, "--import", str(saved)), run(tmp_path, "--import", str(saved))

    assert first.text == f"{saved} (logplex): 3 lines of kiosk; 1 no-header; 1 unframed."
    assert first.next == ("logs", "--coverage")
    assert "imported before" in again.text


def test_the_latest_lines_are_shown_redacted(tmp_path: Path, saved: Path) -> None:
    run(tmp_path, "--import", str(saved))

    shown = run(tmp_path, "--app", "kiosk", "--last", "5").text

    assert "kiosk app[web.1]: mail to ***" in shown
    assert "kiosk heroku[router]: at=info method=GET" in shown


def test_one_request_is_shown_and_a_missing_one_is_named(tmp_path: Path, saved: Path) -> None:
    run(tmp_path, "--import", str(saved))

    assert request_id(1) in run(tmp_path, "--request", request_id(1)).text
    assert run(tmp_path, "--request", "nobody").text == "No line of nobody is kept."


def test_coverage_says_what_there_is_and_what_was_wrong(tmp_path: Path, saved: Path) -> None:
    run(tmp_path, "--import", str(saved))

    text = run(tmp_path, "--coverage").text

    assert "3 lines of 1 apps" in text
    assert "1 app, 1 malformed, 1 router." in text
    assert "Not as they should be: 1 no-header, 1 unframed." in text


def test_without_lines_it_says_how_to_get_some(tmp_path: Path) -> None:
    found = run(tmp_path)

    assert found.text == "No line is kept."
    assert "offramp logs --import FILE" in found.hint


def test_two_apps_for_one_import_are_a_mistake(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(click.UsageError):
        run(tmp_path, "--import", str(saved), "--app", "a", "--app", "b")


def test_a_file_that_is_no_log_says_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x00\x01")

    with pytest.raises(UsageError, match="heroku logs"):
        run(tmp_path, "--import", str(tmp_path / "x"))


def test_retention_says_what_is_left(tmp_path: Path, saved: Path) -> None:
    run(tmp_path, "--import", str(saved))

    assert run(tmp_path, "--keep-bytes", "0").text.startswith("Deleted 1 files with 3 lines")


def test_strangers_are_refused_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="OFFRAMP_DRAIN_SECRET"):
        run(tmp_path, "--host", "0.0.0.0", command=logs.drain)
