"""Which prices does AWS ask today? What its list gives replaces the kept figures one by one; what it does not give stays, with its date."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from ...aws.pricing import Pricing, Product, Rate
from .catalogue import LOOKUPS, Lookup, place
from .model import Discount, Price, PriceBook, Term, Tier

FREE_OUT_GB = Decimal(100)
"""AWS gives 100 GB a month out to the internet over all regions; the regional list does not say so."""
FAR = Decimal("0.25")
"""How far a price may lie from that of another region: the four books differ by up to a fifth."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The new book, and in sentences what the list did not give or gave twice; those figures stay as they were."""

    book: PriceBook
    read: int
    kept: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "region": self.book.region,
            "read": self.read,
            "prices": len(self.book.prices),
            "discounts": len(self.book.discounts),
            "kept": list(self.kept),
        }


def refresh(pricing: Pricing, old: PriceBook, region: str, today: date, say: Callable[[str], None]) -> Refreshed:
    """Ask AWS for every price of a region. ``old`` gives what no list has; for another region its figures are estimates.

    ``say`` is told which service is read. Raises what ``Pricing`` raises; nothing is written here.
    """
    fresh: dict[tuple[str, str], Price] = {}
    kept: list[str] = []
    for (code, filters), wanted in _by_query(LOOKUPS):
        say(f"Reading the prices of {code} in {region}")
        products = tuple(pricing.products(code, {**place(code, region), **dict(filters)}))
        for lookup in wanted:
            found = _choose(lookup, products, region, today)
            if isinstance(found, Price):
                fresh[lookup.service, lookup.item] = found
            else:
                kept.append(found)
    prices = _merged(old, fresh, region)
    book = PriceBook(region, "refreshed", prices, (), _absent(prices))
    say(f"Reading the rates of Savings Plans in {region}")
    return Refreshed(replace(book, discounts=_discounts(pricing, old, book, today)), len(fresh), tuple(kept))


def _by_query(
    lookups: Iterable[Lookup],
) -> list[tuple[tuple[str, tuple[tuple[str, str], ...]], list[Lookup]]]:
    """Group what one query answers."""
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[Lookup]] = {}
    for lookup in lookups:
        groups.setdefault((lookup.code, lookup.filters), []).append(lookup)
    return list(groups.items())


def _choose(lookup: Lookup, products: tuple[Product, ...], region: str, today: date) -> Price | str:
    """Return the one price that the list gives, or a sentence: nothing, or several that differ, is not a price."""
    name = f"{lookup.service} {lookup.item}"
    found = [
        product
        for product in products
        if lookup.matches(product.attribute("usagetype"))
        and (not lookup.instance or product.attribute("instanceType") == lookup.instance)
    ]
    if not found:
        return f"AWS's list for {region} has no {name}."
    if len({product.steps for product in found}) > 1:
        skus = ", ".join(product.sku for product in found)
        return f"AWS's list for {region} has several prices for {name} ({skus}); none was taken."
    return _price(lookup, found[0], region, today)


def _price(lookup: Lookup, product: Product, region: str, today: date) -> Price:
    tiers = tuple(Tier(step.above / lookup.units, step.usd * lookup.units) for step in product.steps)
    source = f"AWS Price List API, {lookup.code} SKU {product.sku}, published {product.published}"
    if lookup.item == "out GB" and tiers[0].usd:
        tiers = (Tier(Decimal(0), Decimal(0)), Tier(FREE_OUT_GB, tiers[0].usd), *tiers[1:])
        source += "; 100 GB a month are free"
    return Price(lookup.service, lookup.item, product.unit, tiers, source, today, region)


def _merged(old: PriceBook, fresh: dict[tuple[str, str], Price], region: str) -> tuple[Price, ...]:
    """Return the old book's order with new figures in place, then what is new. Units stay as the book names them."""
    known = {(price.service, price.item): price for price in old.prices}
    updated = {key: replace(price, unit=known[key].unit) if key in known else price for key, price in fresh.items()}
    rest = [price for key, price in updated.items() if key not in known]
    return (*(updated.get(key) or _carried(price, region) for key, price in known.items()), *rest)


def _carried(price: Price, region: str) -> Price:
    """Return a kept figure; one of another region is an estimate."""
    if price.region == region:
        return price
    return replace(
        price,
        region=region,
        estimated=True,
        uncertainty=max(price.uncertainty, FAR),
        source=f"rule: the {price.region} figure; {price.region}: {price.source.removeprefix('rule: ')}",
    )


def _absent(prices: tuple[Price, ...]) -> tuple[str, ...]:
    known = {(price.service, price.item) for price in prices}
    return tuple(f"{one.service}/{one.item}" for one in LOOKUPS if (one.service, one.item) not in known)


def _discounts(pricing: Pricing, old: PriceBook, book: PriceBook, today: date) -> tuple[Discount, ...]:
    """Return the kept discounts, with the Savings Plans' own rates where AWS gives them."""
    fargate = tuple(pricing.rates("Compute", "Fargate", book.region))
    rds = tuple(pricing.rates("Database", "RDS", book.region))
    cache = tuple(pricing.rates("Database", "ElastiCache", book.region))
    return tuple(
        _rated(one, {"Fargate": fargate, "RDS": rds, "ElastiCache": cache}.get(one.service, ()), book, today)
        for one in old.discounts
    )


def _rated(old: Discount, rates: tuple[Rate, ...], book: PriceBook, today: date) -> Discount:
    """Return the discount as the rates give it over all items that it covers; the old one when they say nothing of these."""
    if "Savings Plan" not in old.plan:
        return old
    # Database Savings Plans exist for one year only; the 3-year column uses the same ones.
    years = 3 if old.term == "3-year" and old.service == "Fargate" else 1
    shares = [
        1 - rate.usd / price.usd
        for rate in rates
        if rate.years == years
        for price in book.prices
        if old.covers(price) and price.usd and _usage(price).fullmatch(rate.usage_type) and rate.usd < price.usd
    ]
    if not shares:
        return old
    term: Term = old.term
    return Discount(
        plan=old.plan.partition(",")[0].partition(" (")[0]
        + f" ({years} {'year' if years == 1 else 'years'}, no upfront)",
        term=term,
        service=old.service,
        items=old.items,
        low=_share(min(shares)),
        likely=_share(statistics.median(shares)),
        high=_share(max(shares)),
        source=f"AWS savingsplans DescribeSavingsPlansOfferingRates, {len(shares)} rates",
        date=today,
    )


def _usage(price: Price) -> re.Pattern[str]:
    """Return the pattern of the usage type that a price is billed under."""
    lookup = next((one for one in LOOKUPS if (one.service, one.item) == (price.service, price.item)), None)
    if lookup is None:
        return re.compile(r"(?!)")
    # RDS bills ``db.r7g.2xlarge`` as ``InstanceUsage:db.r7g.2xl``.
    shortened = re.escape(f"InstanceUsage:{lookup.instance}").replace("xlarge", "xl(?:arge)?")
    usage = shortened if lookup.instance else lookup.usage
    return re.compile(r"(?:[A-Z]{2,4}\d{0,2}-)?" + usage)


def _share(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"))
