"""Where is the time above the objective spent? Parts that sum to all of it, each with evidence and a way to show it wrong."""

from __future__ import annotations

import numpy as np

from . import serving
from .model import Attribution, Confidence, Evidence, Part, PartName
from .scene import Scene
from .serving import Spent

PARTS: tuple[PartName, ...] = (
    "queue", "database", "external call", "application", "transfer", "memory swapping", "restarts", "unknown",
)  # fmt: skip

_FALSIFY: dict[PartName, str] = {
    "queue": "Log the time from X-Request-Start to the first line of the application's code: it should be this long for the same requests.",
    "database": "Time the database calls of one slow request (a span, or the query log with its request id): they should take this share.",
    "external call": "Look for the call's own log line or span: without a call that ends at this time, it is something else.",
    "application": "Profile one slow request: time on the processor should be this large.",
    "transfer": "Send the same request with a small answer: it should lose this much of its time.",
    "memory swapping": "Run the same dyno type with more memory for a day: the same routes should take this much less.",
    "restarts": "Take the minute after each restart out of the lines: the time above the objective should fall by this share.",
    "unknown": "Give timings by route or request, or let pg_stat_statements be read: this part should shrink.",
}


def attribute(scene: Scene) -> tuple[Attribution, Spent]:
    """Divide the time above the objective. A slow request's excess is divided as its whole time is."""
    spent = serving.spend(scene)
    above, total = scene.above_ms, scene.times.total
    weight = np.divide(above, total, out=np.zeros_like(above), where=total > 0)
    ms = {name: float((weight * spent.parts[name]).sum()) for name in PARTS}
    whole = sum(ms.values())
    parts = tuple(
        Part(
            name,
            ms[name],
            ms[name] / whole if whole else 0.0,
            _confidence(name, scene, spent),
            _evidence(name, scene, spent),
            _FALSIFY[name],
        )
        for name in PARTS
    )
    slow = int((above > 0).sum())
    result = Attribution(scene.objective_ms, len(above), slow, whole, tuple(sorted(parts, key=lambda part: -part.ms)))
    return result, spent


def _confidence(name: PartName, scene: Scene, spent: Spent) -> Confidence:
    slow = scene.above_ms > 0
    if slow.sum() < 30:
        return "low"
    told: Confidence = "high" if bool(spent.timed[slow].all()) else "medium" if bool(spent.timed[slow].any()) else "low"
    match name:
        case "queue":
            return scene.split.confidence
        case "database":
            return told if told != "low" or not spent.matched else "medium"
        case "external call":
            return told if told != "low" or not spent.spikes else "medium"
        case "application":
            return told
        case "memory swapping":
            return "high" if spent.swapping.sigmas >= 6 else "medium"
        case "restarts":
            return "high" if spent.cold.sigmas >= 6 else "medium"
        case "transfer":
            return "low"
        case "unknown":
            return scene.split.confidence


def _evidence(name: PartName, scene: Scene, spent: Spent) -> tuple[Evidence, ...]:
    slow = scene.above_ms > 0
    spends = spent.parts[name][slow]
    if not spends.any():
        return ()
    rows = [
        Evidence("slow requests that spent time on it", float((spends > 0).sum()), "requests"),
        Evidence("what a slow request spent on it on average", float(spends.mean()), "ms"),
    ]
    return (*rows, *_reasons(name, scene, spent))


def _reasons(name: PartName, scene: Scene, spent: Spent) -> tuple[Evidence, ...]:
    slow = scene.above_ms > 0
    match name:
        case "queue":
            below = scene.times.queue[~slow]
            usual = float(below.mean()) if len(below) else 0.0
            return (
                Evidence("what other requests waited on average", usual, "ms"),
                Evidence(scene.split.because, scene.split.misfit, "misfit"),
            )
        case "database":
            by = (
                (Evidence(f"told by {spent.database_by}", float(spent.timed.sum()), "requests"),)
                if spent.database_by
                else ()
            )
            found = (
                (Evidence("slow statements found within one request", spent.matched, "statements"),)
                if spent.matched
                else ()
            )
            return by + found
        case "external call":
            return tuple(
                Evidence(
                    f"{scene.trace.routes[spike.route]}: requests that end just after {spike.seconds} s, by chance {spike.expected:.0f}",
                    len(spike.its),
                    "requests",
                )
                for spike in spent.spikes
            )
        case "memory swapping":
            return (
                Evidence("service time over quota, against the same routes otherwise", spent.swapping.ratio, "times"),
            )
        case "restarts":
            return (
                Evidence(
                    "service time in the minute after a restart, against the same routes otherwise",
                    spent.cold.ratio,
                    "times",
                ),
            )
        case _:
            return ()
