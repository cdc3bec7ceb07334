"""How is one verdict carried out, told and journalled, and when is it given up?"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import BugError, OfframpError, OutsideError
from ..kit.clock import Clock
from . import events
from .chapter import Chapter
from .journal import Journal
from .limits import Limits
from .redact import redact
from .verdict import Deed, Finding

Interrupt = Callable[[str], None]
"""Called with ``GOAL:before`` and ``GOAL:after`` around every deed, so that a test can kill the process there."""

Reading = Callable[[Finding[Any]], Finding[Any] | None]
"""How a run reads a finding; None when the finding does not concern it."""

# A reason that changes with every look (rows copied, lag) is told at most this often.
RETELL_SECONDS, REMIND_SECONDS = 2.0, 10.0


def nowhere(point: str) -> None:
    """The interrupt that never does."""


def as_it_is(finding: Finding[Any]) -> Finding[Any] | None:
    """The reading of a run that every goal concerns."""
    return finding


class Watch:
    """The deed in progress, and a listener that several threads may call."""

    def __init__(self, clock: Clock, listener: events.Listener = events.ignore) -> None:
        self._clock, self._listener = clock, listener
        self._telling, self._changing = threading.Lock(), threading.Lock()
        self._deed: tuple[str, str, float] | None = None

    def tell(self, event: events.Event) -> None:
        """Hand an event to the listener, one at a time."""
        with self._telling:
            self._listener(event)

    def began(self, goal: str, title: str) -> None:
        with self._changing:
            self._deed = (goal, title, self._clock.monotonic())

    def ended(self) -> None:
        with self._changing:
            self._deed = None

    def note(self, text: str, share: float | None = None) -> None:
        """Tell how far the deed in progress has come, if there is one."""
        with self._changing:
            deed = self._deed
        if deed:
            self.tell(events.Progress(self._clock.now(), deed[0], f"{deed[1]}: {text}", share))

    def tick(self) -> None:
        """Tell how long the deed in progress has been running, if there is one."""
        with self._changing:
            deed = self._deed
        if deed:
            goal, title, since = deed
            self.tell(events.Progress(self._clock.now(), goal, f"{title}: {self._clock.monotonic() - since:.0f} s"))


@dataclass(frozen=True)
class Setting:
    """What a run is given beside its chapters: nothing in it is ambient."""

    tools: Any
    journal: Journal
    fence: int
    clock: Clock
    watch: Watch
    interrupt: Interrupt = nowhere
    reading: Reading = as_it_is
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    secrets: tuple[str, ...] = ()
    """Values that never appear in an event or in the journal, whatever error text a foreign library makes."""


class Acting:
    """The deeds of one run: performed in order, counted, and given up when they lead nowhere."""

    def __init__(self, setting: Setting) -> None:
        self._set = setting
        self._clock, self._limits, self._tell = setting.clock, setting.limits, setting.watch.tell
        self._performed: dict[str, tuple[Deed, ...]] = {}
        self._repeats: Counter[str] = Counter()
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}
        self._endings: Counter[tuple[str, str]] = Counter()
        self._waiting: dict[str, tuple[str, float]] = {}
        self._told: dict[str, tuple[str, float]] = {}

    @property
    def total(self) -> int:
        """How many deeds have ended."""
        return self._endings.total()

    def act_on(self, chapter: Chapter, goal: str, deeds: tuple[Deed, ...]) -> None:
        """Perform the deeds, or pause first when they have just ended and do not show yet. Raises BugError for no progress."""
        if not deeds:
            raise BugError(f"{goal} says that something must be done, and names no deed.")
        if self._may_perform(goal, deeds):
            self._perform(chapter, goal, deeds)

    def changed(self, goal: str) -> None:
        """The goal's verdict asks for nothing now: its next deeds are new ones."""
        self._performed.pop(goal, None)

    def _may_perform(self, goal: str, deeds: tuple[Deed, ...]) -> bool:
        """Clouds show changes late, so every second time the answer to deeds that have ended is a pause and another look."""
        if self._performed.get(goal) != deeds:
            self._repeats[goal] = 0
            return True
        self._repeats[goal] += 1
        times, rest = divmod(self._repeats[goal] + 1, 2)
        if times >= self._limits.repeats:
            raise BugError(
                f"{goal} is no nearer after {times} times: {', '.join(deed.title for deed in deeds)}.",
                hint="Read `offramp log`, and report it with the journal.",
            )
        if rest:
            return True
        self.pause(goal, "what was done does not show yet", self._limits.pause(times))
        return False

    def _perform(self, chapter: Chapter, goal: str, deeds: tuple[Deed, ...]) -> None:
        """After an error that may pass, return: the next look tells which of the deeds took effect."""
        for deed in deeds:
            self._set.journal.write(self._set.fence, goal, "began", deed.title)
            self._tell(events.DeedBegan(self._clock.now(), goal, deed.title))
            since = self._clock.monotonic()
            try:
                self._act(chapter, goal, deed)
            except Exception as error:
                self.failed(goal, deed.title, error)
                return
            self._ended(goal, deed.title, self._clock.monotonic() - since)
        self._performed[goal] = deeds

    def _act(self, chapter: Chapter, goal: str, deed: Deed) -> None:
        self._set.interrupt(f"{goal}:before")
        self._set.watch.began(goal, deed.title)
        try:
            chapter.stage.act(deed, self._set.tools)
        finally:
            self._set.watch.ended()
        self._set.interrupt(f"{goal}:after")

    def _ended(self, goal: str, title: str, seconds: float) -> None:
        self._set.journal.write(self._set.fence, goal, "ended", title, seconds=round(seconds, 3))
        self._tell(events.DeedEnded(self._clock.now(), goal, title, seconds))
        self.passed(goal, title)
        self._endings[goal, title] += 1
        if self._endings[goal, title] >= self._limits.endings:
            raise BugError(
                f"{goal} did the same thing {self._limits.endings} times in one run: {title}.",
                hint="Read `offramp log`, and report it with the journal.",
            )

    def passed(self, goal: str, title: str) -> None:
        """What failed before works again."""
        self._failures.pop((goal, title), None)

    def failed(self, goal: str, title: str, error: Exception) -> None:
        """Tell of the failure, then pause if it may pass, or raise it."""
        before, since = self._failures.get((goal, title), (0, self._clock.monotonic()))
        nth = before + 1
        self._failures[goal, title] = (nth, since)
        patient = nth <= self._limits.retries and self._clock.monotonic() - since < self._limits.retry_seconds
        again = isinstance(error, OutsideError) and error.retry and patient
        pause = self._limits.pause(nth) if again else None
        ours = isinstance(error, OfframpError)
        code = error.code if isinstance(error, OfframpError) else "bug"
        text = redact(str(error) if ours else f"{type(error).__name__}: {error}", self._set.secrets)
        self._set.journal.write(self._set.fence, goal, "failed", f"{title}: {text}", code=code, retry_seconds=pause)
        self._tell(events.DeedFailed(self._clock.now(), goal, title, code, text, pause))
        if pause is None:
            raise error
        self._clock.sleep(pause)

    def wait(self, goal: str, because: str, seconds: float) -> None:
        """Wait once. Raises OutsideError when the goal has waited too long for the same reason."""
        now = self._clock.monotonic()
        reason, since = self._waiting.setdefault(goal, (because, now))
        if reason != because:
            self._waiting[goal] = (because, now)
        elif now - since > self._limits.unchanged_seconds:
            raise OutsideError(
                f"{goal} has waited {now - since:.0f} s for the same reason: {because}.",
                hint="Find out what keeps it, then run the same command again.",
            )
        self.pause(goal, because, seconds)

    def pause(self, goal: str, because: str, seconds: float) -> None:
        """Sleep, and say why when it is news."""
        now = self._clock.monotonic()
        told, at = self._told.get(goal, (None, 0.0))
        if told is None or now - at >= (RETELL_SECONDS if told != because else REMIND_SECONDS):
            self._told[goal] = (because, now)
            self._tell(events.Waiting(self._clock.now(), goal, because, seconds))
        self._clock.sleep(seconds)
