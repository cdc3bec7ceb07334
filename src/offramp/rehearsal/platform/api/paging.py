"""Which part of a list does a ``Range`` header ask for, and where does the next part begin?

Platform API reference, Ranges: ``id ]cursor..; max=200, order=desc``. A list that has more is answered with 206 and Next-Range.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .problems import bad_request

MOST = 1_000
_RANGE = re.compile(
    r"^(?P<key>[a-z_]+)\s+(?P<open>\]?)(?P<first>[^;\s]*?)\.\.(?P<last>[^;\s\[]*)(?P<close>\[?)\s*(?:;(?P<rest>.*))?$"
)

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A parsed Range. ``after`` excludes ``first`` itself."""

    key: str
    first: str = ""
    after: bool = False
    last: str = ""
    most: int = 200
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[Row, ...]
    content_range: str
    next_range: str | None


def parse(text: str, *, key: str, most: int) -> Wanted:
    """Parse a Range header; an empty one asks for the first page by ``key``.

    >>> parse("version ]12..; max=3, order=desc", key="id", most=200)
    Wanted(key='version', first='12', after=True, last='', most=3, descending=True)
    """
    if not text.strip():
        return Wanted(key, most=most)
    found = _RANGE.match(text.strip())
    if not found:
        raise bad_request(f"Invalid `Range` header: {text}.")
    options = dict(_option(part) for part in re.split(r"[,;]", found["rest"] or "") if part.strip())
    asked = options.get("max", str(most))
    if not asked.isdigit() or not int(asked):
        raise bad_request("Invalid `max` in the `Range` header.")
    return Wanted(
        key=found["key"],
        first=found["first"],
        after=bool(found["open"]),
        last=found["last"],
        most=min(int(asked), MOST),
        descending=options.get("order", "asc") == "desc",
    )


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def cut(rows: Sequence[Row], wanted: Wanted, sortable: Sequence[str]) -> Page:
    """Sort the rows and take the wanted part."""
    if wanted.key not in sortable:
        raise bad_request(f"Cannot range over {wanted.key}; use one of {', '.join(sortable)}.")
    ordered = sorted(rows, key=lambda row: _order(row[wanted.key]), reverse=wanted.descending)
    inside = [row for row in ordered if _within(row[wanted.key], wanted)]
    taken = inside[: wanted.most]
    more = len(inside) > len(taken)
    options = f"max={wanted.most}" + (", order=desc" if wanted.descending else "")
    span = f"{taken[0][wanted.key]}..{taken[-1][wanted.key]}" if taken else ".."
    return Page(
        rows=tuple(taken),
        content_range=f"{wanted.key} {span}; {options}",
        next_range=f"{wanted.key} ]{taken[-1][wanted.key]}..{wanted.last}; {options}" if more else None,
    )


def _order(value: object) -> tuple[int, int, str]:
    """Numbers by size, all else by its text."""
    return (0, value, "") if isinstance(value, int) else (1, 0, str(value))


def _within(value: object, wanted: Wanted) -> bool:
    at = _order(value)
    sign = -1 if wanted.descending else 1
    if wanted.first:
        compared = _compare(at, _cursor(wanted.first, value)) * sign
        if compared < 0 or (wanted.after and compared == 0):
            return False
    return not wanted.last or _compare(at, _cursor(wanted.last, value)) * sign <= 0


def _cursor(text: str, like: object) -> tuple[int, int, str]:
    return _order(int(text)) if isinstance(like, int) and text.isdigit() else (1, 0, text)


def _compare(one: tuple[int, int, str], other: tuple[int, int, str]) -> int:
    return (one > other) - (one < other)
