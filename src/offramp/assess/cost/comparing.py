"""What does it cost here and there, at 1x and 3x the traffic, and what is the answer?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from ...discover.model import Estate
from ...errors import UsageError
from ..prices.model import STALE_DAYS, PriceBook
from . import answer, bills, heroku
from .designs import DESIGNS, STANDARD, with_flags
from .model import Bill, Comparison, Flags, HerokuBill, Saving, Sizes, Usage
from .ranges import Range, exactly

TRAFFIC = (Decimal(1), Decimal(3))

LEFT_OUT = (
    "Taxes, AWS support plans, and what people's time costs after the move.",
    "What AWS gives for free for a while: the free tier of a new account, credits, the free 5 GB of logs and 10 alarms.",
    "A web application firewall, backups in a second region, a company's logging or monitoring service: offramp builds none of them.",
    "Bytes that go out through NAT are counted once, as processed; what the internet part adds is in the range of data out.",
    "Staging's traffic.",
    "CPU credits of burstable databases that work above their baseline for hours.",
)


def compare(
    estate: Estate, usage: Usage, sizes: Sizes, books: Mapping[str, PriceBook], flags: Flags, today: date
) -> Comparison:
    """Return Heroku beside the three designs. Pure.

    ``books`` by region must hold ``flags.region``. ``today`` tells how old the prices are. Heroku's dynos grow with the traffic as
    tasks do. Raises UsageError when the region has no book or a flag makes no sense.
    """
    book = _book(books, flags)
    traffics = tuple(sorted({*TRAFFIC, flags.traffic}))
    designs = tuple(with_flags(design, flags) for design in DESIGNS)
    stages = (False, True) if flags.staging else (False,)
    paid = tuple(heroku.bill(estate, sizes, traffic) for traffic in traffics)
    made = tuple(
        bills.bill(sizes, usage, book, design, flags, traffic, staging=staging)
        for design in designs
        for traffic in traffics
        for staging in stages
    )
    savings = tuple(_saving(one, next(bill for bill in paid if bill.traffic == one.traffic)) for one in made)
    chosen = next(design for design in designs if design.name == STANDARD.name)
    wanted = next(
        bill for bill in made if (bill.design, bill.traffic, bill.staging) == (chosen.name, flags.traffic, False)
    )
    both = bills.weeks_of(wanted, flags.overlap_weeks) + bills.links(sizes, book, flags.overlap_weeks)
    return Comparison(
        region=flags.region,
        book_date=book.oldest,
        heroku=paid,
        designs=designs,
        bills=made,
        savings=savings,
        chosen=chosen.name,
        payback=answer.payback(savings[made.index(wanted)], both, flags),
        verdict=answer.verdict(made, savings, wanted, flags),
        warnings=warnings(book, made, paid, today),
        assumptions=_assumptions(usage, sizes, flags),
        left_out=LEFT_OUT,
        usage=usage,
    )


def _book(books: Mapping[str, PriceBook], flags: Flags) -> PriceBook:
    if flags.region not in books:
        raise UsageError(
            f"There is no price book for {flags.region}.",
            hint=f"Run `offramp prices refresh --region {flags.region}`, or choose one of {', '.join(sorted(books))}.",
        )
    if not 0 <= flags.spot_share <= 1 or flags.traffic <= 0 or flags.log_days < 1 or flags.overlap_weeks < 0:
        raise UsageError(
            "A what-if is out of its range.",
            hint="The share on Spot is 0 to 1, the traffic above 0, logs are kept at least 1 day, weeks are not negative.",
        )
    return books[flags.region]


def _saving(bill: Bill, paid: HerokuBill) -> Saving:
    """Compare like with like: staging with staging. A copy that only AWS would have is compared with nothing on Heroku."""
    today = paid.total(staging=bill.staging)
    kept = exactly(paid.kept(staging=bill.staging))
    aws, committed = bill.total + kept, bill.committed + kept
    saved = exactly(today) - aws
    return Saving(
        design=bill.design,
        traffic=bill.traffic,
        staging=bill.staging,
        heroku_cents=today,
        aws_cents=aws,
        committed_cents=committed,
        cents=saved,
        committed_saving_cents=exactly(today) - committed,
        share=float(saved.likely / today) if today else 0.0,
    )


def warnings(book: PriceBook, made: tuple[Bill, ...], paid: tuple[HerokuBill, ...], today: date) -> tuple[str, ...]:
    """Return what a reader should know before relying on the figures."""
    said = []
    stale = book.stale(today)
    if stale:
        said.append(
            f"{len(stale)} of {len(book.prices)} prices of {book.region} are older than {STALE_DAYS} days, "
            f"the oldest of {book.oldest.isoformat()}. Run `offramp prices refresh --region {book.region}` before deciding."
        )
    guessed = _guessed(made)
    if guessed.high:
        said.append(
            f"Prices without a source of their own for {book.region} make up ${guessed.likely / 100:,.0f} a month of the standard bill; "
            "they follow a rule that each line names, and widen its range."
        )
    said.extend(refusal for bill in made for refusal in bill.refusals)
    said.extend(unknown for bill in paid for unknown in bill.unknown)
    return tuple(dict.fromkeys(said))


def _guessed(made: tuple[Bill, ...]) -> Range:
    standard = next(bill for bill in made if bill.design == STANDARD.name and bill.traffic == 1 and not bill.staging)
    lines = [line.cents for line in standard.lines if line.estimated]
    return sum(lines, exactly(0))


def _assumptions(usage: Usage, sizes: Sizes, flags: Flags) -> tuple[str, ...]:
    named = (
        ("Requests", usage.requests),
        ("Bytes out", usage.bytes_out_gb),
        ("Logs", usage.log_gb),
        ("Through NAT", usage.fetched_gb),
        ("Between zones", usage.cross_zone_gb),
        ("Connections", usage.connections_per_second),
        *((f"Growth of {one.name}", one.growth_gb) for one in usage.databases),
        *((f"The job `{job.command}`", job.minutes) for job in sizes.jobs),
    )
    said = [f"{name}: {one.because}." for name, one in named if one.basis == "assumed"]
    unseen = [one.name for one in sizes.processes if one.tasks and one.tasks_at_3x is None and not one.staging]
    if unseen:
        said.append(
            f"At three times the traffic, {', '.join(unseen)} may need three times the tasks, on Heroku as on AWS: nobody has tried."
        )
    if flags.staging and not any(one.staging for one in sizes.processes):
        said.append(
            "Staging on AWS is a small copy: one task per process, db.t4g.small with 20 GB and cache.t4g.micro for each store. The estate "
            "has no staging on Heroku to compare it with."
        )
    unmarked = [one.name for one in sizes.processes if one.tasks and one.high_water_gb is None and not one.staging]
    if unmarked:
        said.append(f"Nobody has measured how much memory {', '.join(unmarked)} use; tasks are as large as the dynos.")
    return tuple(said)
