"""Of what is a comparison of costs made? Prices with their source and date, usage and sizes, bills line by line, the verdict.

Money is in US cents as whole ``Decimal`` numbers per month of 730 hours, in fields named ``cents`` or ``..._cents``; prices per unit are in US dollars,
in fields named ``usd``. Everything has ``to_json``, where cents are integers and dollars are strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from .ranges import Range, total

HOURS = 730
"""Hours in a month: AWS's calculator and its published examples use 730 = 365 × 24 / 12."""

Basis = Literal["measured", "assumed", "given"]
"""``measured`` from logs or servers, ``given`` by a person or an API, ``assumed`` when nobody knows."""
Group = Literal["compute", "database", "cache", "network", "transfer", "observability", "storage", "names and secrets"]
GROUPS: tuple[Group, ...] = (
    "compute", "database", "cache", "network", "transfer", "observability", "storage", "names and secrets",
)  # fmt: skip
DesignName = Literal["lean", "standard", "highly available"]
Word = Literal["move", "close", "stay"]
"""The verdict: AWS is clearly cheaper, the ranges overlap, or it costs more."""


def cents_json(cents: Range) -> dict[str, int]:
    """Return money for JSON: whole cents."""
    return {"low": int(cents.low), "likely": int(cents.likely), "high": int(cents.high)}


@dataclass(frozen=True, slots=True)
class Tier:
    """``usd`` per unit for the part of a month's quantity that lies above ``above`` units."""

    above: Decimal
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """What a unit costs, who says so and when.

    ``estimated`` prices have no source of their own: ``source`` then names the rule and the figures it rests on, and
    ``uncertainty`` is the share by which the true price may lie below or above (0.15 = 15 %).
    """

    service: str
    item: str
    unit: str
    tiers: tuple[Tier, ...]
    source: str
    date: date
    region: str
    estimated: bool = False
    uncertainty: Decimal = Decimal(0)

    @property
    def usd(self) -> Decimal:
        """The price of the first unit that is not free."""
        return next((tier.usd for tier in self.tiers if tier.usd), Decimal(0))

    def to_json(self) -> dict[str, object]:
        return {
            "service": self.service,
            "item": self.item,
            "unit": self.unit,
            "tiers": [{"above": str(tier.above), "usd": str(tier.usd)} for tier in self.tiers],
            "source": self.source,
            "date": self.date.isoformat(),
            "region": self.region,
            "estimated": self.estimated,
            "uncertainty": str(self.uncertainty),
        }


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The prices of one region. ``date`` is the day of the book's oldest own figure; ``origin`` says shipped or refreshed."""

    region: str
    date: date
    origin: str
    prices: tuple[Price, ...]
    missing: tuple[str, ...] = ()
    """What has neither a source nor a rule, as ``service/item``."""

    def find(self, service: str, item: str) -> Price | None:
        return next((price for price in self.prices if (price.service, price.item) == (service, item)), None)

    def age_days(self, today: date) -> int:
        return (today - self.date).days


@dataclass(frozen=True, slots=True)
class Estimate:
    """An amount per month and where it comes from, as a sentence: ``34,120 router lines of 7 days``."""

    amount: Range
    basis: Basis
    because: str

    def to_json(self) -> dict[str, object]:
        return {**self.amount.to_json(), "basis": self.basis, "because": self.because}


@dataclass(frozen=True, slots=True)
class Growth:
    """A database's rows on disk now and what is added each month, both in GB."""

    name: str
    gb: Estimate
    growth_gb: Estimate


@dataclass(frozen=True, slots=True)
class Usage:
    """What a month of the present traffic (1x) uses. GB are 10^9 bytes, as AWS bills transfer."""

    requests: Estimate
    bytes_out_gb: Estimate
    """Answers to the internet."""
    fetched_gb: Estimate
    """What tasks exchange with the internet through NAT, in and out, images and calls to others."""
    cross_zone_gb: Estimate
    """Between zones, counted once; AWS bills both ends."""
    log_gb: Estimate
    connections_per_second: Estimate
    """New connections to the load balancer."""
    databases: tuple[Growth, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "requests": self.requests.to_json(),
            "bytes_out_gb": self.bytes_out_gb.to_json(),
            "fetched_gb": self.fetched_gb.to_json(),
            "cross_zone_gb": self.cross_zone_gb.to_json(),
            "log_gb": self.log_gb.to_json(),
            "connections_per_second": self.connections_per_second.to_json(),
            "databases": [
                {"name": one.name, "gb": one.gb.to_json(), "growth_gb": one.growth_gb.to_json()}
                for one in self.databases
            ],
        }


@dataclass(frozen=True, slots=True)
class ProcessSize:
    """One ECS service. ``memory_gb`` and ``high_water_gb`` (the most that one task ever used; None: not measured) are GiB.

    ``tasks_at_3x`` is what the what-if found for three times the traffic; None: nobody has looked, and tasks grow in proportion.
    """

    app: str
    process: str
    tasks: int
    vcpu: Decimal
    memory_gb: Decimal
    high_water_gb: Decimal | None = None
    tasks_at_3x: int | None = None
    staging: bool = False

    @property
    def name(self) -> str:
        return f"{self.app}-{self.process}"

    @property
    def web(self) -> bool:
        return self.process == "web"


