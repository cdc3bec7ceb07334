"""Why is it slow? The answer for one app's web process, as the report draws it and as the design reads its sizes.

Times are in milliseconds, shares are between 0 and 1, moments are microseconds since 1970 UTC. Everything here is a frozen value;
``to_json`` of each gives plain lists, texts and numbers, with figures rounded to three decimals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

SCHEMA = "offramp/latency/1"

Confidence = Literal["high", "medium", "low"]
Method = Literal["fifo", "no queue seen", "contention", "none"]
"""``fifo``: exact, workers take requests in turn. ``no queue seen``: never more requests at once than workers, so nothing to split.
``contention``: not FIFO; what a request took longer than the same route on an idle dyno. ``none``: too few requests."""
PartName = Literal[
    "queue", "database", "external call", "application", "transfer", "memory swapping", "restarts", "unknown"
]
Routing = Literal["random", "round robin", "least outstanding"]


class Shown:
    """What can be written as JSON: the fields' names are the keys."""

    __slots__ = ()

    def to_json(self) -> dict[str, object]:
        """Plain lists, texts and numbers; a figure that is not finite becomes null."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]


def _plain(value: object) -> object:
    if isinstance(value, Shown):
        return value.to_json()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    return value


@dataclass(frozen=True, slots=True)
class Quantile(Shown):
    """A quantile with its 95 % confidence interval by order statistics.

    ``bounded`` is false where the sample is too small to bound it: then ``high_ms`` is only the largest value seen.
    """

    q: float
    ms: float
    low_ms: float
    high_ms: float
    bounded: bool


@dataclass(frozen=True, slots=True)
class Quantiles(Shown):
    """A distribution in brief. All figures are 0 when ``samples`` is 0."""

    samples: int
    mean_ms: float
    p50: Quantile
    p95: Quantile
    p99: Quantile


@dataclass(frozen=True, slots=True)
class Evidence(Shown):
    """One row of evidence: what was looked at, and the figure that was found, with its unit (``ms``, ``requests``, ``%``, ``times``)."""

    text: str
    figure: float
    unit: str


@dataclass(frozen=True, slots=True)
class Candidate(Shown):
    """How well a number of workers explains the lines.

    ``drift`` is the mean log ratio of the service time of the same route, busy against idle: 0 for the true number, above it for too
    many workers, below it for too few; ``drift_error`` its standard error. ``misfit`` is the mean of its size per route, so that routes
    cannot cancel. ``impossible_share`` is how long
    requests would have ended before they started, as a share of all service time. ``busy_requests`` is how many
    requests the figures rest on.
    """

    workers: int
    drift: float
    drift_error: float
    misfit: float
    impossible_share: float
    busy_requests: int


@dataclass(frozen=True, slots=True)
class LeftOut(Shown):
    """Requests that the split could not use, and why."""

    why: str
    requests: int


@dataclass(frozen=True, slots=True)
class Split(Shown):
    """How each request's time was split into waiting in the dyno and being served.

    ``workers`` are those of one dyno (processes times threads), 0 where unknown; every number from ``workers_low`` to ``workers_high``
    explains the lines about as well. ``dynos`` is the largest number that served in one hour, ``incarnations`` counts dyno lives between
    restarts. ``coverage`` is the share of lines that are believed to be there.
    """

    method: Method
    because: str
    confidence: Confidence
    workers: int
    workers_low: int
    workers_high: int
    dynos: int
    incarnations: int
    requests: int
    misfit: float
    """Of the number chosen, as in its candidate: the goodness of fit. 0 is perfect, above 0.3 a method is not trusted."""
    impossible_share: float
    coverage: float
    candidates: tuple[Candidate, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Load(Shown):
    """How busy the app is over the whole trace, by Little's and the utilisation law, and what queueing theory expects.

    ``waiting_expected_ms`` is Allen-Cunneen's mean wait in the queue (the right order, up to 140 % high); 0 where there is no ``workers``.
    """

    per_minute: float
    peak_per_minute: float
    in_flight: float
    utilisation: float
    arrival_cv2: float
    service_cv2: float
    waiting_expected_ms: float


@dataclass(frozen=True, slots=True)
class RouteRow(Shown):
    """One route. ``above_share`` is its share of the time above the objective, ``worker_share`` of the workers' busy time."""

    route: str
    requests: int
    errors: int
    timeouts: int
    above_share: float
    worker_share: float
    queue: Quantiles
    service: Quantiles
    total: Quantiles


@dataclass(frozen=True, slots=True)
class DynoRow(Shown):
    """One dyno. ``slowness`` is its service time against the other dynos' for the same routes: 1 is like the others."""

    dyno: str
    requests: int
    slowness: float
    queue: Quantiles
    service: Quantiles
    total: Quantiles


@dataclass(frozen=True, slots=True)
class Slice(Shown):
    """One stretch of time, for a chart: quantiles of total time, means of its two parts, and how many requests they rest on."""

    start_us: int
    seconds: int
    requests: int
    errors: int
    queue_mean_ms: float
    service_mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    above_ms: float


