"""How are keys, indexes and constraints built when the rows are there? Several at once, the biggest tables first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from psycopg import sql

from .. import postgres
from ..errors import OutsideError
from ..kit import sqlbook
from ..postgres import Connection
from .model import Event
from .session import Session

_BOOK = sqlbook.load("offramp.pump", "sql/building.sql")
Task = Callable[[Connection], object]


def at_once(session: Session, tasks: Sequence[Task]) -> bool:
    """Do independent tasks at the receiver over ``jobs`` connections, in this order; False when stopped in between.

    Each task must be safe to repeat. Raises the first error when those under way have ended.
    """
    todo: deque[Task] = deque(tasks)
    trouble: list[Exception] = []
    with ExitStack() as opened:
        sides = [session.receiver]
        if len(tasks) > 1:
            sides.extend(
                opened.enter_context(side) for side in _others(session, min(session.means.jobs, len(tasks)) - 1)
            )
        for side in sides:
            side.execute(_BOOK["memory"])

        def work(side: Connection) -> None:
            try:
                while not session.stop() and not trouble:
                    try:
                        task = todo.popleft()
                    except IndexError:
                        return
                    task(side)
            except Exception as error:
                trouble.append(error)

        threads = [threading.Thread(target=work, args=(side,), name="offramp-build", daemon=True) for side in sides[1:]]
        for thread in threads:
            thread.start()
        work(sides[0])
        for thread in threads:
            thread.join()
    if trouble:
        raise trouble[0]
    return not todo


def _others(session: Session, wanted: int) -> list[Connection]:
    found: list[Connection] = []
    for _ in range(wanted):
        try:
            found.append(postgres.another(session.receiver, application_name="offramp-build"))
        except OutsideError as error:
            session.report(Event("indexes are built with fewer connections", {"because": error.message}))
            break
        if session.replica:
            found[-1].execute("set session_replication_role = replica")
    return found


def trees(session: Session) -> tuple[tuple[str, str], ...]:
    """Return the partitioned tables at the receiver that are no partitions themselves: nobody else gathers their statistics."""
    return tuple(session.receiver.execute(_BOOK["trees"]).fetchall())


def analyze(schema: str, table: str) -> Task:
    """Return the task that gives the planner its statistics of one table."""
    return lambda side: side.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table)))
