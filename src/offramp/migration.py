"""What can be done with a migration? Everything that the command line does, as methods that return frozen values.

import offramp

move = offramp.open(".")
report = move.run(until="design")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import signpost
from .answers import Assessed, Drift, DryRun, Log, Status, Why
from .engine import acting, events, lease, report
from .engine.acting import Interrupt, Reading, Setting, Watch
from .engine.chapter import Chapter
from .engine.journal import Decision, Journal
from .engine.lease import Lease
from .engine.redact import known_secrets
from .engine.report import Plan, RunReport, StageView
from .engine.run import run
from .engine.survey import look_at, plan
from .engine.verdict import Ask, Finding, Met
from .errors import OfframpError, RefusedError, UsageError
from .kit.clock import Clock, SystemClock
from .settings import Settings

if TYPE_CHECKING:
    from .design.model import Blueprint, Wave

LOG_LINES = 50
STATUS_LINES = 5
# Heroku's name for the last stage of a pipeline.
PRODUCTION = "production"


@dataclass(frozen=True)
class Parts:
    """What a migration is made of. Tests bring stages of their own; everybody else uses the ordinary parts."""

    settings: Callable[[Path], Settings]
    tools: Callable[[Settings, Clock, Interrupt], AbstractContextManager[Any]]
    chapters: Callable[[Settings], tuple[Chapter, ...]]
    blueprint: Callable[[Settings], Blueprint]
    clock: Clock
    environ: Mapping[str, str]


def ordinary_parts() -> Parts:
    """The real settings, clients, stages, clock and environment."""
    return Parts(Settings.load, _tools, _chapters, _blueprint, SystemClock(), os.environ)


# Importing a stage imports its clients, and giving an answer or reading the journal must not wait for them.
def _tools(settings: Settings, clock: Clock, interrupt: Interrupt) -> AbstractContextManager[Any]:
    from . import tools

    return tools.build(settings, clock=clock, interrupt=interrupt)


def _chapters(settings: Settings) -> tuple[Chapter, ...]:
    from . import journey

    return journey.chapters(settings)


def _blueprint(settings: Settings) -> Blueprint:
    from . import design

    return design.load(settings.blueprint_path)


class Migration:
    """One move, kept in one directory: ``offramp.toml``, ``estate.json``, ``assessment.json``, ``blueprint.toml`` and the journal.

    Methods that act hold the migration's lease while they run and raise WaitingError when another controller has it. All of them
    raise the errors of ``errors.py``; verdicts that a person must answer are returned, not raised.
    """

    def __init__(self, directory: Path, parts: Parts | None = None) -> None:
        """Read the settings. Raises UsageError when ``offramp.toml`` is missing or malformed."""
        self._parts = parts or ordinary_parts()
        self.settings = self._parts.settings(directory)

    @property
    def directory(self) -> Path:
        return self.settings.directory

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        return tuple(chapter.name for chapter in self._chapters())

    def plan(self) -> Plan:
        """Say what would be done now, and touch nothing."""
        with self._journal(read_only=True) as journal, self._tools() as tools:
            return plan(self._chapters(), tools, journal.decisions())

    def run(
        self,
        until: str | None = None,
        on_event: events.Listener = events.ignore,
        interrupt: Interrupt = acting.nowhere,
    ) -> RunReport:
        """Go on until every stage up to ``until`` is met, or until a person must act."""
        return self._run(self._up_to(until), on_event, interrupt)

    def discover(self, on_event: events.Listener = events.ignore, interrupt: Interrupt = acting.nowhere) -> RunReport:
        """Read Heroku and the databases into ``estate.json``."""
        return self._run(self._named("discover"), on_event, interrupt)

    def assess(
        self,
        on_event: events.Listener = events.ignore,
        interrupt: Interrupt = acting.nowhere,
        *,
        objective_ms: float | None = None,
        logs: Path | None = None,
        region: str | None = None,
        what_if: tuple[str, ...] = (),
        watch_seconds: float = 0.0,
    ) -> Assessed:
        """Answer why it is slow, whether it can move and what it will cost, from scratch, into ``assessment.json`` and a page.

        None leaves what ``offramp.toml`` says. The databases' statements are watched for ``watch_seconds`` first, while log lines come in.
        Raises UsageError for a ``what_if`` that is none, before anything is read.
        """
        from .assess import asking, file, request, summary

        asking.flags(what_if, region or self.settings.aws.region)
        asked = request.anew(
            self.settings,
            self._parts.clock.now(),
            objective_ms=objective_ms,
            logs=logs,
            region=region,
            what_if=what_if,
            watch_seconds=watch_seconds,
        )
        (chapter,) = self._named("assess")
        done = self._run((replace(chapter, want=lambda: asked),), on_event, interrupt)
        if not done.ok:
            return Assessed(done)
        found = file.read(self.settings.assessment_path)
        return Assessed(done, summary.text(found), self.settings.page_path, file.content(found))

    def changes(self, on_event: events.Listener = events.ignore) -> Drift:
        """Say what changed on Heroku since ``estate.json`` was written, and touch nothing. Raises UsageError when there is none."""
        from .discover.changes import since_kept

        watch = Watch(self._parts.clock, on_event)
        watch.began("discover", "looking")
        with self._tools() as tools:
            found = since_kept(_telling(tools, watch), self.settings)
        return Drift(tuple((change.about, change.text) for change in found))

    def design(self, on_event: events.Listener = events.ignore, interrupt: Interrupt = acting.nowhere) -> RunReport:
        """Write ``blueprint.toml`` from the estate, for people to review."""
        return self._run(self._named("design"), on_event, interrupt)

    def cutover(
        self,
        wave: str,
        on_event: events.Listener = events.ignore,
        interrupt: Interrupt = acting.nowhere,
        who: str | None = None,
    ) -> RunReport:
        """Decide that a wave moves to AWS, and make it so. Raises UsageError for an unknown wave."""
        return self._switch(wave, "go", on_event, interrupt, who)

    def rollback(
        self,
        wave: str,
        on_event: events.Listener = events.ignore,
        interrupt: Interrupt = acting.nowhere,
        who: str | None = None,
    ) -> RunReport:
        """Decide that a wave returns to Heroku with all its writes, and make it so."""
        return self._switch(wave, "back", on_event, interrupt, who)

    def rehearses_way_back(self, wave: str) -> bool:
        """Whether this is the first switch of a wave anywhere but in production: then going back is tried at once."""
        if self.settings.heroku.pipeline_stage == PRODUCTION:
            return False
        with self._journal(read_only=True) as journal:
            return f"{signpost.WAVE_PREFIX}{wave}" not in journal.decisions()

    def try_cutover(
        self, wave: str, on_event: events.Listener = events.ignore, interrupt: Interrupt = acting.nowhere
    ) -> DryRun:
        """Hold, fence, drain and compare a wave on production, undo it, and say how long writers waited.

        Raises UsageError for an unknown wave, RefusedError while a gate is shut, and what stopped the switch, after the undo.
        """
        from .cutover.tryout import try_out

        self.wave(wave)
        goal = f"{signpost.WAVE_PREFIX}{wave}"
        with self._acting(Watch(self._parts.clock, on_event)) as (journal, held), self._tools(interrupt) as tools:
            journal.write(held.fence, goal, "began", "a dry run")
            try:
                tried = try_out(tools, self._blueprint(), wave, interrupt)
            except OfframpError as error:
                journal.write(held.fence, goal, "failed", f"a dry run: {error.message}")
                raise
            found = DryRun(tried.wave, tried.to, tried.held_ms, tried.undo_ms, tried.moves)
            told = f"a dry run: writers were held {found.held_ms:.0f} ms, {found.undo_ms:.0f} ms of it for the undo"
            journal.write(held.fence, goal, "ended", told, seconds=round(found.held_ms / 1000, 1))
            return found

    def decide(self, name: str, answer: str, who: str | None = None, why: str = "") -> Decision:
        """Record a person's answer; the latest one counts. Raises UsageError for a question that nobody asks."""
        with self._journal() as journal:
            signpost.check_decision(name, answer, self._questions(name, journal))
            return journal.decide(name, answer, who=who or lease.user(), why=why)

    def status(self) -> Status:
        """Say what is true, what is next, and whether we can still go back. An unreachable stage is shown as unknown."""
        with self._journal(read_only=True) as journal:
            decisions, reached = journal.decisions(), journal.reached()
            stages = self._views(decisions, reached)
            first = next((stage for stage in stages if not stage.met), None)
            step = (
                None if first and first.verdict == "unknown" else signpost.next_command(first.unmet if first else None)
            )
            return Status(
                name=self.settings.name,
                at=self._parts.clock.now(),
                stages=stages,
                way_back=signpost.way_back(decisions, stages),
                next=step,
                hint=(first.unmet.hint if first and first.unmet else ""),
                holder=lease.read(journal),
                entries=journal.entries(last=STATUS_LINES),
            )

    def why(self, goal: str) -> Why:
        """Explain a goal (``provision/network``) or a stage. Raises UsageError for a goal that no stage has."""
        chapter = self._named(goal.split("/")[0])[0]
        with self._journal(read_only=True) as journal, self._tools() as tools:
            goals = look_at(chapter, tools, journal.decisions()).goals
            found = tuple(one for one in goals if one.name == goal or one.name.startswith(f"{goal}/"))
            if not found and goal != chapter.name:
                hint = signpost.nearest(goal, (one.name for one in goals), f"The goals of {chapter.name} are")
                raise UsageError(f"There is no goal {goal!r}.", hint=hint)
            asked = {one.decision for one in found} | {one.name for one in found} | {goal}
            decided = tuple(decision for decision in journal.history() if decision.name in asked)
            return Why(goal, found, decided, journal.entries(last=LOG_LINES, goal=goal))

    def log(self, last: int = LOG_LINES, goal: str | None = None) -> Log:
        """Return the journal's last lines and all decisions."""
        with self._journal(read_only=True) as journal:
            return Log(journal.entries(last=last, goal=goal), journal.history())

    def _journal(self, *, read_only: bool = False) -> Journal:
        return Journal(self.settings.journal_path, self._parts.clock, read_only=read_only)

    def _tools(self, interrupt: Interrupt = acting.nowhere) -> AbstractContextManager[Any]:
        return self._parts.tools(self.settings, self._parts.clock, interrupt)

    def _chapters(self) -> tuple[Chapter, ...]:
        return self._parts.chapters(self.settings)

    def _named(self, *names: str) -> tuple[Chapter, ...]:
        known = {chapter.name: chapter for chapter in self._chapters()}
        for name in names:
            if name not in known:
                raise UsageError(f"There is no stage {name!r}.", hint=signpost.nearest(name, known, "The stages are"))
        return tuple(known[name] for name in names)

    def _up_to(self, until: str | None) -> tuple[Chapter, ...]:
        chapters = self._chapters()
        if until is None:
            return chapters
        (last,) = self._named(until)
        return chapters[: [chapter.name for chapter in chapters].index(last.name) + 1]

    def wave(self, name: str) -> Wave:
        """Return a wave of the blueprint. Raises UsageError, with the right words, when it has no such wave."""
        blueprint = self._blueprint()
        signpost.check_wave(name, tuple(wave.name for wave in blueprint.waves))
        return blueprint.wave(name)

    def _blueprint(self) -> Blueprint:
        if not self.settings.blueprint_path.exists():
            raise UsageError("There is no blueprint yet, so there are no waves.", hint="Run `offramp design` first.")
        return self._parts.blueprint(self.settings)

    def _questions(self, name: str, journal: Journal) -> dict[str, tuple[str, ...]]:
        """What may be decided. The world is asked only about a ``name`` that neither the journey nor the journal knows."""
        about_waves = name.startswith(signpost.WAVE_PREFIX)
        waves = tuple(wave.name for wave in self._blueprint().waves) if about_waves else ()
        known = signpost.known_questions(waves, journal.questions())
        if name in known or about_waves or name.startswith(signpost.RETRY_PREFIX):
            return known
        views = self._views(journal.decisions(), journal.reached())
        asked = {goal.decision: goal.answers for view in views for goal in view.goals if goal.decision}
        return {**asked, **known}

    def _views(self, decisions: dict[str, str], reached: frozenset[str]) -> tuple[StageView, ...]:
        """Look at every stage that was ever reached, and at the first unmet one; an error is a fact like any other."""
        views: list[StageView] = []
        try:
            with self._tools() as tools:
                for chapter in self._chapters():
                    if chapter.name in reached or all(view.met for view in views):
                        views.append(_look_or_say(chapter, tools, decisions))
                    else:
                        views.append(report.not_reached(chapter))
        except OfframpError as error:
            views = [report.unknown(chapter, error) for chapter in self._chapters()]
        return tuple(views)

    def _switch(
        self, wave: str, answer: str, on_event: events.Listener, interrupt: Interrupt, who: str | None
    ) -> RunReport:
        self.wave(wave)
        name = f"{signpost.WAVE_PREFIX}{wave}"

        def decide(journal: Journal) -> None:
            decided = journal.decisions()
            if decided.get("retire") == "approve":
                raise RefusedError(
                    f"The wave {wave} cannot switch any more: the retirement of Heroku was decided.",
                    hint="See `offramp log`.",
                )
            if decided.get(name) != answer:
                journal.decide(name, answer, who=who or lease.user(), why="")

        reading = about_wave(self._blueprint(), wave, rolling_back=answer == "back")
        return self._run(self._named("replicate", "cutover"), on_event, interrupt, reading=reading, first=decide)

    def _run(
        self,
        chapters: Sequence[Chapter],
        on_event: events.Listener,
        interrupt: Interrupt,
        *,
        reading: Reading = acting.as_it_is,
        first: Callable[[Journal], None] | None = None,
    ) -> RunReport:
        watch = Watch(self._parts.clock, on_event)
        with self._acting(watch) as (journal, held), self._tools(interrupt) as tools:
            if first:
                first(journal)
            setting = Setting(
                tools=_telling(tools, watch),
                journal=journal,
                fence=held.fence,
                clock=self._parts.clock,
                watch=watch,
                interrupt=interrupt,
                reading=reading,
                secrets=known_secrets(self._parts.environ, self.settings.heroku.token_env),
            )
            return run(chapters, setting)

    @contextmanager
    def _acting(self, watch: Watch) -> Iterator[tuple[Journal, Lease]]:
        with self._journal() as journal, lease.held(journal, lease.this_process(), beat=watch.tick) as held:
            yield journal, held


