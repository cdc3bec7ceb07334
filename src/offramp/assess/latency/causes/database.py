"""Is it the database: statements by the dozen, an index that is missing, connections that run out?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .. import overhead
from ..facts import MissingIndex, Statement
from ..model import Cause, Confidence, Evidence
from .capacity import BY_REPLAY
from .inquiry import Inquiry

_MANY_CALLS = 10
_SMALL_MS = 2.0
_SOME = 0.1
_CACHED = 0.99
_NEARLY_FULL = 0.9
_NEAR_US = 60_000_000


@dataclass(frozen=True, slots=True)
class _Many:
    """Small statements of one route: how many a request issues, and which share of its service time goes when one does for each text."""

    calls: float
    each_ms: float
    share: float
    saved: float
    evidence: tuple[Evidence, ...]


def n_plus_one(inquiry: Inquiry) -> Iterator[Cause]:
    """A request issues many small statements where one would do."""
    for route, many in {**_counted(inquiry), **_timed(inquiry)}.items():
        its = inquiry.requests_of(route)
        if not len(its):
            continue
        yield Cause(
            name="n+1",
            subject=route,
            hypothesis=f"{route} issues about {many.calls:.0f} statements of {many.each_ms:.1f} ms where one or two would do",
            share=inquiry.gone(inquiry.saved_on(its, many.saved)),
            confidence=_no_surer(inquiry.confidence(), "medium"),
            measured_by=f"{BY_REPLAY}: one statement instead of {many.calls:.0f}",
            evidence=(
                *many.evidence,
                Evidence("mean time of one", many.each_ms, "ms"),
                Evidence("its share of the route's service time", min(many.share, 1.0) * 100, "%"),
            ),
            falsify="Count the statements of one request in the query log: with one or two, it is something else.",
            mend="Fetch the related rows with the first statement (select_related or prefetch_related, includes, a join).",
        )


def _timed(inquiry: Inquiry) -> dict[str, _Many]:
    """Return what the application's own timings say, by route."""
    found = {}
    for one in inquiry.scene.facts.route_timings:
        if one.statements > _MANY_CALLS and one.database_ms / one.statements < _SMALL_MS:
            share = one.database_ms / max(one.total_ms, 1e-9)
            by = (Evidence("statements a request (the application's timings)", one.statements, "statements"),)
            each_ms = one.database_ms / one.statements
            found[one.route] = _Many(one.statements, each_ms, share, share * (1 - 1 / one.statements), by)
    return found


def _counted(inquiry: Inquiry) -> dict[str, _Many]:
    """Return what the statements' counts say, by route. Each costs its execution and what the application spends around it."""
    around_ms = overhead.of_a_statement(inquiry.scene)
    found = {}
    for route in dict.fromkeys(one.route for one in inquiry.scene.facts.statements):
        its = inquiry.requests_of(route)
        calls = {one: one.calls / max(len(its), 1) for one in inquiry.scene.facts.statements if one.route == route}
        many = {one: count for one, count in calls.items() if count > _MANY_CALLS and one.mean_ms < _SMALL_MS}
        if not len(its) or not many:
            continue
        service = max(float(inquiry.scene.times.service[its].mean()), 1e-9)
        cost = {one: count * (one.mean_ms + around_ms) for one, count in many.items()}
        saved = sum(ms * (1 - 1 / many[one]) for one, ms in cost.items())
        every = sum(many.values())
        found[route] = _Many(
            every, sum(cost.values()) / every, sum(cost.values()) / service, saved / service, _told(many, around_ms)
        )
    return found


def _told(many: Mapping[Statement, float], around_ms: float) -> tuple[Evidence, ...]:
    rows = [Evidence(f"statements a request ({one.statement})", calls, "statements") for one, calls in many.items()]
    rows += [
        Evidence(f"tied to the route: {one.known_by}", calls, "statements")
        for one, calls in many.items()
        if one.known_by
    ]
    if around_ms:
        told = (
            "of it, around the execution (driver, objects, the way), as routes with more statements are served longer"
        )
        rows.append(Evidence(told, around_ms, "ms"))
    return tuple(rows)


