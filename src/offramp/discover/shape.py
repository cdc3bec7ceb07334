"""How does a frozen value come back out of JSON exactly as it went in? By its own type hints; anything else is an error that says where."""

from __future__ import annotations

import dataclasses
import types
import typing

from ..errors import UsageError

HINT = "Run `offramp discover` to read Heroku again and write the file anew."
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def build(kind: object, value: object, where: str) -> object:
    """Build a value of a field's type: a dataclass, a tuple, an optional or a plain value. Raises UsageError that names the place."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _build_object(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "a list")
        return tuple(build(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is types.UnionType:
        return None if value is None else build(arguments[0], value, where)
    assert isinstance(kind, type)
    # JSON writes 2.0 as it likes, but true is no number.
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, _WORDS.get(kind, kind.__name__))
    return value


def _build_object(kind: type, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise _wrong(where, "an object")
    hints = typing.get_type_hints(kind)
    fields = {field.name for field in dataclasses.fields(kind)}
    if missing := sorted(fields - set(value)):
        raise UsageError(f"{where} has no `{missing[0]}`.", hint=HINT)
    if unknown := sorted(set(value) - fields):
        raise UsageError(f"{where} has `{unknown[0]}`, which offramp does not know.", hint=HINT)
    return kind(**{name: build(hints[name], value[name], f"{where}.{name}") for name in fields})


def _wrong(where: str, expected: str) -> UsageError:
    return UsageError(f"{where} is not {expected}.", hint=HINT)
