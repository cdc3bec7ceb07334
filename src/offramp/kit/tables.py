"""What does a TOML file say, exactly? Read whole: a key nobody asked for is an error with a suggestion, never ignored.

Standard library only, so it raises its own ``MalformedError``; the reader of a given file turns that into a UsageError.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import TypeVar

Default = TypeVar("Default")
Choice = TypeVar("Choice", bound=str)

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*[=.]""")


class MalformedError(ValueError):
    """The file does not say something we can use. ``line`` counts from 1; 0 when no one line is to blame."""

    def __init__(self, problem: str, *, filename: str, line: int = 0, hint: str = "") -> None:
        where = f"{filename}, line {line}" if line else filename
        super().__init__(f"{where}: {problem}")
        self.line = line
        self.hint = hint


def parse(text: str, filename: str) -> Table:
    """Parse a TOML document. Raises MalformedError that names the line when it is not TOML.

    >>> parse('name = "mentoring"', "offramp.toml").text("name")
    'mentoring'
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _decode_error_line(str(error), text)
        problem = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise MalformedError(
            f"this is not TOML: {problem[:1].lower()}{problem[1:]}.",
            filename=filename,
            line=line,
            hint="Text needs quotes, lists need brackets, and a table begins with its name in [brackets].",
        ) from error
    return Table(values, filename, text, ())


def _decode_error_line(message: str, text: str) -> int:
    found = re.search(r"at line (\d+)", message)
    return int(found[1]) if found else text.count("\n") + 1


class Table:
    """One table of the document. Call ``only`` first with every key it may hold, then read them one by one."""

    def __init__(self, values: Mapping[str, object], filename: str, text: str, path: tuple[str | int, ...]) -> None:
        self._values = values
        self._filename = filename
        self._text = text
        self._path = path

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._values)

    def only(self, *known: str) -> Table:
        """Return this table, having refused every key that is not in ``known``."""
        for key in self._values:
            if key in known:
                continue
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
            hint = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(known)}."
            raise self.malformed(key, f"`{key}` is not a key of {self._title}.", hint)
        return self

    def malformed(self, key: str, problem: str, hint: str = "") -> MalformedError:
        """Return the error that blames ``key``, for the caller to raise."""
        line = line_of(self._text, self._path, key)
        if not line and self._path:
            # An inline table has no header: blame the key that holds it.
            line = line_of(self._text, self._path[:-1], str(self._path[-1]))
        return MalformedError(problem, filename=self._filename, line=line, hint=hint)

    def text(self, key: str, *, pattern: str = "", meaning: str = "", shown: bool = True) -> str:
        """Return a required text; ``pattern`` must match it whole, and ``meaning`` says in words what is expected.

        ``shown`` false keeps a wrong value out of the error, where people may have put a secret by mistake.
        """
        value = self._get(key, str, "a text in quotes")
        if not value or (pattern and not re.fullmatch(pattern, value)):
            what = repr(value) if shown else "something else"
            raise self.malformed(key, f"`{key}` is {what}.", f"It must be {meaning or 'a text that is not empty'}.")
        return value

    def text_or(
        self, key: str, default: Default, *, pattern: str = "", meaning: str = "", shown: bool = True
    ) -> str | Default:
        return self.text(key, pattern=pattern, meaning=meaning, shown=shown) if key in self._values else default

    def integer(self, key: str, low: int, high: int) -> int:
        """Return a required whole number between ``low`` and ``high``."""
        value = self._get(key, int, "a whole number")
        return int(self._within(key, value, low, high))

    def integer_or(self, key: str, default: Default, low: int, high: int) -> int | Default:
        return self.integer(key, low, high) if key in self._values else default

    def number(self, key: str, low: float, high: float) -> float:
        """Return a required number between ``low`` and ``high``."""
        value = self._values.get(key)
        number = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(number, float):
            number = self._get(key, float, "a number")
        return self._within(key, number, low, high)

    def number_or(self, key: str, default: Default, low: float, high: float) -> float | Default:
        return self.number(key, low, high) if key in self._values else default

    def choice_or(self, key: str, default: Choice, choices: tuple[Choice, ...]) -> Choice:
        """Return one of these texts, or the default when the key is absent."""
        if key not in self._values:
            return default
        said = self.text(key)
        for choice in choices:
            if choice == said:
                return choice
        raise self.malformed(key, f"{said!r} is none of the choices.", f"Say {' or '.join(map(repr, choices))}.")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty when the key is absent."""
        return tuple(self._item(key, item, str, "texts") for item in self._list(key))

    def integers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """Return a list of whole numbers between ``low`` and ``high``, empty when the key is absent."""
        found = tuple(self._item(key, item, int, "whole numbers") for item in self._list(key))
        return tuple(int(self._within(key, item, low, high)) for item in found)

    def table(self, key: str) -> Table:
        """Return a table, empty when the key is absent."""
        values = self._get(key, dict, "a table") if key in self._values else {}
        return Table(values, self._filename, self._text, (*self._path, key))

    def tables(self, key: str) -> tuple[Table, ...]:
        """Return an array of tables, empty when the key is absent."""
        rows = tuple(self._item(key, item, dict, f"tables, each begun by [[{key}]]") for item in self._list(key))
        return tuple(
            Table(row, self._filename, self._text, (*self._path, key, index)) for index, row in enumerate(rows)
        )

    def mapping(self, key: str) -> tuple[tuple[str, str], ...]:
        """Return a table of texts as pairs in the file's order, empty when the key is absent."""
        inner = self.table(key)
        return tuple((name, inner._get(name, str, "a text in quotes")) for name in inner.keys)

    @property
    def _title(self) -> str:
        names = [part for part in self._path if isinstance(part, str)]
        return f"[{'.'.join(names)}]" if names else self._filename

    def _get(self, key: str, kind: type[Default], expected: str) -> Default:
        if key not in self._values:
            raise self.malformed(key, f"`{key}` is missing from {self._title}.", f"Add it: {expected}.")
        value = self._values[key]
        # bool is an int to Python but not to the reader of a settings file.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.malformed(key, f"`{key}` must be {expected}.", f"It is {_shown(value)} now.")
        return value

    def _list(self, key: str) -> list[object]:
        return self._get(key, list, "a list in brackets") if key in self._values else []

    def _item(self, key: str, item: object, kind: type[Default], expected: str) -> Default:
        if not isinstance(item, kind) or isinstance(item, bool):
            raise self.malformed(key, f"`{key}` must be a list of {expected}.", f"One item is {_shown(item)}.")
        return item

    def _within(self, key: str, value: float, low: float, high: float) -> float:
        if not low <= value <= high:
            raise self.malformed(key, f"`{key}` is {value:g}.", f"It must be from {low:g} to {high:g}.")
        return value


def _shown(value: object) -> str:
    """Name a value's kind, not the value: a misplaced one may be a secret."""
    names = {bool: "true or false", str: "a text", int: "a whole number", float: "a number", dict: "a table"}
    return names.get(type(value), "a list" if isinstance(value, list) else type(value).__name__)


def line_of(text: str, path: tuple[str | int, ...], key: str) -> int:
    """Return the line, from 1, where ``key`` of the table at ``path`` stands; its table's header if absent; else 0.

    >>> line_of("[a]\\nx = 1\\n[[b]]\\nx = 2\\n[[b]]\\nx = 3\\n", ("b", 1), "x")
    6
    """
    current: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    header = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEADER.match(line):
            current = _enter(match, counts)
            if current[: len(path) + 1] == (*path, key):
                return number
            header = number if current == path else header
        elif current == path and (found := _KEY.match(line)) and next(filter(None, found.groups())) == key:
            return number
    return header


def _enter(match: re.Match[str], counts: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    names = [name.strip().strip("\"'") for name in match[2].split(".")]
    place: tuple[str | int, ...] = ()
    for position, name in enumerate(names):
        place = (*place, name)
        if match[1] == "[[" and position == len(names) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place
