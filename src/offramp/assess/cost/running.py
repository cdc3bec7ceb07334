"""What do tasks cost: applications, jobs, gateway and pooler, on x86 or ARM, with workers on Spot if wanted?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from .load import tasks
from .model import HOURS, Design, Flags, JobSize, ProcessSize, Sizes
from .ranges import Range, exactly
from .wants import Want

FARGATE = "Fargate"


def wants(sizes: Sizes, design: Design, flags: Flags, traffic: Decimal) -> Iterator[Want]:
    """Yield two wants (vCPU and memory) for each service and job, production and staging."""
    for process in sizes.processes:
        # Staging tests the code, not the crowd: it does not grow with the traffic.
        count = tasks(process, design, traffic) if not process.staging else exactly(process.tasks)
        yield from _service(process, count, design, flags)
    yield from _service(sizes.gateway, _grown(design.gateway_tasks, traffic), design, flags)
    yield from _service(sizes.pooler, exactly(design.pooler_tasks), design, flags)
    for job in sizes.jobs:
        yield from _job(job, design)


def _grown(count: int, traffic: Decimal) -> Range:
    """A gateway worker passes thousands of requests a second, so more are a matter of caution only."""
    return Range(Decimal(count), Decimal(count), max(Decimal(count), count * traffic))


def _service(process: ProcessSize, count: Range, design: Design, flags: Flags) -> Iterator[Want]:
    spot = flags.spot_share if not process.web and not process.process.endswith(("gateway", "pooler")) else Decimal(0)
    if spot < 1:
        yield from _pair(process, count.times(1 - spot), design, "")
    if spot > 0:
        yield from _pair(process, count.times(spot), design, "spot ")


def _pair(process: ProcessSize, count: Range, design: Design, spot: str) -> Iterator[Want]:
    where = f"{spot}{'arm' if design.arm else 'x86'}"
    hours = count.times(HOURS)
    said = f"{_many(count)} × {HOURS} h"
    for size, unit in ((process.vcpu, "vCPU"), (process.memory_gb, "GB")):
        yield Want(
            group="compute",
            what=f"Tasks of {process.name}, {unit}{' (Spot)' if spot else ''}",
            service=FARGATE,
            item=f"{where} {unit}-hour",
            quantity=hours.times(size),
            formula=f"{said} × {_plain(size)} {unit}",
            app=process.app,
            idle=True,
            staging=process.staging,
        )


def _job(job: JobSize, design: Design) -> Iterator[Want]:
    hours = job.minutes.amount.times(Decimal(job.runs) / 60)
    for size, unit in ((job.vcpu, "vCPU"), (job.memory_gb, "GB")):
        yield Want(
            group="compute",
            what=f"Scheduled job `{job.command}`, {unit}",
            service=FARGATE,
            item=f"{'arm' if design.arm else 'x86'} {unit}-hour",
            quantity=hours.times(size),
            formula=f"{job.runs} runs × {_plain(job.minutes.amount.likely)} min × {_plain(size)} {unit}",
            app=job.app,
            idle=True,
        )


def staging_copy(sizes: Sizes) -> Sizes:
    """Return production with a small copy of itself as staging; unchanged when the sizes have a staging of their own.

    One task per process that runs, the smallest burstable database and cache, a gateway and a pooler.
    """
    if any(process.staging for process in sizes.processes):
        return sizes
    copies = tuple(replace(process, tasks=1, staging=True) for process in sizes.processes if process.tasks)
    own = tuple(
        replace(one, tasks=1, staging=True, process=f"staging-{one.process}") for one in (sizes.gateway, sizes.pooler)
    )
    return replace(
        sizes,
        processes=(*sizes.processes, *copies, *own),
        databases=(
            *sizes.databases,
            *(
                replace(
                    one,
                    staging=True,
                    instance_class="db.t4g.small",
                    memory_gb=Decimal(2),
                    storage_gb=20,
                    high_water_gb=None,
                    iops=3000,
                )
                for one in sizes.databases
            ),
        ),
        caches=(
            *sizes.caches,
            *(
                replace(one, staging=True, node_type="cache.t4g.micro", memory_gb=Decimal("0.375"), high_water_gb=None)
                for one in sizes.caches
            ),
        ),
    )


def production(sizes: Sizes) -> Sizes:
    """Return the sizes without staging."""
    return replace(
        sizes,
        processes=tuple(one for one in sizes.processes if not one.staging),
        databases=tuple(one for one in sizes.databases if not one.staging),
        caches=tuple(one for one in sizes.caches if not one.staging),
    )


def _many(count: Range) -> str:
    number = _plain(count.likely) if count.known else f"{_plain(count.low)} to {_plain(count.high)}"
    return f"{number} {'task' if number == '1' else 'tasks'}"


def _plain(number: Decimal) -> str:
    """
    >>> _plain(Decimal("2.50")), _plain(Decimal("100"))
    ('2.5', '100')
    """
    return f"{number.normalize():f}"
