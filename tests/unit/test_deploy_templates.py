"""Which templates follow for the gateway and the apps?"""

from __future__ import annotations

import base64
import json

import pytest
from golden import same_as_golden
from mentoring import SECRET_ARN, blueprint

from offramp.aws import rules
from offramp.aws.templates import parse, resources_of
from offramp.deploy import templates
from offramp.deploy.templates import Config, health_check, stop_timeout

WANT = blueprint()
CONFIG = Config(SECRET_ARN, ("DATABASE_URL", "MENTORS_API_URL", "SECRET_KEY"))
BODIES = {
    "gateway.yaml": templates.gateway(WANT, token_arn=SECRET_ARN, heroku_api="https://api.heroku.com"),
    "sessions-api.yaml": templates.app(WANT, "sessions-api", CONFIG),
    "web.yaml": templates.app(WANT, "web", Config(SECRET_ARN, ())),
}


def container(body: str, task: str) -> dict[str, object]:
    properties = resources_of(parse(body))[task]["Properties"]
    assert isinstance(properties, dict)
    found: dict[str, object] = properties["ContainerDefinitions"][0]
    return found


@pytest.mark.parametrize("name", BODIES)
def test_the_template_is_the_one_that_was_read(name: str) -> None:
    assert same_as_golden(f"deploy-{name}", BODIES[name])


@pytest.mark.parametrize("name", BODIES)
def test_our_own_rules_have_nothing_against_it(name: str) -> None:
    assert rules.check(BODIES[name]) == ()


def test_config_vars_come_from_the_secret_unless_the_blueprint_says_otherwise() -> None:
    found = container(BODIES["sessions-api.yaml"], "WebTask")

    assert found["Secrets"] == [
        {"Name": "DATABASE_URL", "ValueFrom": f"{SECRET_ARN}:DATABASE_URL::"},
        {"Name": "SECRET_KEY", "ValueFrom": f"{SECRET_ARN}:SECRET_KEY::"},
    ]


def test_a_web_process_runs_under_the_drain_wrapper_with_its_command_untouched() -> None:
    command = container(BODIES["sessions-api.yaml"], "WebTask")["Command"]

    assert isinstance(command, list)
    assert command[-1] == 'gunicorn sessions.wsgi --log-format "%(m)s"'
    assert "OFFRAMP_DRAIN" in command[2]


def test_a_worker_runs_as_it_is_and_somebody_else_says_how_many() -> None:
    body = BODIES["sessions-api.yaml"]

    assert container(body, "WorkerTask")["Command"] == ["sh", "-c", "python manage.py work"]
    assert resources_of(parse(body))["Worker"]["Properties"]["DesiredCount"] == {"Ref": "WorkerCount"}  # type: ignore[index]


def test_a_job_runs_its_command_and_is_switched_by_a_parameter() -> None:
    resources = resources_of(parse(BODIES["sessions-api.yaml"]))
    (name,) = (name for name, resource in resources.items() if resource["Type"] == "AWS::Scheduler::Schedule")
    properties = resources[name]["Properties"]

    assert isinstance(properties, dict)
    override = json.loads(properties["Target"]["Input"])["containerOverrides"][0]
    assert override == {"name": "main", "command": ["sh", "-c", "python manage.py expire_sessions"]}
    assert properties["State"] == {"Ref": f"{name}State"}
    assert properties["ScheduleExpression"] == "rate(10 minutes)"


def test_the_gateway_carries_its_configuration() -> None:
    found = container(BODIES["gateway.yaml"], "GatewayTask")["Environment"]

    assert isinstance(found, list)
    conf = base64.b64decode(found[0]["Value"]).decode()
    assert "server sessions-api-web.mentoring.internal:8000 resolve" in conf
    assert found[1] == {"Name": "OFFRAMP_DRAIN", "Value": "15"}


def test_apps_without_a_public_name_are_not_behind_the_gateway() -> None:
    assert [site.name for site in templates.sites(WANT)] == ["mentors-api", "sessions-api"]


@pytest.mark.parametrize(("drain", "seconds"), [(0, 90), (15, 90), (60, 95), (110, 120)])
def test_the_stop_timeout_covers_drain_and_last_request(drain: int, seconds: int) -> None:
    assert stop_timeout(drain) == seconds


def test_the_health_check_sends_the_host_that_the_app_knows() -> None:
    assert "Host: a.example" in health_check(80, "/", "a.example")
    assert "Host" not in health_check(80, "/", None).partition("python3")[0]
