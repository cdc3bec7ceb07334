"""What does everything that a link does share? Two connections, the ledger, and the right to go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .. import postgres
from ..kit.clock import Clock, SystemClock
from ..kit.secret import Secret
from ..postgres import Connection
from . import capture, guarding, schema, window
from .archive import Archive
from .guarding import Limits
from .model import Event, Link
from .state import Ledger
from .throttle import Throttle
from .window import Source


class SupersededError(Exception):
    """A later epoch owns the receiver now; this link must not write any more."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a link works with besides its two databases: the role that owns the tables, where pg_dump is, and its limits.

    ``max_rate_bytes`` bounds the copy, per second; ``max_source_load`` is how many sessions of others may be busy at the source
    before we step back; ``jobs`` how many streams copy at once. ``limits`` bound the capture when nobody reads it.
    """

    owner: str | None = None
    dump_tools: Path | None = None
    clock: Clock = field(default_factory=SystemClock)
    max_rate_bytes: int | None = None
    max_source_load: float | None = None
    jobs: int = 2
    verify: bool = True
    log_cap_bytes: int | None = None
    silence_seconds: float = guarding.SILENCE_SECONDS

    @property
    def limits(self) -> Limits:
        return Limits(self.log_cap_bytes, self.silence_seconds)


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the origin's whole schema was last looked at, in monotonic seconds, and how often it had been written to then.

    ``patience`` is how long to wait before what could not be carried over is tried again.
    """

    count: int = -1
    at: float = float("-inf")
    patience: float = 0.5


class Session:
    """One pair of connections, from opening to the first trouble."""

    def __init__(
        self,
        link: Link,
        origin: Connection,
        receiver: Connection,
        source: Secret,
        stop: Callable[[], bool],
        report: Callable[[Event], None],
        means: Means,
    ) -> None:
        self.link, self.origin, self.receiver = link, origin, receiver
        self.stop, self.report, self.means = stop, report, means
        self.clock = means.clock
        self.ledger = Ledger(receiver, link)
        self.dumper = schema.Dumper(source, means.dump_tools)
        self.server = postgres.server(origin)
        self.replica = False
        self.outlook = Outlook()
        self.archive: Archive | None = None
        """The origin's schema, when this process has dumped it."""
        self.throttle = Throttle(means.clock, rate_bytes=means.max_rate_bytes, source_load=means.max_source_load)
        self.consumer = ""
        """By which name the origin knows us, once we have claimed its changes."""
        self.committed: str | None = None
        """A position that is surely committed at the receiver."""
        self._pids = frozenset((origin.info.backend_pid,))
        self._pids_lock = threading.Lock()

    @property
    def pids(self) -> frozenset[int]:
        """Our sessions at the origin that must not stand in anybody's way. For any thread."""
        return self._pids

    @contextmanager
    def watched(self, pid: int) -> Iterator[None]:
        """Let the watcher look after one more session of ours at the origin; its statement may end with QueryCanceled."""
        with self._pids_lock:
            self._pids |= {pid}
        try:
            yield
        finally:
            with self._pids_lock:
                self._pids -= {pid}

    def rest(self, seconds: float) -> None:
        """Wait, but not a moment longer than until told to stop."""
        rest(self.clock, seconds, self.stop)

    def sources(self) -> dict[int, Source]:
        """Return the link's tables as they are at the origin now, those that are captured."""
        captured = capture.register(self.origin)
        known = [moved.relid for moved in self.ledger.tables()]
        return {
            table.oid: Source(table, captured[table.oid])
            for table in postgres.tables(self.origin, known)
            if table.oid in captured
        }

    def fingerprints(self, oids: list[int]) -> Mapping[int, str]:
        """Return what these tables look like at the origin at this moment."""
        with window.opened(self.origin) as opened:
            return opened.look(oids).fingerprints

    @contextmanager
    def still_ours(self) -> Iterator[None]:
        """Keep a switch from closing this link meanwhile: capture that is touched after its end would come back to life.

        Raises SupersededError when the link has been closed already.
        """
        with self.receiver.transaction():
            if not self.ledger.hold():
                raise SupersededError
            yield


def rest(clock: Clock, seconds: float, stop: Callable[[], bool]) -> None:
    """Wait ``seconds``, in steps that notice ``stop``."""
    until = clock.monotonic() + seconds
    while not stop() and (left := until - clock.monotonic()) > 0:
        clock.sleep(min(left, 0.1))
