"""What does a running migration tell whoever watches? One frozen value for each thing that happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

SCHEMA = "offramp/event/1"


@dataclass(frozen=True, slots=True)
class StageEntered:
    """The controller looks at a stage."""

    at: float
    stage: str


@dataclass(frozen=True, slots=True)
class VerdictReached:
    """A goal's verdict is new or has changed; ``verdict`` is met, do, wait, ask or refuse."""

    at: float
    goal: str
    verdict: str
    because: str


@dataclass(frozen=True, slots=True)
class DeedBegan:
    at: float
    goal: str
    title: str


@dataclass(frozen=True, slots=True)
class DeedEnded:
    at: float
    goal: str
    title: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DeedFailed:
    """A deed, or a look when ``title`` is ``look``, failed; it is tried again after ``retry_seconds`` unless that is None."""

    at: float
    goal: str
    title: str
    code: str
    message: str
    retry_seconds: float | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing to do but look again after ``seconds``."""

    at: float
    goal: str
    because: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """A long deed still runs; ``share`` is between 0 and 1 when it is known."""

    at: float
    goal: str
    text: str
    share: float | None = None


@dataclass(frozen=True, slots=True)
class StageMet:
    """Every goal of the stage is met; ``seconds`` since the stage was entered."""

    at: float
    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A person must decide: ``offramp decide DECISION ANSWER``."""

    at: float
    goal: str
    decision: str
    answers: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No way forward from here."""

    at: float
    goal: str
    because: str
    hint: str


Event = (
    StageEntered | VerdictReached | DeedBegan | DeedEnded | DeedFailed | Waiting | Progress | StageMet | Asked | Refused
)

NAMES: dict[type[Event], str] = {
    StageEntered: "stage-entered",
    VerdictReached: "verdict-reached",
    DeedBegan: "deed-began",
    DeedEnded: "deed-ended",
    DeedFailed: "deed-failed",
    Waiting: "waiting",
    Progress: "progress",
    StageMet: "stage-met",
    Asked: "asked",
    Refused: "refused",
}

Listener = Callable[[Event], None]


def to_json(event: Event) -> dict[str, object]:
    """One line of ``--json`` output.

    >>> to_json(StageMet(at=1.0, stage="provision", seconds=2.5))
    {'schema': 'offramp/event/1', 'event': 'stage-met', 'at': 1.0, 'stage': 'provision', 'seconds': 2.5}
    """
    return {"schema": SCHEMA, "event": NAMES[type(event)], **asdict(event)}


def ignore(event: Event) -> None:
    """The listener of whoever does not want to watch."""
