"""Do ties of statements to routes become facts that the rules count rightly: by route, by app, with what surrounds a statement?"""

from __future__ import annotations

from dataclasses import replace

import assessments
import cost_estate
import numpy as np
import pytest
from latency_worlds import PAGES, Route, World, world

from offramp.assess.gather import latencies, tying
from offramp.assess.gather.latencies import AppSeen
from offramp.assess.gather.logs import Told
from offramp.assess.latency import Facts, Latency, assess, issuing
from offramp.assess.latency.facts import MissingIndex, Statement
from offramp.assess.latency.issuing import Issued, Tie
from offramp.assess.latency.model import Cause
from offramp.assess.model import Coverage
from offramp.telemetry.model import MetricKind, Samples

ADDON = "postgresql-api"
REPORT, LOOKUP = "7f01", "9a12"
POINTS = 0.10


def samples(kind: MetricKind) -> Samples:
    none, numbers = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
    return Samples("api", kind, none, numbers, (), numbers, (), np.zeros(0))


def tie(app: str, route: str, statement: str, calls: float, share: float, mean_ms: float) -> Tie:
    return Tie(issuing.Route(app, route), statement, calls, 0.1, share, mean_ms, 50.0)


def seen(one: World, *ties: Tie) -> AppSeen:
    """The app `api` after its database was watched for 100 s; the lines are of 200 s, and another app uses the database too."""
    issued = Issued(ADDON, 100.0, 50, {REPORT: 400.0, LOOKUP: 1000.0}, {REPORT: 8000.0, LOOKUP: 500.0}, ties)
    database = cost_estate.database("standard-0", 1, app="api")
    lines = one.router("api")
    told = Told("api", (), (), samples(MetricKind.DYNO), samples(MetricKind.POSTGRES), ())
    coverage = Coverage("api", len(lines), len(lines), 0, 200_000_000)
    advice = replace(assessments.advice(), database=ADDON)
    return AppSeen(cost_estate.app("api"), lines, told, coverage, ((database, advice),), {ADDON: issued})


def requests_of(one: World, route: str) -> int:
    return int((one.route == [each.name for each in one.routes].index(route)).sum())


def test_a_tied_statement_is_one_fact_a_route_with_its_calls_and_time() -> None:
    one = world(PAGES, requests=600)
    ties = (tie("api", "GET /a", LOOKUP, 2.0, 0.6, 0.4), tie("api", "GET /b", LOOKUP, 1.0, 0.4, 0.9))
    found = [each for each in latencies.facts(seen(one, *ties)).statements if each.route]

    assert [(each.route, each.calls, each.mean_ms) for each in found] == [
        ("GET /a", 2 * requests_of(one, "GET /a"), 0.4),
        ("GET /b", requests_of(one, "GET /b"), 0.9),
    ]
    assert all("50 intervals in 100 s" in each.known_by for each in found)


def test_what_no_route_explains_stays_without_one_for_the_time_of_the_lines() -> None:
    found = latencies.facts(seen(world(PAGES, requests=600), tie("api", "GET /a", LOOKUP, 2.0, 0.7, 0.4))).statements
    text = "select * from mentors where id = $1"

    assert [(each.calls, each.mean_ms) for each in found if each.statement == text and not each.route] == [(600, 0.5)]


def test_another_apps_calls_are_not_given_to_this_one() -> None:
    facts = latencies.facts(seen(world(PAGES, requests=600), tie("other", "GET /a", REPORT, 1.0, 1.0, 20.0)))

    assert not [each for each in facts.statements if "bookings b" in each.statement]
    assert facts.missing_indexes == ()


def test_a_missing_index_is_given_to_each_route_that_issues_the_statement_in_its_full_text() -> None:
    one = world(PAGES, requests=600)
    ties = (tie("api", "GET /a", REPORT, 1.0, 0.5, 20.0), tie("api", "GET /c", REPORT, 1.0, 0.5, 20.0))
    facts = latencies.facts(seen(one, *ties))

    assert [each.route for each in facts.missing_indexes] == ["GET /a", "GET /c"]
    assert {each.statement for each in facts.missing_indexes} <= {each.statement for each in facts.statements}


