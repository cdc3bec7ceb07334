"""How do stages become true? Look, judge, act on what is unmet, look again.

The findings of a stage come in order of dependence: nothing later is touched while an earlier goal is unmet, unless the chapter says
that its goals stand side by side. Every loop has a way out: see ``limits.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import BugError
from . import events, report
from .acting import Acting, Setting
from .chapter import Chapter
from .journal import Value
from .report import Goal, RunReport, StageView
from .survey import survey
from .verdict import Ask, Do, Finding, Met, Refuse, Wait

Findings = tuple[Finding[Any], ...]


def run(chapters: Sequence[Chapter], setting: Setting) -> RunReport:
    """Go through the chapters until all are met at once, or until a person must act.

    What a killed controller had begun comes first. Raises BugError when a stage makes no progress, OutsideError when something
    outside stays broken, WaitingError when another controller took over. Running again goes on where this stopped.
    """
    return _Run(tuple(chapters), setting).through()


class _Run:
    """One run: what it counts lives here and ends with it."""

    def __init__(self, chapters: tuple[Chapter, ...], setting: Setting) -> None:
        self._chapters, self._set, self._acting = chapters, setting, Acting(setting)
        self._clock = setting.clock
        self._began = self._clock.monotonic()
        self._views: dict[str, StageView] = {chapter.name: report.not_reached(chapter) for chapter in chapters}
        self._said: dict[str, tuple[str, str, str]] = {}
        self._waits_for_others = False

    def through(self) -> RunReport:
        self._mend()
        rounds, again = 0, False
        while rounds < self._set.limits.rounds:
            before = self._acting.total
            if stopped := self._round(again=again):
                return self._report(stopped)
            again = True
            if self._waits_for_others:
                # Not a round that was gone through; how long a goal may wait has a limit of its own.
                continue
            if self._acting.total == before:
                return self._report(None)
            rounds += 1
        raise BugError(
            f"After {self._set.limits.rounds} rounds the stages still undo each other's work.",
            hint="Read `offramp log`, and report it with the journal.",
        )

    def _round(self, *, again: bool) -> Goal | None:
        """Bring each stage to Met, until one waits for others or a person must act; returns the goal at which they must."""
        self._waits_for_others = False
        for chapter in self._chapters:
            # A thinking stage reads files and one API; what acting stages do cannot make it untrue.
            if again and not chapter.acts:
                continue
            stopped = self._settle(chapter, again=again)
            if stopped or self._waits_for_others:
                return stopped
        return None

    def _report(self, stopped_at: Goal | None) -> RunReport:
        seconds = self._clock.monotonic() - self._began
        return RunReport(tuple(self._views.values()), seconds, self._acting.total, stopped_at)

    def _mend(self) -> None:
        """End what began and did not end, before anything else: a half-done switch may be holding somebody's writes."""
        for goal in self._set.journal.unfinished():
            for chapter in self._chapters:
                if chapter.acts and goal.split("/")[0] == chapter.name:
                    self._mend_goal(chapter, goal)

    def _mend_goal(self, chapter: Chapter, goal: str) -> None:
        while True:
            findings = self._survey(chapter)
            if findings is None:
                continue
            found = next((finding for finding in findings if finding.goal == goal), None)
            if found is None or not isinstance(found.verdict, Do):
                return
            self._note(report.goal(found))
            self._acting.act_on(chapter, goal, found.verdict.deeds)

    def _settle(self, chapter: Chapter, *, again: bool) -> Goal | None:
        """Bring one stage to Met and return None, or return the goal at which a person must act.

        None is also returned when it waits for other stages.
        """
        entered = self._clock.monotonic()
        before = self._views[chapter.name].seconds or 0.0
        quiet = again
        if not quiet:
            self._enter(chapter)
        while True:
            findings = self._survey(chapter)
            if findings is None:
                continue
            seconds = self._clock.monotonic() - entered + before
            unmet = self._take_in(chapter, findings, seconds)
            if not unmet:
                if not quiet:
                    self._leave(chapter, seconds)
                return None
            if quiet:
                quiet = False
                self._enter(chapter)
            if stopped := self._advance(chapter, unmet):
                return report.goal(stopped)
            if self._waits_for_others:
                return None

    def _enter(self, chapter: Chapter) -> None:
        self._set.journal.write(self._set.fence, chapter.name, "stage", "entered")
        self._set.watch.tell(events.StageEntered(self._clock.now(), chapter.name))

    def _leave(self, chapter: Chapter, seconds: float) -> None:
        self._set.journal.write(self._set.fence, chapter.name, "stage", "met", seconds=round(seconds, 3))
        self._set.watch.tell(events.StageMet(self._clock.now(), chapter.name, seconds))

    def _survey(self, chapter: Chapter) -> Findings | None:
        """Look and judge; None after an error that may pass, once the pause after it is over."""
        # A client that waits for an answer is heard of like a deed that takes long.
        self._set.watch.began(chapter.name, "looking")
        try:
            findings = survey(chapter, self._set.tools, self._set.journal.decisions())
        except Exception as error:
            self._acting.failed(chapter.name, "look", error)
            return None
        finally:
            self._set.watch.ended()
        self._acting.passed(chapter.name, "look")
        return tuple(read for finding in findings if (read := self._set.reading(finding)) is not None)

    def _take_in(self, chapter: Chapter, findings: Findings, seconds: float) -> Findings:
        """Remember and tell what was found; return what is unmet."""
        goals = tuple(report.goal(finding) for finding in findings)
        self._views[chapter.name] = report.view(chapter, goals, seconds)
        for goal in goals:
            self._note(goal)
        return tuple(finding for finding in findings if not isinstance(finding.verdict, Met))

    def _note(self, goal: Goal) -> None:
        """Write and tell a verdict when it changed; numbers in a reason to wait or to be content change all the time."""
        if goal.verdict != "do":
            self._acting.changed(goal.name)
        now = (goal.verdict, goal.because, goal.decision or "")
        told = self._said.get(goal.name) or self._set.journal.last_verdict(goal.name)
        self._said[goal.name] = now
        if told == now or (told and told[0] == goal.verdict and goal.verdict in ("met", "wait")):
            return
        keys: dict[str, Value] = {"verdict": goal.verdict}
        if goal.decision:
            keys |= {"decision": goal.decision, "answers": " ".join(goal.answers)}
        self._set.journal.write(self._set.fence, goal.name, "verdict", goal.because, **keys)
        event = events.VerdictReached(self._clock.now(), goal.name, goal.verdict, goal.because)
        self._set.watch.tell(event)

    def _advance(self, chapter: Chapter, unmet: Findings) -> Finding[Any] | None:
        """Do what can be done now, else wait; return the finding at which a person must act."""
        # In order of dependence only the first counts; side by side, one that waits or asks keeps no other from being done.
        open_now = unmet if chapter.side_by_side else unmet[:1]
        doing = [finding for finding in open_now if isinstance(finding.verdict, Do)]
        for finding in doing:
            if isinstance(finding.verdict, Do):
                self._acting.act_on(chapter, finding.goal, finding.verdict.deeds)
        if doing:
            return None
        for finding in open_now:
            if isinstance(finding.verdict, (Ask, Refuse)):
                self._say_stop(finding.goal, finding.verdict)
                return finding
        first = open_now[0]
        if isinstance(first.verdict, Wait):
            self._acting.wait(first.goal, first.verdict.because, first.verdict.seconds)
            self._waits_for_others = first.verdict.others
        return None

    def _say_stop(self, goal: str, verdict: Ask | Refuse) -> None:
        now = self._clock.now()
        match verdict:
            case Ask(decision, because, answers):
                self._set.watch.tell(events.Asked(now, goal, decision, answers, because))
            case Refuse(because, hint):
                self._set.watch.tell(events.Refused(now, goal, because, hint))
