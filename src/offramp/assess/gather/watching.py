"""How do the databases' counters move while people use the applications? Looked at every few seconds, read-only."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from ...discover.model import Database, Estate
from ...errors import OfframpError
from ...postgres import Connection
from ..database import counters
from ..database.counters import Counters
from ..database.scratch import outline
from ..model import Gap

if TYPE_CHECKING:
    from ...tools import Tools

EVERY_SECONDS = 2.0
"""Short, since what tells routes apart is how much their requests vary from one look to the next; a look takes milliseconds."""


@dataclass(slots=True)
class _Watch:
    """One database under watch, until it does not answer any more."""

    database: Database
    connection: Connection
    schema: str
    looks: list[Counters] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Watched:
    """All looks at one database's counters."""

    database: Database
    looks: tuple[Counters, ...]


def watch(tools: Tools, estate: Estate, seconds: float) -> tuple[tuple[Watched, ...], tuple[Gap, ...]]:
    """Watch every database of the estate for so long; one that cannot be watched, or stops answering, is a gap and no more."""
    gaps: list[Gap] = []
    with ExitStack() as stack:
        watches = [one for database in estate.databases if (one := _open(tools, stack, database, gaps))]
        end = tools.clock.monotonic() + seconds
        while watches:
            watches = [one for one in watches if _look(one, gaps)]
            left = end - tools.clock.monotonic()
            if left <= 0:
                break
            tools.tell(f"watching the statements, {left:.0f} s left", 1 - left / seconds)
            tools.clock.sleep(min(left, EVERY_SECONDS))
        return tuple(Watched(one.database, tuple(one.looks)) for one in watches), tuple(gaps)


def _open(tools: Tools, stack: ExitStack, database: Database, gaps: list[Gap]) -> _Watch | None:
    try:
        url = tools.source_url_if_any(database.app, database.config_var)
        if url is None:
            gaps.append(_gap(database, f"{database.app} has no config var {database.config_var} any more"))
            return None
        connection = stack.enter_context(tools.connect(url, "offramp assess"))
        outline.calm(connection)
        return _Watch(database, connection, counters.schema(connection))
    except (OfframpError, psycopg.Error) as error:
        gaps.append(_gap(database, _said(error)))
        return None


def _look(one: _Watch, gaps: list[Gap]) -> bool:
    try:
        if look := counters.read(one.connection, one.schema):
            one.looks.append(look)
        return True
    except psycopg.Error as error:
        gaps.append(_gap(one.database, _said(error)))
        return False


def _gap(database: Database, because: str) -> Gap:
    return Gap("latency", f"statements of {database.addon}", f"it could not be watched: {because}", "offramp assess")


def _said(error: OfframpError | psycopg.Error) -> str:
    """The reason without a secret: a driver's own text may hold the address that was asked."""
    if isinstance(error, OfframpError):
        return error.message.rstrip(".")
    return (error.diag.message_primary or type(error).__name__).rstrip(".")
