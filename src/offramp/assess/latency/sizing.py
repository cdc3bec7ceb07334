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
from .model import Fit, Sizing
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
_PER_VCPU = 2.0
"""Workers that would all need the processor at once, per vCPU, that a size may have: what gunicorn's 2 n + 1 comes down to."""
_THIRD, _ENOUGH = 3, 2_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for: the p99 to meet, and what a task must have. ``works`` are for the traffic of today and three times that.

    ``memory_mb`` is the measured high-water mark of a dyno with ``workers`` workers; 0 where unknown.
    """

    works: tuple[Work, Work]
    target_ms: float
    objective_ms: float
    cpu_share: float
    memory_mb: float
    workers: int
    least_tasks: int


@dataclass(frozen=True, slots=True)
class Option:
    """One task size with a number of workers in it."""

    task: TaskSize
    workers: int


@dataclass(slots=True)
class _Count:
    replays: int = 0


def size(
    trace: Trace,
    trial: Trial,
    spent: Spent,
    facts: Facts,
    sizes: Sequence[TaskSize],
    names: tuple[str, str],
    least_tasks: int = 1,
) -> Sizing | None:
    """Return the cheapest configuration; None when there are no sizes, or none has the memory. ``names`` are the app's and the process'.

    Searched on the busiest third of the stretch, then raised until the whole stretch agrees.
    """
    high_water = max((one.total_mb for one in facts.memory), default=0.0)
    whole = Wanted(
        (trial.work, replay.thicker(trial.work, 3)),
        trial.objective_ms,
        trial.objective_ms,
        cpu_share(spent, facts),
        high_water,
        trial.workers,
        least_tasks,
    )
    count, names_floor = _Count(), (*names, math.ceil(high_water * MARGIN))
    if found := _cheapest(whole, sizes, count):
        return _sizing(names_floor, True, _because(whole, found[1]), found, (), None, count)
    near = _near(whole, sizes) if sizes else whole
    found = _cheapest(near, sizes, count) if sizes else None
    if found is None:
        return None
    held_up = _held_up(trace, trial)
    once = _cheapest(_mended(whole, _numbers(trace, held_up)), sizes, count) if held_up else None
    because = (
        f"no size meets {trial.objective_ms:.0f} ms: with endless workers the p99 is still {near.target_ms / _NEAR:.0f} ms; "
        "this is the smallest within a tenth of that"
    )
    return _sizing(names_floor, False, because, found, held_up, once[1] if once else None, count)


def _sizing(
    names: tuple[str, str, int],
    meets: bool,
    because: str,
    found: tuple[Fit, Fit],
    held_up: tuple[str, ...],
    once: Fit | None,
    count: _Count,
) -> Sizing:
    app, process, floor = names
    return Sizing(app, process, meets, because, floor, found[0], found[1], held_up, once, count.replays)


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


def _cheapest(wanted: Wanted, sizes: Sequence[TaskSize], count: _Count) -> tuple[Fit, Fit] | None:
    """Return the fewest tasks for today and for three times the traffic, of the option that is cheapest at three times."""
    small = _smaller(wanted)
    best: tuple[float, Option, int] | None = None
    for option in _options(wanted, sizes):
        most = _MOST_TASKS if best is None else min(_MOST_TASKS, math.ceil(best[0] / max(option.task.price, 1e-9)) - 1)
        tasks = _fewest(small, option, 1, most, count)
        if tasks is not None:
            best = (tasks * option.task.price, option, tasks)
    if best is None:
        return None
    at_3x = _confirmed(wanted, best[1], 1, best[2], count)
    today = _fewest(small, best[1], 0, at_3x.tasks, count) or at_3x.tasks
    return _confirmed(wanted, best[1], 0, today, count), at_3x


def _smaller(wanted: Wanted) -> Wanted:
    """The busiest third in a row, for the search."""
    work = wanted.works[0]
    many = len(work) // _THIRD
    if many < _ENOUGH:
        return wanted
    done = np.concatenate([[0], np.cumsum(work.service_us)])
    first = int(np.argmax(done[many:] - done[:-many]))
    part = work.only(slice(first, first + many))
    return replace(wanted, works=(part, replay.thicker(part, 3)))


def _confirmed(wanted: Wanted, option: Option, at: int, tasks: int, count: _Count) -> Fit:
    fit = _try(wanted, option, at, tasks, count)
    while fit.expected.p99_ms > wanted.target_ms and fit.tasks < _MOST_TASKS:
        fit = _try(wanted, option, at, math.ceil(fit.tasks * 1.1), count)
    return fit


def _options(wanted: Wanted, sizes: Sequence[TaskSize]) -> list[Option]:
    """Return, cheapest size first, each size with the two largest numbers of workers that its memory and processors allow."""
    options = []
    for cpu in sorted({task.cpu for task in sizes}):
        counts = [
            n
            for n in _worker_counts(wanted.workers)
            if n <= max(1.0, _PER_VCPU * cpu / _UNIT / max(wanted.cpu_share, 0.01))
        ]
        for workers in counts[-2:]:
            fitting = [task for task in sizes if task.cpu == cpu and task.memory_mb >= _memory(wanted, workers)]
            if fitting:
                options.append(Option(min(fitting, key=lambda task: (task.price, task.memory_mb)), workers))
    return sorted(options, key=lambda option: (option.task.price, option.task.cpu, -option.workers))


def _worker_counts(workers: int) -> list[int]:
    return sorted({1, max(workers // 2, 1), workers, 2 * workers, 4 * workers})


def _memory(wanted: Wanted, workers: int) -> float:
    """Return MB for so many workers: each as much as now, never less than now in all. Unmeasured, a dyno's 512 MB."""
    known = wanted.memory_mb * MARGIN or _SAFE_MB
    return known * max(workers / wanted.workers, 1.0)


