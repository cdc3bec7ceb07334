"""Do Heroku's answers become the right estate, and does the judge find what must not be moved?"""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from offramp.discover import catalogue, compose, file, fingerprint, judge, survey
from offramp.discover.census import Census, concerns
from offramp.discover.model import App, Estate, Schedule, Table
from offramp.discover.seen import MakeSalt, Seen, Unreadable, WriteEstate
from offramp.discover.survey import AppFacts, Survey
from offramp.engine.verdict import Do, Met, Refuse
from offramp.errors import UsageError
from offramp.heroku import model
from offramp.kit.secret import Secret
from offramp.settings import HerokuSettings, Settings

SALT = Secret("s" * 64)
SETTINGS = Settings.parse(
    'name = "m"\n[aws]\nregion = "us-east-1"\naccount = "000000000000"\n[heroku]\nhandled_addons = ["known-1"]\n',
    Path("work"),
)
SIZES = (model.DynoSize("Standard-1X", 512, 2500, False), model.DynoSize("Standard-2X", 1024, 5000, False))
CENSUS = Census(150018, 1_000_000, 120, ("citext", "plpgsql"), (Table("public", "mentor", 10, 8192, ("id",)),), ())


def app(name: str) -> model.App:
    return model.App(f"{name}-id", name, "heroku-24", "cedar", "us", False, f"http://{name}-1a2b.herokuapp.com:8080/")


def addon(name: str, owner: str, plan: str, cents: int = 0) -> model.Addon:
    return model.Addon(f"{name}-id", name, owner, plan.partition(":")[0], plan, "provisioned", (), cents)


def attachment(of: model.Addon, to: str, name: str, namespace: str | None = None) -> model.Attachment:
    return model.Attachment(f"{to}-{name}", name, to, of.id, of.name, of.app, namespace, (f"{name}_URL",))


POSTGRES = addon("postgresql-flat-1", "mentors-api", "heroku-postgresql:standard-0", 5000)
REDIS = addon("redis-round-1", "mentors-api", "heroku-redis:premium-0", 1500)
SCHEDULER = addon("scheduler-1", "sessions-api", "scheduler:standard")


def facts(
    name: str,
    config: Mapping[str, str] | None = None,
    addons: tuple[model.Addon, ...] = (),
    attachments: tuple[model.Attachment, ...] = (),
    formation: tuple[model.Formation, ...] = (model.Formation("web", "gunicorn app", 2, "Standard-1X"),),
) -> AppFacts:
    return AppFacts(
        app=app(name),
        formation=formation,
        release=model.Release("r", 7, "succeeded", "Deploy", True, "s"),
        slug=model.Slug("s", (("release", "python manage.py migrate"), ("web", "gunicorn app"))),
        config={key: Secret(value) for key, value in (config or {}).items()},
        addons=addons,
        attachments=attachments,
        domains=(model.Domain(f"{name}.mentoring.example", "custom", f"x.{name}.herokudns.com"),),
        drains=(),
        buildpacks=("heroku/python",),
        pipeline="mentoring",
        pipeline_stage="production",
    )


MENTORS = facts(
    "mentors-api",
    {"DATABASE_URL": "postgres://u:hunter2@db.example/d", "REDIS_URL": "rediss://:hunter2@c.example", "SECRET_KEY": "hunter2"},
    (POSTGRES, REDIS),
    (
        attachment(POSTGRES, "mentors-api", "HEROKU_POSTGRESQL_RED"),
        attachment(POSTGRES, "mentors-api", "DATABASE"),
        attachment(REDIS, "mentors-api", "REDIS"),
    ),
)  # fmt: skip
SESSIONS = facts(
    "sessions-api",
    {
        "MENTORS_API_URL": "http://mentors-api-1a2b.herokuapp.com:8080/api",
        "MENTORS_HOOK": "https://mentors-api.mentoring.example/hook/x8fEwT0?key=1",
        "ELSEWHERE": "https://example.org",
    },
    (SCHEDULER,),
    (attachment(POSTGRES, "sessions-api", "MENTORS_DATABASE"),),
)


def estate(*apps: AppFacts, censuses: Mapping[str, Census] | None = None) -> Estate:
    found = Survey(apps or (MENTORS, SESSIONS), SIZES)
    taken = {POSTGRES.name: CENSUS} if censuses is None else censuses
    return compose.estate(found, taken, (Schedule("sessions-api", "tidy", "hour"),), SALT)


def seen(found: Estate, kept: Estate | Unreadable | None = None, salt: Secret | None = None) -> Seen:
    return Seen(found=found, kept=kept, salt=salt)


def variables(found: App) -> dict[str, tuple[str | None, str | None, str | None]]:
    return {one.name: (one.attachment, one.points_at, one.address) for one in found.config}


