"""What would a month on AWS cost by one design? Every resource that costs money, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ..prices.model import PriceBook, Term
from . import keeping, load, network, running, stores
from .model import Bill, Design, Flags, Sizes, Usage
from .wants import Want, priced


def bill(
    sizes: Sizes, usage: Usage, book: PriceBook, design: Design, flags: Flags, traffic: Decimal, *, staging: bool
) -> Bill:
    """Return the bill at ``traffic`` times the usage; its refusals say why it may not be relied on."""
    built = running.staging_copy(sizes) if staging else running.production(sizes)
    term: Term | None = None if flags.savings_plan == "none" else flags.savings_plan
    lines, missing = priced(_wants(built, usage, design, flags, traffic, staging=staging), book, term)
    return Bill(design.name, traffic, staging, lines, (*load.too_small(built), *missing))


def _wants(
    sizes: Sizes, usage: Usage, design: Design, flags: Flags, traffic: Decimal, *, staging: bool
) -> Iterator[Want]:
    yield from running.wants(sizes, design, flags, traffic)
    yield from stores.databases(sizes.databases, design, usage, traffic)
    yield from stores.caches(sizes.caches, design, traffic)
    yield from network.standing(design, staging=False)
    if staging and design.staging_apart:
        yield from network.standing(design, staging=True)
    yield from network.moving(usage, design, traffic)
    yield from keeping.watching(sizes, design, flags, usage, traffic)
    yield from keeping.keeping(sizes, usage, traffic)
