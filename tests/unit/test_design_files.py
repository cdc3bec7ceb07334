"""Is a file either the old one or the new one, and never somebody else's?"""

from __future__ import annotations

import stat
from pathlib import Path

from offramp.kit import files


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "estate.json"
    path.write_text("old and longer")

    files.replace(path, "new")

    assert path.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["estate.json"]


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "blueprint.toml"

    assert files.create(path, b"mine")
    assert not files.create(path, b"yours")

    assert path.read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["blueprint.toml"]


def test_a_secret_file_is_for_its_owner_only(tmp_path: Path) -> None:
    files.create(tmp_path / ".salt", b"s", mode=0o600)

    assert stat.S_IMODE((tmp_path / ".salt").stat().st_mode) == 0o600


def test_what_a_killed_writer_left_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / ".estate.json.part").write_text("half")

    files.replace(tmp_path / "estate.json", "whole")

    assert [one.name for one in tmp_path.iterdir()] == ["estate.json"]