def test_a_database_is_known_by_the_name_that_its_owner_chose() -> None:
    (database,) = estate().databases

    assert database.config_var == "DATABASE_URL"
    assert database.attached_to == (
        "mentors-api:DATABASE_URL",
        "mentors-api:HEROKU_POSTGRESQL_RED_URL",
        "sessions-api:MENTORS_DATABASE_URL",
    )


def test_a_cache_gets_its_plans_memory() -> None:
    (cache,) = estate().caches

    assert (cache.addon, cache.config_var, cache.memory_mb) == ("redis-round-1", "REDIS_URL", 50)


def test_config_vars_tell_owner_and_target() -> None:
    found = estate()

    assert variables(found.app("mentors-api"))["DATABASE_URL"] == ("DATABASE", None, None)
    assert variables(found.app("sessions-api")) == {
        "ELSEWHERE": (None, None, None),
        "MENTORS_API_URL": (None, "mentors-api", "http://mentors-api-1a2b.herokuapp.com:8080/api"),
        "MENTORS_HOOK": (None, "mentors-api", None),
    }


def test_no_value_of_a_secret_reaches_the_file() -> None:
    text = file.dump(estate())

    assert "hunter2" not in text
    assert "x8fEwT0" not in text


def test_fingerprints_change_with_value_and_salt_only() -> None:
    one = fingerprint.fingerprint(Secret("a"), SALT)

    assert one == fingerprint.fingerprint(Secret("a"), SALT)
    assert (
        len({one, fingerprint.fingerprint(Secret("b"), SALT), fingerprint.fingerprint(Secret("a"), Secret("t"))}) == 3
    )


def test_processes_come_from_the_formation_and_the_release_from_the_slug() -> None:
    found = estate().app("mentors-api")

    assert [(p.type, p.quantity, p.memory_mb) for p in found.processes] == [("web", 2, 512)]
    assert (found.release_command, found.release_version) == ("python manage.py migrate", 7)
    assert found.default_host == "mentors-api-1a2b.herokuapp.com"


def test_the_monthly_cost_is_dynos_and_addons() -> None:
    assert estate().monthly_cents == 4 * 2500 + 5000 + 1500


def test_the_scheduler_is_advice() -> None:
    (other,) = estate().others

    assert "[[schedule]]" in other.advice
    assert [type(f.verdict) for f in judge.judge(SETTINGS, seen(estate()), {})] == [Do]


