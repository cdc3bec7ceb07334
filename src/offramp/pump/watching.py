"""Who makes sure that the application never waits for one of our reads?

A thread with a connection of its own looks several times a second whether somebody waits for a lock that one of our sessions
holds, and cancels our statement: what was read is read again later, the application goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psycopg

from ..errors import OutsideError
from ..kit import sqlbook
from ..postgres import Connection
from .model import Event

_BOOK = sqlbook.load("offramp.pump", "sql/watching.sql")
LOOK_SECONDS = 0.2
# Who waits no longer than this is served in time without us; an application may wait 1.5 s, and notices less.
PATIENCE_SECONDS = 0.15
# After a cancel the statement gets this long to end; then its session has to.
MERCY_SECONDS = 0.4
AGAIN_SECONDS = 1.0
END_SECONDS = 5.0


@dataclass
class Chore:
    """Something else to do over the same connection: ``act`` every ``seconds``."""

    seconds: float
    act: Callable[[Connection], None]
    due_at: float = field(default=0.0, init=False)


class Watcher:
    """A context manager around work at one server. It raises nothing itself: who is cancelled gets QueryCanceled."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        pids: Callable[[], Collection[int]],
        report: Callable[[Event], None],
        *,
        chores: Collection[Chore] = (),
    ) -> None:
        """``pids`` are those of our sessions at that server, asked for each time."""
        self._connect, self._pids, self._report = connect, pids, report
        self._chores = tuple(chores)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offramp-watcher", daemon=True)
        self._cancelled: dict[int, float] = {}
        self.control: Connection | None = None
        """The watcher's own connection, for whoever looks whether it still answers."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        silent = False
        while not self._ended.is_set():
            try:
                with self._connect() as control:
                    silent, self.control = False, control
                    self._watch(control)
            except (OutsideError, psycopg.Error) as error:
                if not silent and not self._ended.is_set():
                    silent = True
                    self._report(Event("watcher interrupted", {"because": str(error).strip().splitlines()[0]}))
            finally:
                self.control = None
            self._ended.wait(AGAIN_SECONDS)

    def _watch(self, control: Connection) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._clear_the_way(control)
            now = time.monotonic()
            for chore in self._chores:
                if now >= chore.due_at:
                    chore.due_at = now + chore.seconds
                    chore.act(control)

    def _clear_the_way(self, control: Connection) -> None:
        """Cancel the statements of ours that somebody waits for, and end sessions that a cancel does not move."""
        pids = list(self._pids())
        found = control.execute(_BOOK["in_the_way"], {"pids": pids, "seconds": PATIENCE_SECONDS}).fetchall()
        now = time.monotonic()
        self._cancelled = {pid: self._cancelled.get(pid, now) for (pid,) in found}
        for pid, since in self._cancelled.items():
            last = now - since >= MERCY_SECONDS
            control.execute(_BOOK["terminate" if last else "cancel"], {"pid": pid})
            if since == now or last:
                self._report(Event("stepped aside", {"pid": pid, "ended_session": last}))