def _fewest(wanted: Wanted, option: Option, at: int, most: int, count: _Count) -> int | None:
    """Return the fewest tasks that meet the target, from what the load needs up to ``most``; None where there is no such number."""
    work = _on(wanted.works[at], option.task, wanted.cpu_share)
    low = max(_least(work, option, wanted.cpu_share), wanted.least_tasks)
    if low > most or float(np.quantile(work.service_us, 0.99)) / 1000 > wanted.target_ms:
        return None
    missed, tasks, step = low - 1, low, 1
    while not _meets(wanted, option, at, tasks, count):
        if tasks >= most:
            return None
        missed, tasks, step = tasks, min(tasks + step, most), step * 2
    while tasks - missed > 1:
        middle = (missed + tasks) // 2
        if _meets(wanted, option, at, middle, count):
            tasks = middle
        else:
            missed = middle
    return tasks


def _meets(wanted: Wanted, option: Option, at: int, tasks: int, count: _Count) -> bool:
    return _try(wanted, option, at, tasks, count).expected.p99_ms <= wanted.target_ms


def _on(work: Work, task: TaskSize, cpu_share: float) -> Work:
    """Return the work on a task with less than a whole vCPU: what needs the processor takes longer there."""
    vcpu = task.cpu / _UNIT
    if vcpu >= 1:
        return work
    return work.served((work.service_us * (1 - cpu_share + cpu_share / vcpu)).astype(np.int64))


def _least(work: Work, option: Option, cpu_share: float) -> int:
    busy = float(work.service_us.sum()) / work.span_us
    processors = busy * _on_processor(option.task, cpu_share)
    return max(math.ceil(processors / _BUSIEST), math.ceil(busy / option.workers / _FULLEST), 1)


def _on_processor(task: TaskSize, cpu_share: float) -> float:
    """Return how much of a task's processors one busy worker keeps busy, as a share of the task."""
    vcpu = task.cpu / _UNIT
    if vcpu >= 1:
        return cpu_share / vcpu
    on = cpu_share / vcpu
    return on / (1 - cpu_share + on) if on else 0.0


def _try(wanted: Wanted, option: Option, at: int, tasks: int, count: _Count) -> Fit:
    count.replays += 1
    work = _on(wanted.works[at], option.task, wanted.cpu_share)
    expected = whatif.expect(work, Fleet(tasks, option.workers, "least outstanding"), 1, wanted.objective_ms, 1)
    expected = replace(expected, traffic=float(whatif.TRAFFICS[at]))
    return Fit(tasks, option.task.cpu, option.task.memory_mb, option.workers, expected)


def _held_up(trace: Trace, trial: Trial) -> tuple[str, ...]:
    """Routes whose own service is above the objective, while they are more than what the p99 may leave out."""
    slow = trial.work.service_us > trial.objective_ms * 1000
    if not slow.any():
        return ()
    counts = np.bincount(trial.work.route[slow], minlength=len(trace.routes))
    order = np.argsort(-counts, kind="stable")
    return tuple(trace.routes[number] for number in order[:3] if counts[number] > 0.001 * len(trial.work))


def _near(wanted: Wanted, sizes: Sequence[TaskSize]) -> Wanted:
    """Within a tenth of what endless workers would give on the largest size, on the whole stretch and on its busiest third."""
    largest = max(sizes, key=lambda task: task.cpu)
    works = (_on(one.works[0], largest, wanted.cpu_share) for one in (wanted, _smaller(wanted)))
    return replace(wanted, target_ms=_NEAR * max(float(np.quantile(work.service_us, 0.99)) / 1000 for work in works))


def _numbers(trace: Trace, routes: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(trace.routes.index(route) for route in routes)


def _mended(wanted: Wanted, routes: tuple[int, ...]) -> Wanted:
    first, second = (whatif.mended(work, routes) for work in wanted.works)
    return replace(wanted, works=(first, second))
