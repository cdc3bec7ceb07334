"""How are figures with an uncertainty added and multiplied?"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

ONE_CENT = Decimal(1)


@dataclass(frozen=True, slots=True)
class Range:
    """A figure between ``low`` and ``high``, ``likely`` in between; all three are equal when it is known."""

    low: Decimal
    likely: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        if not self.low <= self.likely <= self.high:
            raise ValueError(f"a range goes upwards, not {self.low}, {self.likely}, {self.high}")

    @property
    def known(self) -> bool:
        return self.low == self.high

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        """Return the difference; the least is this low without the other's high, since the two vary independently."""
        return Range(self.low - other.high, self.likely - other.likely, self.high - other.low)

    def times(self, factor: Decimal | int) -> Range:
        """Return every bound times ``factor``, which is not negative."""
        return Range(self.low * factor, self.likely * factor, self.high * factor)

    def to_json(self) -> dict[str, float]:
        return {"low": float(self.low), "likely": float(self.likely), "high": float(self.high)}


NOTHING = Range(Decimal(0), Decimal(0), Decimal(0))


def exactly(amount: Decimal | int | str) -> Range:
    """Return a figure that is known.

    >>> exactly(3).known
    True
    """
    value = Decimal(amount)
    return Range(value, value, value)


def between(low: Decimal | int | str, likely: Decimal | int | str, high: Decimal | int | str) -> Range:
    """Return a range. Raises ValueError when it does not go upwards."""
    return Range(Decimal(low), Decimal(likely), Decimal(high))


def total(parts: tuple[Range, ...]) -> Range:
    """Return the sum; lows and highs are added as if everything went well, or ill, together.

    >>> total((exactly(1), between(1, 2, 4))).high
    Decimal('5')
    """
    return sum(parts, NOTHING)


def cents(usd: Decimal) -> Decimal:
    """Return US dollars as whole cents, halves away from zero, as on an AWS invoice.

    >>> cents(Decimal("0.125"))
    Decimal('13')
    """
    return (usd * 100).quantize(ONE_CENT, ROUND_HALF_UP)


def cents_json(cents: Range) -> dict[str, int]:
    """Return money for JSON: whole cents."""
    return {"low": int(cents.low), "likely": int(cents.likely), "high": int(cents.high)}
