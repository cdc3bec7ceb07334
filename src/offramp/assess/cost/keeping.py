"""What do watching, images, secrets and names cost? Small lines one by one; together they surprise people."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from .load import tasks
from .model import HOURS, Design, Flags, Sizes, Usage
from .ranges import Range, between, exactly
from .wants import Want

CLUSTER_METRICS, SERVICE_METRICS = 11, 21
"""Container Insights: 8 metrics and 3 counts a cluster; 8 and 5 a service, and 8 more for its task family.

From AWS's list of Container Insights metrics for Amazon ECS.
"""
ARCHIVED = (Decimal("0.15"), Decimal("0.15"), Decimal(1))
"""CloudWatch bills stored logs compressed; 0.15 of the ingested size is what AWS's examples use, 1 the worst case."""
POOLER_READS_SECONDS = 5
"""The pooler looks at its secret this often, so that a switch and a rotated credential reach it."""
OTHER_SECRETS = 2
"""The pooler's configuration, and the Heroku token while both sides run."""


def watching(sizes: Sizes, design: Design, flags: Flags, usage: Usage, traffic: Decimal) -> Iterator[Want]:
    """Yield logs, metrics, alarms and dashboards."""
    said = "application and access lines"
    logs = usage.log_gb.amount.times(traffic)
    # Rejected packets of the whole network; scanners knock at every public address.
    flow = between("0.05", "0.3", 2)
    written = logs + flow
    if design.container_insights:
        running = sum((tasks(one, design, traffic).high for one in sizes.processes), Decimal(0))
        written += between("0.05", "0.1", "0.2").times(running)
        said += ", Container Insights' records"
    yield Want(
        "observability",
        "Logs written",
        "CloudWatch",
        "log GB",
        written,
        f"{written.likely:,.1f} GB ({said}, rejected packets)",
    )
    kept = Range(
        written.low * ARCHIVED[0] * flags.log_days / 30,
        written.likely * ARCHIVED[1] * flags.log_days / 30,
        written.high * ARCHIVED[2] * flags.log_days / 30,
    )
    yield Want(
        "observability",
        f"Logs kept {flags.log_days} days",
        "CloudWatch",
        "log GB-month",
        kept,
        f"{written.likely:,.1f} GB × {flags.log_days}/30 months × {ARCHIVED[1]} compressed",
    )
    searched = Range(Decimal(0), written.likely * 5, written.high * 20)
    yield Want(
        "observability",
        "Logs searched",
        "CloudWatch",
        "log query GB",
        searched,
        "5 searches of everything (none to 20)",
    )
    services = len(sizes.processes) + 2
    if design.container_insights:
        metrics = CLUSTER_METRICS + SERVICE_METRICS * services
        yield Want(
            "observability",
            "Container Insights, metrics",
            "CloudWatch",
            "custom metric-month",
            between(metrics * 3 // 4, metrics, metrics),
            f"{CLUSTER_METRICS} of the cluster + {services} services × {SERVICE_METRICS}",
            idle=True,
        )
    alarms = design.alarms_per_service * services
    yield Want(
        "observability",
        "Alarms",
        "CloudWatch",
        "alarm-month",
        exactly(alarms),
        f"{services} services × {design.alarms_per_service}",
        idle=True,
    )
    yield Want(
        "observability",
        "Dashboards",
        "CloudWatch",
        "dashboard-month",
        exactly(design.dashboards),
        f"{design.dashboards} boards",
        idle=True,
    )


def keeping(sizes: Sizes, design: Design, usage: Usage, traffic: Decimal) -> Iterator[Want]:
    """Yield images, access logs, secrets and DNS."""
    apps = len({process.app for process in sizes.processes if not process.staging})
    images = between("0.5", "1.5", 5).times(apps)
    yield Want(
        "storage",
        "Images",
        "ECR",
        "GB-month",
        images,
        f"{apps} apps × 1.5 GB of layers (0.5 to 5, assumed)",
        idle=True,
    )
    requests = usage.requests.amount.times(traffic)
    lines = Range(requests.low * 3 / 10**7, requests.likely * 3 / 10**7, requests.high * 15 / 10**7)
    yield Want(
        "storage",
        "Load balancer's access logs of 90 days",
        "S3",
        "GB-month",
        lines,
        f"{requests.likely:,.0f} requests × 0.1 kB compressed × 3 months",
    )
    stages = 2 if any(process.staging for process in sizes.processes) else 1
    secrets = len(sizes.databases) + len(sizes.caches) + (apps + OTHER_SECRETS) * stages
    yield Want(
        "names and secrets",
        "Secrets",
        "SecretsManager",
        "secret-month",
        exactly(secrets),
        f"{len(sizes.databases)} databases + {len(sizes.caches)} caches + {stages} × ({apps} apps + {OTHER_SECRETS})",
        idle=True,
    )
    poolers = design.pooler_tasks + stages - 1
    reads = Decimal(poolers * HOURS * 3600) / POOLER_READS_SECONDS / 10_000
    yield Want(
        "names and secrets",
        "Secrets, read by the pooler",
        "SecretsManager",
        "10,000 calls",
        exactly(reads),
        f"{poolers} × {HOURS} h × 3600 s / {POOLER_READS_SECONDS} s / 10,000",
        idle=True,
    )
    zones = 1 + stages
    yield Want(
        "names and secrets",
        "DNS zones, public and private",
        "Route 53",
        "zone-month",
        exactly(zones),
        f"1 public + {stages} private",
        idle=True,
    )
    yield Want(
        "names and secrets",
        "DNS queries",
        "Route 53",
        "million queries",
        _queries(sizes, requests),
        "a question for every 20 requests (none to every second one)",
    )


def _queries(sizes: Sizes, requests: Range) -> Range:
    """Questions for our names. Those that the gateway asks for tasks every second are billed or not: AWS's page leaves it open."""
    webs = sum(1 for process in sizes.processes if process.web)
    inside = Decimal(webs * 2 * HOURS * 3600) / 10**6
    return Range(Decimal(0), requests.likely / 20 / 10**6, requests.high / 2 / 10**6 + inside)
