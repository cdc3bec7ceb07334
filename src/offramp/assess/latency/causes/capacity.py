"""Are there too few workers, does one route block the others, is one dyno worse than the rest?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import tables
from ..model import Cause, Evidence
from ..quantiles import groups
from ..whatif import MENDED
from .inquiry import Inquiry

BY_REPLAY = "replaying the busiest stretch with this one thing changed"
_HEAD_OF_LINE = 0.2
_VARIED = 4.0
_SLOWER = 10.0
_MOST_ROUTES = 6
_BAD = 1.8
_ENOUGH = 50


def too_few_workers(inquiry: Inquiry) -> Iterator[Cause]:
    """The p99 falls when each dyno gets twice the workers."""
    trial, split = inquiry.trial, inquiry.scene.split
    share = trial.gone(workers=2 * trial.workers)
    waiting = next(part.share for part in inquiry.attribution.parts if part.name == "queue")
    if waiting < _HEAD_OF_LINE:
        return
    yield Cause(
        name="too few workers",
        subject="",
        hypothesis=f"Requests wait in the dyno: {_fleet(trial.workers, split.dynos)} too few for the work in a burst",
        share=share,
        confidence=inquiry.confidence(),
        measured_by=BY_REPLAY,
        evidence=(
            Evidence("time above the objective that is spent waiting in the dyno", waiting * 100, "%"),
            Evidence("p99 of the busiest stretch as it was", trial.p99(trial.workers), "ms"),
            Evidence(f"p99 with {2 * trial.workers} workers in each dyno", trial.p99(2 * trial.workers), "ms"),
        ),
        falsify="Raise the workers of one dyno alone for a day (WEB_CONCURRENCY): its queue p99 should fall, the others' should not.",
        mend=(
            "Raise WEB_CONCURRENCY as far as memory allows, or use threads where requests mostly wait; on AWS take the sizing's workers "
            "per task and least outstanding requests as the load balancer's algorithm."
        ),
    )


def _fleet(workers: int, dynos: int) -> str:
    """Return how many there are, in words.

    >>> _fleet(1, 1), _fleet(2, 3)
    ('1 worker in the only dyno is', '2 workers in each of 3 dynos are')
    """
    many = "1 worker" if workers == 1 else f"{workers} workers"
    return f"{many} in {'the only dyno' if dynos == 1 else f'each of {dynos} dynos'} {'is' if workers == 1 else 'are'}"


def slow_routes(inquiry: Inquiry) -> Iterator[Cause]:
    """A route that takes far longer than others keeps workers from them."""
    trace, service = inquiry.scene.trace, inquiry.scene.times.service
    busy = np.bincount(trace.route, service, len(trace.routes))
    varied = float(service.var()) / max(float(service.mean()), 1e-9) ** 2
    usual = float(np.median(service))
    for number in np.argsort(-busy, kind="stable")[:_MOST_ROUTES].tolist():
        its = np.flatnonzero(trace.route == number)
        part, mean = float(busy[number] / max(busy.sum(), 1e-9)), float(service[its].mean()) if len(its) else 0.0
        heavy = part > _HEAD_OF_LINE and varied > _VARIED and mean > _SLOWER * usual
        if not len(its) or not (heavy or mean > inquiry.scene.objective_ms):
            continue
        yield Cause(
            name="slow route",
            subject=trace.routes[number],
            hypothesis=f"{trace.routes[number]} takes {mean:.0f} ms by itself and keeps workers from other requests",
            share=inquiry.gone(inquiry.saved_on(its, 1 - 1 / MENDED)),
            confidence=inquiry.confidence(),
            measured_by=f"{BY_REPLAY}: the route {MENDED:.0f} times as fast",
            evidence=(
                Evidence("its share of the requests", len(its) / len(trace) * 100, "%"),
                Evidence("its share of the workers' busy time", part * 100, "%"),
                Evidence("p99 of its own service time", float(np.quantile(service[its], 0.99)), "ms"),
                Evidence(
                    "squared coefficient of variation of all service times (above 4: short wait behind long)",
                    varied,
                    "",
                ),
            ),
            falsify="Answer this route with 503 (or from a cache) for ten minutes at the busy hour: the other routes' p99 should fall.",
            mend="Make it faster (see the database advice), move it to a background job, or give it a process type of its own.",
        )


def bad_dyno(inquiry: Inquiry) -> Iterator[Cause]:
    """One dyno takes far longer than the others for the same routes."""
    trace, service = inquiry.scene.trace, inquiry.scene.times.service
    slowness = tables.dyno_slowness(trace, service)
    for number, its in groups(trace.dyno, len(trace.dynos)):
        slow = float(slowness[number])
        if slow < _BAD or len(its) < _ENOUGH:
            continue
        yield Cause(
            name="bad dyno",
            subject=trace.dynos[number],
            hypothesis=f"{trace.dynos[number]} takes {slow:.1f} times as long as the other dynos for the same routes",
            share=inquiry.gone(inquiry.saved_on(its, 1 - 1 / slow)),
            confidence="high" if len(its) >= 1000 else "medium",
            measured_by=f"{BY_REPLAY}: the dyno as fast as the others",
            evidence=(
                Evidence("its service time against the other dynos', route by route", slow, "times"),
                Evidence("requests that it served", len(its), "requests"),
            ),
            falsify=f"Restart it (heroku ps:restart {trace.dynos[number]}): on another host it should be like the others.",
            mend="Restart it; a dedicated dyno type, or Fargate, has no noisy neighbours.",
        )
