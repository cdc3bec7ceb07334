"""What was service time spent on? Database, calls outside, transfer, swapping, restarts: as far as lines and facts can tell."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from . import effects, marks, timeouts
from .effects import Effect
from .facts import SlowStatement
from .model import PartName
from .quantiles import groups
from .scene import Scene
from .timeouts import Spike

Floats = NDArray[np.float64]

_BIG_BYTES = 100_000
_FOLLOWS = 0.6
"""Correlation of service time with the answer's bytes from which transfer is believed."""
_ENOUGH = 50
_MOST_STATEMENTS = 5_000
_SLACK_US = 1_000_000
"""Log lines of the database carry whole seconds."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of each request by what they were spent on; they sum to its total. ``timed`` marks requests whose database and
    external time the application itself told; ``matched`` counts slow statements that were found within a request.
    """

    parts: dict[PartName, Floats]
    cold: Effect
    swapping: Effect
    spikes: tuple[Spike, ...]
    timed: NDArray[np.bool_]
    matched: int
    database_by: str


@dataclass(slots=True)
class _Purse:
    """A request's service time, from which each part takes what it can."""

    left: Floats
    parts: dict[PartName, Floats] = field(default_factory=dict)

    def take(self, name: PartName, ms: Floats) -> None:
        taken = np.clip(ms, 0.0, self.left)
        self.left = self.left - taken
        self.parts[name] = self.parts[name] + taken if name in self.parts else taken


def spend(scene: Scene) -> Spent:
    """Divide every request's time. What nothing speaks for stays unknown; what the application told is its own."""
    trace, service = scene.trace, scene.times.service
    many = len(trace.routes)
    purse = _Purse(service.copy())
    cold = effects.slower(service, marks.cold(trace, scene.facts), trace.route, many)
    swapping = effects.slower(service, marks.swapping(trace, scene.facts), trace.route, many)
    purse.take("restarts", cold.extra_ms if cold.real else np.zeros(len(trace)))
    purse.take("memory swapping", swapping.extra_ms if swapping.real else np.zeros(len(trace)))
    timed, database, external, told_by = _told(scene)
    statements, matched = _slow_statements(scene)
    purse.take("database", np.maximum(database, statements))
    purse.take("external call", external)
    found = tuple(spike for spike in timeouts.spikes(trace, service) if not timed[spike.its].all())
    purse.take("external call", _given_up(found, timed, len(trace)))
    purse.take("transfer", np.where(timed, 0.0, _transfer(scene)))
    purse.take("application", np.where(timed, purse.left, 0.0))
    purse.take("unknown", purse.left)
    purse.parts["queue"] = scene.times.queue
    return Spent(purse.parts, cold, swapping, found, timed, matched, told_by)


def _told(scene: Scene) -> tuple[NDArray[np.bool_], Floats, Floats, str]:
    """Return which requests' insides are known, their database and external ms, and by whom."""
    trace, service = scene.trace, scene.times.service
    timed, database, external = np.zeros(len(trace), dtype=np.bool_), np.zeros(len(trace)), np.zeros(len(trace))
    by = _statement_shares(scene, database)
    for number, one in scene.timings().items():
        its = np.flatnonzero(trace.route == number)
        slow = its[scene.above_ms[its] > 0]
        timed[its] = True
        by = "the application's own timings by route"
        _share(its, one.database_ms, one.external_ms, one.total_ms, service, database, external)
        if one.slow_total_ms > 0:
            _share(slow, one.slow_database_ms, one.slow_external_ms, one.slow_total_ms, service, database, external)
    if scene.facts.request_timings:
        by = "the application's own timings by request"
        _by_request(scene, timed, database, external)
    return timed, database, external, by


def _share(
    its: NDArray[np.int64],
    db_ms: float,
    out_ms: float,
    total_ms: float,
    service: Floats,
    database: Floats,
    external: Floats,
) -> None:
    database[its] = service[its] * max(db_ms, 0.0) / max(total_ms, 1e-9)
    external[its] = service[its] * max(out_ms, 0.0) / max(total_ms, 1e-9)


