"""Does the official Heroku CLI have every command, argument and flag that the mends of feasibility name?"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from feasible_mends import lines
from heroku_cli_program import PACKAGE, node_with_cli

MANIFEST = PACKAGE / "node_modules" / "heroku" / "oclif.manifest.json"


@cache
def commands() -> Mapping[str, Mapping[str, Any]]:
    """Every command by its name and by its aliases."""
    node_with_cli()
    found: dict[str, Mapping[str, Any]] = {}
    for name, command in json.loads(MANIFEST.read_text("utf-8"))["commands"].items():
        found |= dict.fromkeys((name, *command.get("aliases", ()), *command.get("hiddenAliases", ())), command)
    return found


@pytest.mark.parametrize("line", lines("heroku"))
def test_the_cli_takes_the_line(line: str) -> None:
    _, name, *words = shlex.split(line)
    command = commands().get(name)

    assert command is not None
    flags = {f"--{flag}" for flag in command["flags"]} | {
        f"-{one['char']}" for one in command["flags"].values() if one.get("char")
    }
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in flags


@pytest.mark.parametrize("line", lines("heroku"))
def test_the_cli_takes_as_many_words(line: str) -> None:
    _, name, *words = shlex.split(line)
    command = commands()[name]
    valued = {f"--{flag}" for flag, one in command["flags"].items() if one["type"] == "option"}
    valued |= {f"-{one['char']}" for one in command["flags"].values() if one.get("char") and one["type"] == "option"}
    free = [
        word
        for place, word in enumerate(words)
        if not word.startswith("-") and (place == 0 or words[place - 1] not in valued)
    ]
    needed = [one for one in command["args"].values() if one.get("required")]

    assert len(needed) <= len(free)
    if command.get("strict", True):
        assert len(free) <= len(command["args"])
