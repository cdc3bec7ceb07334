"""Where do both sides look at the same moment, beside the batches and without making them wait?

A link's own two connections are busy with batches. Two more, opened when the servers grant them, take over their snapshots: the
origin's is exported by the window that is open, the receiver's is taken after that window's commit and before the next one's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql

from .. import postgres
from ..kit import sqlbook
from ..postgres import Connection, Table
from . import shape
from .pulse import end_session

_BOOK = sqlbook.load("offramp.pump", "sql/footing.sql")
APPLICATION = "offramp-verify"
STAND_SECONDS = 5.0
# A snapshot whose holder something has cut off must not keep vacuum from the rows for as long as the line lasts. Longer than any check.
PINS = {"idle_in_transaction_session_timeout": "120s"}


class StalledError(psycopg.OperationalError):
    """A line did not answer in time."""


class DisturbedError(Exception):
    """A check was given up: somebody waits for a lock that it holds, or the table was rewritten meanwhile."""


@dataclass(slots=True)
class Footing:
    """Two connections that look at one moment between ``stand`` and ``leave``. ``at`` is that moment by the receiver's clock."""

    origin: Connection
    receiver: Connection
    at: float = 0.0

    def stand(self, snapshot: str) -> None:
        """Take the origin's exported snapshot, and the receiver's of now.

        Raises psycopg.OperationalError when a side does not answer within STAND_SECONDS: the batches wait for us here, and a line
        that something swallowed would let them wait for ever. Nothing but ``cut`` may follow then.
        """
        troubles: list[Exception] = []

        def take(step: Callable[[], None]) -> None:
            try:
                step()
            except Exception as error:
                troubles.append(error)

        steps = (lambda: self._stand_at_origin(snapshot), self._stand_at_receiver)
        threads = [threading.Thread(target=take, args=(step,), name="offramp-stand", daemon=True) for step in steps]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + STAND_SECONDS
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        if any(thread.is_alive() for thread in threads):
            raise StalledError(f"no answer within {STAND_SECONDS:g} s")
        if troubles:
            raise troubles[0]

    def _stand_at_origin(self, snapshot: str) -> None:
        self.origin.execute(sql.SQL(_BOOK["begin_origin"]).format(snapshot=sql.Literal(snapshot)))

    def _stand_at_receiver(self) -> None:
        cursor = self.receiver.execute(_BOOK["begin_receiver"])
        while cursor.nextset():
            pass
        row = cursor.fetchone()
        self.at = float(row[0]) if row else 0.0

    def leave(self) -> None:
        """Let go of both snapshots; a lost connection has let go of its own."""
        for side in (self.origin, self.receiver):
            with suppress(psycopg.Error):
                side.rollback()

    @property
    def sound(self) -> bool:
        return not (self.origin.closed or self.origin.broken or self.receiver.closed or self.receiver.broken)

    def interrupt(self) -> None:
        """Cancel what runs on either side."""
        for side in (self.origin, self.receiver):
            with suppress(psycopg.Error):
                side.cancel_safe(timeout=2)

    def cut(self, origin: Connection, receiver: Connection) -> None:
        """Shut both lines, and have both servers end their sessions, whose snapshots and locks would stay otherwise."""
        for side, other in ((self.origin, origin), (self.receiver, receiver)):
            with suppress(psycopg.Error, OSError):
                end_session(side, other)

    def close(self) -> None:
        self.origin.close()
        self.receiver.close()


def beside(origin: Connection, receiver: Connection) -> Footing:
    """Open two more connections to the same servers, as the same roles.

    Raises OutsideError when a server grants no more connections.
    """
    first = postgres.another(origin, application_name=APPLICATION, pins=PINS)
    try:
        return Footing(first, postgres.another(receiver, application_name=APPLICATION, pins=PINS))
    except BaseException:
        first.close()
        raise


def clock(receiver: Connection) -> float:
    """Return the receiver's clock, as seconds since the epoch."""
    row = receiver.execute(_BOOK["clock"]).fetchone()
    assert row is not None
    return float(row[0])


def export(origin: Connection) -> str:
    """Return the name under which another session may take the open transaction's snapshot. Nothing is written, no xid is used."""
    row = origin.execute(_BOOK["export_snapshot"]).fetchone()
    assert row is not None
    return str(row[0])


def demand_unhindered(side: Connection) -> None:
    """Raise DisturbedError when somebody waits for us."""
    row = side.execute(_BOOK["waited_for"]).fetchone()
    if row and row[0]:
        raise DisturbedError("a statement waits for the table")


def demand_unrewritten(side: Connection, table: Table) -> None:
    """Raise DisturbedError when the table was truncated or rewritten since the snapshot, so that it may have been read empty."""
    relation = sql.Literal(shape.name(table).as_string(side))
    row = side.execute(sql.SQL(_BOOK["rewritten"]).format(relation=relation)).fetchone()
    if row and row[0]:
        raise DisturbedError("the table was rewritten meanwhile")
