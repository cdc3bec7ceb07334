"""Which configuration does an app get on AWS?"""

from __future__ import annotations

from mentoring import blueprint

from offramp.deploy.config import Places, dump, fingerprint, load, resolve
from offramp.deploy.model import config_plan
from offramp.kit.secret import Secret

WANT = blueprint()
HEROKU = {
    "SECRET_KEY": Secret("s3cret"),
    "DATABASE_URL": Secret("postgres://u:p@ec2.example:5432/d"),
    "REDIS_URL": Secret("rediss://:p@redis.example:6379"),
}
PLACES = Places(
    "pooler.mentoring.internal", 6432, {"sessions-api": Secret("c/1")}, {"sessions-api": ("cache", 6379, Secret("t@k"))}
)
KEY = Secret("key")


def resolved(side: str) -> dict[str, str]:
    plan = config_plan(WANT, "sessions-api", {"sessions-api": "aws"} if side == "aws" else {})
    return {name: value.reveal() for name, value in resolve(plan, HEROKU, PLACES).items()}


def test_the_database_is_reached_through_the_pooler() -> None:
    assert (
        resolved("heroku")["DATABASE_URL"]
        == "postgres://sessions-api:c%2F1@pooler.mentoring.internal:6432/sessions-api"
    )


def test_everything_else_is_as_on_heroku() -> None:
    found = resolved("heroku")

    assert (found["SECRET_KEY"], found["REDIS_URL"]) == ("s3cret", "rediss://:p@redis.example:6379")


def test_a_cache_that_has_moved_is_reached_on_aws() -> None:
    assert resolved("aws")["REDIS_URL"] == "rediss://:t%40k@cache:6379"


def test_a_database_is_pooled_even_when_heroku_has_forgotten_it() -> None:
    plan = config_plan(WANT, "sessions-api", {})

    assert "DATABASE_URL" in resolve(plan, {}, PLACES)


def test_an_app_without_data_keeps_herokus_configuration() -> None:
    plan = config_plan(WANT, "web", {})

    assert resolve(plan, HEROKU, PLACES) == HEROKU


def test_a_configuration_survives_being_written() -> None:
    assert load(dump(HEROKU)) == HEROKU


def test_the_fingerprint_changes_with_a_value_and_with_the_key() -> None:
    other = {**HEROKU, "SECRET_KEY": Secret("other")}

    assert len({fingerprint(HEROKU, KEY), fingerprint(other, KEY), fingerprint(HEROKU, Secret("2"))}) == 3


def test_the_fingerprint_does_not_depend_on_the_order() -> None:
    assert fingerprint(HEROKU, KEY) == fingerprint(dict(reversed(HEROKU.items())), KEY)


def test_no_value_is_shown_by_repr() -> None:
    plan = config_plan(WANT, "sessions-api", {})

    assert "s3cret" not in repr(resolve(plan, HEROKU, PLACES))
