"""What would it cost: today's estate, measured sizes and usage where there are any, the price book of the region?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from ...discover.model import Estate
from ...telemetry.model import AppCoverage
from ..cost import sizing, usage
from ..cost.comparing import compare
from ..cost.model import Comparison, Flags, ProcessSize, Sizes, Usage
from ..latency.model import Latency
from ..prices import book

DAY_US = 86_400_000_000
LEAST_DAYS = 0.04
"""An hour: what is less than that says nothing of a month."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the kept lines say of a month: requests and bytes of answers that were counted in ``days``, and bytes of all lines."""

    days: float
    requests: int
    bytes_out: int
    log_bytes: int

    def and_(self, other: Traffic) -> Traffic:
        """Return both together; the days are those of the longer one."""
        return Traffic(
            max(self.days, other.days),
            self.requests + other.requests,
            self.bytes_out + other.bytes_out,
            self.log_bytes + other.log_bytes,
        )


NO_TRAFFIC = Traffic(0.0, 0, 0, 0)


def traffic(found: AppCoverage, requests: int, bytes_out: int) -> Traffic:
    """Return one app's traffic; ``wire_bytes`` is 0 for lines that were imported from a form without them."""
    return Traffic((found.last_us - found.first_us) / DAY_US, requests, bytes_out, found.wire_bytes)


@dataclass(frozen=True, slots=True)
class Mark:
    """The most memory that one dyno of a process type was measured to use, in MiB."""

    app: str
    process: str
    mib: float


def reckon(
    estate: Estate,
    seen: Traffic,
    marks: tuple[Mark, ...],
    latencies: tuple[Latency, ...],
    flags: Flags,
    directory: Path,
    now: float,
) -> Comparison:
    """Compare Heroku with AWS. Raises UsageError where there is no price book for the region."""
    books = {flags.region: book.load(flags.region, directory)}
    sizes = sizing.from_estate(estate, marks=[(one.app, one.process, Decimal(one.mib) / 1024) for one in marks])
    today = datetime.fromtimestamp(now, UTC).date()
    return compare(estate, _usage(estate, seen), _as_measured(sizes, latencies), books, flags, today)


def _usage(estate: Estate, seen: Traffic) -> Usage:
    if seen.days < LEAST_DAYS or not seen.requests:
        return usage.assumed(estate)
    return usage.from_logs(
        seen.days, seen.requests, seen.bytes_out, seen.log_bytes, estate, log_bytes_measured=bool(seen.log_bytes)
    )


def _as_measured(sizes: Sizes, latencies: tuple[Latency, ...]) -> Sizes:
    """Put what the what-if found to be enough in the place of what Heroku runs today."""
    return replace(sizes, processes=tuple(_measured(one, latencies) for one in sizes.processes))


def _measured(size: ProcessSize, latencies: tuple[Latency, ...]) -> ProcessSize:
    found = next((one.sizing for one in latencies if (one.app, one.process) == (size.app, size.process)), None)
    if found is None or size.staging:
        return size
    memory = Decimal(found.now.memory_mb) / 1024
    return replace(
        size,
        tasks=found.now.tasks,
        vcpu=Decimal(found.now.cpu) / 1024,
        # Where nobody measured the memory, a task gets no less than the dyno had.
        memory_gb=memory if found.memory_floor_mb else max(memory, size.memory_gb),
        tasks_at_3x=found.at_3x.tasks,
    )
