"""What did each request feel like? One JSON line per answer, or per failure to get one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .ledger import Lines

Side = Literal["heroku", "aws", "other"]


@dataclass(frozen=True, slots=True)
class Sample:
    """``at`` is when the request was due, in epoch seconds; ``ms`` counts from then to the last byte of the answer.

    ``status`` is 0 without an answer; ``failed`` is the reason, empty for success; ``url`` is kept for failures only.
    """

    at: float
    ms: float
    name: str
    status: int
    side: Side
    failed: str = ""
    request_id: str = ""
    url: str = ""


def side_of(address: str) -> Side:
    """Say which cloud an address of the rehearsal stands for.

    >>> side_of("127.0.0.2"), side_of("127.64.0.9"), side_of("127.0.0.1")
    ('heroku', 'aws', 'other')
    """
    if address == "127.0.0.2":
        return "heroku"
    return "aws" if address.startswith("127.64.") else "other"


def write(lines: Lines, sample: Sample) -> None:
    """Note a sample; members that are empty are left out."""
    lines.add(
        at=round(sample.at, 6), ms=round(sample.ms, 3), name=sample.name, status=sample.status, side=sample.side,
        **{name: text for name in ("failed", "request_id", "url") if (text := getattr(sample, name))},
    )  # fmt: skip


def read(path: Path) -> Iterator[Sample]:
    """Return the samples of a file; a torn last line is passed over."""
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield Sample(**json.loads(line))
