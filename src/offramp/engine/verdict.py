"""What can a stage say about one of its goals?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Deed_co = TypeVar("Deed_co", covariant=True)


class Deed(Protocol):
    """One change to the outside world, as data: it can be printed, compared and journalled. It never holds a secret."""

    @property
    def title(self) -> str:
        """A short sentence without a full stop: ``create the stack mentoring-network``."""


@dataclass(frozen=True, slots=True)
class Met:
    """The world already agrees."""

    because: str = ""


@dataclass(frozen=True, slots=True)
class Do(Generic[Deed_co]):
    """The world differs, and we know which changes to make, in this order."""

    deeds: tuple[Deed_co, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do but look again after ``seconds``; where ``others`` must act for it, after all stages were gone through again."""

    because: str
    seconds: float
    others: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must decide; ``answers`` are the words ``offramp decide NAME ANSWER`` takes."""

    decision: str
    because: str
    answers: tuple[str, ...] = ("approve",)


@dataclass(frozen=True, slots=True)
class Refuse:
    """No way forward from here; ``hint`` names what a person can change."""

    because: str
    hint: str


Verdict = Met | Do[Deed_co] | Wait | Ask | Refuse


Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Finding(Generic[Deed_co]):
    """A goal's name (``provision/network``), its verdict, and figures that ``status --json`` shows beside it.

    A fact's name carries its unit: ``("lag_p99_ms", 41.0)``.
    """

    goal: str
    verdict: Verdict[Deed_co]
    facts: tuple[tuple[str, Fact], ...] = ()
