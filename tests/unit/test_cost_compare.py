"""Does the comparison count what costs money, stay honest about what it does not know, and dare to say "stay"?"""

from __future__ import annotations

import doctest
import importlib
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from cost_estate import ONE, THREE, app, cache, database, hobby, shop, sizes, week
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp.assess.cost import bills, compare, heroku, sizing, usage
from offramp.assess.cost.answer import judged
from offramp.assess.cost.designs import DESIGNS, LEAN, STANDARD
from offramp.assess.cost.load import tasks
from offramp.assess.cost.model import Bill, Comparison, Design, Estimate, Flags, Line, ProcessSize, Saving, Sizes, Usage
from offramp.assess.cost.ranges import Range, between, exactly
from offramp.assess.prices import book
from offramp.assess.prices.model import PriceBook
from offramp.discover.model import Estate, OtherAddon, ProcessType, Space
from offramp.errors import UsageError

TODAY = date(2026, 11, 23)
BOOK = book.load("us-east-1")
BOOKS = {region: book.load(region) for region in book.REGIONS}


def compared(estate: Estate, flags: Flags | None = None, made: Sizes | None = None) -> Comparison:
    return compare(estate, week(estate), made or sizes(estate), BOOKS, flags or Flags(), TODAY)


def line(bill: Bill, what: str) -> Line:
    found = [one for one in bill.lines if one.what.startswith(what)]
    assert found, f"no line {what} among {[one.what for one in bill.lines]}"
    return found[0]


def test_every_resource_that_the_templates_build_has_a_line() -> None:
    bill = compared(shop()).bill("standard")

    for what in (
        "Tasks of api-web, vCPU", "Tasks of api-web, GB", "Tasks of api-worker", "Tasks of site-web", "Tasks of gateway", "Tasks of pooler",
        "Scheduled job", "Database postgresql-api, db.", "Database postgresql-api, storage on both", "Cache redis-api", "NAT gateway",
        "NAT, bytes", "Load balancer", "Load balancer, capacity", "Public IPv4", "Data out", "Between zones, both", "Between zones, on the way",
        "Logs written", "Logs kept", "Logs searched", "Container Insights", "Alarms", "Dashboards", "Images", "Load balancer's access",
        "Secrets", "Secrets, read",
        "DNS zones", "DNS queries",
    ):  # fmt: skip
        assert line(bill, what).cents.high > 0


def test_a_line_says_how_it_came_about() -> None:
    found = line(compared(shop()).bill("standard"), "Tasks of api-web, vCPU")

    assert found.formula.startswith("4 tasks × 730 h × 1 vCPU × $0.04048 per vCPU-hour")
    assert found.cents == exactly(11820)
    assert "cloudburn.io" in found.source
    assert found.date == date(2026, 3, 31)


def test_the_designs_differ_in_what_their_table_says() -> None:
    found = compared(shop())

    lean, standard, available = (found.bill(design.name) for design in DESIGNS)

    assert line(lean, "Database postgresql-api, db.").quantity.likely == 730
    assert line(standard, "Database postgresql-api, db.").quantity.likely == 1460
    assert [line(bill, "NAT gateway").quantity.likely for bill in (lean, standard, available)] == [730, 730, 2190]
    assert [line(bill, "Cache redis-api, cache").quantity.likely for bill in (lean, standard, available)] == [
        730,
        1460,
        2190,
    ]
    assert line(available, "Interface endpoints, 4").quantity.likely == 4 * 3 * 730
    assert lean.total.likely < standard.total.likely < available.total.likely
    assert [design.built for design in DESIGNS] == [False, True, False]


def test_logs_leave_through_nat_unless_an_endpoint_takes_them() -> None:
    found = compared(shop())
    logs = found.usage.log_gb.amount.likely

    difference = (
        line(found.bill("standard"), "NAT, bytes").quantity.likely
        - line(found.bill("highly available"), "NAT, bytes").quantity.likely
    )

    assert round(difference, 9) == round(logs, 9)


def test_a_small_estate_is_told_to_stay() -> None:
    found = compare(hobby(), usage.assumed(hobby()), sizes(hobby()), BOOKS, Flags(), TODAY)

    assert found.verdict.word == "stay"
    assert "it costs more" in found.verdict.sentence
    assert found.payback.months is None
    assert found.bill("lean").floor.likely > found.heroku[0].total(staging=False)


def test_a_large_estate_is_told_what_it_saves() -> None:
    found = compared(shop())
    one = found.saving("standard")

    assert found.verdict.word == "move"
    assert f"{one.share:.0%}" in found.verdict.sentence
    assert one.cents.likely == one.heroku_cents - one.aws_cents.likely
    assert found.payback.months is not None
    assert found.payback.months > 0


