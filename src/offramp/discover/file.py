"""How is an Estate kept in ``estate.json``? Sorted, versioned, one fact a line, so that a pull request shows what changed."""

from __future__ import annotations

import dataclasses
import json
import typing
from pathlib import Path

from ..errors import UsageError
from . import shape
from .model import SCHEMA, Estate


def dump(estate: Estate) -> str:
    """Return the file's text; the same estate gives the same bytes."""
    content = {"schema": SCHEMA, **dataclasses.asdict(estate)}
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read(path: Path) -> Estate:
    """Read an estate file. Raises FileNotFoundError, or UsageError when it is not what ``dump`` writes."""
    try:
        return parse(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8.", hint=shape.HINT) from error


def parse(text: str) -> Estate:
    """Parse an estate file's text. Raises UsageError that names what is wrong where."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"estate.json, line {error.lineno}: this is not JSON: {error.msg}.", hint=shape.HINT
        ) from error
    if not isinstance(content, dict):
        raise UsageError("estate.json is not a JSON object.", hint=shape.HINT)
    if (schema := content.pop("schema", None)) != SCHEMA:
        raise UsageError(f"estate.json has the schema {schema!r}, and this offramp reads {SCHEMA!r}.", hint=shape.HINT)
    return typing.cast(Estate, shape.build(Estate, content, "estate.json"))  # build returns what it is asked for.
