"""How is a JSON answer read without trusting it? Field by field, each of the kind that we expect, or a clear error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..errors import OutsideError

Kind = TypeVar("Kind")


class Answer:
    """One JSON object of an answer. ``where`` names the request, for the error that says what is missing."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, Mapping):
            raise _odd(where, "is not an object")
        self._values: Mapping[str, object] = values
        self._where = where

    def text(self, key: str) -> str:
        return self._get(key, str)

    def text_or(self, key: str, default: str) -> str:
        value = self._values.get(key)
        return value if isinstance(value, str) else default

    def maybe_text(self, key: str) -> str | None:
        value = self._values.get(key)
        return value if isinstance(value, str) else None

    def integer(self, key: str) -> int:
        return int(self._get(key, int))

    def number_or(self, key: str, default: float) -> float:
        value = self._values.get(key)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default

    def flag(self, key: str) -> bool:
        return self._values.get(key) is True

    def maybe_flag(self, key: str) -> bool | None:
        value = self._values.get(key)
        return value if isinstance(value, bool) else None

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def first(self, key: str) -> str:
        """Return the first item of a list, whatever its kind, as a text; empty without one."""
        value = self._values.get(key)
        return str(value[0]) if isinstance(value, list) and value else ""

    def listed(self, key: str, name: str) -> tuple[str, ...]:
        """Return all values of one row of a table of ``{name, values}``, as texts."""
        rows = (row for row in self.children(key) if row.maybe_text("name") == name)
        return tuple(str(value) for row in rows for value in row.items("values"))

    def items(self, key: str) -> tuple[object, ...]:
        value = self._values.get(key)
        return tuple(value) if isinstance(value, list) else ()

    def settings(self) -> tuple[tuple[str, str], ...]:
        """Return ``{"name": {"value": ...}}`` as pairs of texts, sorted by name."""
        return tuple(
            sorted((key, str(found["value"])) for key, found in self._values.items()
                   if isinstance(found, dict) and found.get("value") is not None)
        )  # fmt: skip

    def child(self, key: str) -> Answer:
        return Answer(self._get(key, dict), f"{self._where}, {key}")

    def maybe_child(self, key: str) -> Answer | None:
        return self.child(key) if isinstance(self._values.get(key), dict) else None

    def children(self, key: str) -> tuple[Answer, ...]:
        value = self._values.get(key)
        return tuple(Answer(item, f"{self._where}, {key}") for item in value) if isinstance(value, list) else ()

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the object's own texts by name, sorted: config vars, process types."""
        return tuple(sorted((key, value) for key, value in self._values.items() if isinstance(value, str)))

    def _get(self, key: str, kind: type[Kind]) -> Kind:
        value = self._values.get(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise _odd(self._where, f"has no usable `{key}`")
        return value


def _odd(where: str, problem: str) -> OutsideError:
    return OutsideError(
        f"Heroku's answer to {where} {problem}.",
        hint="Check that `heroku.api` in offramp.toml is the address of Heroku's API.",
    )
