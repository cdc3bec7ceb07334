"""Why is this app slow, and what would make it faster? The entrance: router lines and facts in, the whole answer out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...telemetry.columns import Router
from . import attribution, causes, mix, sizing, splitting, tables, trace, trial, whatif
from .causes import Inquiry
from .facts import Facts, TaskSize
from .model import Attribution, Cause, Latency, LeftOut, Replay, Sizing, Split
from .quantiles import quantiles
from .scene import Scene
from .splitting import ENOUGH_REQUESTS, Times
from .trace import Trace

_MOST_ROUTES = 200
_FAIR_COVERAGE = 0.995


def assess(
    router: Router,
    facts: Facts,
    objective_ms: float,
    sizes: Sequence[TaskSize] = (),
    *,
    process: str = "web",
    seed: int = 1,
    compare_at_us: int | None = None,
    least_tasks: int = 1,
) -> Latency:
    """Diagnose one app's process. Pure: the same lines, facts and seed give the same answer.

    ``objective_ms`` is what the p99 should be within. ``sizes`` are the task sizes to choose from; without them there is no sizing.
    ``compare_at_us`` is the moment before and after which the mix is compared, the middle of the trace when None.
    """
    requests, left_out = trace.from_router(router, facts.restarts)
    split, times = splitting.split(requests, facts, left_out)
    scene = Scene(requests, times, split, facts, objective_ms)
    where, spent = attribution.attribute(scene)
    shifted = mix.shift(requests, times, compare_at_us)
    found: tuple[Cause, ...] = ()
    replayed: Replay | None = None
    sized: Sizing | None = None
    if len(requests) >= ENOUGH_REQUESTS:
        tried = trial.prepare(requests, times, split, objective_ms)
        found = causes.rank(Inquiry(scene, spent, where, tried, shifted)) if where.above_ms else ()
        replayed = whatif.table(requests, tried, max(split.dynos, 1), _worth_mending(requests, times, found), seed)
        names = (router.app, process)
        sized = sizing.size(requests, tried, spent, facts, sizes, names, least_tasks) if sizes else None
    return Latency(
        app=router.app,
        process=process,
        objective_ms=objective_ms,
        start_us=int(router.completed_us.min()) if len(router) else 0,
        end_us=int(router.completed_us.max()) if len(router) else 0,
        requests=len(requests),
        not_reached=int((router.service_ms < 0).sum()),
        sentence=_sentence(where, split, found, times),
        split=split,
        load=tables.load(requests, times, split),
        total=quantiles(times.total),
        queue=quantiles(times.queue),
        service=quantiles(times.service),
        attribution=where,
        causes=found,
        routes=tables.routes(requests, times, objective_ms)[:_MOST_ROUTES],
        dynos=tables.dynos(requests, times),
        slices=tables.slices(requests, times, objective_ms),
        mix_shift=shifted,
        replay=replayed,
        sizing=sized,
        warnings=_warnings(requests, left_out, facts, split),
    )


def _worth_mending(requests: Trace, times: Times, found: tuple[Cause, ...]) -> tuple[int, ...]:
    """Return the routes that the causes name, or else the one that keeps workers busiest."""
    named = [requests.routes.index(cause.subject) for cause in found if cause.subject in requests.routes]
    busiest = int(np.argmax(np.bincount(requests.route, times.service, len(requests.routes))))
    return tuple(dict.fromkeys(named)) or (busiest,)


def _sentence(where: Attribution, split: Split, found: tuple[Cause, ...], times: Times) -> str:
    if not where.requests:
        return "There are no requests to judge."
    p99 = float(np.quantile(times.total, 0.99))
    if not where.above_ms:
        return f"No request took longer than {where.objective_ms:.0f} ms; the p99 is {p99:.0f} ms."
    top = where.parts[0]
    begin = f"The p99 is {p99:.0f} ms; of the time above {where.objective_ms:.0f} ms, {top.share:.0%} is {_spent_on(top.name)}"
    if not found:
        return f"{begin}, and no single cause stands out."
    return f"{begin}. {found[0].share:.0%} of it would go with the first cause: {found[0].hypothesis}."


def _spent_on(part: str) -> str:
    return {"queue": "waiting for a worker", "unknown": "service that nothing here can look into"}.get(part, part)


def _warnings(requests: Trace, left_out: tuple[LeftOut, ...], facts: Facts, split: Split) -> tuple[str, ...]:
    said = [f"{row.requests} requests were left out: {row.why}." for row in left_out]
    if facts.coverage < _FAIR_COVERAGE:
        said.append(
            f"Only {facts.coverage:.1%} of the lines arrived: waiting is underestimated, because a lost line hides a busy worker."
        )
    if len(requests) < ENOUGH_REQUESTS:
        said.append(f"{len(requests)} requests are too few for a diagnosis.")
    elif len(requests) < 1000:
        said.append(f"The p99 rests on the slowest {len(requests) // 100} of {len(requests)} requests.")
    if facts.declared_workers and split.workers and facts.declared_workers != split.workers:
        said.append(f"{facts.declared_workers} workers are declared, but the lines look like {split.workers}.")
    if requests.unfinished.any():
        said.append(
            f"{int(requests.unfinished.sum())} requests were given up on by the router or the client (H12 and the like); how long their "
            "workers went on is not in the lines, and is taken to be what the route takes by itself."
        )
    return tuple(said)
