"""How is a frozen value kept as JSON, and read back as exactly the same value or not at all?

Standard library only, so it raises its own ``MalformedRecordError``; the reader of a given file turns that into a UsageError.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache

KIND = "is"
"""The key that names the class where a field may hold one of several."""

_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


class MalformedRecordError(ValueError):
    """The JSON does not hold what it should; the message says where and what it should be."""


def plain(value: object) -> object:
    """Return what ``json.dumps`` takes: objects, lists, texts and numbers.

    Decimals and dates become texts, so do numbers that JSON does not have. Every dataclass names itself under ``is`` in a union only.
    """
    return _plain(type(value), value)


def _plain(kind: object, value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        members = {
            field.name: _plain(hints[field.name], getattr(value, field.name)) for field in dataclasses.fields(value)
        }
        return {KIND: type(value).__name__, **members} if len(_records(kind)) > 1 else members
    if isinstance(value, tuple):
        inner = _items(kind, len(value))
        return [_plain(one, item) for one, item in zip(inner, value, strict=True)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (Decimal, StrEnum)):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def build(kind: object, value: object, where: str) -> typing.Any:
    """Build what ``plain`` took apart; ``where`` names the document. Raises MalformedRecordError for anything else."""
    choices = _choices(kind)
    if types.NoneType in choices:
        if value is None:
            return None
        choices = tuple(choice for choice in choices if choice is not types.NoneType)
    if len(choices) > 1:
        return _build_record(_named(choices, value, where), value, where, tagged=True)
    (only,) = choices
    if dataclasses.is_dataclass(only) and isinstance(only, type):
        return _build_record(only, value, where)
    if typing.get_origin(only) is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "a list")
        inner = _items(only, len(value))
        if len(inner) != len(value):
            raise _wrong(where, f"a list of {len(inner)}")
        return tuple(
            build(item, each, f"{where}[{n}]") for n, (item, each) in enumerate(zip(inner, value, strict=True))
        )
    if typing.get_origin(only) is typing.Literal:
        if value not in typing.get_args(only) or isinstance(value, bool):
            raise _wrong(where, f"one of {', '.join(map(str, typing.get_args(only)))}")
        return value
    assert isinstance(only, type)
    return _build_plain(only, value, where)


def _build_plain(kind: type, value: object, where: str) -> object:
    if kind is float and isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if issubclass(kind, (Decimal, StrEnum, date)):
        if not isinstance(value, str):
            raise _wrong(where, "a text")
        try:
            return date.fromisoformat(value) if issubclass(kind, date) else kind(value)
        except (ValueError, InvalidOperation):
            raise _wrong(where, {Decimal: "a number in quotes", date: "a day"}.get(kind, "a known word")) from None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, _WORDS.get(kind, kind.__name__))
    return value


def _build_record(kind: type, value: object, where: str, *, tagged: bool = False) -> object:
    if not isinstance(value, dict):
        raise _wrong(where, "an object")
    hints = _hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    known = {*names, KIND} if tagged else set(names)
    if missing := next((name for name in names if name not in value), None):
        raise MalformedRecordError(f"{where} has no `{missing}`.")
    if unknown := sorted(set(value) - known):
        raise MalformedRecordError(f"{where} has `{unknown[0]}`, which offramp does not know.")
    members = {name: build(hints[name], value[name], f"{where}.{name}") for name in names}
    try:
        return kind(**members)
    except ValueError as error:
        # The class's own rule, say that a range goes upwards.
        raise MalformedRecordError(f"{where} cannot be: {error}.") from error


def _named(choices: tuple[object, ...], value: object, where: str) -> type:
    name = value.get(KIND) if isinstance(value, dict) else None
    found = next((choice for choice in choices if isinstance(choice, type) and choice.__name__ == name), None)
    if found is None:
        raise MalformedRecordError(f"{where} is not one of the kinds that it may be.")
    return found


def _choices(kind: object) -> tuple[object, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in (types.UnionType, typing.Union) else (kind,)


def _records(kind: object) -> tuple[object, ...]:
    return tuple(choice for choice in _choices(kind) if dataclasses.is_dataclass(choice))


def _items(kind: object, length: int) -> tuple[object, ...]:
    """The types of a tuple's items, of which an ellipsis makes any number."""
    found = next((choice for choice in _choices(kind) if typing.get_origin(choice) is tuple), None)
    inner = typing.get_args(found) or (object, ...)
    return (inner[0],) * length if inner[-1] is ... else inner


@cache
def _hints(kind: type) -> Mapping[str, object]:
    return typing.get_type_hints(kind)


def _wrong(where: str, expected: str) -> MalformedRecordError:
    return MalformedRecordError(f"{where} is not {expected}.")
