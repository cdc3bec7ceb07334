"""How does what runs grow with the traffic, and is everything as large as what was measured?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from .model import Design, ProcessSize, Sizes
from .ranges import Range

MARGIN = Decimal("1.25")
"""No task, database or cache is smaller than a quarter above the most it was measured to use."""


def tasks(process: ProcessSize, design: Design, traffic: Decimal) -> Range:
    """Return how many tasks run. A process that is switched off (0 tasks) stays off.

    With the what-if's answer for three times the traffic the number is known; without it, tasks grow at most in proportion.

    >>> from .designs import LEAN
    >>> tasks(ProcessSize("shop", "web", 2, Decimal(1), Decimal(2)), LEAN, Decimal(3)).high
    Decimal('6')
    """
    if not process.tasks:
        return Range(Decimal(0), Decimal(0), Decimal(0))
    least = design.web_tasks_at_least if process.web else design.worker_tasks_at_least
    now = Decimal(max(process.tasks, least))
    if process.tasks_at_3x is None:
        grown = max(now, _up(process.tasks * traffic))
        return Range(now, grown, grown)
    # With fewer at three times than today, today's are too many; nobody would take tasks away as traffic grows.
    thrice = max(process.tasks, process.tasks_at_3x)
    if traffic <= 3:
        grown = process.tasks + (thrice - process.tasks) * max(Decimal(0), traffic - 1) / 2
    else:
        grown = thrice * traffic / 3
    known = max(now, _up(grown))
    return Range(known, known, known)


def _up(number: Decimal) -> Decimal:
    return number.to_integral_value(ROUND_CEILING)


def too_small(sizes: Sizes) -> Iterator[str]:
    """Yield a sentence for everything whose memory is below the measured high-water mark with its margin."""
    for process in (*sizes.processes, sizes.gateway, sizes.pooler):
        yield from _short(f"A task of {process.name}", process.memory_gb, process.high_water_gb)
    for database in sizes.databases:
        yield from _short(
            f"The database {database.name} ({database.instance_class})", database.memory_gb, database.high_water_gb
        )
    for cache in sizes.caches:
        yield from _short(f"The cache {cache.name} ({cache.node_type})", cache.memory_gb, cache.high_water_gb)


def _short(title: str, memory: Decimal, mark: Decimal | None) -> Iterator[str]:
    if mark is not None and memory < mark * MARGIN:
        yield (
            f"{title} would have {memory:.2f} GB of memory, but {mark:.2f} GB were measured in use: "
            f"with a quarter of margin it needs {(mark * MARGIN).quantize(Decimal('0.01'), ROUND_CEILING)} GB. Take the next larger size."
        )
