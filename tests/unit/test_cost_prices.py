"""Is every figure of the price books one that can be looked up, and does a broken book say what is wrong?"""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.assess.prices import book, desk
from offramp.assess.prices.model import Price, PriceBook, Tier
from offramp.cli.prices import table
from offramp.errors import UsageError

TODAY = date(2026, 11, 23)
BOOKS = tuple(book.load(region) for region in book.REGIONS)
FIGURES = [
    pytest.param(price, id=f"{price.region} {price.service} {price.item}") for one in BOOKS for price in one.prices
]


@pytest.mark.parametrize("price", FIGURES)
def test_every_figure_has_a_source_and_a_date(price: Price) -> None:
    assert len(price.source) > 15
    assert date(2024, 1, 1) <= price.date <= TODAY
    assert price.usd > 0
    # What nobody has published is marked, names its rule, and widens the range; and nothing else does.
    assert price.estimated == bool(price.uncertainty)
    assert price.estimated or not price.source.startswith("rule:")


@pytest.mark.parametrize("found", BOOKS, ids=book.REGIONS)
def test_every_discount_has_a_source_and_a_date(found: PriceBook) -> None:
    for discount in found.discounts:
        assert len(discount.source) > 15
        assert date(2024, 1, 1) <= discount.date <= TODAY
        assert 0 < discount.low <= discount.likely <= discount.high < 1


def test_all_books_know_the_same_items() -> None:
    items = {frozenset((price.service, price.item, price.unit) for price in one.prices) for one in BOOKS}

    assert len(items) == 1


@pytest.mark.parametrize("found", BOOKS[1:], ids=book.REGIONS[1:])
def test_no_region_is_far_from_the_first(found: PriceBook) -> None:
    """A slip of the decimal point would be."""
    for price in found.prices:
        first = BOOKS[0].find(price.service, price.item)
        assert first is not None
        assert Decimal("0.9") < price.usd / first.usd < Decimal("1.3"), price.item


@pytest.mark.parametrize(
    ("quantity", "usd"),
    [("0", "0"), ("100", "0"), ("101", "0.09"), ("10240", "912.60"), ("10241", "912.685"), ("51200", "4394.20")],
)
def test_tiers_charge_each_part_at_its_own_price(quantity: str, usd: str) -> None:
    price = BOOKS[0].find("Transfer", "out GB")
    assert price is not None

    assert price.charge(Decimal(quantity)) == Decimal(usd)


@given(st.decimals(0, 10**6, places=3), st.decimals(0, 10**6, places=3))
def test_more_never_costs_less(one: Decimal, other: Decimal) -> None:
    price = next(price for price in BOOKS[2].prices if price.item == "log GB")

    low, high = sorted((one, other))

    assert price.charge(low) <= price.charge(high)


def test_a_refreshed_book_wins_over_the_shipped_one(tmp_path: Path) -> None:
    price = Price("VPC", "NAT-hour", "hour", (Tier(Decimal(0), Decimal("0.046")),), "read today", TODAY, "us-east-1")
    written = book.save(PriceBook("us-east-1", "refreshed", (price,)), tmp_path)

    found = book.load("us-east-1", tmp_path)

    assert (found.origin, found.prices) == ("refreshed", (price,))
    assert book.load("eu-west-1", tmp_path).origin == "shipped"
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "prices", written]


@pytest.mark.parametrize("region", book.REGIONS)
def test_a_book_reads_back_as_it_was_written(region: str) -> None:
    found = book.load(region)

    assert book.parse(json.dumps(found.to_json()), origin="shipped", name="x") == found


PRICE = {"service": "VPC", "item": "NAT-hour", "unit": "hour", "source": "a page", "date": "2026-01-01"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"source": ""}, "source is not a text"),
        ({"date": "yesterday"}, "yesterday"),
        ({"date": None}, "date is not a text"),
        ({"tiers": [{"above": "1", "usd": "2"}]}, "do not rise from 0"),
        ({"tiers": [{"above": "0", "usd": "1"}, {"above": "0", "usd": "2"}]}, "do not rise from 0"),
        ({"tiers": [{"above": "0", "usd": "-1"}]}, "do not rise from 0"),
        ({"tiers": [{"above": "0", "usd": 0.045}]}, "usd is not a number written as a text"),
        ({"tiers": [{"above": "0", "usd": "NaN"}]}, "usd is not a number written as a text"),
        ({"tiers": []}, "do not rise from 0"),
        ({"tiers": "cheap"}, "tiers is not a list of objects"),
    ],
)
def test_a_figure_that_is_not_one_is_refused(change: dict[str, object], complaint: str) -> None:
    entry = {**PRICE, "tiers": [{"above": "0", "usd": "0.045"}], **change}
    text = json.dumps({"schema": "offramp/prices/1", "region": "us-east-1", "prices": [entry], "discounts": []})

    with pytest.raises(UsageError, match=re.escape(complaint)):
        book.parse(text, origin="refreshed", name="prices/us-east-1.json")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "offramp/prices/2"}', "\x00", '{"schema": "offramp/prices/1"}']
)
def test_a_file_that_is_not_a_book_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a price book"):
        book.parse(text, origin="refreshed", name="prices/us-east-1.json")


def test_a_region_without_a_book_says_how_to_get_one() -> None:
    with pytest.raises(UsageError, match="offramp prices refresh --region ap-south-1"):
        book.load("ap-south-1")


def test_old_figures_are_warned_of_and_fresh_ones_are_not(tmp_path: Path) -> None:
    old = next(shelf for shelf in desk.shelves(tmp_path, TODAY) if shelf.region == "us-east-1")
    price = Price("VPC", "NAT-hour", "hour", (Tier(Decimal(0), Decimal("0.045")),), "read today", TODAY, "us-east-1")
    book.save(PriceBook("us-east-1", "refreshed", (price,)), tmp_path)
    fresh = next(shelf for shelf in desk.shelves(tmp_path, TODAY) if shelf.region == "us-east-1")

    assert "older than 90 days" in desk.warning(old)
    assert desk.warning(fresh) == ""
    assert "us-east-1       refreshed" in table((fresh,))


@pytest.mark.parametrize(("days", "stale"), [(90, 0), (91, 1)])
def test_a_figure_is_old_after_ninety_days(days: int, stale: int) -> None:
    read = date.fromordinal(TODAY.toordinal() - days)
    price = Price("VPC", "NAT-hour", "hour", (Tier(Decimal(0), Decimal("0.045")),), "read then", read, "us-east-1")

    assert len(PriceBook("us-east-1", "refreshed", (price,)).stale(TODAY)) == stale


DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "prices.md"


def row(service: str, item: str) -> str:
    """A line of the reference's table; an estimate is marked."""
    found = [price for one in BOOKS for price in one.prices if (price.service, price.item) == (service, item)]
    figures = " | ".join(f"{price.usd}{' ~' if price.estimated else ''}" for price in found)
    return f"| {service} | {item} | {figures} |"


@pytest.mark.parametrize("price", BOOKS[0].prices, ids=lambda price: f"{price.service} {price.item}")
def test_the_reference_shows_every_figure_as_the_books_have_it(price: Price) -> None:
    assert row(price.service, price.item) in DOCUMENT.read_text()
