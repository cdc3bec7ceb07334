"""Where are we on the way: which questions are a person's, what is the next command, and can we still go back?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .engine.report import Goal, StageView
from .errors import UsageError

Command = tuple[str, ...]
"""The words after ``offramp``: ``("decide", "design/blueprint", "approve")``."""

WAVE_PREFIX = "cutover/"

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "design/blueprint": ("approve", "withdraw"),
    "shift/start": ("approve", "withdraw"),
    "retire": ("approve", "withdraw"),
}
"""The questions of every journey. Each wave adds ``cutover/WAVE`` with WAVE_ANSWERS; stages may ask more as they go."""

WAVE_ANSWERS = ("go", "back")

RETRY_PREFIX = "retry/"
"""``retry/FAILURE yes`` is named by the hint of a refusal, once its cause is removed; the failure's id is the stage's own."""

RETRY_ANSWERS = ("yes",)


@dataclass(frozen=True, slots=True)
class WayBack:
    """Whether Heroku can still take over with every write, how, and until when."""

    open: bool
    how: str
    until: str

    def to_json(self) -> dict[str, object]:
        return {"open": self.open, "how": self.how, "until": self.until}


def known_questions(waves: Sequence[str], asked: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return every decision that may be made, with its answers: the standing ones, the waves', and what a stage ``asked``.

    >>> known_questions(("main",), {"release/4f1c": ("again",)})["cutover/main"]
    ('go', 'back')
    """
    return {**asked, **QUESTIONS, **{f"{WAVE_PREFIX}{wave}": WAVE_ANSWERS for wave in waves}}


def check_decision(name: str, answer: str, known: Mapping[str, tuple[str, ...]]) -> None:
    """Raise UsageError, with the nearest right word, unless ``name`` is a question and ``answer`` answers it.

    >>> check_decision("design/blueprint", "approve", QUESTIONS)
    """
    if name.startswith(RETRY_PREFIX):
        known = {**known, name: RETRY_ANSWERS}
    if name not in known:
        raise UsageError(f"Nothing is decided under the name {name!r}.", hint=nearest(name, known, "Decisions are"))
    if answer not in known[name]:
        raise UsageError(f"{answer!r} does not answer {name}.", hint=nearest(answer, known[name], "Answers are"))


def check_wave(wave: str, waves: Sequence[str]) -> None:
    """Raise UsageError unless the blueprint has this wave."""
    if wave not in waves:
        raise UsageError(f"The blueprint has no wave {wave!r}.", hint=nearest(wave, waves, "Its waves are"))


def nearest(word: str, words: Iterable[str], otherwise: str) -> str:
    """Return a hint that corrects a typing mistake, or lists the words.

    >>> nearest("aprove", ["approve"], "Answers are")
    'Did you mean approve?'
    >>> nearest("x", ["go", "back"], "Answers are")
    'Answers are: go, back.'
    """
    known = list(words)
    close = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {close[0]}?" if close else f"{otherwise}: {', '.join(known) or 'none yet'}."


def next_command(goal: Goal | None) -> Command | None:
    """Return the command that goes on from the first unmet goal; None when a person must change something first.

    >>> next_command(Goal("design/blueprint", "ask", decision="design/blueprint", answers=("approve",)))
    ('decide', 'design/blueprint', 'approve')
    >>> next_command(Goal("cutover/main", "ask", decision="cutover/main", answers=("go",)))
    ('cutover', 'main')
    """
    if goal is None:
        return ("status",)
    if goal.verdict == "refuse":
        return None
    if goal.decision is None:
        return ("run",)
    if goal.decision.startswith(WAVE_PREFIX) and "go" in goal.answers:
        return ("cutover", goal.decision.removeprefix(WAVE_PREFIX))
    return ("decide", goal.decision, goal.answers[0])


def way_back(decisions: Mapping[str, str], stages: Sequence[StageView]) -> WayBack:
    """Return whether the move can be undone now. The reverse link must be live for a wave that was switched.

    >>> way_back({"cutover/main": "go"}, ()).how
    'offramp rollback main'
    """
    if decisions.get("retire") == "approve":
        return WayBack(False, "only from the final backup", "Heroku's retirement was decided")
    switched = switched_waves(decisions)
    if not switched:
        return WayBack(True, "nothing to undo: Heroku is primary for every database", "a wave is cut over")
    until = "`offramp decide retire approve`"
    broken = next((goal for stage in stages if stage.name == "replicate" for goal in stage.goals if not goal.met), None)
    if broken is not None:
        return WayBack(False, f"not at this moment: {broken.name}: {broken.because}", until)
    return WayBack(True, "; ".join(f"offramp rollback {wave}" for wave in switched), until)


def switched_waves(decisions: Mapping[str, str]) -> tuple[str, ...]:
    """The waves that people decided to move to AWS and not back."""
    names = (name for name, answer in decisions.items() if name.startswith(WAVE_PREFIX) and answer == "go")
    return tuple(name.removeprefix(WAVE_PREFIX) for name in names)