def missing_index(inquiry: Inquiry) -> Iterator[Cause]:
    """A planner found an index under which a statement costs far less."""
    for one in inquiry.scene.facts.missing_indexes:
        its = inquiry.requests_of(one.route)
        share = _statement_share(inquiry, one, its)
        if not len(its) or share is None:
            continue
        yield Cause(
            name="missing index",
            subject=one.route,
            hypothesis=f"{one.route} reads {one.table} without an index that fits",
            share=inquiry.gone(inquiry.saved_on(its, share * one.saving)),
            confidence=_no_surer(inquiry.confidence(), "medium"),
            measured_by=f"{BY_REPLAY}: the statement at {1 - one.saving:.0%} of its time, as its plan's cost would fall",
            evidence=(
                Evidence(f"cost of the plan that goes with {one.ddl}", one.saving * 100, "%"),
                Evidence("the statement's share of the route's service time", share * 100, "%"),
                *(
                    (Evidence(f"tied to the route: {one.known_by}", float(len(its)), "requests"),)
                    if one.known_by
                    else ()
                ),
            ),
            falsify="Create the index on a fork or follower and run the statement with EXPLAIN (ANALYZE): its time should fall as the cost.",
            mend=one.ddl,
        )


def _statement_share(
    inquiry: Inquiry, index: MissingIndex, its: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> float | None:
    """Return the statement's share of the route's service time, as this route issues it: counted, or from the slow log, or else all of the
    route's database time."""
    service = max(float(inquiry.scene.times.service[its].sum()), 1e-9)
    facts, wanted = inquiry.scene.facts, (index.statement, index.route)
    counted = sum(one.total_ms for one in facts.statements if (one.statement, one.route) == wanted)
    logged = sum(one.ms for one in facts.slow_statements if (one.statement, one.route) == wanted)
    if counted or logged:
        return min(max(counted, logged) / service, 1.0)
    timings = next((one for one in inquiry.scene.facts.route_timings if one.route == index.route), None)
    return min(timings.database_ms / max(timings.total_ms, 1e-9), 1.0) if timings else None


def slow_database(inquiry: Inquiry) -> Iterator[Cause]:
    """Much time is spent in the database, whatever the statement."""
    part = next(part for part in inquiry.attribution.parts if part.name == "database")
    if part.share < _SOME:
        return
    top = sorted(inquiry.scene.facts.statements, key=lambda one: -one.total_ms)[:3]
    evidence = part.evidence + tuple(_line(one) for one in top) + _samples(inquiry)
    yield Cause(
        name="database",
        subject="",
        hypothesis="Requests wait for the database",
        share=inquiry.gone_without("database"),
        confidence=_no_surer(inquiry.confidence(), part.confidence),
        measured_by=f"{BY_REPLAY}: no time in the database, the most that any advice could give",
        evidence=evidence,
        falsify="Time the database calls of a slow request in the application: they should be most of its service time.",
        mend="See the database advice: top statements first, then indexes, then a larger instance.",
    )


def connections(inquiry: Inquiry) -> Iterator[Cause]:
    """Connections run out, or clients wait for one, in the same moments in which requests are slow."""
    scene = inquiry.scene
    full = [
        one
        for one in scene.facts.database
        if one.waiting_connections > 0
        or (one.connection_limit > 0 and one.active_connections >= _NEARLY_FULL * one.connection_limit)
    ]
    if not full or not scene.above_ms.any():
        return
    at = np.sort(np.array([one.at_us for one in full], dtype=np.int64)) - scene.trace.origin_us
    completed = scene.trace.completion_us
    near = np.searchsorted(at, completed - _NEAR_US) < np.searchsorted(at, completed + _NEAR_US, side="right")
    inside = float(scene.above_ms[near].sum()) / float(scene.above_ms.sum())
    yield Cause(
        name="connection exhaustion",
        subject="",
        hypothesis="Requests wait for a database connection",
        share=max(inside - float(near.mean()), 0.0),
        confidence="low",
        measured_by="time above the objective within a minute of such a sample, less what chance gives",
        evidence=(
            Evidence("samples within a tenth of the limit or with waiting clients", len(full), "samples"),
            Evidence("time above the objective near them", inside * 100, "%"),
        ),
        falsify="Look for 'remaining connection slots' or pool waits in the lines of these minutes.",
        mend="Put a pooler in transaction mode between, or lower the pool size times processes below the plan's limit.",
    )


def _line(one: Statement) -> Evidence:
    return Evidence(f"{one.statement[:120]}: {one.calls} calls of {one.mean_ms:.1f} ms", one.total_ms, "ms")


def _samples(inquiry: Inquiry) -> tuple[Evidence, ...]:
    hits = [one.index_cache_hit for one in inquiry.scene.facts.database if one.index_cache_hit >= 0]
    low = float(np.median(hits)) if hits else 1.0
    return (
        (Evidence("median index cache hit rate (below 0.99 the working set exceeds memory)", low, ""),)
        if low < _CACHED
        else ()
    )


def _no_surer(one: Confidence, other: Confidence) -> Confidence:
    order: tuple[Confidence, ...] = ("low", "medium", "high")
    return min(one, other, key=order.index)
