"""Which prices hold for a region: those that the migration has refreshed, or those that came with the program?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import cast

from ...errors import UsageError
from ...kit import files
from .model import SCHEMA, Discount, Price, PriceBook, Term, Tier

FOLDER = "prices"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
"""The regions whose books come with the program."""

_HINT = "Delete the file, or run `offramp prices refresh` to write it anew."
Fields = Mapping[str, object]


def load(region: str, directory: Path | None = None) -> PriceBook:
    """Return a region's book: ``prices/REGION.json`` of the migration's directory wins over the one that came with the program.

    Raises UsageError when there is neither, or when the file is not what ``save`` writes.
    """
    own = None if directory is None else path(directory, region)
    if own is not None and own.exists():
        return parse(own.read_text("utf-8"), origin="refreshed", name=f"{FOLDER}/{own.name}")
    if region not in REGIONS:
        raise UsageError(
            f"There is no price book for {region}.",
            hint=f"Run `offramp prices refresh --region {region}`, or choose one of {', '.join(REGIONS)}.",
        )
    shipped = resources.files(__package__ or "offramp.assess.prices") / "books" / f"{region}.json"
    return parse(shipped.read_text("utf-8"), origin="shipped", name=f"{region}.json")


def path(directory: Path, region: str) -> Path:
    return directory / FOLDER / f"{region}.json"


def refreshed(directory: Path) -> tuple[str, ...]:
    """Return the regions whose books this migration has refreshed."""
    return tuple(sorted(found.stem for found in (directory / FOLDER).glob("*.json")))


def save(book: PriceBook, directory: Path) -> Path:
    """Write the book into the migration's directory in one step, so that a crash leaves the old one. Returns where it is."""
    target = path(directory, book.region)
    target.parent.mkdir(parents=True, exist_ok=True)
    files.replace(target, json.dumps(book.to_json(), indent=2, ensure_ascii=False) + "\n")
    return target


def parse(text: str, *, origin: str, name: str) -> PriceBook:
    """Parse a book. Raises UsageError that names the file and the entry which is not a price with source and date."""
    try:
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA!r}")
        region = _text(content, "region")
        prices = tuple(_price(one, region) for one in _list(content, "prices"))
        discounts = tuple(_discount(one) for one in _list(content, "discounts"))
        missing = tuple(str(one) for one in cast("list[object]", content.get("missing", [])))
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise UsageError(f"{name} is not a price book: {error}.", hint=_HINT) from error
    if not prices:
        raise UsageError(f"{name} holds no price.", hint=_HINT)
    return PriceBook(region, origin, prices, discounts, missing)


def _price(fields: Fields, region: str) -> Price:
    tiers = tuple(Tier(_decimal(one, "above"), _decimal(one, "usd")) for one in _list(fields, "tiers"))
    above = [tier.above for tier in tiers]
    if not tiers or above[0] != 0 or above != sorted(set(above)) or any(tier.usd < 0 for tier in tiers):
        raise ValueError(f"the tiers of {fields.get('service')}/{fields.get('item')} do not rise from 0")
    return Price(
        service=_text(fields, "service"),
        item=_text(fields, "item"),
        unit=_text(fields, "unit"),
        tiers=tiers,
        source=_text(fields, "source"),
        date=date.fromisoformat(_text(fields, "date")),
        region=region,
        estimated=fields.get("estimated") is True,
        uncertainty=_decimal(fields, "uncertainty") if "uncertainty" in fields else Decimal(0),
    )


def _discount(fields: Fields) -> Discount:
    term = _text(fields, "term")
    low, likely, high = (_decimal(fields, name) for name in ("low", "likely", "high"))
    if term not in ("1-year", "3-year") or not 0 <= low <= likely <= high < 1:
        raise ValueError(f"the discount {fields.get('plan')} is not a range of shares for 1-year or 3-year")
    return Discount(
        plan=_text(fields, "plan"),
        term=cast(Term, term),  # Checked above.
        service=_text(fields, "service"),
        items=tuple(str(item) for item in cast("list[object]", fields["items"])),
        low=low,
        likely=likely,
        high=high,
        source=_text(fields, "source"),
        date=date.fromisoformat(_text(fields, "date")),
    )


def _list(fields: Fields, name: str) -> list[Fields]:
    found = fields[name]
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{name} is not a list of objects")
    return found


def _text(fields: Fields, name: str) -> str:
    found = fields[name]
    if not isinstance(found, str) or not found.strip():
        raise ValueError(f"{name} is not a text")
    return found


def _decimal(fields: Fields, name: str) -> Decimal:
    found = fields[name]
    value = Decimal(found if isinstance(found, str) else "nan")
    if not value.is_finite():
        raise ValueError(f"{name} is not a number written as a text")
    return value
