"""What should be done about this database? Read it, plan its statements elsewhere, try indexes there, and say what is worth doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import psycopg

from ... import postgres
from ...errors import OfframpError
from ...postgres import Connection
from . import facts as knowing
from . import health, readings, repetition, search
from .model import DatabaseAdvice, IndexAdvice, Options, Requests, Shortfall, Statement
from .readings import Reading
from .report import index_advice
from .scratch import binaries, outline
from .scratch.model import Outline
from .scratch.planner import Planner, planner
from .scratch.server import SUPERUSER

_LOCKED = Shortfall("No index could be advised: a table is locked, as by a migration.", "Try again when it is done.")


def advise(
    connection: Connection,
    requests: Requests | None = None,
    options: Options | None = None,
    *,
    before: Reading | None = None,
    path: str = "",
) -> DatabaseAdvice:
    """Advise on one database, read as the role that owns its tables; nothing is written there and no row is read.

    ``requests`` counts the application's requests over the statements' period, from router lines. ``before`` is an earlier
    ``readings.read``: the statements are then those in between. ``path`` is where to look for PostgreSQL's programs, as PATH.
    What cannot be seen or planned is told in ``shortfalls``. The session is left read-only with short timeouts.
    Raises OutsideError when the database does not answer.
    """
    options = options or Options()
    with postgres.translated("the database"):
        outline.calm(connection, options.statement_seconds)
        now = readings.read(connection)
        reading = readings.between(before, now) if before else now
        advice = DatabaseAdvice(
            database=connection.info.dbname,
            server_version=connection.info.server_version,
            seconds=reading.seconds,
            requests=requests.count if requests else None,
            statements=readings.statements(reading, requests, options.statements),
            indexes=(),
            locks=health.locks(connection),
            health=health.read(connection),
            shortfalls=reading.shortfalls,
        )
        source = _outline(connection, options) if advice.statements else None
    if source is None:
        return _unplanned(advice, options, _LOCKED) if advice.statements else advice
    advice = replace(advice, shortfalls=(*advice.shortfalls, *source.shortfalls))
    try:
        with planner(source, binaries.installed(path)) as scratch, postgres.translated("the scratch server"):
            return _planned(scratch, advice, reading, options)
    except OfframpError as error:
        return _unplanned(advice, options, Shortfall(f"No index could be advised: {error.message}", error.hint))


def _outline(connection: Connection, options: Options) -> Outline | None:
    """Return the outline, None while a table is locked: statements and locks are worth telling then all the more."""
    try:
        return outline.read(connection, statement_seconds=options.statement_seconds)
    except psycopg.errors.LockNotAvailable:
        return None


def _unplanned(advice: DatabaseAdvice, options: Options, why: Shortfall) -> DatabaseAdvice:
    marked = repetition.mark(advice.statements, {}, frozenset(), options)
    return replace(advice, statements=marked, shortfalls=(*advice.shortfalls, why))


def _planned(scratch: Planner, advice: DatabaseAdvice, reading: Reading, options: Options) -> DatabaseAdvice:
    with scratch.server.connect(SUPERUSER) as connection:
        known = knowing.read(connection, scratch.outline.relations)
    planned, failed = search.plan_all(scratch, advice.statements)
    choices = search.search(scratch, known, planned, options)
    plans = {each.statement.id: each for each in planned}
    statements = _with_plans(advice.statements, plans, failed)
    marked = repetition.mark(
        statements, {key: repetition.reads(each.plan) for key, each in plans.items()}, known.links, options
    )
    found: Sequence[IndexAdvice] = [
        index_advice(choice, known, planned, reading, advice.statements) for choice in choices
    ]
    return replace(
        advice,
        statements=marked,
        indexes=tuple(found),
        shortfalls=(*advice.shortfalls, *scratch.carried.shortfalls),
        scratch_major=scratch.server.major,
    )


def _with_plans(
    statements: Sequence[Statement], plans: Mapping[str, search.Planned], failed: Mapping[str, str]
) -> tuple[Statement, ...]:
    found = (
        replace(each, cost=plans[each.id].cost, tables=tuple(sorted(repetition.reads(plans[each.id].plan).tables)))
        if each.id in plans
        else replace(each, unplanned=failed.get(each.id, ""))
        for each in statements
    )
    # What reads no table is the driver's greeting, or ours.
    return tuple(each for each in found if each.tables or each.share >= readings.WORTH_SHOWING)
