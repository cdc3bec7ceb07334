"""Which price books are there, how old are they, and how is one made new?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from . import book
from .model import STALE_DAYS, PriceBook

if TYPE_CHECKING:
    from .refresh import Refreshed


@dataclass(frozen=True, slots=True)
class Shelf:
    """One book: where it comes from, how many figures it has, how many are estimates or older than ``STALE_DAYS``."""

    region: str
    origin: str
    prices: int
    estimated: int
    stale: int
    oldest: date
    newest: date
    age_days: int
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "region": self.region,
            "origin": self.origin,
            "prices": self.prices,
            "estimated": self.estimated,
            "stale": self.stale,
            "oldest": self.oldest.isoformat(),
            "newest": self.newest.isoformat(),
            "age_days": self.age_days,
            "missing": list(self.missing),
        }


def shelves(directory: Path, today: date) -> tuple[Shelf, ...]:
    """Return the books that hold in a directory, the four that came with the program first. Raises UsageError for a broken one."""
    regions = dict.fromkeys((*book.REGIONS, *book.refreshed(directory)))
    return tuple(_shelf(book.load(region, directory), today) for region in regions)


def _shelf(found: PriceBook, today: date) -> Shelf:
    return Shelf(
        region=found.region,
        origin=found.origin,
        prices=len(found.prices),
        estimated=sum(price.estimated for price in found.prices),
        stale=len(found.stale(today)),
        oldest=found.oldest,
        newest=max(price.date for price in found.prices),
        age_days=found.age_days(today),
        missing=found.missing,
    )


def warning(shelf: Shelf) -> str:
    """Return what a person should know of an old book; empty for a fresh one."""
    if not shelf.stale:
        return ""
    return (
        f"{shelf.region}: {shelf.stale} of {shelf.prices} prices are older than {STALE_DAYS} days (the oldest {shelf.age_days}). "
        f"Run `offramp prices refresh --region {shelf.region}`."
    )


def refresh(
    directory: Path,
    region: str,
    today: date,
    say: Callable[[str], None],
    *,
    profile: str | None = None,
    endpoint_url: str | None = None,
) -> Refreshed:
    """Read a region's prices from AWS and write ``prices/REGION.json`` in one step; when anything fails nothing is written.

    Credentials need ``pricing:GetProducts`` and ``savingsplans:DescribeSavingsPlansOfferingRates``. Raises what the clients raise.
    """
    # Showing the books must not wait for boto3.
    from ... import aws
    from .refresh import refresh as read

    base = book.load(region, directory) if _has(region, directory) else book.load("us-east-1")
    clients = aws.Clients(region, endpoint_url, profile=profile)
    found = read(clients.pricing, base, region, today, say)
    book.save(found.book, directory)
    return found


def _has(region: str, directory: Path) -> bool:
    return region in book.REGIONS or region in book.refreshed(directory)
