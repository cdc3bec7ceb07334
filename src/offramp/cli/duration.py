"""How is a stretch of time typed? A number and its unit: ``90s``, ``3m``, ``2h``; a bare number is seconds."""

from __future__ import annotations

import re
from typing import Any

import click

_SPELT = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|)")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """Seconds between two bounds."""

    name = "duration"

    def __init__(self, least: float, most: float) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """
        >>> [Duration(0, 9999).convert(said, None, None) for said in ("90s", "3m", "1.5h", "20")]
        [90.0, 180.0, 5400.0, 20.0]
        """
        if isinstance(value, float):
            return value
        found = _SPELT.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is no duration; say 90s, 3m or 1h.", param, ctx)
        seconds = float(found[1]) * _SECONDS[found[2]]
        if not self.least <= seconds <= self.most:
            self.fail(f"{value!r} must be from {self.least:g} to {self.most:g} seconds.", param, ctx)
        return seconds
