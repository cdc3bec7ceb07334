"""Which three ways of building it stand side by side? One table; ``standard`` is what the templates of this version build."""

from __future__ import annotations

from dataclasses import replace

from .model import Design, Flags

# fmt: off
LEAN = Design(
    name="lean",             zones=2, nats=1, gateway_tasks=1, pooler_tasks=1, web_tasks_at_least=1, worker_tasks_at_least=1,
    multi_az=False, cache_nodes=1, arm=True,  interface_endpoints=0, container_insights=False, alarms_per_service=1, dashboards=0,
    backup_days=7,  built=False, staging_apart=False,
    differs="Set MultiAZ and the cache's replicas off in the data template, build the images for ARM64, switch Container Insights off. "
    "When a zone fails, the database is restored by hand.",
)
STANDARD = Design(
    name="standard",         zones=2, nats=1, gateway_tasks=2, pooler_tasks=1, web_tasks_at_least=1, worker_tasks_at_least=1,
    multi_az=True,  cache_nodes=2, arm=False, interface_endpoints=0, container_insights=True,  alarms_per_service=2, dashboards=1,
    backup_days=14, built=True,
    differs="Alarms and a dashboard are counted, though no template makes them yet.",
)
AVAILABLE = Design(
    name="highly available", zones=3, nats=3, gateway_tasks=3, pooler_tasks=2, web_tasks_at_least=3, worker_tasks_at_least=2,
    multi_az=True,  cache_nodes=3, arm=False, interface_endpoints=4, container_insights=True,  alarms_per_service=4, dashboards=2,
    backup_days=35, built=False,
    differs="Add a third zone with its subnets and a NAT gateway in each, interface endpoints (ecr.api, ecr.dkr, logs, secretsmanager), "
    "a second pooler and a second replica of each cache.",
)
# fmt: on
DESIGNS = (LEAN, STANDARD, AVAILABLE)


def with_flags(design: Design, flags: Flags) -> Design:
    """Return the design with what the flags say instead; it is no longer what the templates build when they change it."""
    changed = replace(
        design,
        arm=design.arm if flags.arm is None else flags.arm,
        multi_az=design.multi_az if flags.multi_az is None else flags.multi_az,
    )
    return changed if changed == design else replace(changed, built=False)
