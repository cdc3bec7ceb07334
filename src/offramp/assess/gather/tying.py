"""Which routes of which apps issue a database's statements? The looks at its counters, beside the router lines of the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...discover.model import Database
from ...telemetry.columns import Router
from ...telemetry.store import Store
from ..database import counters
from ..database.counters import Deltas
from ..latency import issuing
from ..latency.issuing import Counts, Issued, Route
from ..model import Gap
from .watching import Watched

MICRO = 1_000_000
HOW = "offramp assess --watch 5m"


def tie(store: Store, watched: Watched) -> Issued:
    """Tell one database's statements by route, from the lines of every app that uses it."""
    at = [look.at for look in watched.looks]
    if len(at) < 2:
        return Issued(watched.database.addon, 0.0, 0)
    routers = [store.router(app, at[0], at[-1]) for app in sorted(users(watched.database))]
    return tell(watched.database.addon, counters.between(watched.looks), routers)


def tell(database: str, deltas: Deltas, routers: Sequence[Router]) -> Issued:
    """Put statements and requests of the same intervals beside each other. Lines that have not come yet end it early."""
    last_us = max((int(one.completed_us.max()) for one in routers if len(one)), default=0)
    many = int((deltas.at[1:] * MICRO <= last_us).sum())
    edges = (deltas.at[: many + 1] * MICRO).astype(np.int64)
    routes, requests = _requests(routers, edges)
    calls, ms = deltas.calls[:many], deltas.ms[:many]
    return Issued(
        database=database,
        seconds=float(deltas.at[many] - deltas.at[0]),
        intervals=many,
        calls=dict(zip(deltas.statements, calls.sum(axis=0).tolist(), strict=True)),
        ms=dict(zip(deltas.statements, ms.sum(axis=0).tolist(), strict=True)),
        ties=issuing.infer(Counts(routes, deltas.statements, requests, calls, ms)) if routes else (),
    )


def _requests(routers: Sequence[Router], edges: NDArray[np.int64]) -> tuple[tuple[Route, ...], NDArray[np.float64]]:
    """Return the routes, and how many requests of each were completed in each interval. Whoever reached no dyno asked no database."""
    routes: list[Route] = []
    columns: list[NDArray[np.float64]] = []
    for one in routers:
        served = one.service_ms >= 0
        for number, name in enumerate(one.routes):
            at = one.completed_us[served & (one.route == number)]
            columns.append(np.diff(np.searchsorted(np.sort(at), edges)).astype(np.float64))
            routes.append(Route(one.app, name))
    many = max(len(edges) - 1, 0)
    return tuple(routes), np.column_stack(columns) if columns else np.zeros((many, 0))


def users(database: Database) -> frozenset[str]:
    """Return the names of the apps that use a database."""
    return frozenset({database.app, *(place.partition(":")[0] for place in database.attached_to)})


def gaps(issued: Sequence[Issued], seconds: float, *, asked: bool) -> Iterator[Gap]:
    """Say how statements can be told by route, where nobody watched, and where watching told nothing."""
    if not asked:
        because = "which route issues which statement is not known, so no cause in the database can be given to a route"
        yield Gap("latency", "statements by route", because, HOW)
    for one in issued:
        if not one.ties:
            because = f"{one.intervals} intervals in {seconds:.0f} s do not say which route issues what: watch longer, while more people use it"
            yield Gap("latency", f"statements of {one.database}", because, "offramp assess --watch 15m")
