"""What happens when the program itself fails, by its own fault or because a rehearsal wants it to?"""

from __future__ import annotations

import os
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..engine.redact import redact
from ..errors import UsageError

LOG_NAME = "offramp-crash.log"


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """The ``nth`` time (from 1) that a deed of ``goal``, or of any goal for ``*``, is about to be done or was just done.

    A move inside a switch is named ``cutover/WAVE#MOVE``; the star stands for whole deeds only.
    """

    goal: str
    when: str
    nth: int


def parse(text: str) -> CrashPoint:
    """Read ``GOAL:before:N``. Raises UsageError.

    >>> parse("provision/network:before:1")
    CrashPoint(goal='provision/network', when='before', nth=1)
    """
    goal, _, rest = text.rpartition(":")
    goal, _, when = goal.rpartition(":")
    if not goal or when not in ("before", "after") or not rest.isdigit() or int(rest) < 1:
        raise UsageError(f"--crash-at cannot be {text!r}.", hint="Say GOAL:before:N or GOAL:after:N; N counts from 1.")
    return CrashPoint(goal, when, int(rest))


def killer(point: CrashPoint, kill: Callable[[], None]) -> Callable[[str], None]:
    """Return an interrupt that calls ``kill`` at the point."""
    met = 0

    def interrupt(here: str) -> None:
        nonlocal met
        goal, _, when = here.rpartition(":")
        if when == point.when and (point.goal == goal or (point.goal == "*" and "#" not in goal)):
            met += 1
            if met == point.nth:
                kill()

    return interrupt


def kill_ourselves() -> None:
    """The hardest way to stop: no cleaning up, no last words."""
    os.kill(os.getpid(), signal.SIGKILL)


def write_traceback(error: BaseException, directory: Path, known: Iterable[str]) -> Path:
    """Append the redacted traceback to a file in ``directory``, or in the temporary folder, and return its path."""
    text = redact("".join(traceback.format_exception(error)), known)
    for place in (directory, Path(tempfile.gettempdir())):
        path = place / LOG_NAME
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
                file.write(f"{text}\n")
        except OSError:
            continue
        return path
    return Path(os.devnull)