def _by_request(scene: Scene, timed: NDArray[np.bool_], database: Floats, external: Floats) -> None:
    place = np.full(int(scene.trace.position.max()) + 1, -1)
    place[scene.trace.position] = np.arange(len(scene.trace))
    for one in scene.facts.request_timings:
        if 0 <= one.request < len(place) and (at := int(place[one.request])) >= 0:
            timed[at], database[at], external[at] = True, one.database_ms, one.external_ms


def _statement_shares(scene: Scene, database: Floats) -> str:
    """Spread what ``pg_stat_statements`` counted: over the route that issues a statement, the rest over all service time alike."""
    trace, service = scene.trace, scene.times.service
    numbers = {name: number for number, name in enumerate(trace.routes)}
    for route in {one.route for one in scene.facts.statements if one.route in numbers}:
        its = trace.route == numbers[route]
        total = sum(one.total_ms for one in scene.facts.statements if one.route == route)
        database[its] += service[its] * min(total / max(float(service[its].sum()), 1e-9), 1.0)
    rest = sum(one.total_ms for one in scene.facts.statements if one.route not in numbers)
    left = service - database
    database += left * min(rest / max(float(left.sum()), 1e-9), 1.0)
    if not scene.facts.statements:
        return ""
    return (
        "pg_stat_statements" if not rest else "pg_stat_statements, spread over all routes alike where no route is known"
    )


def _slow_statements(scene: Scene) -> tuple[Floats, int]:
    """Give each slow statement to the one request in which it can have run; without a route only where there is no other."""
    trace, found = scene.trace, 0
    database = np.zeros(len(trace))
    if not len(trace):
        return database, 0
    begun = trace.completion_us - (scene.times.service * 1000).astype(np.int64)
    order = np.argsort(trace.completion_us, kind="stable")
    ends = trace.completion_us[order]
    longest = int((trace.completion_us - begun).max())
    for one in scene.facts.slow_statements[:_MOST_STATEMENTS]:
        ended = one.ended_us - trace.origin_us
        low, high = np.searchsorted(ends, (ended - _SLACK_US, ended + longest + _SLACK_US))
        its = _could_run(scene, one, order[low:high], begun, ended)
        if len(its) == 1 or (len(its) and one.route):
            at = its[int(np.argmin(trace.completion_us[its]))]
            database[at] += one.ms
            found += 1
    return database, found


def _could_run(
    scene: Scene, one: SlowStatement, its: NDArray[np.int64], begun: NDArray[np.int64], ended: int
) -> NDArray[np.int64]:
    if one.request >= 0:
        return np.flatnonzero(scene.trace.position == one.request)
    its = its[(begun[its] <= ended - one.ms * 1000 + _SLACK_US) & (scene.times.service[its] >= one.ms - 2)]
    if not one.route:
        return its
    if one.route not in scene.trace.routes:
        return its[:0]
    of_route: NDArray[np.int64] = its[scene.trace.route[its] == scene.trace.routes.index(one.route)]
    return of_route


def _given_up(spikes: tuple[Spike, ...], timed: NDArray[np.bool_], size: int) -> Floats:
    waited = np.zeros(size)
    for spike in spikes:
        its = spike.its[~timed[spike.its]]
        waited[its] = spike.seconds * 1000.0
    return waited


def _transfer(scene: Scene) -> Floats:
    """Where a route's time follows its bytes, the slope times the bytes is taken for sending them."""
    trace, service = scene.trace, scene.times.service
    sent = np.zeros(len(trace))
    for _, its in groups(trace.route, len(trace.routes)):
        its = its[(trace.sent_bytes[its] >= 0) & ~trace.unfinished[its]]
        size = trace.sent_bytes[its].astype(float)
        if len(its) < _ENOUGH or np.quantile(size, 0.9) < _BIG_BYTES or not size.std() or not service[its].std():
            continue
        if np.corrcoef(size, service[its])[0, 1] >= _FOLLOWS:
            slope = float(np.polyfit(size, service[its], 1)[0])
            sent[its] = slope * size
    return sent
