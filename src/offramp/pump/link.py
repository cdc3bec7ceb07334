"""How does a link run until it is told to stop? All progress is in the receiving database, so kill -9 is the normal way to stop.

Schema, copy, keys, catch-up, indexes, then batches for ever; every failure of a connection is waited out.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import psycopg

from .. import postgres
from ..errors import OutsideError, WaitingError
from ..kit.secret import Secret
from . import beginning
from .following import Following
from .model import Event, Link
from .session import Means, Session, SupersededError, rest
from .state import Ledger
from .window import SourceFailedError

RETRY_SECONDS, RETRY_LIMIT_SECONDS = 0.2, 5.0
# Windows are small: starting a worker or a compiler costs more than the whole query (measured 150 ms against 1).
ORIGIN_PINS = {"jit": "off", "max_parallel_workers_per_gather": "0"}
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
            _session(link, source(), target(), stop, report, means)
            return
        except SupersededError:
            # Not the end: a switch that is undone gives the epoch back.
            report(Event("link superseded", {"epoch": link.epoch}))
        except (OutsideError, WaitingError) as error:
            report(Event("link interrupted", {"because": error.message}))
            if isinstance(error.__cause__, psycopg.errors.DiskFull):
                _tell_full(link, target, report)
        except psycopg.errors.DiskFull as error:
            report(Event("link interrupted", {"because": str(error).strip().splitlines()[0]}))
            _tell_full(link, target, report)
        except (psycopg.Error, SourceFailedError) as error:
            report(
                Event(
                    "link interrupted",
                    {"because": str(error).strip().splitlines()[0] if str(error) else "connection lost"},
                )
            )
        if means.clock.monotonic() - began > RETRY_LIMIT_SECONDS:
            pause = RETRY_SECONDS
        rest(means.clock, pause * random.uniform(0.7, 1.3), stop)
        pause = min(pause * 2, RETRY_LIMIT_SECONDS)


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
    link: Link, source: Secret, target: Secret, stop: Callable[[], bool], report: Callable[[Event], None], means: Means
) -> None:
    name = f"offramp-link-{link.name}-{link.direction}-{link.epoch}"
    with (
        postgres.connect(source, application_name=name, pins=ORIGIN_PINS) as origin,
        postgres.connect(target, application_name=name, pins=RECEIVER_PINS) as receiver,
    ):
        _work(Session(link, origin, receiver, source, stop, report, means))


def _work(session: Session) -> None:
    """Bring the link as far as it goes, then keep it there."""
    beginning.own_the_receiver(session)
    if (row := beginning.begin(session)) is None:
        return
    beginning.demand_same_origin(session, row)
    if row.phase == "copy" and not beginning.copy(session):
        return
    if (row := session.ledger.link()) is not None and row.phase == "index":
        beginning.index(session, row)
    if not session.stop():
        Following(session).live()
