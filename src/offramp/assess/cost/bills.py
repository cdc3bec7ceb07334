"""What would a month on AWS cost by one design? Every resource that costs money, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ..prices.model import PriceBook, Term
from . import keeping, load, network, running, stores
from .model import HOURS, Bill, Design, Flags, Sizes, Usage
from .ranges import Range, cents, exactly, total
from .wants import Want, priced

LINK_VCPU, LINK_GB = Decimal("0.5"), Decimal(1)
"""The task that copies and follows one database while both sides run."""
HOURS_A_WEEK = 168


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
    yield from keeping.keeping(sizes, design, usage, traffic)


def links(sizes: Sizes, book: PriceBook, weeks: int) -> Range:
    """Return the cents, once, for the tasks that replicate the databases of production while both sides run."""
    count = sum(1 for one in sizes.databases if not one.staging)
    hours = Decimal(count * weeks * HOURS_A_WEEK)
    wants = (
        Want("compute", "Replication, vCPU", "Fargate", "x86 vCPU-hour", exactly(hours * LINK_VCPU), "links"),
        Want("compute", "Replication, GB", "Fargate", "x86 GB-hour", exactly(hours * LINK_GB), "links"),
    )
    lines, _ = priced(wants, book, None)
    return total(tuple(line.cents for line in lines))


def weeks_of(bill: Bill, weeks: int) -> Range:
    """Return the cents that a bill comes to in some weeks of a month of 730 hours."""
    part = bill.total.times(Decimal(weeks * HOURS_A_WEEK) / HOURS / 100)
    return Range(cents(part.low), cents(part.likely), cents(part.high))
