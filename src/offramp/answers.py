"""What does a migration answer when it is asked? Frozen values: a screen shows them, ``--json`` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .engine.journal import Decision, Entry
from .engine.lease import Lease
from .engine.report import Goal, RunReport, StageView
from .errors import WaitingError
from .signpost import Command, WayBack


@dataclass(frozen=True, slots=True)
class Status:
    """The screen for 3 a.m.: what is true, what is next, and whether we can still go back."""

    name: str
    at: float
    stages: tuple[StageView, ...]
    way_back: WayBack
    next: Command | None
    hint: str
    holder: Lease | None
    entries: tuple[Entry, ...]

    @property
    def exit_status(self) -> int:
        return 0

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "at": self.at,
            "stages": [stage.to_json() for stage in self.stages],
            "way_back": self.way_back.to_json(),
            "hint": self.hint or None,
            "lease": self.holder.to_json() if self.holder else None,
            "entries": [entry.to_json() for entry in self.entries],
        }


@dataclass(frozen=True, slots=True)
class Why:
    """Why a goal, or a whole stage, is as it is: what was seen now, what was decided, and what was tried."""

    about: str
    goals: tuple[Goal, ...]
    decisions: tuple[Decision, ...]
    entries: tuple[Entry, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "about": self.about,
            "goals": [goal.to_json() for goal in self.goals],
            "decisions": [decision.to_json() for decision in self.decisions],
            "entries": [entry.to_json() for entry in self.entries],
        }


@dataclass(frozen=True, slots=True)
class Log:
    """The journal's last lines and every decision, each oldest first."""

    entries: tuple[Entry, ...]
    decisions: tuple[Decision, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "entries": [entry.to_json() for entry in self.entries],
            "decisions": [decision.to_json() for decision in self.decisions],
        }


@dataclass(frozen=True, slots=True)
class DryRun:
    """A switch that was undone on purpose: how long writers waited, how long the undo took, and each move, in milliseconds."""

    wave: str
    to: str
    held_ms: float
    undo_ms: float
    moves: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        return {
            "wave": self.wave,
            "to": self.to,
            "held_ms": round(self.held_ms, 1),
            "undo_ms": round(self.undo_ms, 1),
            "moves_ms": {name: round(spent, 1) for name, spent in self.moves.items()},
        }


@dataclass(frozen=True, slots=True)
class Assessed:
    """An assessment that was made just now: how the run went, the three answers in words, and the page for a browser.

    ``text`` has at most 40 lines. ``page`` and ``text`` are None and empty when the run stopped before there was one.
    """

    report: RunReport
    text: str = ""
    page: Path | None = None
    content: Mapping[str, object] | None = None

    def to_json(self) -> dict[str, object]:
        return {**self.report.to_json(), "page": str(self.page) if self.page else None, "assessment": self.content}


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed on Heroku since ``estate.json`` was written: what it is about, and a sentence."""

    changes: tuple[tuple[str, str], ...]

    @property
    def exit_status(self) -> int:
        """A person should look at a change."""
        return WaitingError.exit_status if self.changes else 0

    def to_json(self) -> dict[str, object]:
        return {"changes": [{"about": about, "text": text} for about, text in self.changes]}
