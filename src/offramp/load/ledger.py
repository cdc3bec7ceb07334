"""Which writes were asked for, and which of them were acknowledged?

One JSON line when a write begins and one when its answer is in, each handed to the operating system before anything else
happens: a write whose answer never came, because of the server or because we were killed, is *in doubt*.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from ..errors import UsageError
from .values import Json

WriteKind = Literal["create", "update", "delete"]
Outcome = Literal["acknowledged", "in doubt"]


@dataclass(frozen=True, slots=True)
class Write:
    """One write. ``row`` is the token of the create that made the row; ``content`` maps columns to what was sent.

    ``serial`` counts within ``run``. ``create`` is the name of the action that made the row. Times are in epoch seconds.
    """

    run: str
    serial: int
    kind: WriteKind
    name: str
    create: str
    row: str
    content: dict[str, Json]
    at: float
    outcome: Outcome = "in doubt"
    reason: str = ""


class Lines:
    """A file of JSON lines; a line is in the kernel's hands when ``add`` returns, so our death does not lose it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def add(self, **members: Json) -> None:
        os.write(self._file, json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)


def begin(lines: Lines, write: Write) -> None:
    """Note a write before it is sent."""
    lines.add(
        event="begin", run=write.run, write=write.serial, kind=write.kind, name=write.name, create=write.create,
        row=write.row, content=write.content, at=write.at,
    )  # fmt: skip


def end(lines: Lines, write: Write, outcome: Outcome, at: float, reason: str = "") -> None:
    """Note how a write ended, before it counts for anything else."""
    lines.add(event="end", run=write.run, write=write.serial, outcome=outcome, at=at, reason=reason)


def read(paths: Iterable[Path]) -> tuple[Write, ...]:
    """Return the writes of one or more ledgers in the order of their beginning; what has no end is in doubt.

    Raises UsageError for a line that is no ledger line; a torn last line is what a kill leaves and is passed over.
    """
    writes: dict[tuple[str, int], Write] = {}
    for path in paths:
        for members in _lines(path):
            key = (members["run"], members["write"])
            if members["event"] == "begin":
                writes[key] = Write(
                    members["run"], members["write"], members["kind"], members["name"], members["create"],
                    members["row"], members["content"], members["at"],
                )  # fmt: skip
            else:
                writes[key] = replace(writes[key], outcome=members["outcome"], reason=members["reason"])
    return tuple(writes.values())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            if line:
                yield json.loads(line)
        except ValueError as error:
            if number == len(lines):
                return
            raise UsageError(f"line {number} of {path} is not JSON: {error}.") from error
