"""What does a running link look like from beside it, and when must it turn round?

One thread with a connection to the receiving side (and one to the target, where the record of switches is): it reads the link's
status twice a second, keeps an unused target closed to writers, and settles a switch whose maker died.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from .. import postgres
from ..errors import OfframpError
from ..kit.clock import Clock
from ..kit.secret import Secret
from ..postgres import Connection
from . import turning
from .fencing import fence, fenced
from .model import Event, LinkStatus
from .moves import Report, Sides
from .standing import Standing, standing
from .status import status

LOOK_SECONDS = 0.5
AFTER_TROUBLE_SECONDS = 2.0
# How often the target's fence is looked at again: tables that came meanwhile are open still.
GUARD_SECONDS = 10.0
JOIN_SECONDS = 10.0
APPLICATION = "offramp-pump-watch"
Url = Callable[[], Secret]


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: which link is in force and how it does; None before it has begun."""

    standing: Standing
    link: LinkStatus | None
    at: float


class Observer:
    """Looks until it is ended. ``seen`` is the newest look; connection trouble leaves the last one standing."""

    def __init__(self, name: str, source: Url, target: Url, clock: Clock, report: Report) -> None:
        self._name, self._source, self._target = name, source, target
        self._clock, self._report = clock, report
        self._ended = threading.Event()
        self._seen: Seen | None = None
        self._settled: Standing | None = None
        self._guard_at = 0.0
        self._closed = False

    @property
    def seen(self) -> Seen | None:
        return self._seen

    def turned(self, running: Standing) -> bool:
        """Whether another link than ``running`` is in force now."""
        seen = self._seen
        return seen is not None and seen.standing.feeding != running.feeding

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look from a thread of its own while the block runs."""
        thread = threading.Thread(target=self._run, name="pump-observer", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._look_on()
            except (OfframpError, psycopg.Error):
                # The link meets the same trouble and says so; two voices would only confuse.
                self._ended.wait(AFTER_TROUBLE_SECONDS)

    def _look_on(self) -> None:
        """Look until the link turns round or the connections fail."""
        with ExitStack() as stack:
            target = stack.enter_context(
                postgres.connect(self._target(), application_name=APPLICATION, pins={"jit": "off"})
            )
            now = standing(target, self._name)
            receiver = target
            if now.direction == "reverse":
                receiver = stack.enter_context(postgres.connect(self._source(), application_name=APPLICATION))
            while not self._ended.is_set():
                found = standing(target, self._name)
                self._seen = Seen(found, status(receiver, found.feeding), self._clock.monotonic())
                if found.direction != now.direction:
                    return
                self._settle(target, found)
                self._guard(target, self._seen)
                self._ended.wait(LOOK_SECONDS)

    def _settle(self, target: Connection, now: Standing) -> None:
        """Bring a switch to its end when its maker is gone, which the server tells by letting go of the lock."""
        if self._settled == now or (now.opened_at is None and now.epoch == 0):
            return
        if not turning.lock(target, self._name):
            return
        try:
            now = standing(target, self._name)
            with postgres.connect(self._source(), application_name=APPLICATION, pins={"jit": "off"}) as source:
                turning.settle(Sides(source, target), now, clock=self._clock, report=self._report)
            self._settled = standing(target, self._name)
        finally:
            turning.unlock(target, self._name)

    def _guard(self, target: Connection, seen: Seen) -> None:
        """Keep the target closed to writers while it is the standby: a row written there would be lost."""
        if seen.standing.direction != "forward" or seen.standing.opened_at or seen.link is None:
            return
        if seen.link.phase not in ("live", "paused") or seen.at < self._guard_at:
            return
        self._guard_at = seen.at + GUARD_SECONDS
        if not turning.lock(target, self._name):
            return
        try:
            if standing(target, self._name) == seen.standing:
                before = fenced(target)
                fence(target, link_name=self._name, epoch=seen.standing.epoch, clock=self._clock)
                if before is None:
                    self._report(Event("target closed to writers", {"until": "finish"}))
        finally:
            turning.unlock(target, self._name)
