"""What came of it? The results of looking and of running, as the API returns them and ``--json`` prints them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, assert_never

from ..errors import OfframpError
from .chapter import Chapter
from .verdict import Ask, Do, Fact, Finding, Met, Refuse, Verdict, Wait

Word = Literal["met", "do", "wait", "ask", "refuse", "unknown", "not reached"]

EXIT_STATUS: dict[Word, int] = {"met": 0, "do": 0, "wait": 0, "not reached": 0, "refuse": 1, "ask": 3, "unknown": 5}


def word(verdict: Verdict[Any]) -> Word:
    """The verdict's name in the journal, in events and in ``--json``.

    >>> word(Met()), word(Wait("the stack is being created", 5))
    ('met', 'wait')
    """
    match verdict:
        case Met():
            return "met"
        case Do():
            return "do"
        case Wait():
            return "wait"
        case Ask():
            return "ask"
        case Refuse():
            return "refuse"
        case _:
            assert_never(verdict)


@dataclass(frozen=True, slots=True)
class Goal:
    """One finding as a person reads it; ``deeds`` are the titles of what would be done, in order."""

    name: str
    verdict: Word
    because: str = ""
    deeds: tuple[str, ...] = ()
    seconds: float | None = None
    decision: str | None = None
    answers: tuple[str, ...] = ()
    hint: str = ""
    facts: tuple[tuple[str, Fact], ...] = ()

    @property
    def met(self) -> bool:
        return self.verdict == "met"

    def to_json(self) -> dict[str, object]:
        """Without the members that say nothing for this verdict."""
        every: dict[str, object] = {
            "name": self.name,
            "verdict": self.verdict,
            "because": self.because,
            "deeds": list(self.deeds) or None,
            "seconds": self.seconds,
            "decision": self.decision,
            "answers": list(self.answers) or None,
            "hint": self.hint or None,
            "facts": dict(self.facts) or None,
        }
        return {name: value for name, value in every.items() if value is not None}


def goal(finding: Finding[Any]) -> Goal:
    """Return the finding as a person reads it.

    >>> goal(Finding("shift/dns", Ask("shift/start", "10 % would move first"))).decision
    'shift/start'
    """
    verdict = finding.verdict
    plain = Goal(finding.goal, word(verdict), verdict.because, facts=finding.facts)
    match verdict:
        case Met():
            return plain
        case Do(deeds):
            return replace(plain, deeds=tuple(deed.title for deed in deeds))
        case Wait(_, seconds):
            return replace(plain, seconds=seconds)
        case Ask(decision, _, answers):
            return replace(plain, decision=decision, answers=answers)
        case Refuse(_, hint):
            return replace(plain, hint=hint)
        case _:
            assert_never(verdict)


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage as it was seen: the verdict of its first unmet goal, or ``met``, ``unknown``, ``not reached``.

    A stage that ``acts`` changes the world outside; the others write files for people to review.
    """

    name: str
    acts: bool
    verdict: Word = "not reached"
    because: str = ""
    goals: tuple[Goal, ...] = ()
    seconds: float | None = None

    @property
    def met(self) -> bool:
        return self.verdict == "met"

    @property
    def unmet(self) -> Goal | None:
        return next((goal for goal in self.goals if not goal.met), None)

    def to_json(self) -> dict[str, object]:
        shown: dict[str, object] = {
            "name": self.name,
            "acts": self.acts,
            "verdict": self.verdict,
            "because": self.because,
        }
        if self.seconds is not None:
            shown["seconds"] = round(self.seconds, 3)
        return shown | {"goals": [goal.to_json() for goal in self.goals]}


def view(chapter: Chapter, goals: tuple[Goal, ...], seconds: float | None = None) -> StageView:
    """Sum up a stage by its first unmet goal."""
    first = next((goal for goal in goals if not goal.met), None)
    if first is None:
        count = "its goal is met" if len(goals) == 1 else f"all {len(goals)} goals are met"
        return StageView(chapter.name, chapter.acts, "met", count, goals, seconds)
    return StageView(chapter.name, chapter.acts, first.verdict, f"{first.name}: {first.because}", goals, seconds)


def not_reached(chapter: Chapter) -> StageView:
    """A stage behind the first unmet one: what it wants depends on what that one makes."""
    return StageView(chapter.name, chapter.acts)


def unknown(chapter: Chapter, error: OfframpError) -> StageView:
    """A stage that could not be looked at; the error says why."""
    return StageView(chapter.name, chapter.acts, "unknown", str(error))


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done now: every stage up to the first unmet one; later ones depend on what that one makes."""

    stages: tuple[StageView, ...]

    @property
    def met(self) -> bool:
        return all(stage.met for stage in self.stages)

    @property
    def first_unmet(self) -> StageView | None:
        return next((stage for stage in self.stages if not stage.met), None)

    @property
    def exit_status(self) -> int:
        stage = self.first_unmet
        return EXIT_STATUS[stage.verdict] if stage else 0

    def to_json(self) -> dict[str, object]:
        return {"met": self.met, "stages": [stage.to_json() for stage in self.stages]}


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended: every stage met, or at the goal where a person must decide or change something."""

    stages: tuple[StageView, ...]
    seconds: float
    deeds: int
    stopped_at: Goal | None = None

    @property
    def ok(self) -> bool:
        return self.stopped_at is None

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.stopped_at.verdict] if self.stopped_at else 0

    def to_json(self) -> dict[str, object]:
        return {
            "seconds": round(self.seconds, 3),
            "deeds": self.deeds,
            "stages": [stage.to_json() for stage in self.stages],
            "stopped_at": self.stopped_at.to_json() if self.stopped_at else None,
        }
