"""What stands in a request: fixed text, drawn values, things learned from earlier answers?"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, assert_never

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_WORDS = (
    "answer bring careful daily early fair gentle honest idea join keep learn mentor notice open plan question read small "
    "steady talk useful view write"
)


@dataclass(frozen=True, slots=True)
class Between:
    """A whole number, both ends included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class OneOf:
    options: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence of so many words."""

    count: int


@dataclass(frozen=True, slots=True)
class DaysAhead:
    """A full minute so many days from now, as ISO 8601 in UTC."""

    low: int
    high: int


Value = Between | OneOf | Words | DaysAhead


def draw(value: Value, chance: random.Random, now: float) -> Json:
    """Return one value. ``now`` is in seconds since the epoch.

    >>> draw(DaysAhead(1, 1), random.Random(1), 0.0)[:10]
    '1970-01-02'
    """
    match value:
        case Between(low, high):
            return chance.randint(low, high)
        case OneOf(options):
            return chance.choice(options)
        case Words(count):
            return " ".join(chance.choices(_WORDS.split(), k=count))
        case DaysAhead(low, high):
            moment = datetime.fromtimestamp(now, UTC) + timedelta(minutes=chance.randint(low * 1440, high * 1440))
            return moment.replace(second=0, microsecond=0).isoformat()
    assert_never(value)


def placeholders(template: Json) -> frozenset[str]:
    """Return the names that ``template`` asks for.

    >>> sorted(placeholders({"a": "{x} and {y}", "b": [1, "{x}"]}))
    ['x', 'y']
    """
    match template:
        case str():
            return frozenset(_PLACEHOLDER.findall(template))
        case list():
            return frozenset().union(*map(placeholders, template))
        case dict():
            return frozenset().union(*map(placeholders, template.values()))
    return frozenset()


def render(template: Json, value_of: Callable[[str], Json]) -> Json:
    """Return ``template`` with its placeholders filled in; text that is one placeholder takes the value's own type.

    >>> render({"stars": "{n}", "text": "n is {n}"}, {"n": 5}.__getitem__)
    {'stars': 5, 'text': 'n is 5'}
    """
    match template:
        case str():
            if whole := _PLACEHOLDER.fullmatch(template):
                return value_of(whole[1])
            return _PLACEHOLDER.sub(lambda found: str(value_of(found[1])), template)
        case list():
            return [render(item, value_of) for item in template]
        case dict():
            return {name: render(item, value_of) for name, item in template.items()}
    return template


def find(document: Json, path: str) -> tuple[Json, ...]:
    """Return what lies at a dotted path; ``*`` stands for every item of a list.

    >>> find({"results": [{"id": 1}, {"id": 2}]}, "results.*.id")
    (1, 2)
    >>> find({"error": "none"}, "results.*.id")
    ()
    """
    found: list[Json] = [document]
    for step in path.split("."):
        if step == "*":
            found = [item for value in found if isinstance(value, list) for item in value]
        else:
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
    return tuple(found)
