"""What does a price times a quantity come to? A want says what is used; the book says what it costs, or nobody does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ..prices.model import Discount, Price, PriceBook, Term
from .model import Group, Line
from .ranges import Range, cents


@dataclass(frozen=True, slots=True)
class Want:
    """So much of one item of the price book. ``formula`` is the quantity in words: ``2 tasks × 730 h × 0.5 vCPU``."""

    group: Group
    what: str
    service: str
    item: str
    quantity: Range
    formula: str
    app: str = ""
    idle: bool = False
    staging: bool = False


def priced(wants: Iterable[Want], book: PriceBook, term: Term | None) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Return a line for each want, and a sentence for each that the book has no price for. Wants of nothing are left out."""
    lines, missing = [], []
    for want in wants:
        if not want.quantity.high:
            continue
        price = book.find(want.service, want.item)
        if price is None:
            missing.append(
                f"The price book of {book.region} has no price for {want.service} {want.item} ({want.what}); run `offramp prices refresh`."
            )
        else:
            lines.append(_line(want, price, book.discount(price, term) if term else None))
    return tuple(lines), tuple(dict.fromkeys(missing))


def _line(want: Want, price: Price, discount: Discount | None) -> Line:
    on_demand = _charge(price, want.quantity)
    return Line(
        group=want.group,
        what=want.what,
        app=want.app,
        quantity=want.quantity,
        unit=price.unit,
        usd=price.usd,
        cents=_cents(on_demand),
        committed_cents=_cents(_less(on_demand, discount)) if discount else _cents(on_demand),
        formula=f"{want.formula} × ${price.usd} per {price.unit}{_tiers(price)}{_plan(discount)}",
        source=price.source,
        date=price.date,
        idle=want.idle,
        estimated=price.estimated,
        staging=want.staging,
    )


def _charge(price: Price, quantity: Range) -> Range:
    """Return US dollars; an estimated price widens the range by its uncertainty."""
    return Range(
        price.charge(quantity.low) * (1 - price.uncertainty),
        price.charge(quantity.likely),
        price.charge(quantity.high) * (1 + price.uncertainty),
    )


def _less(usd: Range, discount: Discount) -> Range:
    return Range(usd.low * (1 - discount.high), usd.likely * (1 - discount.likely), usd.high * (1 - discount.low))


def _cents(usd: Range) -> Range:
    return Range(cents(usd.low), cents(usd.likely), cents(usd.high))


def _tiers(price: Price) -> str:
    if len(price.tiers) == 1:
        return ""
    free = price.tiers[1].above if not price.tiers[0].usd else Decimal(0)
    return f" above {free:f} free ones, in tiers" if free else ", in tiers"


def _plan(discount: Discount | None) -> str:
    return f"; committed: {discount.plan}, −{discount.likely:.0%}" if discount else ""
