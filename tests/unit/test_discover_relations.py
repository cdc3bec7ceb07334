"""Who calls whom, which secrets were copied, which jobs run, how fast does it grow, and is every difference told?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_discover_estate import MENTORS, POSTGRES, SESSIONS, SETTINGS, estate, facts

from offramp.discover import calling, diff, file, history, jobs, judge
from offramp.discover.calling import SharedRequests
from offramp.discover.history import Observation, Size
from offramp.discover.jobs import Run
from offramp.discover.model import Activity, Estate, Readings, Schedule, SeenJob, Statements, TableUse
from offramp.discover.seen import Seen, WriteEstate
from offramp.discover.still import still
from offramp.engine.verdict import Do, Met
from offramp.errors import UsageError
from offramp.heroku import model

DAY, HOUR = 86400.0, 3600.0
USE = TableUse("public", "mentor", 1, 1, 1, 0, 0, 0, 0, 10, 0, None, None, None)


def readings(at: float) -> Readings:
    activity = Activity(1, 20, 0, 1, 0, (), (), ())
    return Readings(
        at, None, None, Statements((), 0, 0, None), (USE,), (), 0, (), (), activity, 1, None, 5, 10**8, 1, 0, 0, 0
    )


def with_readings(found: Estate, at: float) -> Estate:
    return replace(found, databases=tuple(replace(one, readings=readings(at)) for one in found.databases))


def test_config_vars_and_shared_requests_tell_who_calls_whom() -> None:
    found = calling.calls(
        estate().apps, (SharedRequests("sessions-api", "mentors-api", 142), SharedRequests("a", "a", 3))
    )

    assert [(one.caller, one.callee, one.evidence) for one in found] == [
        ("sessions-api", "mentors-api", "config MENTORS_API_URL, config MENTORS_HOOK, 142 requests in the log")
    ]


def test_who_may_come_in_is_not_called() -> None:
    lets_in = {
        "CORS_ALLOWED_ORIGINS": "https://sessions-api.mentoring.example",
        "TRUSTED_ORIGINS": "https://sessions-api.mentoring.example",
    }

    assert calling.calls(estate(facts("mentors-api", lets_in), facts("sessions-api")).apps) == ()


def test_a_copied_database_url_is_found_whoever_logs_in() -> None:
    copied = facts(
        "reports", {"SOURCE": "postgresql://reader:hunter3@db.example:6432/d?sslmode=require", "DEBUG": "false"}
    )
    found = estate(MENTORS, SESSIONS, copied)

    assert found.databases[0].copied_to == ("reports:SOURCE",)
    assert [(one.kind, one.places) for one in found.copies] == [
        ("endpoint", ("mentors-api:DATABASE_URL", "reports:SOURCE"))
    ]
    assert "hunter3" not in file.dump(found)


def test_a_secret_in_two_apps_is_found_and_a_plain_setting_is_not() -> None:
    shared = {"STRIPE": "sk_live_0123456789abcdef", "ENV": "production", "DOCS": "https://docs.example.org/guide"}
    found = estate(facts("one", shared), facts("two", shared))

    assert [(one.kind, one.places) for one in found.copies] == [("value", ("one:STRIPE", "two:STRIPE"))]


def test_one_store_attached_twice_is_no_copy() -> None:
    url = {"DATABASE_URL": "postgres://u:p@db.example/d"}
    attached = model.Attachment(
        "x", "DATABASE", "one", POSTGRES.id, POSTGRES.name, POSTGRES.app, None, ("DATABASE_URL",)
    )
    both = [facts(name, url, attachments=(replace(attached, app=name),)) for name in ("one", "two")]

    assert estate(*both).copies == ()


@pytest.mark.parametrize(
    ("gap", "expected"), [(600, "10 minutes"), (3600, "hour"), (86400, "day"), (7200, "unknown"), (60, "unknown")]
)
def test_the_interval_of_a_job_is_that_of_most_runs(gap: float, expected: str) -> None:
    runs = [Run("api", "tidy", n * gap + n % 3) for n in range(9) if n != 4]

    (found,) = jobs.scheduled(runs, (Schedule("api", "tidy", "hour"),))

    assert found == SeenJob("api", "tidy", expected, 8, 8 * gap + 2, True)


def test_a_job_that_nobody_listed_is_said_to_be_so() -> None:
    assert [one.listed for one in jobs.scheduled([Run("api", "tidy", 0.0)], (Schedule("web", "tidy", "day"),))] == [
        False
    ]


def test_growth_is_unknown_until_two_looks_are_an_hour_apart(tmp_path: Path) -> None:
    first = with_readings(estate(), 0.0)
    history.keep(tmp_path, first)
    history.keep(tmp_path, with_readings(estate(), HOUR / 2))
    before = history.read(tmp_path)

    soon = history.grown(readings(HOUR / 2), POSTGRES.name, 2_000_000, (), before)
    later = history.grown(readings(DAY / 2), POSTGRES.name, 2_000_000, [Size("public.mentor", 8192 + 4096)], before)

    assert len(before) == 1
    assert soon.growth is None
    assert later.growth is not None and (later.growth.bytes_per_day, later.growth.observations) == (2_000_000, 2)
    assert [use.growth.bytes_per_day for use in later.tables if use.growth] == [8192]


def test_a_history_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    history.keep(tmp_path, with_readings(estate(), 5.0))
    path = tmp_path / history.FILENAME
    path.write_text(path.read_text() + '{"addon": 3}\nnonsense\n{"addon": "x"')

    assert history.read(tmp_path) == (Observation(POSTGRES.name, 5.0, 1_000_000, (Size("public.mentor", 8192),)),)


def test_readings_are_no_change_until_they_are_an_hour_old() -> None:
    kept = with_readings(estate(), 0.0)

    def verdict(at: float) -> object:
        (finding,) = judge.judge(SETTINGS, Seen(found=with_readings(estate(), at), kept=kept), {})
        return finding.verdict

    assert isinstance(verdict(HOUR), Met)
    assert verdict(3 * HOUR) == Do(
        (WriteEstate(with_readings(estate(), 3 * HOUR)),), because="the readings in estate.json are 3 h old"
    )


CHANGES: list[tuple[Callable[[Estate], Estate], str]] = [
    (lambda e: replace(e, apps=e.apps[:1]), "The app sessions-api is gone."),
    (lambda e: replace(e, databases=()), "The database postgresql-flat-1 is gone."),
    (lambda e: replace(e, monthly_cents=5), "Heroku costs $0.05 a month; it was $165.00."),
    (lambda e: app(e, maintenance=True), "Maintenance mode of mentors-api is on."),
    (lambda e: app(e, release_version=8), "mentors-api is at release v8; it was v7."),
    (
        lambda e: app(e, buildpacks=("heroku/nodejs", "heroku/python")),
        "The buildpacks of mentors-api are heroku/nodejs, heroku/python; they were heroku/python.",
    ),
    (lambda e: app(e, domains=()), "mentors-api has lost a domain: mentors-api.mentoring.example."),
    (lambda e: app(e, features=("preboot",)), "mentors-api has a new feature: preboot."),
    (lambda e: app(e, team="core"), "The app mentors-api differs in team."),
    (
        lambda e: app(e, processes=(replace(e.apps[0].processes[0], size="Standard-2X"),)),
        "web of mentors-api runs on Standard-2X; it ran on Standard-1X.",
    ),
    (lambda e: config(e), "The config var SECRET_KEY of mentors-api has another value."),
    (lambda e: database(e, server_version=160004), "postgresql-flat-1 runs PostgreSQL 16.4; it ran 15.18."),
    (lambda e: database(e, tables=()), "postgresql-flat-1 has lost a table: public.mentor."),
    (
        lambda e: database(e, tables=(replace(e.databases[0].tables[0], key=()),)),
        "The table public.mentor of postgresql-flat-1 has no key; it had the key id.",
    ),
    (lambda e: database(e, bytes=1_500_000), "postgresql-flat-1 is 50% larger: 1.5 MB, it was 1.0 MB."),
    (lambda e: database(e, copied_to=("x:Y",)), "The database postgresql-flat-1 differs in copied to."),
    (
        lambda e: replace(e, caches=(replace(e.caches[0], plan="heroku-redis:premium-1"),)),
        "redis-round-1 is on the plan heroku-redis:premium-1; it was on heroku-redis:premium-0.",
    ),
    (lambda e: replace(e, calls=()), "sessions-api does not call mentors-api any more."),
    (lambda e: replace(e, schedules=()), "sessions-api does not run `tidy` every hour any more."),
    (
        lambda e: replace(e, others=(replace(e.others[0], plan="scheduler:big"),)),
        "The add-on scheduler-1 differs in plan.",
    ),
]


def app(found: Estate, **changes: object) -> Estate:
    return replace(found, apps=(replace(found.apps[0], **changes), *found.apps[1:]))  # type: ignore[arg-type]  # test data


def config(found: Estate) -> Estate:
    made = tuple(replace(one, fingerprint="0") if one.name == "SECRET_KEY" else one for one in found.apps[0].config)
    return app(found, config=made)


def database(found: Estate, **changes: object) -> Estate:
    return replace(found, databases=(replace(found.databases[0], **changes),))  # type: ignore[arg-type]  # test data


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_a_change_is_told_in_a_sentence(change: Callable[[Estate], Estate], expected: str) -> None:
    assert expected in [one.text for one in diff.changes(estate(), change(estate()))]


@given(st.sampled_from(CHANGES))
def test_whatever_counts_as_a_change_is_told(one: tuple[Callable[[Estate], Estate], str]) -> None:
    after = one[0](estate())

    assert bool(diff.changes(estate(), after)) >= (still(after) != still(estate()))
    assert bool(diff.changes(after, estate())) >= (still(after) != still(estate()))


def test_nothing_is_told_of_what_is_alike() -> None:
    assert diff.changes(with_readings(estate(), 0.0), with_readings(estate(), 9.0)) == ()


def test_an_estate_of_the_last_version_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="offramp/estate/1") as raised:
        file.parse('{"schema": "offramp/estate/1"}')

    assert "offramp discover" in raised.value.hint
