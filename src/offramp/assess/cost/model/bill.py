"""What is a month's bill made of, on AWS by one design and on Heroku? Cents are whole; prices per unit are in US dollars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from ..ranges import Range, cents_json, total

HOURS = 730
"""Hours in a month: AWS's calculator and its published examples use 730 = 365 × 24 / 12."""

Group = Literal["compute", "database", "cache", "network", "transfer", "observability", "storage", "names and secrets"]
GROUPS: tuple[Group, ...] = (
    "compute", "database", "cache", "network", "transfer", "observability", "storage", "names and secrets",
)  # fmt: skip
DesignName = Literal["lean", "standard", "highly available"]


@dataclass(frozen=True, slots=True)
class Design:
    """One way to build it. ``interface_endpoints`` counts services reached without NAT; each stands in every zone.

    ``built`` says whether ``offramp design`` proposes exactly this today; otherwise ``differs`` says what a person changes.
    """

    name: DesignName
    zones: int
    nats: int
    gateway_tasks: int
    pooler_tasks: int
    web_tasks_at_least: int
    worker_tasks_at_least: int
    multi_az: bool
    cache_nodes: int
    arm: bool
    interface_endpoints: int
    container_insights: bool
    alarms_per_service: int
    dashboards: int
    backup_days: int
    built: bool
    differs: str = ""
    staging_apart: bool = True
    """Staging has a network, load balancer and NAT gateway of its own, instead of sharing production's."""

    def to_json(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Flags:
    """What-if: None leaves the design's own answer.

    ``spot_share`` is the share of worker tasks on Fargate Spot, 0 to 1. ``log_days`` is how long log lines are kept.
    ``savings_plan`` names a plan of the price book, and ``none`` leaves the second column equal to the first.
    ``overlap_weeks`` is how long both sides run; ``engineering_cents`` what the move costs in people's time, if anybody says.
    """

    region: str = "us-east-1"
    arm: bool | None = None
    multi_az: bool | None = None
    spot_share: Decimal = Decimal(0)
    staging: bool = True
    traffic: Decimal = Decimal(1)
    log_days: int = 30
    savings_plan: Literal["1-year", "3-year", "none"] = "1-year"
    overlap_weeks: int = 4
    engineering_cents: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the AWS bill: a quantity of one price.

    ``cents`` is on demand, ``committed_cents`` with the savings plan or reservation that covers it (equal where none does).
    ``idle`` lines are paid in full by an estate without a single request. ``formula`` reads ``2 tasks × 730 h × 0.5 vCPU × $0.04048``.
    """

    group: Group
    what: str
    app: str
    """The app it belongs to; empty for what all share."""
    quantity: Range
    unit: str
    usd: Decimal
    cents: Range
    committed_cents: Range
    formula: str
    source: str
    date: date
    idle: bool
    estimated: bool = False
    staging: bool = False

    def to_json(self) -> dict[str, object]:
        return {
            "group": self.group,
            "what": self.what,
            "app": self.app,
            "quantity": self.quantity.to_json(),
            "unit": self.unit,
            "usd": str(self.usd),
            "cents": cents_json(self.cents),
            "committed_cents": cents_json(self.committed_cents),
            "formula": self.formula,
            "source": self.source,
            "date": self.date.isoformat(),
            "idle": self.idle,
            "estimated": self.estimated,
            "staging": self.staging,
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """A month on AWS by one design, at ``traffic`` times the present requests, with staging or without.

    ``refusals`` are sentences: sizes below what was measured, prices that nobody knows. A bill with refusals is not complete.
    """

    design: DesignName
    traffic: Decimal
    staging: bool
    lines: tuple[Line, ...]
    refusals: tuple[str, ...] = ()

    @property
    def total(self) -> Range:
        return total(tuple(line.cents for line in self.lines))

    @property
    def committed(self) -> Range:
        return total(tuple(line.committed_cents for line in self.lines))

    @property
    def floor(self) -> Range:
        """What an estate without a single request pays: everything that is billed by the hour or month."""
        return total(tuple(line.cents for line in self.lines if line.idle))

    def of(self, group: Group) -> Range:
        return total(tuple(line.cents for line in self.lines if line.group == group))

    def to_json(self) -> dict[str, object]:
        return {
            "design": self.design,
            "traffic": float(self.traffic),
            "staging": self.staging,
            "total_cents": cents_json(self.total),
            "committed_cents": cents_json(self.committed),
            "floor_cents": cents_json(self.floor),
            "groups": {group: cents_json(self.of(group)) for group in GROUPS},
            "lines": [line.to_json() for line in self.lines],
            "refusals": list(self.refusals),
        }


@dataclass(frozen=True, slots=True)
class HerokuLine:
    """What is paid on Heroku for one formation line or add-on; ``source`` is ``billed`` or the dated list."""

    app: str
    what: str
    kind: Literal["dyno", "add-on", "space"]
    cents: Decimal
    formula: str
    source: str
    billed: bool
    moves: bool
    """False for add-ons that are kept after the move: they stay on the bill on both sides."""
    staging: bool = False

    def to_json(self) -> dict[str, object]:
        return {
            "app": self.app,
            "what": self.what,
            "kind": self.kind,
            "cents": int(self.cents),
            "formula": self.formula,
            "source": self.source,
            "billed": self.billed,
            "moves": self.moves,
            "staging": self.staging,
        }


@dataclass(frozen=True, slots=True)
class HerokuBill:
    """A month on Heroku by app and add-on. ``kept`` is what goes on being paid after the move; ``unknown`` has no price."""

    traffic: Decimal
    lines: tuple[HerokuLine, ...]
    unknown: tuple[str, ...] = ()

    def total(self, *, staging: bool) -> Decimal:
        return sum((line.cents for line in self.lines if staging or not line.staging), Decimal(0))

    def kept(self, *, staging: bool) -> Decimal:
        return sum((line.cents for line in self.lines if not line.moves and (staging or not line.staging)), Decimal(0))

    def by_app(self) -> tuple[tuple[str, Decimal], ...]:
        """Return the apps with what each costs, dearest first."""
        apps = dict.fromkeys(line.app for line in self.lines)
        sums = [(app, sum((line.cents for line in self.lines if line.app == app), Decimal(0))) for app in apps]
        return tuple(sorted(sums, key=lambda pair: -pair[1]))

    def to_json(self) -> dict[str, object]:
        return {
            "traffic": float(self.traffic),
            "total_cents": int(self.total(staging=False)),
            "with_staging_cents": int(self.total(staging=True)),
            "kept_cents": int(self.kept(staging=True)),
            "apps": [{"app": app, "cents": int(cents)} for app, cents in self.by_app()],
            "lines": [line.to_json() for line in self.lines],
            "unknown": list(self.unknown),
        }
