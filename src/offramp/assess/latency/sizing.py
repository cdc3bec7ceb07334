"""Which is the cheapest number of tasks, of which size, with how many workers, that meets the objective now and at three times the traffic?

Requests are replayed behind a load balancer with least outstanding requests. Three limits keep the search honest: memory never below the
measured high-water mark with a margin, processors never busier than 70 %, and a task with less than a whole vCPU stretches the part of
service time that is spent on the processor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import replay, whatif
from .facts import Facts, TaskSize
from .model import Expected, Fit, Sizing
from .replay import Fleet, Work
from .serving import Spent
from .trace import Trace
from .trial import Trial

MARGIN = 1.25
"""Memory above the measured high-water mark: without Heroku's daily restart, what leaks grows on."""
_BUSIEST = 0.7
_FULLEST = 0.95
_MOST_TASKS = 96
_NEAR = 1.1
_UNIT = 1024
_SAFE_MB = 512


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for: the p99 to meet, and what a task must have."""

    work: Work
    thick: Work
    target_ms: float
    cpu_share: float
    memory_mb: float
    """Measured high-water mark of a dyno with ``workers`` workers; 0 where unknown."""
    workers: int
    least_tasks: int
    objective_ms: float


def size(
    trace: Trace,
    trial: Trial,
    spent: Spent,
    facts: Facts,
    sizes: Sequence[TaskSize],
    names: tuple[str, str],
    least_tasks: int = 1,
) -> Sizing | None:
    """Return the cheapest configuration; None when there are no sizes, or none has the memory. ``names`` are the app's and the process'."""
    high_water = max((one.total_mb for one in facts.memory), default=0.0)
    wanted = Wanted(
        trial.work,
        replay.thicker(trial.work, 3),
        trial.objective_ms,
        cpu_share(spent, facts),
        high_water,
        trial.workers,
        least_tasks,
        trial.objective_ms,
    )
    tried = [0]
    found = _search(wanted, sizes, tried)
    floor = math.ceil(high_water * MARGIN)
    if found:
        return Sizing(*names, True, _because(wanted, found[1]), floor, *found, configurations_tried=tried[0])
    held_up = _held_up(trace, trial)
    near = _near(wanted, sizes)
    found = _search(near, sizes, tried)
    if found is None:
        return None
    mended = _mended(wanted, _numbers(trace, held_up))
    once = _search(mended, sizes, tried) if held_up else None
    because = (
        f"no size meets {trial.objective_ms:.0f} ms: with endless workers the p99 is still {near.target_ms / _NEAR:.0f} ms; "
        "this is the smallest within a tenth of that"
    )
    return Sizing(*names, False, because, floor, *found, held_up, once[1] if once else None, tried[0])


def cpu_share(spent: Spent, facts: Facts) -> float:
    """Return the share of service time that needs a processor; all that is not known to be waiting counts, which is the safe side."""
    if facts.cpu_share >= 0:
        return min(facts.cpu_share, 1.0)
    waiting = sum(float(spent.parts[name].sum()) for name in ("database", "external call", "transfer"))
    served = sum(float(ms.sum()) for name, ms in spent.parts.items() if name != "queue")
    return 1.0 - waiting / served if served else 1.0


def _because(wanted: Wanted, fit: Fit) -> str:
    memory = f"{wanted.memory_mb:.0f} MB measured" if wanted.memory_mb else "no memory measured, so the dyno's is kept"
    return (
        f"the cheapest whose p99 stays within {wanted.objective_ms:.0f} ms at three times the traffic "
        f"({fit.expected.p99_ms:.0f} ms expected); {memory}; {wanted.cpu_share:.0%} of service time taken for processor time"
    )


def _search(wanted: Wanted, sizes: Sequence[TaskSize], tried: list[int]) -> tuple[Fit, Fit] | None:
    best: tuple[float, Fit, Fit] | None = None
    for task in sorted(_worth_trying(wanted, sizes), key=lambda task: (task.price, task.cpu, task.memory_mb)):
        for workers in _workers(wanted, task):
            most = _MOST_TASKS if best is None else min(_MOST_TASKS, math.ceil(best[0] / max(task.price, 1e-9)) - 1)
            at_3x = _fewest(wanted, task, workers, 3, most, tried)
            if at_3x is None:
                continue
            now = _fewest(wanted, task, workers, 1, at_3x.tasks, tried) or at_3x
            best = (at_3x.tasks * task.price, now, at_3x)
    return best[1:] if best else None


def _worth_trying(wanted: Wanted, sizes: Sequence[TaskSize]) -> list[TaskSize]:
    """Of each processor size, the cheapest that holds the memory of each number of workers."""
    floors = {_memory(wanted, workers) for workers in _worker_counts(wanted.workers)}
    kept = set()
    for cpu in {task.cpu for task in sizes}:
        for floor in floors:
            fitting = [task for task in sizes if task.cpu == cpu and task.memory_mb >= floor]
            if fitting:
                kept.add(min(fitting, key=lambda task: (task.price, task.memory_mb)))
    return list(kept)


def _worker_counts(workers: int) -> tuple[int, ...]:
    return (workers, 2 * workers, 4 * workers)


def _workers(wanted: Wanted, task: TaskSize) -> list[int]:
    return [workers for workers in _worker_counts(wanted.workers) if task.memory_mb >= _memory(wanted, workers)]


def _memory(wanted: Wanted, workers: int) -> float:
    """Return MB for so many workers: each as much as now, with the margin. Unmeasured, a dyno's 512 MB for as many as it has now."""
    return max(wanted.memory_mb * MARGIN, 0.0 if wanted.memory_mb else _SAFE_MB) * workers / wanted.workers