def test_an_estate_survives_its_file() -> None:
    found = estate()

    assert file.parse(file.dump(found)) == found
    assert file.dump(file.parse(file.dump(found))) == file.dump(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "estate.json, line 1: this is not JSON"),
        ("[]", "not a JSON object"),
        ('{"schema": "offramp/estate/9"}', "'offramp/estate/9'"),
        ('{"schema": "offramp/estate/2"}', "estate.json has no `apps`."),
    ],
)
def test_a_broken_estate_file_says_where(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        file.parse(text)

    assert message in raised.value.message
    assert "offramp discover" in raised.value.hint


def test_a_wrong_kind_deep_in_the_file_is_found() -> None:
    text = file.dump(estate()).replace('"quantity": 2', '"quantity": "2"')

    with pytest.raises(UsageError, match=r"estate\.json\.apps\[0\]\.processes\[0\]\.quantity is not a whole number"):
        file.parse(text)


def test_the_salt_comes_first() -> None:
    (finding,) = judge.judge(SETTINGS, seen(estate(), salt=SALT), {})

    assert isinstance(finding.verdict, Do)
    assert finding.verdict.deeds == (MakeSalt(SALT), WriteEstate(estate()))


@pytest.mark.parametrize("kept", [None, Unreadable("it is not JSON")])
def test_an_estate_that_is_not_on_file_is_written(kept: Unreadable | None) -> None:
    (finding,) = judge.judge(SETTINGS, seen(estate(), kept), {})

    assert isinstance(finding.verdict, Do)
    assert finding.verdict.deeds == (WriteEstate(estate()),)


def test_growing_tables_are_no_change() -> None:
    grown = estate(
        censuses={POSTGRES.name: replace(CENSUS, bytes=9, tables=(replace(CENSUS.tables[0], rows=99, bytes=9),))}
    )

    assert isinstance(judge.judge(SETTINGS, seen(grown, estate()), {})[0].verdict, Met)


def test_a_change_is_named() -> None:
    changed = estate(facts("mentors-api", addons=(POSTGRES, REDIS), attachments=MENTORS.attachments), SESSIONS)

    (finding,) = judge.judge(SETTINGS, seen(changed, estate()), {})

    assert isinstance(finding.verdict, Do)
    assert finding.verdict.because == "Heroku has changed: mentors-api"


def refusals(found: Seen) -> list[str]:
    findings = judge.judge(SETTINGS, found, {})
    assert all(isinstance(finding.verdict, Refuse) for finding in findings)
    return [finding.verdict.because for finding in findings if isinstance(finding.verdict, Refuse)]


def test_an_app_without_formation_is_refused_and_nothing_written() -> None:
    assert refusals(seen(estate(MENTORS, replace(SESSIONS, formation=())))) == [
        "The app sessions-api has no formation: nothing was ever deployed there, or it has no process types."
    ]


def test_the_fir_generation_is_refused() -> None:
    fir = replace(MENTORS, app=replace(MENTORS.app, generation="fir"))

    assert "Fir generation" in refusals(seen(estate(fir, SESSIONS)))[0]


def test_an_old_database_is_refused() -> None:
    old = estate(censuses={POSTGRES.name: replace(CENSUS, server_version=130012)})

    assert "PostgreSQL 13" in refusals(seen(old))[0]


@pytest.mark.parametrize("plan", ["heroku-kafka:basic-0", "jawsdb:kitefin", "nobody-knows:this"])
def test_a_store_or_an_unknown_addon_is_refused(plan: str) -> None:
    found = estate(MENTORS, replace(SESSIONS, addons=(addon("strange-1", "sessions-api", plan),)))

    assert plan in refusals(seen(found))[0]


@pytest.mark.parametrize("plan", ["papertrail:choklad", "sentry:f1", "scheduler:standard"])
def test_an_addon_that_holds_nothing_is_not(plan: str) -> None:
    found = estate(MENTORS, replace(SESSIONS, addons=(addon("plain-1", "sessions-api", plan),)))

    assert isinstance(judge.judge(SETTINGS, seen(found, found), {})[0].verdict, Met)


def test_what_a_person_takes_care_of_is_not_refused() -> None:
    found = estate(MENTORS, replace(SESSIONS, addons=(addon("known-1", "sessions-api", "heroku-kafka:basic-0"),)))

    assert isinstance(judge.judge(SETTINGS, seen(found, found), {})[0].verdict, Met)


def test_a_database_of_an_app_outside_is_refused() -> None:
    foreign = addon("postgresql-far-1", "billing", "heroku-postgresql:standard-0")
    found = estate(MENTORS, replace(SESSIONS, addons=(foreign,)))

    assert "belongs to the app billing" in refusals(replace(seen(found), foreign=(foreign.name,)))[0]


def test_a_follower_is_refused() -> None:
    follower = addon("postgresql-back-1", "mentors-api", "heroku-postgresql:standard-0")
    found = estate(replace(MENTORS, addons=(POSTGRES, REDIS, follower)), SESSIONS)

    assert "read replica" in refusals(replace(seen(found), followers=(follower.name,)))[0]


def test_a_cache_plan_that_nobody_knows_is_refused() -> None:
    found = estate(replace(MENTORS, addons=(POSTGRES, replace(REDIS, plan="heroku-redis:premium-99"))), SESSIONS)

    assert "premium-99" in refusals(seen(found))[0]


PLACES = {"web-id": survey._Place("mentoring", "production"), "stage-id": survey._Place("mentoring", "staging")}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (HerokuSettings(), ["other", "stage", "web"]),
        (HerokuSettings(pipeline="mentoring"), ["web"]),
        (HerokuSettings(pipeline="mentoring", pipeline_stage="staging"), ["stage"]),
        (HerokuSettings(apps=("web", "other")), ["other", "web"]),
    ],
)
def test_the_settings_choose_the_apps(settings: HerokuSettings, names: list[str]) -> None:
    chosen = survey.choose((app("web"), app("stage"), app("other")), PLACES, settings)

    assert names == [one.name for one in chosen]


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (HerokuSettings(apps=("wep",)), "Did you mean web?"),
        (HerokuSettings(pipeline="shop"), "mentoring (production), mentoring (staging)"),
    ],
)
def test_settings_that_choose_nothing_are_refused(settings: HerokuSettings, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        survey.choose((app("web"), app("stage")), PLACES, settings)

    assert hint in raised.value.hint


def test_concerns_are_sentences_that_name_the_thing() -> None:
    tables = (Table("public", "audit", 1, 1, ()), Table("public", "mentor", 1, 1, ("id",)))

    found = concerns(("citext", "timescaledb"), tables, [("large objects", "3"), ("unlogged", "public.scratch")])

    assert found == (
        "RDS does not offer the extension timescaledb.",
        "The database holds 3 large objects; they need a plan of their own before the move.",
        "public.audit has no usable key; whole rows are followed instead.",
        "public.scratch is unlogged; it is carried like any other table, and a crash empties it there as here.",
    )


def test_the_examples_in_the_docstrings_hold() -> None:
    assert [doctest.testmod(module).failed for module in (catalogue, fingerprint)] == [0, 0]