@pytest.mark.parametrize(
    ("heroku_cents", "aws", "word"),
    [
        (10_000, between(5000, 6000, 7000), "move"),
        (10_000, between(8000, 9500, 9900), "close"),  # Less than a tenth.
        (10_000, between(5000, 6000, 10_500), "close"),  # The dearest case costs more.
        (10_000, between(9000, 10_001, 12_000), "stay"),
    ],
)
def test_the_verdict_is_as_sure_as_the_ranges_are(heroku_cents: int, aws: Range, word: str) -> None:
    saved = exactly(heroku_cents) - aws
    one = Saving("standard", ONE, False, Decimal(heroku_cents), aws, aws, saved, saved, 0.0)

    assert judged(one) == word


def test_what_stays_on_heroku_is_on_both_sides() -> None:
    kept = replace(shop(), others=(OtherAddon("kafka", "api", "heroku-kafka", "heroku-kafka:basic-0", "keep", 10_000),))
    without = replace(shop(), others=())

    assert compared(kept).saving("standard").cents == compared(without).saving("standard").cents


def test_billed_prices_come_before_the_list_and_say_so() -> None:
    found = compared(shop()).heroku[0]
    by_name = {one.what: one for one in found.lines}

    assert by_name["web: 4 × Performance-M"].cents == 100_000
    assert by_name["web: 4 × Performance-M"].billed
    assert by_name["web: 2 × Standard-2X"].cents == 10_000
    assert "list of 2026-10-05" in by_name["web: 2 × Standard-2X"].source
    # 730 runs × 2 min = 24.33 h of the cheapest dyno of the app: 24.33 × 50.00 / 720 = 1.69.
    assert by_name["scheduled: expire"].cents == 169
    assert found.total(staging=False) == 100_000 + 10_000 + 10_000 + 35_000 + 75_000 + 6500 + 169


@pytest.mark.parametrize(
    ("plan", "cents"),
    [
        ("heroku-postgresql:standard-0", 5000),
        ("heroku-postgresql:private-2", 35_000),
        ("heroku-redis:premium-5", 20_000),
    ],
)
def test_an_add_on_without_a_billed_price_takes_the_list(plan: str, cents: int) -> None:
    store = database(plan, 10**9) if "postgresql" in plan else None
    other = cache(plan, 1024) if "redis" in plan else None
    estate = replace(shop(), databases=(store,) if store else (), caches=(other,) if other else (), others=())

    found = next(one for one in heroku.bill(estate, sizes(estate), ONE).lines if plan in one.what)

    assert found.cents == cents
    assert not found.billed


def test_what_nobody_prices_is_named() -> None:
    odd = replace(
        shop(),
        apps=(app("api", ProcessType("web", "run", 1, "Gigantic-9X", 512)),),
        others=(OtherAddon("log", "api", "papertrail", "papertrail:choklad", "keep"),),
    )

    found = compared(odd)

    assert any("Gigantic-9X" in said for said in found.warnings)
    assert any("papertrail:choklad" in said for said in found.warnings)


def test_eco_dynos_share_one_pool_and_spaces_cost_their_fee() -> None:
    eco = ProcessType("web", "run", 1, "Eco", 512)
    estate = replace(
        hobby(),
        apps=(app("one", eco), app("two", eco, space="yard")),
        spaces=(Space("yard", "team", "virginia", "cedar", False, "allocated", "10.0.0.0/16", "10.1.0.0/16", ()),),
    )

    lines = {one.what: one.cents for one in heroku.bill(estate, sizes(estate), ONE).lines}

    assert lines["Eco dynos of 2 apps"] == 500
    assert lines["Private Space yard"] == 100_000


def test_a_task_smaller_than_what_was_measured_is_refused() -> None:
    made = sizes(shop())
    tight = replace(made.processes[0], high_water_gb=Decimal("2.5"))

    refused = compared(shop(), made=replace(made, processes=(tight, *made.processes[1:]))).bill("standard").refusals

    assert refused == (
        "A task of api-web would have 3.00 GB of memory, but 2.50 GB were measured in use: "
        "with a quarter of margin it needs 3.13 GB. Take the next larger size.",
    )


@pytest.mark.parametrize(("mark", "refused"), [("2.4", False), ("2.401", True)])
def test_the_margin_is_a_quarter(mark: str, refused: bool) -> None:
    made = sizes(shop())
    tight = replace(made.processes[0], high_water_gb=Decimal(mark))

    bill = compared(shop(), made=replace(made, processes=(tight,))).bill("standard")

    assert bool(bill.refusals) == refused