@dataclass(frozen=True, slots=True)
class Part(Shown):
    """Where a part of the time above the objective was spent. The parts of an attribution sum to all of it."""

    name: PartName
    ms: float
    share: float
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    falsify: str


@dataclass(frozen=True, slots=True)
class Attribution(Shown):
    """The time above the objective: of each request slower than it, the milliseconds beyond, in proportion to where its time went."""

    objective_ms: float
    requests: int
    above_requests: int
    above_ms: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Cause(Shown):
    """A hypothesis why time is spent there. ``share`` of the time above the objective would go with it; shares of causes overlap.

    ``name`` is one of a fixed few (``slow route``, ``too few workers``, ``n+1``, ``missing index``, ...), ``subject`` what it is about
    (a route, a dyno, a table; empty for the app). ``measured_by`` says how the share was found.
    """

    name: str
    subject: str
    hypothesis: str
    share: float
    confidence: Confidence
    measured_by: str
    evidence: tuple[Evidence, ...]
    falsify: str
    mend: str


@dataclass(frozen=True, slots=True)
class MixRow(Shown):
    """One route's part in the change of the mean: ``between_ms`` by being asked more or less often, ``within_ms`` by being slower."""

    route: str
    requests_before: int
    requests_after: int
    mean_before_ms: float
    mean_after_ms: float
    between_ms: float
    within_ms: float


@dataclass(frozen=True, slots=True)
class MixShift(Shown):
    """Kitagawa's decomposition of the change between two stretches of time.

    ``mean_after_ms - mean_before_ms == between_ms + within_ms``, to rounding.
    """

    split_at_us: int
    mean_before_ms: float
    mean_after_ms: float
    between_ms: float
    within_ms: float
    reading: str
    rows: tuple[MixRow, ...]


@dataclass(frozen=True, slots=True)
class Expected(Shown):
    """What is expected at ``traffic`` times the requests. ``meets`` says whether the p99 is within the objective."""

    traffic: float
    per_minute: float
    utilisation: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    meets: bool


@dataclass(frozen=True, slots=True)
class WhatIf(Shown):
    """One row of the what-if table: the team's own requests, replayed.

    ``capacity_per_minute`` is what its workers can serve at most: workers / mean service time.
    """

    scenario: str
    dynos: int
    workers: int
    routing: Routing
    capacity_per_minute: float
    at_1x: Expected
    at_3x: Expected


@dataclass(frozen=True, slots=True)
class Replay(Shown):
    """The stretch of the trace that was replayed, and how well replaying what is there gives what was measured.

    ``measured_p99_ms`` against ``replayed_p99_ms`` with the dynos as they were; ``floor_p99_ms`` is the p99 with endless workers:
    no size gets below it. ``thickened_by`` says how 3x was made.
    """

    start_us: int
    seconds: float
    requests: int
    measured_p99_ms: float
    replayed_p99_ms: float
    floor_p99_ms: float
    thickened_by: str
    rows: tuple[WhatIf, ...]


@dataclass(frozen=True, slots=True)
class Fit(Shown):
    """A number of tasks of one size and what is expected of them."""

    tasks: int
    cpu: int
    memory_mb: int
    workers_per_task: int
    expected: Expected


@dataclass(frozen=True, slots=True)
class Sizing(Shown):
    """The smallest configuration on AWS for one app's process, behind a load balancer with least outstanding requests.

    ``cpu`` in ECS units (1024 = 1 vCPU). ``now`` is for the traffic there is, ``at_3x`` for three times that; both have the same task
    size, so that autoscaling goes from one to the other. ``memory_floor_mb`` is the measured high-water mark with its margin, 0 when
    nothing was measured. ``meets`` is false when no size meets the objective: ``held_up_by`` names the routes that are slower by
    themselves, and the configuration is the smallest that is within a tenth of what endless workers would give. ``once_mended`` is then
    the smallest configuration after these routes are mended.
    """

    app: str
    process: str
    meets: bool
    because: str
    memory_floor_mb: int
    now: Fit
    at_3x: Fit
    held_up_by: tuple[str, ...] = ()
    once_mended: Fit | None = None
    configurations_tried: int = 0

    @property
    def vcpu(self) -> float:
        return self.now.cpu / 1024


@dataclass(frozen=True, slots=True)
class Latency(Shown):
    """Why one app's web process is slow, what follows, and how sure that is.

    ``replay`` and ``sizing`` are None when the lines are too few, or when no service times could be told (``split.method`` is ``none``).
    """

    app: str
    process: str
    objective_ms: float
    start_us: int
    end_us: int
    requests: int
    not_reached: int
    """Requests that never reached a dyno (H10, H14, H20 and so on): errors, but without a time."""
    sentence: str
    split: Split
    load: Load
    total: Quantiles
    queue: Quantiles
    service: Quantiles
    attribution: Attribution
    causes: tuple[Cause, ...]
    routes: tuple[RouteRow, ...]
    dynos: tuple[DynoRow, ...]
    slices: tuple[Slice, ...]
    mix_shift: MixShift | None = None
    replay: Replay | None = None
    sizing: Sizing | None = None
    warnings: tuple[str, ...] = ()
