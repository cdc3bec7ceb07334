"""Does ``offramp.toml`` say what it seems to say, and does each mistake get an answer that helps?"""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from offramp import settings
from offramp.errors import UsageError
from offramp.kit import tables
from offramp.settings import Settings

LEAST = """\
name = "mentoring"
[aws]
region = "eu-central-1"
account = "012345678901"
"""


def parse(text: str) -> Settings:
    return Settings.parse(text, Path("work"))


def test_the_least_file_gets_every_default() -> None:
    read = parse(LEAST)

    assert read.heroku.api == "https://api.heroku.com"
    assert read.heroku.reserve == 1500
    assert read.shift.steps == (10, 50, 100)
    assert read.images.of("web", 7) == "012345678901.dkr.ecr.eu-central-1.amazonaws.com/web:v7"
    assert read.blueprint_path == Path("work/blueprint.toml")


def test_everything_can_be_said() -> None:
    read = parse(
        LEAST
        + """
profile = "moving"
endpoint_url = "http://127.0.0.1:4566/"
[heroku]
api = "http://127.0.0.1:5000"
data_api = "http://127.0.0.1:5001"
token_env = "MY_TOKEN"
apps = ["web", "api-1"]
reserve = 100
handled_addons = ["kafka-round-1"]
[images]
registry = "registry.example"
tag = "r{release}"
offramp = "registry.example/offramp:1"
[images.apps]
web = "registry.example/web:sha-1"
[[schedule]]
app = "web"
command = "python manage.py tidy"
every = "hour"
[design]
zone = "example.com"
health_paths = { web = "/health" }
gateway_port = 80
[shift]
steps = [50, 100]
bake_seconds = 2
max_error_share = 0
[cutover]
deadline_seconds = 10
"""
    )

    assert read.aws.endpoint_url == "http://127.0.0.1:4566"
    assert (read.images.of("web", 1), read.images.of("api-1", 2)) == (
        "registry.example/web:sha-1",
        "registry.example/api-1:r2",
    )
    assert read.schedules == (settings.ScheduleSettings("web", "python manage.py tidy", "hour"),)
    assert dict(read.design.health_paths) == {"web": "/health"}
    assert read.cutover.deadline_seconds == 10.0


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (LEAST.replace("region", "regoin"), "line 3: `regoin` is not a key of [aws].", "Did you mean `region`?"),
        (LEAST + "[heruko]\n", "line 5: `heruko` is not a key of offramp.toml.", "Did you mean `heroku`?"),
        (LEAST + "[design]\nxyz = 1\n", "line 6: `xyz` is not a key of [design].", "Known here: zone,"),
        (LEAST + "profile = \n", "line 5: this is not TOML", "Text needs quotes"),
        ("name = mentoring\n", "line 1: this is not TOML", "Text needs quotes"),
        (LEAST.replace('"012345678901"', "12345678901"), "line 4: `account` must be a text in quotes.", "whole number"),
        (LEAST.replace("mentoring", "Mentoring"), "line 1: `name` is 'Mentoring'.", "lower-case"),
        ('name = "x"\n', "`region` is missing from [aws].", "Add it"),
        (LEAST + '[heroku]\napps = ["a b"]\n', "line 6: 'a b' cannot be the name of a Heroku app.", "heroku apps"),
        (LEAST + '[heroku]\napps = ["ab"]\npipeline = "p"\n', "line 6: `apps` and `pipeline` both", "Keep one"),
        (LEAST + "[heroku]\nreserve = true\n", "line 6: `reserve` must be a whole number.", "true or false"),
        (LEAST + "[heroku]\nreserve = 5000\n", "line 6: `reserve` is 5000.", "from 0 to 4000"),
        (LEAST + '[heroku]\napi = "api.heroku.com"\n', "line 6: `api` is not the address", "https://host"),
        (LEAST + '[[schedule]]\napp = "a"\ncommand = "c"\nevery = "minute"\n', "line 8: `every`", "10 minutes, hour, day"),
        (LEAST + "[shift]\nsteps = [50, 10]\n", "line 6: `steps` must rise and end at 100.", "[10, 50, 100]"),
        (LEAST + '[design]\nhealth_paths = { web = "health" }\n', "`web` is 'health'.", "slash"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text)

    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_token_in_the_wrong_place_is_not_shown() -> None:
    with pytest.raises(UsageError) as raised:
        parse(LEAST + '[heroku]\ntoken_env = "HRKU-very-secret"\n')

    assert "very-secret" not in str(raised.value)
    assert "never the token itself" in raised.value.hint


def test_a_missing_token_says_how_to_export_one() -> None:
    with pytest.raises(UsageError) as raised:
        parse(LEAST).heroku.token({"HEROKU_API_KEY": " "})

    assert "HEROKU_API_KEY is not set" in raised.value.message
    assert "export HEROKU_API_KEY=" in raised.value.hint


def test_the_token_is_a_secret() -> None:
    token = parse(LEAST).heroku.token({"HEROKU_API_KEY": "HRKU-1"})

    assert (token.reveal(), repr(token)) == ("HRKU-1", "***")


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no offramp\.toml"):
        Settings.load(tmp_path)


def test_a_file_is_loaded_from_its_directory(tmp_path: Path) -> None:
    (tmp_path / "offramp.toml").write_text(LEAST)

    assert Settings.load(tmp_path).directory == tmp_path


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(tables).failed == 0
    assert doctest.testmod(settings).failed == 0
