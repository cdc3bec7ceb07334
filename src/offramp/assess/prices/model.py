"""What does a unit cost, who says so, and since when?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

STALE_DAYS = 90
"""A figure older than this is warned of."""

Term = Literal["1-year", "3-year"]


@dataclass(frozen=True, slots=True)
class Tier:
    """``usd`` per unit for the part of a month's quantity that lies above ``above`` units."""

    above: Decimal
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """What a unit costs, who says so and when. Tiers rise; the first begins at 0.

    ``estimated`` prices have no source of their own: ``source`` then names the rule and the figures it rests on, and
    ``uncertainty`` is the share by which the true price may lie below or above (0.15 = 15 %).
    """

    service: str
    item: str
    unit: str
    tiers: tuple[Tier, ...]
    source: str
    date: date
    region: str
    estimated: bool = False
    uncertainty: Decimal = Decimal(0)

    @property
    def usd(self) -> Decimal:
        """The price of the first unit that is not free."""
        return next((tier.usd for tier in self.tiers if tier.usd), Decimal(0))

    def charge(self, quantity: Decimal) -> Decimal:
        """Return the US dollars for a month's ``quantity``, each part at its tier's price."""
        ends = [tier.above for tier in self.tiers[1:]]
        parts = zip(self.tiers, [*ends, quantity], strict=True)
        return sum((max(Decimal(0), min(end, quantity) - tier.above) * tier.usd for tier, end in parts), Decimal(0))

    def to_json(self) -> dict[str, object]:
        return {
            "service": self.service,
            "item": self.item,
            "unit": self.unit,
            "tiers": [{"above": str(tier.above), "usd": str(tier.usd)} for tier in self.tiers],
            "source": self.source,
            "date": self.date.isoformat(),
            "estimated": self.estimated,
            "uncertainty": str(self.uncertainty),
        }


@dataclass(frozen=True, slots=True)
class Discount:
    """What a commitment takes off the on-demand price, as shares: at least ``low``, at most ``high``.

    It covers the items of ``service`` whose name begins with one of ``items``.
    """

    plan: str
    term: Term
    service: str
    items: tuple[str, ...]
    low: Decimal
    likely: Decimal
    high: Decimal
    source: str
    date: date

    def covers(self, price: Price) -> bool:
        return price.service == self.service and price.item.startswith(self.items)

    def to_json(self) -> dict[str, object]:
        return {
            "plan": self.plan,
            "term": self.term,
            "service": self.service,
            "items": list(self.items),
            "low": str(self.low),
            "likely": str(self.likely),
            "high": str(self.high),
            "source": self.source,
            "date": self.date.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The prices of one region. ``origin`` says ``shipped`` or ``refreshed``; ``missing`` names what nobody knows, ``service/item``."""

    region: str
    origin: str
    prices: tuple[Price, ...]
    discounts: tuple[Discount, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def oldest(self) -> date:
        """The day of the oldest figure. Raises ValueError when the book is empty."""
        return min(price.date for price in self.prices)

    def find(self, service: str, item: str) -> Price | None:
        return next((price for price in self.prices if (price.service, price.item) == (service, item)), None)

    def discount(self, price: Price, term: Term) -> Discount | None:
        """Return the commitment that covers a price, None when none does."""
        return next((one for one in self.discounts if one.term == term and one.covers(price)), None)

    def age_days(self, today: date) -> int:
        return (today - self.oldest).days

    def stale(self, today: date) -> tuple[Price, ...]:
        """Return the prices that are older than ``STALE_DAYS``."""
        return tuple(price for price in self.prices if (today - price.date).days > STALE_DAYS)

    def to_json(self) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            "region": self.region,
            "prices": [price.to_json() for price in self.prices],
            "discounts": [discount.to_json() for discount in self.discounts],
            "missing": list(self.missing),
        }


SCHEMA = "offramp/prices/1"
