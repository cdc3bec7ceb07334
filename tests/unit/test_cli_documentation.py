"""Does the reference name every command, option, decision, event and exit status, and do the examples in docstrings run?"""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import click
import pytest

import offramp.cli
import offramp.engine
from offramp import errors, signpost
from offramp.cli.main import offramp as command_line
from offramp.engine import events

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
COMMANDS = (REFERENCE / "commands.md").read_text()
EXIT_CODES = (REFERENCE / "exit-codes.md").read_text()


@pytest.mark.parametrize("name", sorted(command_line.commands))
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    command = command_line.commands[name]

    assert f"`offramp {name}" in COMMANDS
    assert command.get_short_help_str()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in COMMANDS


def test_every_decision_is_in_the_reference() -> None:
    for name, answers in (*signpost.QUESTIONS.items(), ("cutover/WAVE", signpost.WAVE_ANSWERS)):
        assert f"| `{name}` | {', '.join(f'`{answer}`' for answer in answers)} |" in COMMANDS


def test_every_event_is_in_the_reference() -> None:
    for name in events.NAMES.values():
        assert f"| `{name}` |" in COMMANDS


def _errors(parent: type[errors.OfframpError]) -> list[type[errors.OfframpError]]:
    return [error for child in parent.__subclasses__() for error in (child, *_errors(child))]


def test_every_error_of_the_tree_has_its_code_beside_its_exit_status() -> None:
    rows = {line.split("|")[1].strip(): line for line in EXIT_CODES.splitlines() if line.startswith("| ")}
    for error in _errors(errors.OfframpError):
        if error.__module__ == "offramp.errors":
            assert f"`{error.code}`" in rows[str(error.exit_status)]


def _modules() -> list[str]:
    packages = [offramp.engine, offramp.cli]
    inside = [
        module.name for package in packages for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]
    return [*inside, "offramp.signpost", "offramp.migration"]


@pytest.mark.parametrize("name", _modules())
def test_the_examples_in_docstrings_run(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))

    assert failed == 0
