"""Which database failures pass by themselves, and how long do we wait for that?

A server that restarts, a pooler that repoints, a fence that stands while writers move over: each lasts seconds. Whoever can
repeat a transaction safely should wait them out, and not tell the customer.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection, transaction

T = TypeVar("T")

# Heroku's router gives up after 30 s; a caller in between needs some of that for itself.
PATIENCE_SECONDS = 12.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5

PASSING_STATES = frozenset(
    {
        "25006",  # read_only_sql_transaction: this side is fenced, a switch is in progress
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now: starting up
    }
)

log = logging.getLogger(__name__)


class UnavailableError(Exception):
    """The database did not come back in time, or the work could not be repeated safely."""


def is_passing(error: BaseException) -> bool:
    """Whether trying again, on a new connection, may succeed without anybody changing anything.

    Without an SQLSTATE the connection itself failed: refused, closed, host not found; or the server's good-bye arrived
    together with an answer, which psycopg reports as an InternalError ("received 2 results from command 'COMMIT'").
    Class 08 is what PgBouncer says for ``query_wait_timeout`` and ``server login failed``.
    """
    state = getattr(error.__cause__ or error, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError | InternalError)
    return state.startswith("08") or state in PASSING_STATES


def patiently(work: Callable[[], T], *, safe: bool = True) -> T:
    """Run ``work`` in a transaction of its own, again and again while failures are passing ones, and return its result.

    ``safe`` says that running it twice is harmless: it only reads, or it looks its token up first (``once``). A commit whose
    answer got lost is the case that matters. Raises UnavailableError after PATIENCE_SECONDS.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            with transaction.atomic():
                return work()
        except (DatabaseError, InterfaceError) as error:
            if not is_passing(error):
                raise
            # Whatever the connection is worth, the next attempt gets a new one.
            connection.close()
            if not safe or time.monotonic() + pause > deadline:
                raise UnavailableError(str(error)) from error
            log.warning(
                "event=database_retry pause_ms=%d error=%s", pause * 1000, type(error.__cause__ or error).__name__
            )
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
