"""How much does a month use? From counted log lines where there are some, from named assumptions where there are none."""

from __future__ import annotations

from decimal import Decimal

from ...discover.model import Database, Estate
from .heroku import in_staging
from .model import Estimate, Growth, Usage
from .ranges import Range, between, exactly

DAYS = Decimal("30.42")
"""Days in a month of 730 hours."""
MONTH_SECONDS = 730 * 3600
_GB = Decimal(10**9)

REQUESTS_PER_DYNO = between(300_000, 2_000_000, 10_000_000)
KB_PER_REQUEST = between(3, 15, 80)
LOG_KB_PER_REQUEST = between("0.3", "1", 3)
CROSS_ZONE = between("0.25", 1, 3)
"""Between tasks, databases and caches in different zones, as a multiple of the bytes that go out to the internet."""
FETCHED = between("0.05", "0.3", 1)
"""Calls to others through NAT, likewise, above ``FETCHED_BASE`` for deploys."""
FETCHED_BASE = between(1, 5, 20)
CONNECTIONS_PER_REQUEST = between("0.1", "0.3", 1)
MONTHLY_GROWTH = between(0, "0.02", "0.08")


def from_logs(
    days: float, requests: int, bytes_out: int, log_bytes: int, estate: Estate, *, log_bytes_measured: bool = True
) -> Usage:
    """Return a month's usage from what was counted in ``days`` of logs: router lines, their bytes, and bytes of all lines.

    The fewer the days, the wider the range: 50 % below a week, 20 % below four weeks, 10 % above. Raises ValueError when ``days`` is not
    positive or a count is negative.
    """
    if days <= 0 or min(requests, bytes_out, log_bytes) < 0:
        raise ValueError("days are positive and counts are not negative")
    spread = Decimal("0.5") if days < 7 else Decimal("0.2") if days < 28 else Decimal("0.1")
    factor = DAYS / Decimal(str(days))
    span = f"{days:g} days of logs"
    out = _around(Decimal(bytes_out) / _GB * factor, spread)
    asked = _around(Decimal(requests) * factor, spread)
    written = _around(Decimal(log_bytes) / _GB * factor, spread)
    logged = (
        Estimate(written, "measured", f"{log_bytes:,} bytes of lines in {span}")
        if log_bytes_measured
        else Estimate(_product(asked, LOG_KB_PER_REQUEST, 10**6), "assumed", "0.3 to 3 kB of log for each request")
    )
    return _usage(
        Estimate(asked, "measured", f"{requests:,} router lines in {span}"),
        Estimate(out, "measured", f"{bytes_out:,} bytes of answers in {span}"),
        logged,
        estate,
    )


def assumed(estate: Estate) -> Usage:
    """Return a month's usage where there are no logs: by the number of web dynos that run in production."""
    dynos = sum(
        process.quantity
        for app in estate.apps
        for process in app.processes
        if process.type == "web" and not in_staging(app)
    )
    asked = REQUESTS_PER_DYNO.times(dynos)
    return _usage(
        Estimate(asked, "assumed", f"no logs: 0.3 to 10 million requests for each web dyno ({dynos} in production)"),
        Estimate(_product(asked, KB_PER_REQUEST, 10**6), "assumed", "3 to 80 kB for each request"),
        Estimate(_product(asked, LOG_KB_PER_REQUEST, 10**6), "assumed", "0.3 to 3 kB of log for each request"),
        estate,
    )


def _usage(requests: Estimate, out: Estimate, logged: Estimate, estate: Estate) -> Usage:
    rate = requests.amount.times(Decimal(1) / MONTH_SECONDS)
    return Usage(
        requests=requests,
        bytes_out_gb=out,
        fetched_gb=Estimate(
            _product(out.amount, FETCHED) + FETCHED_BASE,
            "assumed",
            "calls to others: 5 to 100 % of what goes out, and 1 to 20 GB for deploys",
        ),
        cross_zone_gb=Estimate(
            _product(out.amount, CROSS_ZONE),
            "assumed",
            "a quarter to three times of what goes out",
        ),
        log_gb=logged,
        connections_per_second=Estimate(
            _product(rate, CONNECTIONS_PER_REQUEST), "assumed", "a new connection for every 1 to 10 requests"
        ),
        databases=tuple(_growth(one) for one in estate.databases),
    )


def _growth(one: Database) -> Growth:
    gb = Decimal(one.bytes) / _GB
    size = Estimate(exactly(gb), "measured", f"{one.bytes:,} bytes by pg_database_size")
    seen = one.readings.growth if one.readings else None
    if seen is None:
        return Growth(one.addon, size, Estimate(MONTHLY_GROWTH.times(gb), "assumed", "grows by 0 to 8 % a month"))
    # A shrinking database keeps its storage: RDS never gives any back.
    monthly = max(Decimal(0), Decimal(str(seen.bytes_per_day)) * DAYS / _GB)
    spread = Decimal("0.5") if seen.days < 7 else Decimal("0.2")
    because = f"{seen.bytes_per_day:,.0f} bytes a day over {seen.days:.1f} days"
    return Growth(one.addon, size, Estimate(_around(monthly, spread), "measured", because))


def _around(middle: Decimal, spread: Decimal) -> Range:
    return Range(middle * (1 - spread), middle, middle * (1 + spread))


def _product(one: Range, other: Range, divisor: int = 1) -> Range:
    return Range(one.low * other.low / divisor, one.likely * other.likely / divisor, one.high * other.high / divisor)
