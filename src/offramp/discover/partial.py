"""Where does a discovery go on that was killed half way? From the answers it had got already, kept beside the estate for some minutes.

Only what holds no secret and no person's name is kept; config vars, drains, webhooks and people are asked for again. The file is one
line of JSON for each answer, so that a kill costs at most the last line, and it is gone once the look is complete.
"""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from ..errors import UsageError
from ..kit.clock import Clock
from . import shape

Kind = TypeVar("Kind")
AGE_SECONDS = 900.0
"""What was answered longer ago is asked again: an estate must be one picture."""


class Partial:
    """The answers of an unfinished discovery. Safe to share between threads. ``place`` keeps two Herokus apart."""

    def __init__(self, path: Path, place: str, clock: Clock, *, age_seconds: float = AGE_SECONDS) -> None:
        self._path, self._place, self._clock = path, place, clock
        self._lock = threading.Lock()
        self._known = _read(path, place, clock.now() - age_seconds)

    def all(self, key: str, kind: type[Kind], ask: Callable[[], tuple[Kind, ...]]) -> tuple[Kind, ...]:
        """Return the answer under ``key``, asking only if it is not known. Raises what ``ask`` raises."""
        if (known := self._recall(key, tuple[kind, ...])) is not None:  # type: ignore[valid-type]  # a type at run time
            return cast(tuple[Kind, ...], known)
        found = ask()
        self._keep(key, [_plain(one) for one in found])
        return found

    def one(self, key: str, kind: type[Kind], ask: Callable[[], Kind]) -> Kind:
        """Return one value under ``key``, asking only if it is not known. Raises what ``ask`` raises."""
        if (known := self._recall(key, kind)) is not None:
            return cast(Kind, known)
        found = ask()
        self._keep(key, _plain(found))
        return found

    def done(self) -> None:
        """Forget all of it: the look is complete, or what it stopped at may have made it untrue."""
        self._path.unlink(missing_ok=True)

    def _recall(self, key: str, kind: object) -> object | None:
        value = self._known.get(key)
        if value is None:
            return None
        try:
            return shape.build(kind, value, key)
        except UsageError:
            # Another version of offramp wrote it.
            return None

    def _keep(self, key: str, value: object) -> None:
        entry = {"place": self._place, "key": key, "at": self._clock.now(), "value": value}
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            except OSError:
                # A directory that cannot be written to costs the going on, not the look.
                return
            with open(handle, "ab") as file:
                file.write(line)


def _plain(value: object) -> object:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def _read(path: Path, place: str, since: float) -> dict[str, object]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    known: dict[str, object] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            if entry["place"] == place and entry["at"] >= since:
                known[entry["key"]] = entry["value"]
        except (ValueError, KeyError, TypeError):
            # The line that a kill cut off.
            continue
    return known
