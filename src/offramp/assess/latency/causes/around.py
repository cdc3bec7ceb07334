"""Is it something around the work: a slow dependency, swapping, restarts, big answers, a clock, another mix of requests?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .. import marks
from ..model import Cause, Evidence
from .capacity import BY_REPLAY
from .inquiry import Inquiry

_SLOW_CONNECT_MS = 100
_HOUR_US = 3_600_000_000
_MINUTE_US = 60_000_000
_CLOCK_MINUTES = 6
_HOURS = 6
_HALF = 0.5


def slow_dependency(inquiry: Inquiry) -> Iterator[Cause]:
    """Calls to something outside take long, or end at a client's time limit."""
    spent, trace = inquiry.spent, inquiry.scene.trace
    spikes = spent.spikes
    hosts = sorted({one.external_host for one in inquiry.scene.facts.route_timings if one.external_host})
    routes = sorted({trace.routes[spike.route] for spike in spikes})
    if not spent.parts["external call"].any():
        return
    limits = ", ".join(sorted({f"{spike.seconds} s" for spike in spikes}))
    yield Cause(
        name="slow dependency",
        subject=hosts[0] if len(hosts) == 1 else routes[0] if len(routes) == 1 else "",
        hypothesis=f"Requests end just after {limits}: a call outside ran into its time limit"
        if spikes
        else "Requests wait for a call outside",
        share=inquiry.gone_without("external call"),
        confidence="medium" if spikes or spent.timed.any() else "low",
        measured_by=f"{BY_REPLAY}: no time in calls outside",
        evidence=tuple(
            Evidence(
                f"{trace.routes[s.route]}: requests that end just after {s.seconds} s, by chance {s.expected:.0f}",
                len(s.its),
                "requests",
            )
            for s in spikes
        )
        or (
            Evidence(
                "time in calls outside, as the application timed it", float(spent.parts["external call"].sum()), "ms"
            ),
        ),
        falsify="Look in the application's lines for a call that timed out in these requests.",
        mend="Give the call a time limit of a second or two and a circuit breaker, or make it from a background job.",
    )


def swapping(inquiry: Inquiry) -> Iterator[Cause]:
    """Dynos over their memory quota swap, and all in them is slower."""
    effect = inquiry.spent.swapping
    if not effect.real:
        return
    yield Cause(
        name="memory swapping",
        subject="",
        hypothesis=f"Dynos over their memory quota take {effect.ratio:.1f} times as long for the same routes",
        share=inquiry.gone_without("memory swapping"),
        confidence="high" if effect.sigmas >= 6 else "medium",
        measured_by=f"{BY_REPLAY}: no swapping",
        evidence=(
            Evidence("service time over quota, against the same routes otherwise", effect.ratio, "times"),
            Evidence("requests over quota", effect.marked, "requests"),
            Evidence("standard errors from no effect", effect.sigmas, ""),
        ),
        falsify="Run a larger dyno for a day: R14 lines and this difference should both be gone.",
        mend="Give the process more memory or fewer workers; on AWS the sizing's memory floor keeps it from swapping.",
    )


def restarts(inquiry: Inquiry) -> Iterator[Cause]:
    """The minute after a restart is slow: imports, caches, first connections; Heroku restarts each dyno daily and at each release."""
    effect, scene = inquiry.spent.cold, inquiry.scene
    if not effect.real:
        return
    cold = marks.cold(scene.trace, scene.facts)
    inside = float(scene.above_ms[cold].sum()) / max(float(scene.above_ms.sum()), 1e-9)
    yield Cause(
        name="restarts",
        subject="",
        hypothesis=f"Dynos are {effect.ratio:.1f} times as slow in the {marks.COLD_SECONDS} s after they start",
        share=inquiry.gone_without("restarts"),
        confidence="high" if effect.sigmas >= 6 else "medium",
        measured_by=f"{BY_REPLAY}: dynos as fast when cold as when warm",
        evidence=(
            Evidence("restarts in the lines", len(scene.facts.restarts), "restarts"),
            Evidence("service time after a restart, against the same routes otherwise", effect.ratio, "times"),
            Evidence("time above the objective in these minutes", inside * 100, "%"),
        ),
        falsify="Look at a day without a release: only the daily cycling should show.",
        mend="Warm up before the port is opened (preload the application); on AWS the health check's grace period keeps traffic away.",
    )


def transfer(inquiry: Inquiry) -> Iterator[Cause]:
    """Big answers take long to send."""
    spends = inquiry.spent.parts["transfer"]
    if not spends.any():
        return
    its = spends > 0
    yield Cause(
        name="client transfer",
        subject="",
        hypothesis="Big answers keep workers until the client has read them",
        share=inquiry.gone_without("transfer"),
        confidence="low",
        measured_by=f"{BY_REPLAY}: no time for the bytes",
        evidence=(
            Evidence("requests of routes whose time follows their bytes", float(its.sum()), "requests"),
            Evidence("median size of their answers", float(np.median(inquiry.scene.trace.sent_bytes[its])), "bytes"),
        ),
        falsify="Ask for the same with a small page size: if it is as slow, making the answer is slow, not sending it.",
        mend="Page or compress big answers, or serve them from object storage; a gateway that buffers frees the worker early.",
    )


