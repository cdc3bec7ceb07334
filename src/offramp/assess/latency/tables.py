"""Which routes, dynos and hours are slow? Rows for tables and charts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import formulas
from .model import DynoRow, Load, RouteRow, Slice, Split
from .quantiles import groups, quantiles
from .splitting import Times
from .trace import Trace

Floats = NDArray[np.float64]

_STEPS_S = (10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_MOST_SLICES = 200
_MINUTE_US = 60_000_000
_LOG_FLOOR_MS = 5.0


def routes(trace: Trace, times: Times, objective_ms: float) -> tuple[RouteRow, ...]:
    """One row a route, those with the most time above the objective first."""
    above = np.maximum(times.total - objective_ms, 0.0)
    all_above, all_service = max(float(above.sum()), 1e-9), max(float(times.service.sum()), 1e-9)
    rows = [
        RouteRow(
            route=trace.routes[number],
            requests=len(its),
            errors=int(trace.failed[its].sum()),
            timeouts=int(trace.unfinished[its].sum()),
            above_share=float(above[its].sum()) / all_above,
            worker_share=float(times.service[its].sum()) / all_service,
            queue=quantiles(times.queue[its]),
            service=quantiles(times.service[its]),
            total=quantiles(times.total[its]),
        )
        for number, its in groups(trace.route, len(trace.routes))
    ]
    return tuple(sorted(rows, key=lambda row: (-row.above_share, -row.worker_share, row.route)))


def dynos(trace: Trace, times: Times) -> tuple[DynoRow, ...]:
    """One row a dyno, slowest first."""
    slowness = dyno_slowness(trace, times.service)
    rows = [
        DynoRow(
            trace.dynos[number],
            len(its),
            float(slowness[number]),
            quantiles(times.queue[its]),
            quantiles(times.service[its]),
            quantiles(times.total[its]),
        )
        for number, its in groups(trace.dyno, len(trace.dynos))
    ]
    return tuple(sorted(rows, key=lambda row: (-row.slowness, row.dyno)))


def dyno_slowness(trace: Trace, service_ms: Floats) -> Floats:
    """Return each dyno's service time against the other dynos' for the same routes: exp of the mean difference of logarithms."""
    if not len(trace):
        return np.ones(len(trace.dynos))
    log_ms = np.log(np.maximum(service_ms, 0.0) + _LOG_FLOOR_MS)
    many, width = len(trace.dynos), max(len(trace.routes), 1)
    cell = trace.dyno.astype(np.int64) * width + trace.route
    count = np.bincount(cell, minlength=many * width).reshape(many, width).astype(float)
    total = np.bincount(cell, log_ms, many * width).reshape(many, width)
    others_count = count.sum(axis=0) - count
    both = (count > 0) & (others_count > 0)
    mean = np.divide(total, count, out=np.zeros_like(total), where=both)
    others = np.divide(total.sum(axis=0) - total, others_count, out=np.zeros_like(total), where=both)
    weight = np.where(both, count * others_count / np.maximum(count + others_count, 1), 0.0)
    summed = weight.sum(axis=1)
    return np.where(summed > 0, np.exp((weight * (mean - others)).sum(axis=1) / np.maximum(summed, 1e-9)), 1.0)


def slices(trace: Trace, times: Times, objective_ms: float) -> tuple[Slice, ...]:
    """Stretches of equal length by completion, the shortest of a few lengths that keeps them below 200."""
    if not len(trace):
        return ()
    span_s = float(trace.completion_us.max()) / 1e6
    step = next((step for step in _STEPS_S if span_s / step <= _MOST_SLICES), _STEPS_S[-1])
    first = trace.origin_us // (step * 1_000_000)
    which = ((trace.origin_us + trace.completion_us) // (step * 1_000_000) - first).astype(np.int32)
    above = np.maximum(times.total - objective_ms, 0.0)
    rows = []
    for number, its in groups(which, int(which.max()) + 1):
        p50, p95, p99 = np.quantile(times.total[its], (0.5, 0.95, 0.99))
        rows.append(
            Slice(
                start_us=int((first + number) * step * 1_000_000),
                seconds=step,
                requests=len(its),
                errors=int(trace.failed[its].sum()),
                queue_mean_ms=float(times.queue[its].mean()),
                service_mean_ms=float(times.service[its].mean()),
                p50_ms=float(p50),
                p95_ms=float(p95),
                p99_ms=float(p99),
                above_ms=float(above[its].sum()),
            )
        )
    return tuple(rows)


def load(trace: Trace, times: Times, split: Split) -> Load:
    """How busy the app is, by Little's law and the utilisation law, with what Allen-Cunneen expect of it."""
    if len(trace) < 2:
        return Load(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    arrival = np.sort(trace.arrival_us)
    span_s = max(float(arrival[-1] - arrival[0]) / 1e6, 1e-3)
    per_second = len(trace) / span_s
    peak = int(np.bincount((arrival // _MINUTE_US).astype(np.int64)).max())
    servers = split.dynos * split.workers
    mean = float(times.service.mean())
    utilisation = formulas.in_flight(per_second, mean) / servers if servers else 0.0
    arrivals, served = _cv2(np.diff(arrival).astype(np.float64)), _cv2(times.service)
    wait = formulas.mean_wait(split.workers, utilisation, mean, arrivals, served) if servers else 0.0
    flying = formulas.in_flight(per_second, float(times.total.mean()))
    return Load(per_second * 60, float(peak), flying, utilisation, arrivals, served, wait)


def _cv2(values: Floats) -> float:
    mean = float(values.mean())
    return float(values.var()) / mean**2 if mean else 0.0
