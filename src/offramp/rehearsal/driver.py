"""The rehearsal itself: a running application moves from Heroku to AWS on this machine, under load, and the proof is drawn up."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import OfframpError, RefusedError, UsageError
from . import evidence, ground, settings
from .controller import Controller, Outcome
from .faults import Faults
from .ground import Ground
from .operator import Operator
from .options import FAULTS, RehearsalOptions
from .report import RehearsalReport, StageTime
from .traffic import Traffic

Listener = Callable[["RehearsalEvent"], None]

# How long the applications are watched under load at each rest of the journey.
BASELINE_SECONDS = 8.0
REST_SECONDS = 6.0
# A command may be killed by a fault, or end on an outside trouble that passes; this bounds how often it is begun again.
MOST_TRIES = 12


@dataclass(frozen=True, slots=True)
class RehearsalEvent:
    """One line of what happens: ``phase`` lines are for everybody, ``event`` lines carry the controller's own events."""

    seconds: float
    kind: str
    text: str
    event: Mapping[str, Any] | None = None


@dataclass
class StageClock:
    """How long did each stage take, over all commands that worked on it?"""

    seconds: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    _stage: str | None = None
    _since: float = 0.0

    def on_event(self, event: Mapping[str, Any]) -> None:
        kind = event.get("event")
        if kind == "stage-entered":
            self.pause()
            self._stage, self._since = str(event["stage"]), time.monotonic()
        elif kind == "stage-met":
            self.verdicts[str(event["stage"])] = "met"
        elif kind == "verdict-reached" and self._stage and event["verdict"] != "met":
            self.verdicts[self._stage] = str(event["verdict"])

    def pause(self) -> None:
        if self._stage is not None:
            spent = time.monotonic() - self._since
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + spent
            self._stage = None

    def times(self) -> tuple[StageTime, ...]:
        return tuple(
            StageTime(name, round(spent, 1), self.verdicts.get(name, "met")) for name, spent in self.seconds.items()
        )


