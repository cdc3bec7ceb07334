"""Would the time above the objective go, if this were otherwise? The requests are replayed where they went, with one thing changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import fifo, replay, workers
from .model import Split
from .replay import Work
from .splitting import Times
from .trace import Flags, Trace

Floats = NDArray[np.float64]

REPLAYED = 30_000
"""Requests in the stretch that is replayed: its p99 rests on 300 of them, and three times as many still take a fraction of a second."""
_MOST_WORKERS = 32
_ALIKE = 0.03


@dataclass(frozen=True, slots=True)
class Trial:
    """The busiest stretch of a trace, ready to be replayed. ``stretch`` marks its requests in the trace, in the order of ``work``.

    ``calibrated`` says that ``workers`` is not read from the lines but the number whose replay comes nearest to what was measured.
    """

    work: Work
    stretch: NDArray[np.int64]
    workers: int
    calibrated: bool
    objective_ms: float
    measured_p99_ms: float
    replayed_p99_ms: float
    above_ms: float

    def gone(self, service_ms: Floats | None = None, workers: int = 0) -> float:
        """Return the share of the time above the objective that goes with other service times (of the whole trace) or more workers."""
        if not self.above_ms:
            return 0.0
        work = self.work if service_ms is None else self.work.served(_micros(service_ms[self.stretch]))
        total = replay.as_it_was(work, workers or self.workers)
        return 1.0 - _above(total, self.objective_ms) / self.above_ms

    def p99(self, workers: int) -> float:
        """Return the p99 in ms of the same requests with other workers."""
        return float(np.quantile(replay.as_it_was(self.work, workers), 0.99))


def prepare(trace: Trace, times: Times, split: Split, objective_ms: float, size: int = REPLAYED) -> Trial:
    """Cut out the busiest stretch and replay it as it was, to know how near a replay comes."""
    stretch = _in_order(trace, workers.busiest_stretch(trace, size))
    work = Work(
        trace.arrival_us[stretch] - int(trace.arrival_us[stretch].min()),
        _micros(needed_ms(trace, times)[stretch]),
        trace.route[stretch],
        trace.life[stretch],
    )
    measured = float(np.quantile(times.total[stretch], 0.99))
    calibrated = split.method != "fifo"
    number = _calibrate(work, times.total[stretch], split) if calibrated else split.workers
    total = replay.as_it_was(work, number)
    return Trial(
        work,
        stretch,
        number,
        calibrated,
        objective_ms,
        measured,
        float(np.quantile(total, 0.99)),
        _above(total, objective_ms),
    )


def needed_ms(trace: Trace, times: Times) -> Floats:
    """Return each request's service time; one that was given up on (H12) needed at least what its route does by itself."""
    if not trace.unfinished.any():
        return times.service
    typical = workers.typical_alone(trace, fifo.in_flight(*trace.keyed()))
    return np.where(trace.unfinished, np.maximum(times.service, typical[trace.route]), times.service)


def _in_order(trace: Trace, stretch: Flags) -> NDArray[np.int64]:
    its = np.flatnonzero(stretch)
    return its[np.argsort(trace.arrival_us[its], kind="stable")]


def _calibrate(work: Work, total_ms: Floats, split: Split) -> int:
    """Return the fewest workers whose replay is about as near as any to the measured p95 and p99."""
    if split.workers:
        return split.workers
    wanted = np.log(np.quantile(total_ms, (0.95, 0.99)) + 1.0)
    off = []
    for number in range(1, _MOST_WORKERS + 1):
        got = np.log(np.quantile(replay.as_it_was(work, number), (0.95, 0.99)) + 1.0)
        off.append(float(np.abs(got - wanted).mean()))
    return next(number for number, one in enumerate(off, 1) if one <= min(off) + _ALIKE)


def _micros(ms: Floats) -> NDArray[np.int64]:
    return np.maximum(ms * 1000, 0).astype(np.int64)


def _above(total_ms: Floats, objective_ms: float) -> float:
    return float(np.maximum(total_ms - objective_ms, 0.0).sum())