@dataclass(frozen=True, slots=True)
class JobSize:
    """A scheduled job as tasks: ``runs`` a month of ``minutes`` each."""

    app: str
    command: str
    runs: int
    minutes: Estimate
    vcpu: Decimal
    memory_gb: Decimal


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """One RDS instance; ``memory_gb`` is its class's, ``high_water_gb`` what the source was measured to need, in GiB."""

    name: str
    app: str
    instance_class: str
    memory_gb: Decimal
    storage_gb: int
    high_water_gb: Decimal | None = None
    iops: int = 3000
    staging: bool = False


@dataclass(frozen=True, slots=True)
class CacheSize:
    """One ElastiCache group; ``memory_gb`` is what a node may use for keys, ``high_water_gb`` the most that was used, in GiB."""

    name: str
    app: str
    node_type: str
    memory_gb: Decimal
    high_water_gb: Decimal | None = None
    staging: bool = False


@dataclass(frozen=True, slots=True)
class Sizes:
    """What would run on AWS at the present traffic. ``gateway`` and ``pooler`` are offramp's own services."""

    processes: tuple[ProcessSize, ...]
    databases: tuple[DatabaseSize, ...]
    caches: tuple[CacheSize, ...]
    jobs: tuple[JobSize, ...]
    gateway: ProcessSize
    pooler: ProcessSize
    hostnames: int = 1


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


@dataclass(frozen=True, slots=True)
class Saving:
    """What a design saves each month against Heroku at the same traffic; negative when AWS costs more.

    Kept add-ons are on both sides and cancel out. ``share`` is the likely saving on demand as part of Heroku's bill.
    """

    design: DesignName
    traffic: Decimal
    staging: bool
    heroku_cents: Decimal
    aws_cents: Range
    """On demand, with the add-ons that are kept."""
    committed_cents: Range
    cents: Range
    committed_saving_cents: Range
    share: float

    def to_json(self) -> dict[str, object]:
        return {
            "design": self.design,
            "traffic": float(self.traffic),
            "staging": self.staging,
            "heroku_cents": int(self.heroku_cents),
            "aws_cents": cents_json(self.aws_cents),
            "committed_cents": cents_json(self.committed_cents),
            "saving_cents": cents_json(self.cents),
            "committed_saving_cents": cents_json(self.committed_saving_cents),
            "share": round(self.share, 4),
        }


@dataclass(frozen=True, slots=True)
class Payback:
    """What the move itself costs (both sides at once, people's time where given) and after how many months it is earned back.

    ``months`` is None when nothing is saved.
    """

    one_off_cents: Range
    months: float | None
    sentence: str

    def to_json(self) -> dict[str, object]:
        return {"one_off_cents": cents_json(self.one_off_cents), "months": self.months, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer in a word and in a sentence with the figures; ``reasons`` say what the bill is made of."""

    word: Word
    sentence: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {"word": self.word, "sentence": self.sentence, "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Heroku today beside three designs on AWS, each at 1x and 3x the traffic, with staging and without.

    ``chosen`` is the design that the verdict speaks of. ``warnings`` are about the price book's age and estimated prices,
    ``assumptions`` about usage that nobody measured, ``left_out`` about costs that no line holds.
    """

    region: str
    book_date: date
    heroku: tuple[HerokuBill, ...]
    """At 1x, then at 3x."""
    designs: tuple[Design, ...]
    bills: tuple[Bill, ...]
    savings: tuple[Saving, ...]
    chosen: DesignName
    payback: Payback
    verdict: Verdict
    warnings: tuple[str, ...]
    assumptions: tuple[str, ...]
    left_out: tuple[str, ...]
    usage: Usage

    def bill(self, design: DesignName, traffic: Decimal | int = 1, *, staging: bool = False) -> Bill:
        """Return one of the bills. Raises StopIteration when it was not asked for."""
        wanted = (design, Decimal(traffic), staging)
        return next(bill for bill in self.bills if (bill.design, bill.traffic, bill.staging) == wanted)

    def saving(self, design: DesignName, traffic: Decimal | int = 1, *, staging: bool = False) -> Saving:
        wanted = (design, Decimal(traffic), staging)
        return next(one for one in self.savings if (one.design, one.traffic, one.staging) == wanted)

    def to_json(self) -> dict[str, object]:
        return {
            "region": self.region,
            "book_date": self.book_date.isoformat(),
            "heroku": [bill.to_json() for bill in self.heroku],
            "designs": [design.to_json() for design in self.designs],
            "bills": [bill.to_json() for bill in self.bills],
            "savings": [saving.to_json() for saving in self.savings],
            "chosen": self.chosen,
            "payback": self.payback.to_json(),
            "verdict": self.verdict.to_json(),
            "warnings": list(self.warnings),
            "assumptions": list(self.assumptions),
            "left_out": list(self.left_out),
            "usage": self.usage.to_json(),
        }
