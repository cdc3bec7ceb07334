"""An estate with one of each thing that costs money, and a small one for which Heroku is cheap."""

from __future__ import annotations

from decimal import Decimal

from offramp.assess.cost import sizing, usage
from offramp.assess.cost.model import Sizes, Usage
from offramp.discover.model import App, Cache, Database, Domain, Estate, OtherAddon, ProcessType, Schedule

GB = 10**9


def app(name: str, *processes: ProcessType, stage: str | None = "production", space: str | None = None) -> App:
    return App(
        name=name,
        id=name,
        stack="heroku-24",
        generation="cedar",
        region="us",
        maintenance=False,
        default_host=f"{name}.herokuapp.com",
        buildpacks=("heroku/python",),
        processes=processes,
        release_command=None,
        release_version=3,
        config=(),
        domains=(Domain(f"{name}.shop.example", None),),
        drains=(),
        pipeline="shop",
        pipeline_stage=stage,
        space=space,
    )


def database(plan: str, size: int, cents: int = 0, app: str = "api") -> Database:
    return Database(
        f"postgresql-{app}",
        app,
        "DATABASE_URL",
        plan,
        150018,
        size,
        500,
        (),
        (),
        (f"{app}:DATABASE_URL",),
        monthly_cents=cents,
    )


def cache(plan: str, memory_mb: int, cents: int = 0, app: str = "api") -> Cache:
    return Cache(f"redis-{app}", app, "REDIS_URL", plan, memory_mb, (f"{app}:REDIS_URL",), monthly_cents=cents)


def shop() -> Estate:
    """Two apps on dedicated dynos, a database, a large cache, an add-on that stays, an hourly job."""
    return Estate(
        apps=(
            app(
                "api",
                ProcessType("web", "gunicorn", 4, "Performance-M", 2560, 25_000),
                ProcessType("worker", "work", 2, "Standard-2X", 1024, 5000),
            ),
            app("site", ProcessType("web", "gunicorn", 2, "Standard-2X", 1024)),
        ),
        databases=(database("heroku-postgresql:premium-2", 40 * GB, 35_000),),
        caches=(cache("heroku-redis:premium-7", 7 * 1024, 75_000),),
        others=(OtherAddon("papertrail-api", "api", "papertrail", "papertrail:fixa", "keep", 6500),),
        schedules=(Schedule("api", "expire", "hour"),),
        monthly_cents=0,
    )


def hobby() -> Estate:
    """One Basic dyno with the smallest database: the case in which AWS's floor is above Heroku's bill."""
    return Estate(
        apps=(app("blog", ProcessType("web", "gunicorn", 1, "Basic", 512, 700), stage=None),),
        databases=(database("heroku-postgresql:essential-0", GB // 10, 500, "blog"),),
        caches=(),
        others=(),
        schedules=(),
        monthly_cents=1200,
    )


def week(estate: Estate) -> Usage:
    """Six million requests in seven days."""
    return usage.from_logs(7, 6_000_000, 90 * GB, 8 * GB, estate)


def sizes(estate: Estate) -> Sizes:
    return sizing.from_estate(estate)


ONE, THREE = Decimal(1), Decimal(3)