def about_wave(blueprint: Blueprint, wave: str, *, rolling_back: bool) -> Reading:
    """Return how the switch of one wave reads findings: those of other waves do not concern it.

    After a rollback the stage asks whether to switch again; for the rollback itself that means it is done.
    """
    ours = _names(blueprint, (wave,))
    foreign = _names(blueprint, tuple(other.name for other in blueprint.waves if other.name != wave)) - ours

    def read(finding: Finding[Any]) -> Finding[Any] | None:
        # What is queued follows once `deploy` has pointed every service elsewhere, which is not this command's business.
        if foreign & set(finding.goal.split("/")[1:]) or finding.goal.endswith("/queue"):
            return None
        verdict = finding.verdict
        asks_again = isinstance(verdict, Ask) and verdict.decision == f"{signpost.WAVE_PREFIX}{wave}"
        return replace(finding, verdict=Met(verdict.because)) if rolling_back and asks_again else finding

    return read


def _names(blueprint: Blueprint, waves: Sequence[str]) -> set[str]:
    found = [blueprint.wave(name) for name in waves]
    return {name for wave in found for name in (wave.name, *wave.apps, *wave.databases, *wave.caches)}


def _look_or_say(chapter: Chapter, tools: Any, decisions: dict[str, str]) -> StageView:
    try:
        return look_at(chapter, tools, decisions)
    except OfframpError as error:
        return report.unknown(chapter, error)


def _telling(tools: Any, watch: Watch) -> Any:
    """Return the tools with an ear for how far a long look has come; tests' own tools have none."""
    return replace(tools, tell=watch.note) if hasattr(tools, "tell") else tools
