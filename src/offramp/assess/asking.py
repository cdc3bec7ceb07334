"""Which what-ifs may be asked of the costs, and how are they typed?"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Literal, NoReturn

from ..errors import UsageError
from .cost.model import Flags

_Set = Callable[[Flags, str], Flags]


def flags(what_if: tuple[str, ...], region: str) -> Flags:
    """Return the what-ifs as flags. Raises UsageError that names the nearest right word.

    >>> flags(("traffic=2", "arm=yes"), "eu-west-1").traffic
    Decimal('2')
    """
    asked = Flags(region=region)
    for one in what_if:
        name, _, value = one.partition("=")
        if name not in WHAT_IFS:
            near = difflib.get_close_matches(name, WHAT_IFS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(WHAT_IFS)}."
            raise UsageError(f"{one!r} is not a what-if.", hint=f"{hint} Say NAME=VALUE.")
        expected, put = WHAT_IFS[name]
        try:
            asked = put(asked, value)
        except (ValueError, InvalidOperation) as error:
            raise UsageError(f"{value!r} is no value of {name}.", hint=f"It must be {expected}.") from error
    return asked


def _yes_or_no(value: str) -> bool:
    return {"yes": True, "no": False}[value] if value in ("yes", "no") else _no(value)


def _within(value: str, low: str, high: str) -> Decimal:
    number = Decimal(value)
    return number if Decimal(low) <= number <= Decimal(high) else _no(value)


def _whole(value: str, low: int, high: int) -> int:
    number = int(value)
    return number if low <= number <= high else _no(value)


def _plan(value: str) -> Literal["1-year", "3-year", "none"]:
    match value:
        case "1-year" | "3-year" | "none":
            return value
        case _:
            return _no(value)


def _no(value: str) -> NoReturn:
    raise ValueError(value)


WHAT_IFS: Mapping[str, tuple[str, _Set]] = {
    "traffic": ("from 0.1 to 100 times", lambda it, said: replace(it, traffic=_within(said, "0.1", "100"))),
    "arm": ("yes or no", lambda it, said: replace(it, arm=_yes_or_no(said))),
    "multi-az": ("yes or no", lambda it, said: replace(it, multi_az=_yes_or_no(said))),
    "staging": ("yes or no", lambda it, said: replace(it, staging=_yes_or_no(said))),
    "spot": ("the share of worker tasks, 0 to 1", lambda it, said: replace(it, spot_share=_within(said, "0", "1"))),
    "log-days": ("a number of days from 1 to 3653", lambda it, said: replace(it, log_days=_whole(said, 1, 3653))),
    "commitment": ("1-year, 3-year or none", lambda it, said: replace(it, savings_plan=_plan(said))),
    "overlap-weeks": (
        "a number of weeks from 0 to 104",
        lambda it, said: replace(it, overlap_weeks=_whole(said, 0, 104)),
    ),
    "engineering": ("dollars", lambda it, said: replace(it, engineering_cents=_within(said, "0", "10000000") * 100)),
}
"""What may stand before the equals sign: which values it takes, in words, and what it sets."""
