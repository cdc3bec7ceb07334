"""Why is it slow, can it move, what will it cost? The Assessment, as it is kept in ``assessment.json`` and shown on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .cost.model import Comparison
from .database.model import DatabaseAdvice
from .feasibility.model import Feasibility
from .latency.model import Latency, Sizing

SCHEMA = "offramp/assessment/1"

PartName = Literal["latency", "database", "feasibility", "cost"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the three answers.

    ``figure`` is what a person remembers (``8.4 s``), ``unit`` says of what (``p99 of sessions-api``), ``sentence`` says it whole, with the
    figures. ``known`` is false where there was nothing to answer from; the sentence then says what is missing.
    """

    question: str
    figure: str
    unit: str
    sentence: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Gap:
    """Something the assessment could not see: which part lacks it, about what (an app, a database), why, and the command that mends it."""

    part: PartName
    about: str
    because: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Defect:
    """How many lines were not as they should be, by what was wrong (``bad-time``, ``torn-file``)."""

    what: str
    lines: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was there of one app's log lines.

    Moments are microseconds since 1970 UTC. ``lost`` is how many lines Heroku said it dropped (L10 and its like); ``believed`` is the share of
    lines that are believed to be there, 0 to 1.
    """

    app: str
    lines: int
    router_lines: int
    first_us: int
    last_us: int
    lost: int = 0
    defects: tuple[Defect, ...] = ()
    believed: float = 1.0

    @property
    def defective(self) -> int:
        return sum(defect.lines for defect in self.defects)

    @property
    def seconds(self) -> float:
        return (self.last_us - self.first_us) / 1_000_000


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was asked: the objective for p99, the region, where the logs were, and what-ifs as they were typed (``traffic=3``).

    ``brief`` is true for the assessment that `offramp run` makes by itself: no scratch planner, and no more log lines than it can read in
    a few seconds.
    """

    objective_ms: float
    region: str
    logs: str
    what_if: tuple[str, ...] = ()
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """What the assessment is about, by name."""

    apps: tuple[str, ...]
    databases: tuple[str, ...]
    caches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """The whole answer. ``made_at`` is in seconds since 1970 UTC; ``estate`` is the fingerprint of the estate file that was assessed."""

    name: str
    made_at: float
    made_by: str
    """The version of offramp."""
    estate: str
    scope: Scope
    conditions: Conditions
    slow: Answer
    move: Answer
    worth: Answer
    latencies: tuple[Latency, ...]
    databases: tuple[DatabaseAdvice, ...]
    feasibility: Feasibility | None
    cost: Comparison | None
    coverage: tuple[Coverage, ...]
    gaps: tuple[Gap, ...]

    @property
    def answers(self) -> tuple[Answer, Answer, Answer]:
        return (self.slow, self.move, self.worth)

    def sizing(self, app: str) -> Sizing | None:
        """Return the measured size of an app's web process, None where its log lines did not tell."""
        return next((one.sizing for one in self.latencies if one.app == app), None)

    def latency(self, app: str) -> Latency | None:
        return next((one for one in self.latencies if one.app == app), None)


def worst(latencies: tuple[Latency, ...]) -> Latency | None:
    """Return the app with the most time above the objective; where no request was above it, the one with the highest p99."""
    return max(latencies, key=lambda one: (one.attribution.above_ms, one.total.p99.ms), default=None)
