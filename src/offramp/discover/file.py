"""How is an Estate kept in ``estate.json``? Sorted, versioned, one fact a line, so that a pull request shows what changed."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from pathlib import Path

from ..errors import UsageError
from .model import SCHEMA, Estate

_HINT = "Run `offramp discover` to read Heroku again and write the file anew."


def dump(estate: Estate) -> str:
    """Return the file's text; the same estate gives the same bytes."""
    content = {"schema": SCHEMA, **dataclasses.asdict(estate)}
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read(path: Path) -> Estate:
    """Read an estate file. Raises FileNotFoundError, or UsageError when it is not what ``dump`` writes."""
    try:
        return parse(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8.", hint=_HINT) from error


def parse(text: str) -> Estate:
    """Parse an estate file's text. Raises UsageError that names what is wrong where."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"estate.json, line {error.lineno}: this is not JSON: {error.msg}.", hint=_HINT) from error
    if not isinstance(content, dict):
        raise UsageError("estate.json is not a JSON object.", hint=_HINT)
    if (schema := content.pop("schema", None)) != SCHEMA:
        raise UsageError(f"estate.json has the schema {schema!r}, and this offramp reads {SCHEMA!r}.", hint=_HINT)
    return typing.cast(Estate, _build(Estate, content, "estate.json"))  # _build returns what it is asked for.


def _build(kind: object, value: object, where: str) -> object:
    """Build a value of a model's field type: a dataclass, a tuple, an optional or a plain value."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _build_object(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "a list")
        return tuple(_build(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is types.UnionType:
        return None if value is None else _build(arguments[0], value, where)
    assert isinstance(kind, type)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(
            where,
            {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}.get(kind, kind.__name__),
        )
    return value


def _build_object(kind: type, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise _wrong(where, "an object")
    hints = typing.get_type_hints(kind)
    fields = {field.name for field in dataclasses.fields(kind)}
    if missing := sorted(fields - set(value)):
        raise UsageError(f"{where} has no `{missing[0]}`.", hint=_HINT)
    if unknown := sorted(set(value) - fields):
        raise UsageError(f"{where} has `{unknown[0]}`, which offramp does not know.", hint=_HINT)
    return kind(**{name: _build(hints[name], value[name], f"{where}.{name}") for name in fields})


def _wrong(where: str, expected: str) -> UsageError:
    return UsageError(f"{where} is not {expected}.", hint=_HINT)
