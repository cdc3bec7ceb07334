"""What is saved, when is the move earned back, and what is the answer in one sentence?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from ..ranges import Range, cents_json
from .bill import Bill, Design, DesignName, HerokuBill
from .demand import Usage

Word = Literal["move", "close", "stay"]
"""The verdict: AWS is clearly cheaper, the ranges overlap, or it costs more."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What a design saves each month against Heroku at the same traffic; negative when AWS costs more.

    Kept add-ons are on both sides and cancel out. ``share`` is the likely saving on demand as part of Heroku's bill.
    """

    design: DesignName
    traffic: Decimal
    staging: bool
    heroku_cents: Decimal
    aws_cents: Range
    """On demand, with the add-ons that are kept."""
    committed_cents: Range
    cents: Range
    committed_saving_cents: Range
    share: float

    def to_json(self) -> dict[str, object]:
        return {
            "design": self.design,
            "traffic": float(self.traffic),
            "staging": self.staging,
            "heroku_cents": int(self.heroku_cents),
            "aws_cents": cents_json(self.aws_cents),
            "committed_cents": cents_json(self.committed_cents),
            "saving_cents": cents_json(self.cents),
            "committed_saving_cents": cents_json(self.committed_saving_cents),
            "share": round(self.share, 4),
        }


@dataclass(frozen=True, slots=True)
class Payback:
    """What the move itself costs (both sides at once, people's time where given) and after how many months it is earned back.

    ``months`` is None when nothing is saved.
    """

    one_off_cents: Range
    months: float | None
    sentence: str

    def to_json(self) -> dict[str, object]:
        return {"one_off_cents": cents_json(self.one_off_cents), "months": self.months, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer in a word and in a sentence with the figures; ``reasons`` say what the bill is made of."""

    word: Word
    sentence: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {"word": self.word, "sentence": self.sentence, "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Heroku today beside three designs on AWS, each at 1x and 3x the traffic, with staging and without.

    ``chosen`` is the design that the verdict speaks of. ``warnings`` are about the price book's age and estimated prices,
    ``assumptions`` about usage that nobody measured, ``left_out`` about costs that no line holds.
    """

    region: str
    book_date: date
    heroku: tuple[HerokuBill, ...]
    """At 1x, then at 3x."""
    designs: tuple[Design, ...]
    bills: tuple[Bill, ...]
    savings: tuple[Saving, ...]
    chosen: DesignName
    payback: Payback
    verdict: Verdict
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]
    left_out: tuple[str, ...]
    usage: Usage

    def bill(self, design: DesignName, traffic: Decimal | int = 1, *, staging: bool = False) -> Bill:
        """Return one of the bills. Raises StopIteration when it was not asked for."""
        wanted = (design, Decimal(traffic), staging)
        return next(bill for bill in self.bills if (bill.design, bill.traffic, bill.staging) == wanted)

    def saving(self, design: DesignName, traffic: Decimal | int = 1, *, staging: bool = False) -> Saving:
        wanted = (design, Decimal(traffic), staging)
        return next(one for one in self.savings if (one.design, one.traffic, one.staging) == wanted)

    def to_json(self) -> dict[str, object]:
        return {
            "region": self.region,
            "book_date": self.book_date.isoformat(),
            "heroku": [bill.to_json() for bill in self.heroku],
            "designs": [design.to_json() for design in self.designs],
            "bills": [bill.to_json() for bill in self.bills],
            "savings": [saving.to_json() for saving in self.savings],
            "chosen": self.chosen,
            "payback": self.payback.to_json(),
            "verdict": self.verdict.to_json(),
            "warnings": list(self.warnings),
            "assumptions": list(self.assumptions),
            "left_out": list(self.left_out),
            "usage": self.usage.to_json(),
        }