def test_sizes_from_the_estate_hold_what_was_measured() -> None:
    made = sizing.from_estate(shop(), marks=[("api", "web", Decimal("2.9"))], at_3x=[("api", "web", 6)])

    assert made.processes[0].memory_gb == 4
    assert made.processes[0].tasks_at_3x == 6
    assert not compared(shop(), made=made).bill("standard").refusals


@pytest.mark.parametrize(
    ("now", "at_3x", "traffic", "expected"),
    [
        (2, None, "1", exactly(2)),
        (2, None, "3", between(2, 6, 6)),
        (2, 4, "3", exactly(4)),
        (2, 4, "2", exactly(3)),
        (2, 1, "3", exactly(2)),
        (2, 4, "6", exactly(8)),
        (0, None, "3", exactly(0)),
        (1, None, "0.5", exactly(1)),
    ],
)
def test_tasks_grow_as_the_what_if_says_or_at_most_in_proportion(
    now: int, at_3x: int | None, traffic: str, expected: Range
) -> None:
    size = ProcessSize("shop", "web", now, ONE, ONE, tasks_at_3x=at_3x)

    assert tasks(size, LEAN, Decimal(traffic)) == expected


def test_staging_of_the_estate_is_compared_with_staging() -> None:
    estate = replace(
        shop(),
        apps=(
            *shop().apps,
            app("api-staging", ProcessType("web", "run", 1, "Standard-1X", 512, 2500), stage="staging"),
        ),
    )
    found = compared(estate)
    production, everything = (found.saving("standard", staging=staging) for staging in (False, True))

    assert everything.heroku_cents - production.heroku_cents == 2500
    assert any(one.staging and one.app == "api-staging" for one in found.bill("standard", staging=True).lines)
    assert not any(one.staging for one in found.bill("standard").lines)


def test_without_staging_on_heroku_a_small_copy_is_priced_and_said_so() -> None:
    found = compared(shop())

    assert found.bill("standard", staging=True).total.likely > found.bill("standard").total.likely
    assert any("Staging on AWS is a small copy" in said for said in found.assumptions)
    assert all(bill.staging is False for bill in compared(shop(), Flags(staging=False)).bills)


@pytest.mark.parametrize(
    ("flags", "cheaper"),
    [
        (Flags(arm=True), True),
        (Flags(multi_az=False), True),
        (Flags(spot_share=Decimal(1)), True),
        (Flags(log_days=7), True),
        (Flags(log_days=365), False),
        (Flags(region="eu-central-1"), False),
    ],
)
def test_each_flag_moves_the_bill_its_own_way(flags: Flags, cheaper: bool) -> None:
    before, after = (compared(shop(), one).bill("standard").total.likely for one in (Flags(), flags))

    assert (after < before) == cheaper
    assert after != before


def test_a_savings_plan_is_a_column_of_its_own_and_can_be_left_out() -> None:
    with_plan, without = (compared(shop(), one).bill("standard") for one in (Flags(), Flags(savings_plan="none")))

    assert with_plan.committed.likely < with_plan.total.likely
    assert without.committed == without.total == with_plan.total
    assert line(with_plan, "NAT gateway").committed_cents == line(with_plan, "NAT gateway").cents


def test_a_traffic_of_its_own_is_a_third_column() -> None:
    found = compared(shop(), Flags(traffic=Decimal("1.5")))

    assert [bill.traffic for bill in found.heroku] == [ONE, Decimal("1.5"), THREE]
    assert found.bill("standard", Decimal("1.5")).total.likely > found.bill("standard").total.likely


@pytest.mark.parametrize("flags", [Flags(spot_share=Decimal(2)), Flags(traffic=Decimal(0)), Flags(region="mars-1")])
def test_flags_without_sense_are_refused(flags: Flags) -> None:
    with pytest.raises(UsageError):
        compared(shop(), flags)


def test_a_price_that_nobody_knows_makes_the_bill_incomplete_and_says_so() -> None:
    poor = PriceBook(
        "us-east-1", "refreshed", tuple(one for one in BOOK.prices if one.item != "NAT-hour"), BOOK.discounts
    )

    found = compare(shop(), week(shop()), sizes(shop()), {"us-east-1": poor}, Flags(), TODAY)

    assert any("no price for VPC NAT-hour" in said for said in found.bill("standard").refusals)
    assert any("not complete" in said for said in found.verdict.reasons)


def test_old_prices_are_warned_of() -> None:
    assert any("older than 90 days" in said for said in compared(shop()).warnings)