def accept_backlog(inquiry: Inquiry) -> Iterator[Cause]:
    """Connecting to the dyno takes long: its accept queue is full."""
    connect, above = inquiry.scene.trace.connect_ms, inquiry.scene.above_ms
    late = connect > _SLOW_CONNECT_MS
    if not late.any() or not above.any():
        return
    share = float(np.minimum(above, connect)[late].sum()) / float(above.sum())
    yield Cause(
        name="accept backlog",
        subject="",
        hypothesis="Dynos do not accept connections in time",
        share=share,
        confidence="medium",
        measured_by="connect time of slow requests",
        evidence=(Evidence("requests that took over 100 ms to connect", float(late.sum()), "requests"),),
        falsify="Look at the listen queue of the dyno (ss -lt) at a busy moment: it should be full.",
        mend="More workers, as for the queue; a dyno that is not accepting at all wants a look at its logs.",
    )


def clockwork(inquiry: Inquiry) -> Iterator[Cause]:
    """Slow requests come at the same minutes of every hour: a scheduled job."""
    scene = inquiry.scene
    when = scene.trace.origin_us + scene.trace.completion_us
    hours = len(np.unique(when // _HOUR_US))
    if hours < _HOURS or not scene.above_ms.any():
        return
    minute = (when // _MINUTE_US % 60).astype(np.int64)
    worst, its = _worst_minutes(np.bincount(minute, scene.above_ms, 60).astype(np.float64)), minute
    inside = np.isin(its, worst)
    share = float(scene.above_ms[inside].sum()) / float(scene.above_ms.sum())
    in_hours = len(np.unique((when // _HOUR_US)[inside & (scene.above_ms > 0)]))
    if share < _HALF or in_hours < hours / 2:
        return
    known = sorted(set(scene.facts.cron_minutes) & set(worst.tolist()))
    yield Cause(
        name="scheduled job",
        subject=f"minute {int(worst[0])}",
        hypothesis=f"Requests are slow from minute {int(worst[0])} of the hour on, for up to {_CLOCK_MINUTES} minutes, hour after hour",
        share=share - float(inside.mean()),
        confidence="high" if known else "medium",
        measured_by="time above the objective in these minutes, less their share of the requests",
        evidence=(
            Evidence("time above the objective in these minutes", share * 100, "%"),
            Evidence(f"hours of {hours} in which these minutes were slow", in_hours, "hours"),
            *(Evidence("a scheduled job starts at minute", minute, "") for minute in known),
        ),
        falsify="Move the job by half an hour: the slow minutes should move with it.",
        mend="Move the job away from the busy hours, slow it down, or let it read from a follower.",
    )


def _worst_minutes(above: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the minutes in a row that hold the most time above the objective, as few as hold nine tenths of the best stretch."""
    around = np.concatenate([above, above[: _CLOCK_MINUTES - 1]])
    sums = np.convolve(around, np.ones(_CLOCK_MINUTES), "valid")
    return (int(np.argmax(sums)) + np.arange(_CLOCK_MINUTES)) % 60


def mix_shift(inquiry: Inquiry) -> Iterator[Cause]:
    """Slow routes are asked for more often than before; no route became slower."""
    shift, scene = inquiry.mix_shift, inquiry.scene
    if shift is None or shift.between_ms < max(0.1 * shift.mean_before_ms, abs(shift.within_ms)):
        return
    trace, above = scene.trace, scene.above_ms
    after = trace.origin_us + trace.completion_us >= shift.split_at_us
    many = len(trace.routes)
    before_share = np.bincount(trace.route[~after], minlength=many) / max(int((~after).sum()), 1)
    after_count = np.bincount(trace.route[after], minlength=many)
    mean_above = np.bincount(trace.route[after], above[after], many) / np.maximum(after_count, 1)
    with_old_mix = float((before_share * after_count.sum() * mean_above).sum())
    top = shift.rows[0]
    yield Cause(
        name="mix shift",
        subject=top.route,
        hypothesis=f"Slow routes are asked for more often than before, {top.route} above all; the routes themselves are as fast as they were",
        share=(float(above[after].sum()) - with_old_mix) / max(float(above.sum()), 1e-9),
        confidence="medium",
        measured_by="the later half's requests weighted with the earlier half's mix",
        evidence=(
            Evidence("change of the mean by the mix", shift.between_ms, "ms"),
            Evidence("change of the mean within routes", shift.within_ms, "ms"),
            Evidence(f"{top.route}: requests before", top.requests_before, "requests"),
            Evidence(f"{top.route}: requests after", top.requests_after, "requests"),
        ),
        falsify="Compare each route's own p50 before and after: they should not have moved.",
        mend="Ask what brings these requests (a client's release, a campaign, a crawler); size for the new mix.",
    )
