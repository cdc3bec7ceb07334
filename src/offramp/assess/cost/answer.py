"""Is it worth it, in one sentence; and after how many months is the move earned back?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from .model import GROUPS, Bill, Flags, Payback, Saving, Verdict, Word
from .ranges import Range, exactly

CLEARLY = Decimal("0.1")
"""A saving below a tenth of the bill is within what nobody can foresee, and not worth a move for its own sake."""


def verdict(made: tuple[Bill, ...], savings: tuple[Saving, ...], bill: Bill, flags: Flags) -> Verdict:
    """Return the answer for one bill of production, on demand; the reasons speak of the rest."""
    one = savings[made.index(bill)]
    word = judged(one)
    return Verdict(word, _sentence(word, one), tuple(_reasons(savings, bill, one, flags)))


def judged(one: Saving) -> Word:
    """Return ``move`` when even the dearest case saves something and the likely one a tenth; ``stay`` when the likely one costs more."""
    if one.cents.likely < 0:
        return "stay"
    if one.cents.low > 0 and one.cents.likely >= CLEARLY * one.heroku_cents:
        return "move"
    return "close"


def _sentence(word: Word, one: Saving) -> str:
    aws = (
        f"AWS by the {one.design} design costs {_usd(one.aws_cents.likely)} a month ({_span(one.aws_cents)}) on demand"
    )
    heroku = f"Heroku {_usd(one.heroku_cents)}"
    if word == "move":
        return f"Move, as far as money goes: {aws}, {heroku}; {_usd(one.cents.likely)} ({one.share:.0%}) less."
    if word == "stay":
        return f"Stay, as far as money goes: it costs more. {aws}, {heroku}; {_usd(-one.cents.likely)} more."
    return (
        f"Money does not decide: {aws}, {heroku}; the likely difference of {_usd(abs(one.cents.likely))} is within the range "
        "of what is not known, or too small to move for."
    )


def _reasons(savings: tuple[Saving, ...], bill: Bill, one: Saving, flags: Flags) -> Iterator[str]:
    if one.committed_cents != one.aws_cents:
        yield (
            f"With {flags.savings_plan} commitments it is {_usd(one.committed_cents.likely)} a month; commit after some months, when the "
            "sizes have settled."
        )
    yield (
        f"{_usd(bill.floor.likely)} of it is the floor: what is paid each month without a single request; on Heroku nearly all is floor too."
    )
    largest = sorted(GROUPS, key=lambda group: -bill.of(group).likely)[:3]
    yield "Most of it: " + ", ".join(f"{group} {_usd(bill.of(group).likely)}" for group in largest) + "."
    for other in savings:
        if other.traffic == one.traffic and not other.staging and other.design != one.design:
            yield f"The {other.design} design: {_usd(other.aws_cents.likely)} a month, {_versus(other)}."
    thrice = _find(savings, one.design, Decimal(3), staging=False)
    yield f"At three times the traffic: {_usd(thrice.aws_cents.likely)} against {_usd(thrice.heroku_cents)} on Heroku."
    with_staging = [
        other for other in savings if other.staging and other.design == one.design and other.traffic == one.traffic
    ]
    for other in with_staging:
        extra = other.heroku_cents - one.heroku_cents
        heroku = f"against {_usd(extra)} on Heroku" if extra else "with none in the estate on Heroku"
        yield f"Staging adds {_usd(other.aws_cents.likely - one.aws_cents.likely)} a month on AWS, {heroku}."
    if bill.refusals:
        yield f"The bill is not complete: {bill.refusals[0]}"


def _versus(one: Saving) -> str:
    less = one.cents.likely >= 0
    return f"{_usd(abs(one.cents.likely))} {'less' if less else 'more'} than Heroku"


def _find(savings: tuple[Saving, ...], design: str, traffic: Decimal, *, staging: bool) -> Saving:
    return next(one for one in savings if (one.design, one.traffic, one.staging) == (design, traffic, staging))


def payback(one: Saving, both: Range, flags: Flags) -> Payback:
    """Return when the move is earned back: ``both`` sides run for some weeks, and people's time where somebody said what it costs."""
    once = both + exactly(flags.engineering_cents)
    people = (
        f" and {_usd(flags.engineering_cents)} of people's time"
        if flags.engineering_cents
        else "; people's time is not counted"
    )
    paid = f"The move costs {_usd(both.likely)} for {flags.overlap_weeks} weeks in which both sides run{people}."
    if one.cents.likely <= 0:
        return Payback(once, None, f"{paid} It is never earned back: nothing is saved.")
    months = float(once.likely / one.cents.likely)
    return Payback(once, round(months, 1), f"{paid} It is earned back after {months:.1f} months.")


def _span(amount: Range) -> str:
    return f"{_usd(amount.low)} to {_usd(amount.high)}"


def _usd(amount: Decimal) -> str:
    """
    >>> _usd(Decimal(123456))
    '$1,235'
    """
    return f"${amount / 100:,.0f}"
