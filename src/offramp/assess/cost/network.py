"""What do the network and every byte cost: NAT, load balancer, addresses, endpoints, zones, and the way out?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from .model import HOURS, Design, Usage
from .ranges import Range, exactly
from .wants import Want

CONNECTIONS_PER_LCU = 25
"""New connections a second; and one GB an hour. An LCU-hour is the larger of the two (AWS's load balancer prices)."""
ACTIVE_PER_LCU = 3000
"""Connections open in a minute; ours stay open for up to ``IDLE_SECONDS``."""
IDLE_SECONDS = 60


def standing(design: Design, *, staging: bool) -> Iterator[Want]:
    """Yield what is billed by the hour, for production or for a staging that stands apart with one NAT gateway."""
    nats, zones = (1, 2) if staging else (design.nats, design.zones)
    of = " of staging" if staging else ""
    yield _hourly(f"NAT {_plural(nats, 'gateway')}{of}", "VPC", "NAT-hour", nats, staging)
    yield _hourly(f"Load balancer{of}", "ELB", "ALB-hour", 1, staging)
    addresses = zones + nats
    yield _hourly(
        f"Public IPv4 addresses{of}: {zones} of the load balancer, {nats} of NAT",
        "VPC",
        "public IPv4-hour",
        addresses,
        staging,
    )
    if design.interface_endpoints and not staging:
        stand = design.interface_endpoints * zones
        yield _hourly(
            f"Interface endpoints, {design.interface_endpoints} in {zones} zones",
            "VPC",
            "endpoint-hour",
            stand,
            staging,
        )


def _hourly(what: str, service: str, item: str, count: int, staging: bool) -> Want:
    return Want(
        "network", what, service, item, exactly(count * HOURS), f"{count} × {HOURS} h", idle=True, staging=staging
    )


def moving(usage: Usage, design: Design, traffic: Decimal) -> Iterator[Want]:
    """Yield what is billed by the byte and by the request."""
    logs = usage.log_gb.amount.times(traffic)
    fetched = usage.fetched_gb.amount.times(traffic)
    through_nat = fetched if design.interface_endpoints else fetched + logs
    said = "calls to others and image pulls" + ("" if design.interface_endpoints else ", and the logs on their way")
    yield Want("network", "NAT, bytes", "VPC", "NAT GB", through_nat, f"{_gb(through_nat)} ({said})")
    if design.interface_endpoints:
        yield Want("network", "Interface endpoints, bytes", "VPC", "endpoint GB", logs, f"{_gb(logs)} of logs")
    yield Want("network", "Load balancer, capacity units", "ELB", "LCU-hour", *capacity(usage, traffic))
    out = usage.bytes_out_gb.amount.times(traffic)
    yield Want("transfer", "Data out to the internet", "Transfer", "out GB", out, _gb(out))
    across = usage.cross_zone_gb.amount.times(traffic)
    yield Want(
        "transfer",
        "Between zones, both directions",
        "Transfer",
        "cross-zone GB",
        across.times(2),
        f"2 directions × {_gb(across)}",
    )
    if design.nats < design.zones:
        away = 1 - Decimal(design.nats) / design.zones
        crossing = through_nat.times(away)
        yield Want(
            "transfer",
            "Between zones, on the way to the only NAT gateway"
            if design.nats == 1
            else "Between zones, on the way to NAT",
            "Transfer",
            "cross-zone GB",
            crossing.times(2),
            f"2 directions × {_gb(crossing)} from zones without NAT",
        )


def capacity(usage: Usage, traffic: Decimal) -> tuple[Range, str]:
    """Return LCU-hours and how they come about.

    AWS bills the largest dimension of every hour. From monthly figures the largest of the averages is the least it can be, and the
    sum of the dimensions the most.
    """
    new = usage.connections_per_second.amount.times(traffic * HOURS / CONNECTIONS_PER_LCU)
    active = usage.connections_per_second.amount.times(traffic * HOURS * IDLE_SECONDS / ACTIVE_PER_LCU)
    through = usage.bytes_out_gb.amount.times(traffic)
    quantity = Range(
        max(new.low, active.low, through.low),
        max(new.likely, active.likely, through.likely),
        new.high + active.high + through.high,
    )
    rate = usage.connections_per_second.amount.likely * traffic
    return quantity, f"{quantity.likely:.0f} LCU-hours from {rate:.2f} connections/s and {through.likely:.0f} GB"


def _gb(amount: Range) -> str:
    return f"{amount.likely:,.1f} GB" if amount.likely < 100 else f"{amount.likely:,.0f} GB"


def _plural(count: int, word: str) -> str:
    return f"{word}" if count == 1 else f"{word}s, {count}"
