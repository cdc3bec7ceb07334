"""How large was each database before? Observations, one a line in ``history.jsonl``, from which growth is told.

Growth is the straight line between the oldest observation kept and the present. It is unknown until two are an hour apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from ..errors import UsageError
from ..kit import files
from . import shape
from .model import Estate, Growth, Readings

FILENAME = "history.jsonl"
APART_SECONDS = 3600.0
KEPT_SECONDS = 90 * 86400.0
MOST = 90
"""Observations kept of one database; the oldest of them goes first."""
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Size:
    """``name`` with its schema."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Observation:
    """``at`` in seconds since 1970, by the database's clock."""

    addon: str
    at: float
    bytes: int
    tables: tuple[Size, ...]


def read(directory: Path) -> tuple[Observation, ...]:
    """Return what was observed, oldest first; lines that cannot be read are left out: a look without history is still a look."""
    try:
        lines = (directory / FILENAME).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(sorted((one for line in lines if (one := _parse(line))), key=lambda one: one.at))


def keep(directory: Path, estate: Estate) -> None:
    """Add an estate's sizes, unless the last are less than an hour old. Safe to repeat."""
    before = read(directory)
    after = before
    for fresh in _observations(estate):
        last = max((one.at for one in after if one.addon == fresh.addon), default=None)
        if last is None or fresh.at - last >= APART_SECONDS:
            after = _trimmed((*after, fresh), fresh)
    if after != before:
        files.replace(directory / FILENAME, "".join(f"{_dump(one)}\n" for one in after))


def grown(readings: Readings, addon: str, size: int, tables: Iterable[Size], before: Sequence[Observation]) -> Readings:
    """Return the readings with the growth of the database and of each table since the observations ``before``."""
    ours = [one for one in before if one.addon == addon and readings.at - one.at <= KEPT_SECONDS]
    now = {table.name: table.bytes for table in tables}
    earlier = [(one.at, {table.name: table.bytes for table in one.tables}) for one in ours]
    return replace(
        readings,
        growth=_growth(readings.at, size, [(one.at, one.bytes) for one in ours]),
        tables=tuple(
            replace(use, growth=_growth(readings.at, now[name], [(at, sizes[name]) for at, sizes in earlier if name in sizes]))
            if (name := f"{use.schema}.{use.name}") in now
            else use
            for use in readings.tables
        ),
    )  # fmt: skip


def _growth(at: float, size: int, before: Sequence[tuple[float, int]]) -> Growth | None:
    earlier = [one for one in before if at - one[0] >= APART_SECONDS]
    if not earlier:
        return None
    first_at, first = min(earlier)
    days = (at - first_at) / DAY
    return Growth(round((size - first) / days, 1), round(days, 3), len(earlier) + 1)


def _observations(estate: Estate) -> tuple[Observation, ...]:
    return tuple(
        Observation(
            one.addon,
            one.readings.at,
            one.bytes,
            tuple(Size(f"{table.schema}.{table.name}", table.bytes) for table in one.tables),
        )
        for one in estate.databases
        if one.readings
    )


def _trimmed(found: Sequence[Observation], fresh: Observation) -> tuple[Observation, ...]:
    ours = [one for one in found if one.addon == fresh.addon and fresh.at - one.at <= KEPT_SECONDS][-MOST:]
    return tuple(one for one in found if one.addon != fresh.addon or one in ours)


def _dump(one: Observation) -> str:
    plain = asdict(one) | {"tables": {size.name: size.bytes for size in one.tables}}
    return json.dumps(plain, separators=(",", ":"), sort_keys=True)


def _parse(line: str) -> Observation | None:
    try:
        plain = json.loads(line)
        plain["tables"] = [{"name": name, "bytes": size} for name, size in plain["tables"].items()]
        return cast(Observation, shape.build(Observation, plain, FILENAME))
    except (ValueError, KeyError, TypeError, AttributeError, UsageError):
        return None
