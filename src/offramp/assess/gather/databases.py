"""What do the databases say, read-only and for seconds: advice, the pump's preflight, sessions that a pooler would break?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import psycopg

from ... import pump
from ...discover.model import Database, Estate
from ...errors import OfframpError, OutsideError, RefusedError
from ...postgres import Connection
from ...postgres.pooling import session_uses
from ..database.model import DatabaseAdvice
from ..database.scratch import binaries, server
from ..feasibility import Preflight, taking
from ..feasibility.readings import SessionSeen
from ..model import Gap, PartName

if TYPE_CHECKING:
    from ...tools import Tools

NEWEST_MAJOR = 18
Found = TypeVar("Found")
Advise = Callable[[Connection, Database], DatabaseAdvice]


@dataclass(frozen=True, slots=True)
class DatabasesSeen:
    """What was read of all databases, and a gap for each that could not be."""

    advice: tuple[DatabaseAdvice, ...] = ()
    preflights: tuple[Preflight, ...] = ()
    sessions: tuple[SessionSeen, ...] = ()
    gaps: tuple[Gap, ...] = ()


def read(tools: Tools, estate: Estate, advise: Advise, *, brief: bool) -> DatabasesSeen:
    """Read every database of the estate, one after the other; one that does not answer is a gap and no more.

    ``brief`` leaves out what needs a scratch server: advice and the preflight.
    """
    parts: list[DatabasesSeen] = []
    with ExitStack() as stack:
        stand_in, missing = (None, None) if brief or not estate.databases else _stand_in(stack)
        for database in estate.databases:
            parts.append(_one(tools, database, None if brief else advise, stand_in))
    gaps = [gap for part in parts for gap in part.gaps]
    return DatabasesSeen(
        advice=tuple(one for part in parts for one in part.advice),
        preflights=tuple(one for part in parts for one in part.preflights),
        sessions=tuple(one for part in parts for one in part.sessions),
        gaps=(*gaps, missing) if missing else tuple(gaps),
    )


def _stand_in(stack: ExitStack) -> tuple[server.Server | None, Gap | None]:
    """Start an empty PostgreSQL that stands for the RDS instance which is not there yet."""
    try:
        return stack.enter_context(server.running(binaries.choose(binaries.installed(), NEWEST_MAJOR))), None
    except (RefusedError, OutsideError) as error:
        return None, Gap("feasibility", "the pump's preflight", error.message.rstrip("."), error.hint)


def _one(
    tools: Tools,
    database: Database,
    advise: Advise | None,
    stand_in: server.Server | None,
) -> DatabasesSeen:
    try:
        url = tools.source_url_if_any(database.app, database.config_var)
        if url is None:
            return _closed(
                database, f"{database.app} has no config var {database.config_var} any more", "offramp discover"
            )
        with tools.connect(url, "offramp assess") as connection:
            return _ask(database, connection, advise, stand_in)
    except (OfframpError, psycopg.Error) as error:
        return _closed(database, _said(error), f"heroku pg:info {database.addon} -a {database.app}")


def _ask(
    database: Database,
    connection: Connection,
    advise: Advise | None,
    stand_in: server.Server | None,
) -> DatabasesSeen:
    gaps: list[Gap] = []
    advice = _tried(lambda: advise(connection, database), gaps, "database", database.addon) if advise else None
    if advise is None:
        gaps.append(Gap("database", database.addon, "a run does not take the time to ask for advice", "offramp assess"))
    uses = _tried(
        lambda: taking.sessions(database.addon, session_uses(connection)),
        gaps,
        "feasibility",
        f"sessions of {database.addon}",
    )
    preflight = (
        _tried(
            lambda: _preflight(database, connection, stand_in), gaps, "feasibility", f"preflight of {database.addon}"
        )
        if stand_in
        else None
    )
    return DatabasesSeen(
        advice=(advice,) if advice else (),
        preflights=(preflight,) if preflight else (),
        sessions=uses or (),
        gaps=tuple(gaps),
    )


def _preflight(database: Database, connection: Connection, stand_in: server.Server) -> Preflight:
    with stand_in.connect(database="postgres") as target:
        return taking.preflight(database.addon, pump.check(connection, target))


def _tried(ask: Callable[[], Found], gaps: list[Gap], part: PartName, about: str) -> Found | None:
    """Return the answer, or None with a gap that says why there is none: one question less is no reason to ask no other."""
    try:
        return ask()
    except (OfframpError, psycopg.Error) as error:
        gaps.append(Gap(part, about, _said(error), "offramp assess"))
        return None


def _closed(database: Database, because: str, remedy: str) -> DatabasesSeen:
    return DatabasesSeen(gaps=(Gap("database", database.addon, because, remedy),))


def _said(error: OfframpError | psycopg.Error) -> str:
    """The reason without a secret: a driver's own text may hold the address that was asked."""
    if isinstance(error, OfframpError):
        return error.message.rstrip(".")
    return (error.diag.message_primary or type(error).__name__).rstrip(".")
