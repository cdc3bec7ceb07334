"""How long did each request wait, and how long was it served? The best method that the lines allow, with its confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import contention, fifo, marks, workers
from .facts import Facts
from .model import Candidate, Confidence, LeftOut, Method, Split
from .trace import Trace

Floats = NDArray[np.float64]

ENOUGH_REQUESTS = 100
_GOOD, _FAIR, _TRUSTED = 0.12, 0.2, 0.3
"""Misfits up to which a number of workers is believed with high, medium, low confidence."""
_CONTRADICTED = 0.04
"""Impossible time that no jitter explains; one worker too few gives as much."""
_NEARLY_ALL, _MOST = 0.995, 0.95
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of each request of a trace: ``queue`` (with connecting to the dyno) plus ``service`` is the total."""

    queue: Floats
    service: Floats

    @property
    def total(self) -> Floats:
        return self.queue + self.service


@dataclass(frozen=True, slots=True)
class _Reading:
    method: Method
    because: str
    confidence: Confidence
    workers: int
    waited_ms: Floats


def split(trace: Trace, facts: Facts, left_out: tuple[LeftOut, ...] = ()) -> tuple[Split, Times]:
    """Split every request of the trace. Time is conserved: ``queue + service`` is what the router waited."""
    inferred = (
        workers.infer(_usual(trace, facts)) if len(trace) >= ENOUGH_REQUESTS else workers.Inferred(0, 0, 0, 0, ())
    )
    reading = _read(trace, facts, inferred)
    chosen = next((one for one in inferred.candidates if one.workers == reading.workers), None)
    result = Split(
        method=reading.method,
        because=reading.because,
        confidence=_with_losses(reading.confidence, facts.coverage),
        workers=reading.workers,
        workers_low=min(inferred.low, reading.workers) if reading.workers else 0,
        workers_high=max(inferred.high, reading.workers) if reading.workers else 0,
        dynos=most_dynos(trace),
        incarnations=trace.lives,
        requests=len(trace),
        misfit=chosen.misfit if chosen else 0.0,
        impossible_share=chosen.impossible_share if chosen else 0.0,
        coverage=facts.coverage,
        candidates=_near(inferred.candidates, reading.workers or inferred.workers),
        left_out=left_out,
    )
    took = (trace.completion_us - trace.arrival_us) / 1000.0
    waited = np.minimum(reading.waited_ms, took)
    return result, Times(waited + trace.connect_ms, took - waited)


def _usual(trace: Trace, facts: Facts) -> Trace:
    """Without the times in which dynos were cold or swapped: there a busy dyno is slow for another reason than its workers."""
    usual = ~(marks.cold(trace, facts) | marks.swapping(trace, facts))
    return trace.only(usual) if usual.sum() >= max(len(trace) / 2, ENOUGH_REQUESTS) else trace


def _read(trace: Trace, facts: Facts, inferred: workers.Inferred) -> _Reading:
    nothing = np.zeros(len(trace))
    if len(trace) < ENOUGH_REQUESTS:
        return _Reading("none", f"{len(trace)} requests are too few to tell waiting from service", "low", 0, nothing)
    if not inferred.crowd:
        because = "hardly any request met another in its dyno, so there was nothing to wait for"
        return _declared(trace, facts) or _Reading("no queue seen", because, "high", facts.declared_workers, nothing)
    best = _believed(inferred, facts.declared_workers)
    if best is None or best.misfit > _TRUSTED:
        return _contended(trace, inferred)
    if best.workers > inferred.crowd:
        because = (
            f"up to {inferred.crowd} requests at once took no longer than one alone, so none waited: "
            f"a dyno has more than {inferred.crowd} workers, or an event loop"
        )
        trust = _trust(best, inferred)
        return _declared(trace, facts) or _Reading("no queue seen", because, trust, facts.declared_workers, nothing)
    waited = fifo.waits(trace, best.workers, _typical(trace)) / 1000.0
    because = (
        f"{best.workers} workers per dyno that take requests in turn explain the lines: the same route takes "
        f"{np.exp(abs(best.drift)) - 1:.0%} {'longer' if best.drift >= 0 else 'less'} on a busy dyno than on an idle one"
    )
    return _Reading("fifo", because, _trust(best, inferred), best.workers, waited)


def _declared(trace: Trace, facts: Facts) -> _Reading | None:
    """Take the workers that the Procfile declares where the lines cannot tell, if anybody had to wait for them."""
    if not facts.declared_workers:
        return None
    waited = fifo.waits(trace, facts.declared_workers, _typical(trace)) / 1000.0
    because = (
        f"{facts.declared_workers} workers are declared; in usual times the lines neither confirm nor contradict it"
    )
    return _Reading("fifo", because, "medium", facts.declared_workers, waited) if waited.any() else None


def _believed(inferred: workers.Inferred, declared: int) -> Candidate | None:
    """The number that the Procfile declares, unless the lines contradict it; else the best."""
    said = next((one for one in inferred.candidates if one.workers == declared), None)
    if said and said.misfit <= _TRUSTED and said.impossible_share <= _CONTRADICTED:
        return said
    return inferred.chosen


def _typical(trace: Trace) -> Floats | None:
    if not trace.unfinished.any():
        return None
    return workers.typical_alone(trace, fifo.in_flight(*trace.keyed()))


def _contended(trace: Trace, inferred: workers.Inferred) -> _Reading:
    waited, known = contention.shared_ms(trace)
    best = inferred.chosen
    misfit = f"; the best number, {best.workers}, is off by a factor of {np.exp(best.misfit):.1f}" if best else ""
    because = (
        f"no number of workers that take requests in turn explains the lines{misfit}: threads in several processes, an event loop, "
        "or a processor that slows all down. Waiting is what a route takes longer than on an idle dyno"
    )
    return _Reading("contention", because, "medium" if known >= _MOST else "low", 0, waited)


def _trust(candidate: Candidate, inferred: workers.Inferred) -> Confidence:
    certain = inferred.low == inferred.high or candidate.workers > inferred.crowd
    if candidate.misfit <= _GOOD and certain:
        return "high"
    return "medium" if candidate.misfit <= _FAIR else "low"


def _with_losses(confidence: Confidence, coverage: float) -> Confidence:
    """A line that was lost hides a worker that was busy, so waiting is underestimated."""
    if coverage >= _NEARLY_ALL:
        return confidence
    return "medium" if coverage >= _MOST and confidence == "high" else "low"


def _near(candidates: tuple[Candidate, ...], workers: int) -> tuple[Candidate, ...]:
    return tuple(one for one in candidates if abs(one.workers - workers) <= 3 and np.isfinite(one.drift))


def most_dynos(trace: Trace) -> int:
    """Return the largest number of dynos that served at least a hundredth of an hour's requests."""
    if not len(trace):
        return 0
    hour = trace.arrival_us // _HOUR_US
    first = hour.min()
    counts = np.zeros((int(hour.max() - first) + 1, len(trace.dynos)))
    np.add.at(counts, (hour - first, trace.dyno), 1)
    return int((counts > counts.sum(axis=1, keepdims=True) / 100).sum(axis=1).max())
