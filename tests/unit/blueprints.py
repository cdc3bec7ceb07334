"""A small blueprint for tests of pure code."""

from __future__ import annotations

from offramp.design.model import (
    Blueprint,
    CachePlan,
    CutoverPlan,
    DatabasePlan,
    DomainPlan,
    Gateway,
    Pooler,
    Service,
    ShiftPlan,
    Wave,
)


def database(name: str) -> DatabasePlan:
    return DatabasePlan(
        name=name,
        app=name,
        config_var="DATABASE_URL",
        addon=f"postgresql-{name}",
        instance_class="db.t4g.small",
        storage_gb=64,
        engine_version="18",
        attached_to=(f"{name}:DATABASE_URL",),
    )


def blueprint() -> Blueprint:
    """Two databases that switch together, one cache."""
    return Blueprint(
        name="shop",
        region="us-east-1",
        cidr="10.80.0.0/16",
        namespace="shop.internal",
        zone="shop.example",
        services=(
            Service("orders", "web", "registry.example/orders:v1", "gunicorn shop", 512, 1024, 1, 8000, "/healthz"),
        ),
        releases=(),
        jobs=(),
        databases=(database("orders"), database("stock")),
        caches=(CachePlan("orders", "orders", "REDIS_URL", "redis-orders", "cache.t4g.micro", ("orders:REDIS_URL",)),),
        domains=(DomainPlan("orders.shop.example", "orders", "orders.herokudns.com"),),
        origins=(),
        gateway=Gateway("registry.example/nginx:1", 1, 8080),
        pooler=Pooler("registry.example/pooler:1", 6432, 6433, 20),
        waves=(Wave("main", ("orders",), ("orders", "stock"), ("orders",)),),
        shift=ShiftPlan((10, 100), 60, 0.01),
        cutover=CutoverPlan(10, 2),
        offramp_image="registry.example/offramp:1",
    )