@dataclass
class Trip:
    """One rehearsal under way."""

    options: RehearsalOptions
    listener: Listener
    ground: Ground
    began: float = field(default_factory=time.monotonic)
    clock: StageClock = field(default_factory=StageClock)
    gathered: evidence.Gathered = field(default_factory=evidence.Gathered)

    def __post_init__(self) -> None:
        self.operator = Operator(self.ground)
        self.controller = Controller(self.ground, self._on_event)
        self.traffic = Traffic(self.ground, self.options.rate, self.options.seed)
        self.faults = Faults(
            self.options.faults,
            self.operator,
            self.controller,
            self.elapsed,
            lambda text: self.tell("fault", text),
            self.options.seed,
        )
        self._switched = False
        self._arrived: set[str] = set()

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def tell(self, kind: str, text: str, event: Mapping[str, Any] | None = None) -> None:
        self.listener(RehearsalEvent(round(self.elapsed(), 1), kind, text, event))

    def _on_event(self, event: Mapping[str, Any]) -> None:
        self.clock.on_event(event)
        if event.get("event") == "stage-met" and event["stage"] not in self._arrived:
            self._arrived.add(event["stage"])
            self.tell("phase", f"{event['stage']} is met after {event['seconds']:.1f} s")
        self.tell("event", str(event.get("title") or event.get("because") or event.get("stage") or ""), event)
        self.faults.on_event(event)

    def go(self) -> None:
        """Make the whole journey, leaving traffic running until its end."""
        self.tell("phase", "starting the emulated AWS and the simulated Heroku with its applications")
        self.ground.start()
        settings.write(self.ground)
        self.tell("phase", f"applications are up on Heroku; {self.options.rate:g} requests a second begin")
        self.traffic.start()
        self.watch(BASELINE_SECONDS, "Heroku serves everything")
        answers: dict[str, Callable[[], None]] = {
            "design/blueprint": self._review,
            "shift/start": lambda: self.decide("shift/start", "approve"),
            "retire": self._let_go,
        }
        while (asked := self.command("run", "--yes").asked) is not None:
            if asked.startswith("cutover/"):
                self._cut_over(asked.partition("/")[2])
            elif asked in answers:
                answers[asked]()
            else:
                raise RefusedError(f"The rehearsal does not know how to answer the decision {asked}.")
        self.tell("phase", "Heroku is switched off; AWS serves alone")
        self.traffic.rest(REST_SECONDS)

    def watch(self, seconds: float, what: str) -> None:
        self.tell("phase", f"{what}; watching for {seconds:g} s")
        self.traffic.rest(seconds)

    def decide(self, name: str, answer: str) -> None:
        self.tell("decision", f"offramp decide {name} {answer}")
        self.command("decide", name, answer)

    def command(self, *words: str) -> Outcome:
        """Run a command until it ends by itself: a killed one is begun again, as an engineer would."""
        for _ in range(MOST_TRIES):
            outcome = self.controller.run(*words)
            self.clock.pause()
            if outcome.status in (0, 3):
                return outcome
            if outcome.killed:
                self.tell("phase", f"the controller was killed during `offramp {' '.join(words)}`; running it again")
                continue
            failed = outcome.answer.get("error") or outcome.answer.get("stopped_at") or {}
            because = str(failed.get("message") or failed.get("because") or f"exit status {outcome.status}")
            if outcome.status == 5 and failed.get("retry"):
                self.tell("phase", f"something outside did not answer ({because}); running it again")
                continue
            raise RefusedError(f"`offramp {' '.join(words)}` ended with {outcome.status}: {because}")
        raise RefusedError(f"`offramp {' '.join(words)}` did not end well in {MOST_TRIES} tries.")

    def _review(self) -> None:
        """Stand for the people who read the blueprint, and for the pipeline that built the images it names."""
        self.ground.publish_images()
        self.decide("design/blueprint", "approve")

    def _cut_over(self, wave: str) -> None:
        if self._switched:
            raise RefusedError(f"The wave {wave} asks to be switched again, which nobody decided.")
        self.faults.while_live(lambda: self._links_live(wave))
        self.gathered.note_replicas(self.command("status").answer)
        self.tell("phase", f"a dry run of the wave {wave}: held, fenced, drained, compared, and undone")
        self.gathered.note_dry_run(self.command("cutover", wave, "--dry-run", "--yes").answer)
        self.tell("phase", f"the wave {wave} switches to AWS")
        self.command("cutover", wave, "--yes")
        if self.options.with_rollback:
            self.gathered.note_switch(self.command("status").answer)
            self._there_and_back(wave)
        self.gathered.note_switch(self.command("status").answer)
        self._switched = True
        self.watch(REST_SECONDS, "AWS is primary")

    def _there_and_back(self, wave: str) -> None:
        self.watch(REST_SECONDS, "AWS is primary")
        self.tell("phase", f"the wave {wave} rolls back to Heroku, with every write made on AWS")
        self.command("rollback", wave, "--yes")
        self.gathered.note_rollback(self.command("status").answer)
        self.gathered.rollback_lost = evidence.lost_so_far(self.ground, self.operator, self.traffic)
        self.watch(REST_SECONDS, "Heroku is primary again")
        self.tell("phase", f"the wave {wave} switches to AWS again")
        self.command("cutover", wave, "--yes")

    def _links_live(self, wave: str) -> None:
        """Wait until the links have come back after a fault, by asking offramp itself."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if evidence.links_ready(self.command("status").answer):
                return
            self.traffic.rest(0.5)
        raise RefusedError(f"The links of the wave {wave} did not come back within 90 s after a fault.")

    def _let_go(self) -> None:
        self.watch(REST_SECONDS, "AWS serves everything; Heroku can still be gone back to")
        self.decide("retire", "approve")


def rehearse(options: RehearsalOptions, on_event: Listener, *, work: Path | None = None) -> RehearsalReport:
    """Rehearse the whole move and return the proof; ``work`` gets a copy of the migration's own files.

    Raises UsageError for an estate or fault that does not exist, OutsideError when the doubles do not start. Whatever stops the
    trip later is part of the report, not an exception.
    """
    _check(options)
    folder = ground.fresh_folder(options.keep)
    trip = Trip(options, on_event, Ground(folder, options.estate.resolve(), options.rows, options.seed))
    stopped: str | None = None
    try:
        try:
            trip.go()
        except OfframpError as error:
            stopped = str(error)
        return _conclude(trip, stopped)
    finally:
        if options.keep is None:
            trip.traffic.stop()
            trip.ground.stop()
        if work is not None:
            shutil.copytree(trip.ground.work, work, dirs_exist_ok=True)
        if options.keep is None:
            ground.clear(folder)


def _check(options: RehearsalOptions) -> None:
    if not (options.estate / "rehearsal.toml").exists():
        raise UsageError(
            f"{options.estate} holds no rehearsal.toml.",
            hint="Point --estate at a folder that describes an estate, like examples/mentoring.",
        )
    for fault in options.faults:
        if fault not in FAULTS:
            raise UsageError(f"There is no fault {fault}.", hint=f"Choose from {', '.join(FAULTS)}.")


def _conclude(trip: Trip, stopped: str | None) -> RehearsalReport:
    """Stop the traffic, then hold what it was told against what the databases say."""
    trip.tell("phase", "traffic stops; the acknowledged writes are held against the final primary")
    trip.traffic.stop()
    return evidence.conclude(
        gathered=trip.gathered,
        ground=trip.ground,
        operator=trip.operator,
        traffic=trip.traffic,
        seconds=round(trip.elapsed(), 1),
        stages=trip.clock.times(),
        faults=tuple(trip.faults.reports),
        stopped=stopped,
        kept=str(trip.ground.folder) if trip.options.keep else None,
    )
