"""What does everything that a link does share? Two connections, the ledger, and the right to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .. import postgres
from ..kit.clock import Clock, SystemClock
from ..kit.secret import Secret
from ..postgres import Connection
from . import capture, schema, window
from .model import Event, Link
from .state import Ledger
from .window import Source


class SupersededError(Exception):
    """A later epoch owns the receiver now; this link must not write any more."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a link works with besides its two databases: the role that owns the tables, and where pg_dump is."""

    owner: str | None = None
    dump_tools: Path | None = None
    clock: Clock = field(default_factory=SystemClock)


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
