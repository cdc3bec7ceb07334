"""How does a link run until it is told to stop? All progress is in the receiving database, so kill -9 is the normal way to stop.

Schema, copy, keys, catch-up, indexes, then batches for ever; every failure of a connection is waited out. A link whose capture
has ended (the log was full, nobody read it) is dead: it says so and does not go on with holes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NoReturn

import psycopg

from .. import postgres
from ..errors import OutsideError, RefusedError, WaitingError
from ..kit.secret import Secret
from . import beginning, capture, guarding, incarnation
from .duty import on_duty
from .following import Following
from .guarding import Death
from .incarnation import DeadError
from .model import Event, Link
from .session import Means, Session, SupersededError, rest
from .state import Ledger, LinkRow
from .window import SourceFailedError

RETRY_SECONDS, RETRY_LIMIT_SECONDS = 0.2, 5.0
# Windows are small: starting a worker or a compiler costs more than the whole query (measured 150 ms against 1).
# And planning costs more than running, so prepared statements keep their first generic plan.
ORIGIN_PINS = {"jit": "off", "max_parallel_workers_per_gather": "0", "plan_cache_mode": "force_generic_plan"}
RECEIVER_PINS = {**ORIGIN_PINS, "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}


def run(
    link: Link,
    source: Callable[[], Secret],
    target: Callable[[], Secret],
    *,
    stop: Callable[[], bool],
    report: Callable[[Event], None],
    means: Means | None = None,
) -> None:
    """Keep the receiving database equal to the origin until ``stop()`` is true.

    Connection failures are waited out: both URLs are asked for afresh each time, since credentials rotate and servers move.
    Raises RefusedError when the move must not begin or cannot go on.
    """
    means = means or Means()
    pause = RETRY_SECONDS
    while not stop():
        began = means.clock.monotonic()
        try:
            _session(link, source, target, stop, report, means)
            return
        except SupersededError:
            # Not the end: a switch that is undone gives the epoch back.
            report(Event("link superseded", {"epoch": link.epoch}))
        except INTERRUPTIONS as error:
            report(Event("link interrupted", {"because": _because(error)}))
            if isinstance(error, psycopg.errors.DiskFull) or isinstance(error.__cause__, psycopg.errors.DiskFull):
                _tell_full(link, target, report)
        if means.clock.monotonic() - began > RETRY_LIMIT_SECONDS:
            pause = RETRY_SECONDS
        rest(means.clock, pause * random.uniform(0.7, 1.3), stop)
        pause = min(pause * 2, RETRY_LIMIT_SECONDS)


# Lost lines, deadlocks, serialization failures, timeouts, cancelled statements, full disks: all are tried again, at most every 5 s.
INTERRUPTIONS = (OutsideError, WaitingError, psycopg.Error, SourceFailedError)


def _because(error: Exception) -> str:
    said = error.message if isinstance(error, OutsideError | WaitingError) else str(error).strip()
    return said.splitlines()[0] if said else "connection lost"


FULL = (
    "the receiving database's disk is full; give it more storage (storage_gb in the blueprint, or the RDS console), "
    "and the link goes on by itself where it stopped"
)


def _tell_full(link: Link, target: Callable[[], Secret], report: Callable[[Event], None]) -> None:
    """Write the reason into the link's row, which has room in its own page; a server that cannot even do that stays silent."""
    try:
        with postgres.connect(target(), application_name=f"offramp-link-{link.name}-full") as receiver:
            Ledger(receiver, link).hold_because(FULL)
    except (OutsideError, psycopg.Error):
        report(Event("reason not kept", {"because": FULL}))


def _session(
    link: Link,
    source: Callable[[], Secret],
    target: Callable[[], Secret],
    stop: Callable[[], bool],
    report: Callable[[Event], None],
    means: Means,
) -> None:
    name = f"{link.program}{link.epoch}"
    url = source()
    with (
        postgres.connect(url, application_name=name, pins=ORIGIN_PINS) as origin,
        postgres.connect(target(), application_name=name, pins=RECEIVER_PINS) as receiver,
    ):
        _demand_writable(receiver)
        session = Session(link, origin, receiver, url, stop, report, means)
        there = postgres.server(receiver)
        session.consumer = guarding.consumer(link, there.system, there.database)
        try:
            _work(session, source, target)
        except DeadError as error:
            _bury(session, str(error))


def _demand_writable(receiver: postgres.Connection) -> None:
    """Raise WaitingError when the receiving server takes no writes."""
    row = receiver.execute("show transaction_read_only").fetchone()
    if row is not None and row[0] == "on":
        raise WaitingError("The receiving server is read-only: it is a standby, or was set so; the link waits.")


def _work(session: Session, source: Callable[[], Secret], target: Callable[[], Secret]) -> None:
    """Bring the link as far as it goes, then keep it there."""
    beginning.own_the_receiver(session)
    guarding.demand_sole(session.origin, session.consumer)
    if (row := beginning.begin(session)) is None:
        return
    if row.phase == "dead":
        _bury(session, row.held_because or "capture has ended")
    incarnation.admit(session, row, session.consumer)
    guarding.claim(session.origin, session.consumer, session.means.limits)
    with on_duty(session, source, target) as duty:
        _advance(session, row)
    match duty.trouble:
        case Death() as death:
            raise DeadError(death.because)
        case RefusedError() as error:
            raise error
        case None:
            return


def _advance(session: Session, row: LinkRow) -> None:
    if row.phase == "copy" and not beginning.copy(session):
        return
    if (found := session.ledger.link()) is not None and found.phase == "index":
        beginning.index(session, found)
    if not session.stop():
        Following(session).live()


def _bury(session: Session, because: str) -> NoReturn:
    """Say for whoever asks that the link is dead, then take off what is left of its capture. Raises RefusedError."""
    link = session.link
    session.ledger.set_phase("dead", because)
    session.report(Event("link dead", {"because": because}))
    capture.uninstall(session.origin, link=link)
    raise RefusedError(
        f"The link {link.name} is dead: {because}. Changes since then went by unseen.",
        hint=f"`python -m offramp.pump revive --name {link.name} --direction {link.direction} --epoch {link.epoch}` installs capture "
        "again and reads every table anew; `offramp pump remove` gives up instead.",
    )