def test_without_a_watch_no_fact_has_a_route_and_the_answer_says_how_to_get_it() -> None:
    facts = latencies.facts(replace(seen(world(PAGES, requests=600)), issued={}))
    (gap,) = tying.gaps((), 0, asked=False)

    assert {each.route for each in facts.statements} | {each.route for each in facts.missing_indexes} == {""}
    assert gap.remedy == "offramp assess --watch 5m"


def test_a_watch_that_told_nothing_says_so() -> None:
    (gap,) = tying.gaps((Issued(ADDON, 30.0, 15),), 30, asked=True)

    assert ADDON in gap.about
    assert "15 intervals" in gap.because


# What the rules make of it


def named(latency: Latency, name: str, subject: str) -> Cause:
    return next(cause for cause in latency.causes if (cause.name, cause.subject) == (name, subject))


def gone(flawed: World, its: np.ndarray[tuple[int], np.dtype[np.bool_]], by: float, objective_ms: float) -> float:
    mended = flawed.needing(np.where(its, (flawed.service_us * by).astype(np.int64), flawed.service_us))
    return 1 - mended.above_ms(objective_ms) / flawed.above_ms(objective_ms)


def test_a_statement_of_two_routes_has_its_share_by_route() -> None:
    """Both read the table; of one route's time it is nine tenths, of the other's a twentieth."""
    routes = (*PAGES[:2], Route("GET /search", 0.04, 3000), Route("GET /export", 0.04, 3000))
    one = world(routes, dynos=4, workers=4, busy=0.2)
    searches, exports = requests_of(one, "GET /search"), requests_of(one, "GET /export")
    text, ddl = "select * from items where name = $1", "create index on items (name)"
    facts = Facts(
        declared_workers=4,
        statements=(
            Statement(text, searches, 2700, "GET /search", "the watch"),
            Statement(text, exports, 150, "GET /export", "the watch"),
        ),
        missing_indexes=tuple(
            MissingIndex("items", ddl, text, 0.99, route, "the watch") for route in ("GET /search", "GET /export")
        ),
    )
    found = assess(one.router(), facts, 1500)
    cause = named(found, "missing index", "GET /search")

    assert cause.share == pytest.approx(gone(one, one.route == 2, 1 - 0.99 * 0.9, 1500), abs=POINTS)
    assert any("tied to the route: the watch" in row.text for row in cause.evidence)
    assert not [each for each in found.causes if (each.name, each.subject) == ("missing index", "GET /export")]


def lookups(around_ms: float, executed_ms: float, each: int = 50) -> tuple[World, Facts]:
    """GET /list issues ``each`` statements, the others 1, 2 and 4; one costs the application ``around_ms`` beside its execution."""
    issues = {"GET /a": 1, "GET /b": 2, "GET /c": 4, "GET /list": each}
    routes = tuple(
        Route(name, 0.25, 8.0 + count * (around_ms + executed_ms), shape=20) for name, count in issues.items()
    )
    one = world(routes, dynos=4, workers=4, busy=0.2)
    text = "select * from skills where mentor_id = $1"
    statements = (Statement(text, count * requests_of(one, name), executed_ms, name) for name, count in issues.items())
    return one, Facts(declared_workers=4, statements=tuple(statements))


def test_what_the_application_spends_around_each_of_many_statements_goes_with_them() -> None:
    one, facts = lookups(around_ms=0.8, executed_ms=0.05)
    found = assess(one.router(), facts, 25)
    saved = 49 * (0.8 + 0.05) / (8.0 + 50 * (0.8 + 0.05))

    cause = named(found, "n+1", "GET /list")
    assert cause.share == pytest.approx(gone(one, one.route == 3, 1 - saved, 25), abs=POINTS)
    assert next(row.figure for row in cause.evidence if "around the execution" in row.text) == pytest.approx(
        0.8, abs=0.2
    )


def test_nothing_is_supposed_around_statements_where_routes_with_more_are_not_slower() -> None:
    one, facts = lookups(around_ms=0.0, executed_ms=0.0)
    level = one.needing(np.where(one.route == 3, one.service_us // 2, one.service_us))

    assert not [each for each in assess(level.router(), facts, 5).causes if each.name == "n+1"]
