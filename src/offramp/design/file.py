"""How is a Blueprint kept in ``blueprint.toml``, the file that people review and edit?"""

from __future__ import annotations

from pathlib import Path

from ..discover.model import Estate
from ..errors import UsageError
from ..kit import files
from ..kit.tables import MalformedError
from . import reader, writer
from .measured import Measured
from .model import Blueprint

FILENAME = "blueprint.toml"


def read(path: Path) -> Blueprint:
    """Read a blueprint. Raises FileNotFoundError, or UsageError that names the line and what it should be."""
    try:
        return parse(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8.", hint="Save it as UTF-8.") from error


def load(path: Path) -> Blueprint:
    """Read the blueprint that the acting stages are given. Raises UsageError also when there is none."""
    try:
        return read(path)
    except FileNotFoundError as error:
        raise UsageError(f"There is no {path.name} in {path.parent}.", hint="Run `offramp design` first.") from error


def parse(text: str) -> Blueprint:
    """Parse a blueprint's text. Raises UsageError like ``read``."""
    try:
        return reader.blueprint(text, FILENAME)
    except MalformedError as error:
        raise UsageError(str(error), hint=error.hint) from error


def create(path: Path, blueprint: Blueprint, estate: Estate, measured: tuple[Measured, ...] = ()) -> bool:
    """Write a first draft unless there is a file; return whether it was written."""
    return files.create(path, writer.render(blueprint, estate, measured).encode())
