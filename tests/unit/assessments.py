"""An assessment as a value, with something of everything: for tests of the page, the file and the summary."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from offramp.assess.cost.model import (
    Bill,
    Comparison,
    Design,
    DesignName,
    Estimate,
    Group,
    Growth,
    HerokuBill,
    HerokuLine,
    Line,
    Payback,
    Saving,
    Usage,
    Verdict,
)
from offramp.assess.cost.ranges import Range, between, exactly
from offramp.assess.database.model import (
    CacheHit,
    Connections,
    DatabaseAdvice,
    Health,
    Helped,
    IndexAdvice,
    IndexFinding,
    Locks,
    Repetition,
    SequenceUse,
    Shortfall,
    Statement,
    Waiter,
    WriteCost,
)
from offramp.assess.feasibility import model as feasibility
from offramp.assess.latency.model import (
    Attribution,
    Candidate,
    Cause,
    DynoRow,
    Evidence,
    Expected,
    Fit,
    Latency,
    LeftOut,
    Load,
    MixRow,
    MixShift,
    Part,
    PartName,
    Quantile,
    Quantiles,
    Replay,
    RouteRow,
    Routing,
    Sizing,
    Slice,
    Split,
    WhatIf,
)
from offramp.assess.model import Answer, Assessment, Conditions, Coverage, Defect, Gap, Scope

WEEK_US = 7 * 86_400_000_000
START_US = 1_794_787_200_000_000
BOOK = date(2026, 11, 12)


def quantiles(samples: int, p50: float, p95: float, p99: float) -> Quantiles:
    def one(q: float, ms: float) -> Quantile:
        return Quantile(q, ms, ms * 0.93, ms * 1.09, samples > 400)

    return Quantiles(samples, p50 * 1.4, one(0.5, p50), one(0.95, p95), one(0.99, p99))


def route(name: str, requests: int, above: float, busy: float, *figures: float) -> RouteRow:
    p50, p95, p99, queued, served = figures
    return RouteRow(
        name,
        requests,
        requests // 900,
        requests // 4000,
        above,
        busy,
        quantiles(requests, p50 * 0.3, queued / 2, queued),
        quantiles(requests, p50 * 0.7, served / 2, served),
        quantiles(requests, p50, p95, p99),
    )


def part(
    name: PartName, share: float, *evidence: Evidence, falsify: str = "Restart one dyno: the share does not change."
) -> Part:
    return Part(name, share * 41_200_000, share, "high" if share > 0.1 else "medium", evidence, falsify)


def expected(traffic: float, busy: float, p50: float, p95: float, p99: float) -> Expected:
    return Expected(traffic, 571 * traffic, busy, p50, p95, p99, p99 <= 1000)


def what_if(
    scenario: str, dynos: int, workers: int, routing: Routing, now: tuple[float, ...], later: tuple[float, ...]
) -> WhatIf:
    return WhatIf(
        scenario, dynos, workers, routing, 620.0 * dynos * workers / 4, expected(1, *now), expected(3, *later)
    )


def slices() -> tuple[Slice, ...]:
    def one(hour: int) -> Slice:
        busy = 1 + 0.8 * ((hour % 24) in range(9, 18)) + (hour % 7) * 0.05 + 3.5 * (hour == 100)
        return Slice(
            START_US + hour * 3_600_000_000,
            3600,
            int(3100 * busy),
            int(2 * busy),
            90 * busy**2,
            160,
            180 * busy,
            1400 * busy**2,
            3100 * busy**2,
            9e4,
        )

    return tuple(one(hour) for hour in range(168))


def latency() -> Latency:
    """A dyno with two workers, one report that takes eight seconds, and everybody else behind it."""
    return Latency(
        app="sessions-api",
        process="web",
        objective_ms=1000,
        start_us=START_US,
        end_us=START_US + WEEK_US,
        requests=731_204,
        not_reached=212,
        sentence="The p99 of 8.4 s is waiting, not work: 71% of the time above 1.0 s is spent in the dyno's queue behind GET /api/reports/{id}, "
        "which holds one of 4 workers for 7.9 s; mended, the p99 would be 920 ms.",
        split=Split(
            "fifo",
            "the same route takes as long on a busy dyno as on an idle one when 2 workers are assumed",
            "high",
            2,
            2,
            2,
            2,
            15,
            731_204,
            0.004,
            0.0,
            0.998,
            (
                Candidate(1, -0.81, 0.02, 0.84, 0.34, 40_112),
                Candidate(2, 0.004, 0.006, 0.01, 0.0, 40_112),
                Candidate(3, 0.93, 0.03, 0.97, 0.0, 21_880),
            ),
            (LeftOut("the client went away (H27)", 312), LeftOut("within 30 s of a restart", 1_204)),
        ),
        load=Load(571, 1_240, 2.3, 0.58, 1.1, 9.4, 1_900),
        total=quantiles(731_204, 231, 3_900, 8_412),
        queue=quantiles(731_204, 2, 3_100, 7_600),
        service=quantiles(731_204, 190, 720, 5_100),
        attribution=Attribution(
            1000,
            731_204,
            41_870,
            41_200_000,
            (
                part(
                    "queue",
                    0.71,
                    Evidence("time in the queue of requests above the objective", 29_300_000, "ms"),
                    Evidence("requests that waited behind GET /api/reports/{id}", 91, "%"),
                    falsify="Add a dyno for an hour: if the p99 stays, it is not the queue.",
                ),
                part("database", 0.14, Evidence("statements logged as slow, within these requests", 5_800_000, "ms")),
                part("application", 0.08, Evidence("served, less what the database took", 3_300_000, "ms")),
                part("external call", 0.03, Evidence("requests that end at 5.0 s sharp", 311, "requests")),
                part("transfer", 0.01),
                part("restarts", 0.01, Evidence("requests within 60 s of a restart", 804, "requests")),
                part("unknown", 0.02),
            ),
        ),
        causes=(
            Cause(
                "slow route",
                "GET /api/reports/{id}",
                "It holds a worker for 7.9 s at the 95th percentile, and 2.1% of the requests are for it.",
                0.68,
                "high",
                "replayed without it",
                (Evidence("of the workers' time", 43, "%"), Evidence("mean service time", 4_120, "ms")),
                "Answer it from a cache for an hour: the p99 of the other routes must fall below 400 ms.",
                "Move the report into the worker queue, or add the index below.",
            ),
            Cause(
                "too few workers",
                "",
                "Four workers serve what would need seven at the objective.",
                0.52,
                "high",
                "replayed with 4 workers a dyno",
                (Evidence("busy", 58, "%"),),
                "Set WEB_CONCURRENCY=4 for an hour.",
                "WEB_CONCURRENCY=4, if the dyno's memory allows it.",
            ),
            Cause(
                "missing index",
                "bookings (mentor_id, starts_at)",
                "A sequential read of bookings for each report.",
                0.11,
                "medium",
                "planner's cost",
                (),
                "Build it: the mean must fall below 40 ms.",
                "create index concurrently on bookings (mentor_id, starts_at)",
            ),
        ),
        routes=(
            route("GET /api/reports/{id}", 15_355, 0.31, 0.43, 4_120, 7_900, 11_200, 6_400, 8_300),
            route("GET /api/sessions", 402_114, 0.39, 0.30, 180, 3_100, 8_100, 7_900, 410),
            route("POST /api/bookings", 91_020, 0.16, 0.12, 260, 3_300, 8_200, 7_700, 690),
            route("GET /api/mentors/{id}/availability", 201_320, 0.13, 0.14, 150, 2_900, 7_800, 7_600, 300),
            route("GET /healthz", 21_395, 0.01, 0.01, 6, 2_100, 7_100, 7_100, 18),
        ),
        dynos=(
            DynoRow(
                "web.1",
                366_102,
                1.01,
                quantiles(366_102, 2, 3_050, 7_500),
                quantiles(366_102, 190, 720, 5_100),
                quantiles(366_102, 230, 3_900, 8_300),
            ),
            DynoRow(
                "web.2",
                365_102,
                0.99,
                quantiles(365_102, 2, 3_150, 7_700),
                quantiles(365_102, 190, 720, 5_100),
                quantiles(365_102, 231, 3_900, 8_500),
            ),
        ),
        slices=slices(),
        mix_shift=MixShift(
            START_US + WEEK_US // 2,
            390,
            430,
            31,
            9,
            "Mostly more reports were asked for.",
            (MixRow("GET /api/reports/{id}", 6_900, 8_455, 4_100, 4_140, 30, 4),),
        ),
        replay=Replay(
            START_US + 9 * 3_600_000_000,
            21_600,
            240_000,
            8_412,
            8_230,
            870,
            "laying three weeks' same hours over each other",
            (
                what_if("as it is", 2, 2, "random", (0.58, 231, 3_900, 8_230), (1.7, 61_000, 240_000, 300_000)),
                what_if(
                    "the same workers behind a load balancer",
                    2,
                    2,
                    "least outstanding",
                    (0.58, 221, 2_900, 5_400),
                    (1.7, 60_000, 230_000, 300_000),
                ),
                what_if("twice the workers", 2, 4, "random", (0.29, 195, 1_100, 2_900), (0.87, 900, 9_100, 16_000)),
                what_if(
                    "GET /api/reports/{id} 20 times faster",
                    2,
                    2,
                    "random",
                    (0.36, 180, 480, 920),
                    (1.08, 4_000, 19_000, 31_000),
                ),
                what_if(
                    "2 tasks of 4 workers, that route mended",
                    2,
                    4,
                    "least outstanding",
                    (0.18, 171, 390, 610),
                    (0.54, 180, 520, 940),
                ),
            ),
        ),
        sizing=Sizing(
            "sessions-api",
            "web",
            True,
            "2 tasks of 4 workers are the smallest that keep the p99 within 1.0 s, once the report is mended",
            680,
            Fit(2, 1024, 2048, 4, expected(1, 0.18, 171, 390, 610)),
            Fit(4, 1024, 2048, 4, expected(3, 0.27, 175, 430, 700)),
            ("GET /api/reports/{id}",),
            None,
            84,
        ),
        warnings=("Swapping was seen for 14 minutes on 2026-11-18; those requests are in the figures.",),
    )


def quiet_latency() -> Latency:
    """An app without a slow request, a replay or a size."""
    found = latency()
    return replace(
        found,
        app="mentors-api",
        requests=9_120,
        sentence="Nothing is slow: the p99 is 410 ms.",
        total=quantiles(9_120, 60, 210, 410),
        queue=quantiles(9_120, 0, 4, 30),
        service=quantiles(9_120, 60, 200, 390),
        attribution=Attribution(1000, 9_120, 0, 0.0, ()),
        causes=(),
        routes=found.routes[1:3],
        dynos=(),
        slices=(),
        mix_shift=None,
        replay=None,
        sizing=None,
        warnings=(),
    )


def advice() -> DatabaseAdvice:
    report = "select b.* from bookings b where b.mentor_id = $1 and b.starts_at >= $2 order by b.starts_at"
    return DatabaseAdvice(
        database="postgresql-rugged-31337",
        server_version=170_005,
        seconds=604_800,
        requests=731_204,
        statements=(
            Statement("7f01", report, 15_355, 512, 7_861_760, 1_842_600, 0.44, ("bookings",), 0.02, None, 18_402),
            Statement(
                "9a12",
                "select * from mentors where id = $1",
                4_020_112,
                0.4,
                1_608_000,
                4_020_112,
                0.09,
                ("mentors",),
                5.5,
                Repetition("7f01", 119, "119 times for each run of the statement that lists bookings"),
                8.3,
            ),
            Statement(
                "11ce",
                "insert into bookings (mentor_id, starts_at, ends_at) values ($1, $2, $3)",
                91_020,
                1.9,
                172_938,
                91_020,
                0.01,
                ("bookings",),
                0.12,
                None,
                None,
                "it writes",
            ),
        ),
        indexes=(
            IndexAdvice(
                "public.bookings",
                ("mentor_id", "starts_at"),
                "btree",
                "create index concurrently bookings_mentor_id_starts_at_idx on public.bookings (mentor_id, starts_at);",
                "The statement with the most time reads all 4.1 million bookings for the 120 of one mentor.",
                (Helped("7f01", report, 18_402, 61, 7_861_760, 15_355),),
                18_402,
                61,
                0.43,
                WriteCost(92_000_000, 541, 0, 0),
                ("bookings_mentor_id_idx",),
                ("drop index concurrently public.bookings_mentor_id_idx;",),
                "high",
                falsify="Build it on a copy: explain must show an index scan, and the mean must fall below 10 ms.",
            ),
        ),
        locks=Locks(
            (
                Waiter(
                    4120,
                    None,
                    0,
                    "psql",
                    "idle in transaction",
                    "",
                    "",
                    "",
                    312,
                    "alter table bookings add column note text",
                ),
                Waiter(
                    4177,
                    4120,
                    1,
                    "gunicorn",
                    "active",
                    "relation",
                    "AccessShareLock",
                    "bookings",
                    41,
                    "select * from bookings where id = ?",
                ),
            )
        ),
        health=Health(
            CacheHit(0.971, 0.998),
            Connections(38, 6, 30, 2, 120),
            (),
            (),
            (
                IndexFinding(
                    "unused",
                    "public.sessions",
                    "sessions_token_old_idx",
                    310_000_000,
                    "not once read since the statistics began",
                    "drop index concurrently public.sessions_token_old_idx;",
                ),
            ),
            (SequenceUse("public.events_id_seq", "public.events.id", 1_610_612_736, 2_147_483_647, 0.75),),
            0.09,
        ),
        shortfalls=(
            Shortfall("Statements of other roles are hidden", "Grant pg_read_all_stats where the plan allows it."),
        ),
        scratch_major=17,
    )


def feasible() -> feasibility.Feasibility:
    one = feasibility.Finding(
        "disk-uploads",
        feasibility.Subject.DISK,
        feasibility.Severity.FIRST,
        "sessions-api keeps uploads on its own disk",
        ("sessions-api",),
        ("/app/uploads",),
        ("The release's slug holds the folder uploads.",),
        "A task's disk goes with the task, as a dyno's does, and there are two of them.",
        (
            feasibility.Patch(
                "sessions-api",
                "--- a/settings.py\n+++ b/settings.py\n@@ -1 +1 @@\n-MEDIA_ROOT = '/app/uploads'\n+STORAGES = {'default': {'BACKEND': 's3'}}\n",
            ),
        ),
        feasibility.Source("Fargate task storage, AWS documentation", "2026-11"),
    )
    return feasibility.Feasibility(
        (
            replace(
                one,
                key="connect",
                subject=feasibility.Subject.CONNECT,
                severity=feasibility.Severity.BLOCKS,
                title="Heroku Connect writes into the database of web",
                apps=("web",),
                objects=("herokuconnect-dim-1",),
                database="postgresql-dim-2",
                mends=(feasibility.Steps(("Replace the Salesforce synchronisation first.",)),),
            ),
            one,
            replace(
                one,
                key="keep-alive",
                subject=feasibility.Subject.TIMEOUTS,
                title="gunicorn closes idle connections after 2 s",
                objects=("web",),
                mends=(
                    feasibility.Commands(("heroku config:set GUNICORN_CMD_ARGS='--keep-alive 75' -a sessions-api",)),
                ),
                certain=False,
            ),
            replace(
                one,
                key="drain",
                subject=feasibility.Subject.LOGS,
                severity=feasibility.Severity.AFTER,
                title="Papertrail's drain stops with the app",
                mends=(),
            ),
            replace(
                one,
                key="cron",
                subject=feasibility.Subject.CRON,
                severity=feasibility.Severity.KNOW,
                title="One Scheduler job becomes an EventBridge schedule",
                mends=(),
            ),
        ),
        (
            feasibility.Verdict("mentors-api", ("mentors-api",), feasibility.Answer.MOVE),
            feasibility.Verdict(
                "sessions-api",
                ("sessions-api",),
                feasibility.Answer.MEND,
                ("disk-uploads", "keep-alive"),
                ("it keeps uploads on its own disk", "its server closes idle connections after 2 s"),
            ),
            feasibility.Verdict(
                "web",
                ("web",),
                feasibility.Answer.STAY,
                ("connect",),
                ("Heroku Connect works with Heroku Postgres only",),
            ),
        ),
        (
            feasibility.Verdict(
                "main",
                ("mentors-api", "sessions-api"),
                feasibility.Answer.MEND,
                ("disk-uploads",),
                ("sessions-api keeps uploads on its own disk",),
            ),
        ),
        ("The repositories were not given, so code was not read.",),
    )


def _line(
    group: Group, what: str, app: str, cents: Range, formula: str, *, idle: bool = True, estimated: bool = False
) -> Line:
    return Line(
        group,
        what,
        app,
        exactly(1),
        "month",
        Decimal("0.04048"),
        cents,
        cents.times(Decimal("0.8")),
        formula,
        "AWS Price List API",
        BOOK,
        idle,
        estimated,
    )


def bill(design: DesignName, traffic: int, staging: bool) -> Bill:
    factor = {"lean": 1, "standard": 2, "highly available": 3}[design] * (2 if staging else 1)
    lines = (
        _line(
            "compute",
            "sessions-api-web",
            "sessions-api",
            exactly(7_206 * traffic),
            "2 tasks × 730 h × (1 vCPU × $0.04048 + 2 GB × $0.004445)",
        ),
        _line("database", "sessions-api, db.t4g.medium", "sessions-api", exactly(4_745 * factor), "730 h × $0.065"),
        _line("network", "NAT gateways", "", exactly(3_285 * factor), f"{factor} × 730 h × $0.045"),
        _line(
            "transfer",
            "answers to the internet",
            "",
            between(800, 1_450, 2_300).times(traffic),
            "161 GB × $0.09",
            idle=False,
        ),
        _line(
            "observability",
            "log lines",
            "",
            between(300, 512, 800).times(traffic),
            "10 GB × $0.50",
            idle=False,
            estimated=True,
        ),
    )
    return Bill(design, Decimal(traffic), staging, lines)


def saving(found: Bill, heroku: int) -> Saving:
    paid = exactly(heroku)
    share = float((Decimal(heroku) - found.total.likely) / heroku)
    return Saving(
        found.design,
        found.traffic,
        found.staging,
        Decimal(heroku),
        found.total,
        found.committed,
        paid - found.total,
        paid - found.committed,
        share,
    )


def comparison() -> Comparison:
    names: tuple[DesignName, ...] = ("lean", "standard", "highly available")
    bills = tuple(bill(name, traffic, staging) for name in names for traffic in (1, 3) for staging in (False, True))
    heroku = tuple(
        HerokuBill(
            Decimal(traffic),
            (
                HerokuLine(
                    "sessions-api",
                    "web: 2 Standard-2X",
                    "dyno",
                    Decimal(10_000 * traffic),
                    "2 × $50",
                    "billed",
                    True,
                    True,
                ),
                HerokuLine(
                    "sessions-api", "heroku-postgresql:standard-2", "add-on", Decimal(20_000), "", "billed", True, True
                ),
                HerokuLine("sessions-api", "papertrail:fixa", "add-on", Decimal(700), "", "billed", True, False),
                HerokuLine(
                    "sessions-api-staging", "web: 1 Basic", "dyno", Decimal(700), "", "billed", True, True, True
                ),
            ),
            ("web: add-on of a partner",),
        )
        for traffic in (1, 3)
    )
    savings = tuple(saving(one, int(heroku[0 if one.traffic == 1 else 1].total(staging=one.staging))) for one in bills)
    guess = Estimate(between(8, 16, 25), "assumed", "no log lines held the bytes of answers")
    usage = Usage(
        Estimate(exactly(3_131_000), "measured", "731,204 router lines of 7 days"),
        guess,
        guess,
        guess,
        guess,
        guess,
        (Growth("sessions-api", Estimate(exactly(12), "measured", "pg_database_size"), guess),),
    )
    designs = (
        Design("lean", 2, 1, 2, 1, 1, 1, False, 1, False, 0, False, 3, 1, 7, False, "one task where two are proposed"),
        Design("standard", 2, 1, 2, 2, 2, 1, False, 1, False, 0, True, 5, 1, 7, True),
        Design("highly available", 3, 3, 3, 3, 3, 2, True, 2, False, 4, True, 8, 1, 35, False, "three zones"),
    )
    return Comparison(
        "us-east-1",
        BOOK,
        heroku,
        designs,
        bills,
        savings,
        "standard",
        Payback(exactly(46_000), 4.2, "Running both sides for 4 weeks costs $460, which is earned back in 4 months."),
        Verdict(
            "move",
            "AWS by the standard design costs $252 a month against $307 on Heroku (18% less), and the floor is $233.",
            ("The database is half of the bill.", "One NAT gateway costs $33 before its first byte."),
        ),
        ("The price book is 11 days old.",),
        ("16 GB of answers a month are assumed: no log line held their bytes.",),
        ("Support plans, taxes, people's time.",),
        usage,
    )


def assessment() -> Assessment:
    """Two apps with log lines, one database, findings of every severity, three designs, and one gap."""
    return Assessment(
        name="mentoring",
        made_at=1_795_466_700.0,
        made_by="0.1.0",
        estate="1f3a5c7e9b2d4f60",
        scope=Scope(
            ("mentors-api", "sessions-api", "web"), ("postgresql-rugged-31337", "postgresql-dim-2"), ("redis-flat-1",)
        ),
        conditions=Conditions(1000, "us-east-1", "logs", ("traffic=3",)),
        slow=Answer("Why is it slow?", "8.4 s", "p99 of sessions-api, the slowest of 2 apps", latency().sentence),
        move=Answer(
            "Can it move?",
            "2 of 3 apps",
            "can move",
            "sessions-api after 2 mends (uploads on its own disk, idle connections closed after 2 s); web should stay: "
            "Heroku Connect works with Heroku Postgres only.",
        ),
        worth=Answer(
            "What will it cost, and is it worth it?",
            "$307 → $252",
            "a month, by the standard design",
            comparison().verdict.sentence,
        ),
        latencies=(latency(), quiet_latency()),
        databases=(advice(),),
        feasibility=feasible(),
        cost=comparison(),
        coverage=(
            Coverage(
                "sessions-api",
                2_201_114,
                731_416,
                START_US,
                START_US + WEEK_US,
                1_310,
                (Defect("bad-time", 14), Defect("torn-frame", 2)),
                0.976,
            ),
            Coverage("mentors-api", 21_114, 9_120, START_US, START_US + WEEK_US),
        ),
        gaps=(
            Gap("latency", "web", "no log lines of it were taken in", "offramp logs --import web.log --app web"),
            Gap("database", "postgresql-dim-2", "it did not answer within 5 s", "offramp assess"),
        ),
    )
