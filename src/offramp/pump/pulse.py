"""Is a connection that does not answer still one, or has something between us swallowed it?

TCP notices a peer that is gone. A balancer or tunnel that acknowledges bytes and drops them it does not; so a second
connection asks the server what it thinks of the first. A server that waits for its client, while the client waits for the
server, is not being talked to: the line is shut, and the link makes a new one.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psycopg
from psycopg import pq

from ..errors import OutsideError
from ..kit import sqlbook
from ..postgres import Connection
from .model import Event

_BOOK = sqlbook.load("offramp.pump", "sql/watching.sql")
LOOK_SECONDS = 2.0
# A statement that runs longer is asked about; most never do.
SUSPECT_SECONDS = 6.0
END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Line:
    """One of our connections, and how to make another to the same server."""

    name: str
    connection: Connection
    connect: Callable[[], Connection]
    sole: bool = False
    """Whether its end leaves the other lines as they are; those that are not sole end together."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the server said of a line, and whether that leaves both ends waiting for each other. Twice the same is a stall."""

    state: str
    waits_for: str
    changed_at: str
    deaf: bool


class Pulse:
    """A context manager around work over some lines; a line that is swallowed is shut, so that its user gets an error."""

    def __init__(
        self,
        lines: Callable[[], Collection[Line]],
        report: Callable[[Event], None],
        *,
        look_seconds: float = LOOK_SECONDS,
        suspect_seconds: float = SUSPECT_SECONDS,
    ) -> None:
        """A line is given up ``suspect_seconds`` and two looks after it fell silent."""
        self._lines, self._report = lines, report
        self._look_seconds, self._suspect_seconds = look_seconds, suspect_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offramp-pulse", daemon=True)
        self._busy_since: dict[int, float] = {}
        self._opinions: dict[int, Opinion | None] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self._look_seconds):
            for line in self._lines():
                # A line that ends while we look has told its user already; a server out of reach is TCP's business.
                with suppress(OutsideError, psycopg.Error, OSError, ValueError):
                    self._look(line)

    def _look(self, line: Line) -> None:
        key, now = id(line.connection), time.monotonic()
        if not _busy(line.connection):
            self._busy_since.pop(key, None)
            self._opinions.pop(key, None)
            return
        if now - self._busy_since.setdefault(key, now) < self._suspect_seconds:
            return
        with line.connect() as other:
            opinion = _ask(line, other)
            if opinion is None or (opinion.deaf and opinion == self._opinions.get(key)):
                self._shut(line, other)
            self._opinions[key] = opinion

    def _shut(self, line: Line, other: Connection) -> None:
        self._report(Event("line given up", {"side": line.name, "because": "the server waits for us, and we for it"}))
        self._busy_since.pop(id(line.connection), None)
        # Our user closes the others as soon as this one ends; on a line that is swallowed too their servers would not hear of it.
        peers = [] if line.sole else [(one, one.connection.info.backend_pid) for one in self._peers(line)]
        end_session(line.connection, other)
        for peer, pid in peers:
            with suppress(OutsideError, psycopg.Error), peer.connect() as beside:
                beside.execute(_BOOK["terminate"], {"pid": pid})

    def _peers(self, line: Line) -> list[Line]:
        return [
            one
            for one in self._lines()
            if not one.sole and one.connection is not line.connection and not one.connection.closed
        ]


def end_session(connection: Connection, other: Connection) -> None:
    """Let its server end this session by way of another one, and shut its line, so that whoever waits for it gets an error."""
    # Its locks would keep us out until the server notices by itself.
    other.execute(_BOOK["terminate"], {"pid": connection.info.backend_pid})
    with socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


def _busy(connection: Connection) -> bool:
    return not connection.closed and connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE


def _ask(line: Line, other: Connection) -> Opinion | None:
    """Return what the server says of the line, or None when it does not know it any more."""
    row = other.execute(_BOOK["backend"], {"pid": line.connection.info.backend_pid}).fetchone()
    if row is None:
        return None
    state, waits_for, changed_at = row
    end = line.connection.fileno()
    readable, writable, _ = select.select([end], [end], [], 0)
    # Bytes to read or room to write mean that the slow one is at our end: a COPY under a throttle, say.
    deaf = not writable if (state, waits_for) == ("active", "ClientRead") else not readable
    at_work = state == "active" and waits_for not in ("ClientRead", "ClientWrite")
    return Opinion(state, waits_for, changed_at, deaf and not at_work)
