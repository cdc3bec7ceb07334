"""What does Heroku sell, at which list price, and with which limits?

Sizes and prices are the public list of 2026 (Dev Center pages and the official CLI's ``ps:type`` table).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_DNS, UUID, uuid5

_SPACE = uuid5(NAMESPACE_DNS, "catalogue.rehearsal.invalid")


def stable_id(kind: str, name: str) -> UUID:
    """Return the id of something that is the same for every customer, such as a plan or a region."""
    return uuid5(_SPACE, f"{kind}/{name}")


@dataclass(frozen=True, slots=True)
class DynoSize:
    """``memory_gb`` and ``compute`` are what the API calls memory and compute; ``cents`` is the price for a month."""

    name: str
    memory_gb: float
    compute: int
    dedicated: bool
    cents: int
    units: float
    private: bool = False


SIZES = (
    DynoSize("Eco", 0.5, 1, False, 500, 1.0),
    DynoSize("Basic", 0.5, 1, False, 700, 0.28),
    DynoSize("Standard-1X", 0.5, 1, False, 2_500, 1.0),
    DynoSize("Standard-2X", 1.0, 2, False, 5_000, 2.0),
    DynoSize("Performance-M", 2.5, 12, True, 25_000, 10.0),
    DynoSize("Performance-L", 14.0, 46, True, 50_000, 20.0),
    DynoSize("Performance-L-RAM", 30.0, 24, True, 50_000, 20.0),
    DynoSize("Performance-XL", 62.0, 50, True, 75_000, 30.0),
    DynoSize("Performance-2XL", 126.0, 100, True, 150_000, 60.0),
    DynoSize("Private-S", 1.0, 12, True, 12_500, 5.0, private=True),
    DynoSize("Private-M", 2.5, 25, True, 25_000, 10.0, private=True),
    DynoSize("Private-L", 14.0, 46, True, 50_000, 20.0, private=True),
)


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    human_name: str
    default_attachment: str
    sharing: bool = True


SERVICES = (
    Service("heroku-postgresql", "Heroku Postgres", "DATABASE"),
    Service("heroku-redis", "Heroku Key-Value Store", "REDIS"),
    Service("scheduler", "Heroku Scheduler", "SCHEDULER", sharing=False),
    # Somebody else's add-on, as every real estate has one that a migration tool has never heard of.
    Service("adept-scale", "Adept Scale", "ADEPT_SCALE", sharing=False),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """``connections`` is the limit of the plan, ``gigabytes`` its disk (Postgres) and ``memory_mb`` its memory (Redis)."""

    service: str
    tier: str
    cents: int
    connections: int = 0
    gigabytes: int = 0
    memory_mb: int = 0

    @property
    def name(self) -> str:
        return f"{self.service}:{self.tier}"

    @property
    def human_name(self) -> str:
        return self.tier.replace("-", " ").title()


_POSTGRES = (
    ("essential-0", 500, 20, 1),
    ("essential-1", 900, 20, 10),
    ("essential-2", 2_000, 40, 32),
    ("standard-0", 5_000, 200, 64),
    ("standard-2", 20_000, 500, 256),
    ("standard-3", 40_000, 500, 512),
    ("standard-4", 75_000, 500, 768),
    ("standard-5", 140_000, 500, 1_000),
    ("standard-6", 200_000, 500, 1_500),
    ("standard-7", 350_000, 500, 2_000),
    ("premium-0", 20_000, 200, 64),
    ("premium-2", 35_000, 500, 256),
    ("premium-3", 75_000, 500, 512),
    ("premium-4", 120_000, 500, 768),
    ("premium-5", 250_000, 500, 1_000),
    ("premium-6", 350_000, 500, 1_500),
    ("premium-7", 600_000, 500, 2_000),
)
_REDIS = (
    ("mini", 300, 20, 25),
    ("premium-0", 1_500, 40, 50),
    ("premium-1", 3_000, 80, 100),
    ("premium-2", 6_000, 200, 250),
    ("premium-3", 12_000, 400, 500),
    ("premium-5", 20_000, 1_000, 1_000),
    ("premium-7", 75_000, 10_000, 7_000),
    ("premium-9", 145_000, 25_000, 10_000),
    ("premium-10", 350_000, 40_000, 25_000),
    ("premium-12", 650_000, 65_000, 50_000),
)
PLANS = (
    *(Plan("heroku-postgresql", tier, cents, limit, gigabytes=disk) for tier, cents, limit, disk in _POSTGRES),
    *(Plan("heroku-redis", tier, cents, limit, memory_mb=memory) for tier, cents, limit, memory in _REDIS),
    Plan("scheduler", "standard", 0),
    Plan("adept-scale", "basic", 1800),
)
REGIONS = (("us", "United States", "Virginia", "us-east-1"), ("eu", "Europe", "Ireland", "eu-west-1"))
FEATURES = {
    "http-disable-keepalive-to-dyno": "Disable keep-alive connections between the router and dynos",
    "http-session-affinity": "Route a client's requests to the dyno that served it before",
    "log-runtime-metrics": "Emit dyno resource usage information into app logs",
    "preboot": "Start new dynos before old ones are stopped",
    "runtime-dyno-metadata": "Dyno metadata in environment variables",
}
STACKS = ("heroku-22", "heroku-24")
DEFAULT_STACK = "heroku-24"


def size(name: str) -> DynoSize | None:
    """Return the dyno size of that name, whatever its case, or None."""
    return next(
        (size for size in SIZES if name.lower() in (size.name.lower(), str(stable_id("dyno-size", size.name)))), None
    )


def service(name: str) -> Service | None:
    return next((one for one in SERVICES if name in (one.name, str(stable_id("service", one.name)))), None)


def plan(name: str) -> Plan | None:
    """Return a plan by its full name or id; the bare name of a service means its default plan."""
    if name in (one.name for one in SERVICES):
        return default_plan(name)
    return next((one for one in PLANS if name in (one.name, str(stable_id("plan", one.name)))), None)


def default_plan(service_name: str) -> Plan:
    return next(one for one in PLANS if one.service == service_name)
