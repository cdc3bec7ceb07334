"""What is on file, and which change can follow from it?"""

from __future__ import annotations

from dataclasses import dataclass

from .model import Assessment
from .request import Request


@dataclass(frozen=True, slots=True)
class Unreadable:
    """There is an ``assessment.json``, but it cannot be read."""

    because: str


Kept = Assessment | Unreadable | None
"""The assessment on file; None when there is no file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The fingerprint of the estate on file, None where there is none, and the assessment on file."""

    estate: str | None
    kept: Kept


@dataclass(frozen=True, slots=True)
class Assess:
    """Read what there is to read, and write the assessment and its page. Repeated, it replaces both."""

    request: Request

    @property
    def title(self) -> str:
        return "assess latency, feasibility and cost: write assessment.json and assessment.html"


Deed = Assess