def _fewest(wanted: Wanted, task: TaskSize, workers: int, traffic: int, most: int, tried: list[int]) -> Fit | None:
    """Return the fewest tasks that meet the target, by halving between what the load needs and ``most``."""
    work = _on(wanted.thick if traffic == 3 else wanted.work, task, wanted.cpu_share)
    low = max(_least(work, task, workers, wanted.cpu_share), wanted.least_tasks)
    if low > most:
        return None
    found: Fit | None = None
    step, high = 1, low
    while True:
        fit = _try(work, task, workers, high, traffic, wanted, tried)
        if fit.expected.p99_ms <= wanted.target_ms:
            found = fit
            break
        if high >= most:
            return None
        low, high, step = high + 1, min(high + step, most), step * 2
    while low < high:
        middle = (low + high) // 2
        fit = _try(work, task, workers, middle, traffic, wanted, tried)
        if fit.expected.p99_ms <= wanted.target_ms:
            found, high = fit, middle
        else:
            low = middle + 1
    return found


def _on(work: Work, task: TaskSize, cpu_share: float) -> Work:
    """Return the work on a task with less than a whole vCPU: what needs the processor takes longer there."""
    vcpu = task.cpu / _UNIT
    if vcpu >= 1:
        return work
    return work.served((work.service_us * (1 - cpu_share + cpu_share / vcpu)).astype(np.int64))


def _least(work: Work, task: TaskSize, workers: int, cpu_share: float) -> int:
    busy = float(work.service_us.sum()) / work.span_us
    # On a fraction of a vCPU service time is stretched already, so a busy worker keeps that fraction busy, not a whole one.
    processors = busy * _on_processor(task, cpu_share)
    return max(math.ceil(processors / _BUSIEST), math.ceil(busy / workers / _FULLEST), 1)


def _on_processor(task: TaskSize, cpu_share: float) -> float:
    """Return how much of a task's processors one busy worker keeps busy, as a share of the task."""
    vcpu = task.cpu / _UNIT
    if vcpu >= 1:
        return cpu_share / vcpu
    on = cpu_share / vcpu
    return on / (1 - cpu_share + on) if on else 0.0


def _try(work: Work, task: TaskSize, workers: int, tasks: int, traffic: int, wanted: Wanted, tried: list[int]) -> Fit:
    tried[0] += 1
    expected = whatif.expect(work, Fleet(tasks, workers, "least outstanding"), 1, wanted.objective_ms, 1)
    return Fit(tasks, task.cpu, task.memory_mb, workers, _at(expected, traffic))


def _at(expected: Expected, traffic: int) -> Expected:
    return replace(expected, traffic=float(traffic))


def _held_up(trace: Trace, trial: Trial) -> tuple[str, ...]:
    """Routes whose own service is above the objective, while they are more than what the p99 may leave out."""
    slow = trial.work.service_us > trial.objective_ms * 1000
    if not slow.any():
        return ()
    counts = np.bincount(trial.work.route[slow], minlength=len(trace.routes))
    order = np.argsort(-counts, kind="stable")
    return tuple(trace.routes[number] for number in order[:3] if counts[number] > 0.001 * len(trial.work))


def _near(wanted: Wanted, sizes: Sequence[TaskSize]) -> Wanted:
    """Within a tenth of what endless workers on whole vCPUs would give."""
    largest = max(sizes, key=lambda task: task.cpu, default=None)
    work = _on(wanted.work, largest, wanted.cpu_share) if largest else wanted.work
    return replace(wanted, target_ms=_NEAR * float(np.quantile(work.service_us, 0.99)) / 1000)


def _numbers(trace: Trace, routes: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(trace.routes.index(route) for route in routes)


def _mended(wanted: Wanted, routes: tuple[int, ...]) -> Wanted:
    return replace(wanted, work=whatif.mended(wanted.work, routes), thick=whatif.mended(wanted.thick, routes))
