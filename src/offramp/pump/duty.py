"""What runs beside a link as long as it works? The watcher at the origin, which also says that we live and weighs the log.

When something makes the link stop (its capture must end, or another consumer took over), ``trouble`` says so, ``stop`` becomes
true for the link's own loops, and whoever runs the link decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .. import postgres
from ..errors import RefusedError
from ..kit.secret import Secret
from ..postgres import Connection
from . import guarding, throttle
from .guarding import Death
from .model import Event
from .pulse import Line, Pulse
from .session import Session
from .watching import Chore, Watcher


@dataclass
class Duty:
    """What the watcher's chores found out; written by its thread, read by the link's."""

    session: Session
    trouble: Death | RefusedError | None = None

    def beat(self, control: Connection) -> None:
        """Tell the origin that we live, and look whether its log has grown above the cap."""
        session = self.session
        cap = guarding.beat(control, session.consumer, session.committed)
        if cap is None:
            try:
                guarding.demand_sole(control, session.consumer)
            except RefusedError as error:
                self.trouble = error
            return
        if (death := guarding.overflow(control, cap)) is not None:
            self.trouble = death

    def weigh(self, control: Connection) -> None:
        """Tell the throttle how busy the source is."""
        before = self.session.throttle.share
        self.session.throttle.look(control, list(self.session.pids))
        after = self.session.throttle.share
        if (before == 1.0) != (after == 1.0):
            self.session.report(
                Event("source busy" if after < 1.0 else "source calm", {"busy_sessions": self.session.throttle.load})
            )


@contextmanager
def on_duty(session: Session, source: Callable[[], Secret], target: Callable[[], Secret]) -> Iterator[Duty]:
    """Watch over the session's work at the origin until it ends; ``session.stop`` becomes true when there is trouble."""
    duty, told = Duty(session), session.stop
    link = session.link
    name = f"offramp-watcher-{link.name}-{link.direction}-{link.epoch}"

    def at_origin() -> Connection:
        return postgres.connect(source(), application_name=name)

    def at_receiver() -> Connection:
        return postgres.connect(target(), application_name=name)

    chores = [Chore(guarding.BEAT_SECONDS, duty.beat)]
    if session.means.max_source_load is not None:
        chores.append(Chore(throttle.LOOK_SECONDS, duty.weigh))
    watcher = Watcher(at_origin, lambda: session.pids, session.report, chores=chores)

    def lines() -> tuple[Line, ...]:
        control = watcher.control
        watched = (Line("origin", session.origin, at_origin), Line("receiver", session.receiver, at_receiver))
        return watched if control is None else (*watched, Line("watcher", control, at_origin, sole=True))

    session.stop = lambda: told() or duty.trouble is not None
    try:
        with watcher, Pulse(lines, session.report):
            yield duty
    finally:
        session.stop = told