@pytest.mark.parametrize(("days", "spread"), [(1, "0.5"), (7, "0.2"), (28, "0.1")])
def test_few_days_of_logs_make_a_wide_range(days: int, spread: str) -> None:
    found = usage.from_logs(days, 1000, 10**9, 10**9, shop()).requests

    assert found.basis == "measured"
    assert found.amount.high / found.amount.likely - 1 == Decimal(spread)


def test_without_logs_every_assumption_is_named() -> None:
    found = compare(shop(), usage.assumed(shop()), sizes(shop()), BOOKS, Flags(), TODAY)

    assert [name.partition(":")[0] for name in found.assumptions[:6]] == [
        "Requests", "Bytes out", "Logs", "Through NAT", "Between zones", "Connections",
    ]  # fmt: skip
    assert not found.bill("standard").total.known


def test_the_comparison_is_json() -> None:
    text = json.dumps(compared(shop()).to_json())

    assert json.loads(text)["bills"][0]["lines"][0]["cents"]["likely"] >= 0


FIELDS = ("requests", "bytes_out_gb", "fetched_gb", "cross_zone_gb", "log_gb", "connections_per_second")


def used(amounts: dict[str, Range]) -> Usage:
    made = {name: Estimate(amount, "given", "a test") for name, amount in amounts.items()}
    return Usage(**made, databases=week(shop()).databases)


ranges = st.lists(st.decimals(0, 10**6, places=3), min_size=3, max_size=3).map(lambda three: Range(*sorted(three)))
usages = st.fixed_dictionaries(dict.fromkeys(FIELDS, ranges))


@settings(max_examples=25, deadline=None)
@given(usages, st.sampled_from(FIELDS), st.decimals(0, 10**5, places=3), st.sampled_from(DESIGNS))
def test_more_usage_never_costs_less(amounts: dict[str, Range], name: str, more: Decimal, design: Design) -> None:
    larger = {**amounts, name: amounts[name] + exactly(more)}

    less, most = (
        bills.bill(sizes(shop()), used(one), BOOK, design, Flags(), ONE, staging=False).total
        for one in (amounts, larger)
    )

    assert less.low <= most.low
    assert less.likely <= most.likely
    assert less.high <= most.high


@settings(max_examples=25, deadline=None)
@given(usages, st.sampled_from(DESIGNS), st.booleans(), st.sampled_from(book.REGIONS))
def test_the_floor_is_within_the_total_and_three_times_the_traffic_costs_no_less(
    amounts: dict[str, Range], design: Design, staging: bool, region: str
) -> None:
    once, thrice = (
        bills.bill(sizes(shop()), used(amounts), BOOKS[region], design, Flags(region=region), traffic, staging=staging)
        for traffic in (ONE, THREE)
    )

    assert once.floor.low <= once.total.low
    assert once.floor.high <= once.total.high
    assert once.committed.likely <= once.total.likely
    assert once.total.low <= thrice.total.low
    assert once.total.likely <= thrice.total.likely
    assert once.total.high <= thrice.total.high


def test_an_idle_estate_pays_the_floor() -> None:
    """Without a request, a byte or a log line, only rejected packets are left above the floor."""
    nothing = used({name: exactly(0) for name in FIELDS})
    bill = bills.bill(sizes(shop()), nothing, BOOK, STANDARD, Flags(), ONE, staging=False)

    assert bill.total.likely - bill.floor.likely < 100


@given(ranges, ranges)
def test_a_difference_holds_every_case(one: Range, other: Range) -> None:
    difference = one - other

    assert difference.low <= one.likely - other.high
    assert difference.high >= one.high - other.likely


@pytest.mark.parametrize("name", ["load", "ranges", "running", "herokulist", "answer"])
def test_the_examples_in_the_docstrings_run(name: str) -> None:
    module = importlib.import_module(f"offramp.assess.cost.{name}")

    result = doctest.testmod(module)

    assert result.attempted
    assert not result.failed


def test_the_move_itself_costs_both_sides_and_the_links() -> None:
    """4 weeks: 672 of 730 hours of the bill, and one link: 672 h × (0.5 × 0.04048 + 0.004445) = 13.60 + 2.99 USD; people 5,000 USD."""
    found = compared(shop(), Flags(engineering_cents=Decimal(500_000)))
    bill = found.bill("standard")

    once = found.payback.one_off_cents.likely

    assert once == round(bill.total.likely * 672 / 730) + 1360 + 299 + 500_000
    assert found.payback.months == round(float(once / found.saving("standard").cents.likely), 1)
