"""Does AWS's own linter accept every template that we render, and refuse what would fail?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from mentoring import SECRET_ARN, blueprint

from offramp.aws.templates import faults
from offramp.deploy import templates as deploy
from offramp.deploy.templates import Config
from offramp.design.model import Blueprint
from offramp.provision import templates as provision

WANT = blueprint()
CONFIG = Config(SECRET_ARN, ("DATABASE_URL", "SECRET_KEY"))


def rendered(want: Blueprint) -> dict[str, str]:
    return {
        "network": provision.network(want),
        "data": provision.data(want),
        "platform": provision.platform(want, "Z0123456789ABC"),
        "gateway": deploy.gateway(want, token_arn=SECRET_ARN, heroku_api="https://api.heroku.com"),
        "sessions-api": deploy.app(want, "sessions-api", CONFIG),
        "web": deploy.app(want, "web", CONFIG),
    }


@pytest.mark.parametrize("name", rendered(WANT))
def test_cfn_lint_has_nothing_against_the_template(name: str) -> None:
    assert faults(rendered(WANT)[name], WANT.region) == ()


def test_an_empty_estate_is_accepted_too() -> None:
    bare = replace(WANT, databases=(), caches=(), domains=(), jobs=(), releases=())

    assert [fault for body in rendered(bare).values() for fault in faults(body, bare.region)] == []


PLANTED = {
    "a size that Fargate does not have": (
        "web",
        replace(WANT, services=(replace(WANT.services[3], cpu=512, memory=9999),)),
    ),
    "an instance class that RDS does not have": (
        "data",
        replace(WANT, databases=(replace(WANT.databases[0], instance_class="db.t9.huge"),)),
    ),
    "an engine version that RDS does not have": (
        "data",
        replace(WANT, databases=(replace(WANT.databases[0], engine_version="16.99"),)),
    ),
}


@pytest.mark.parametrize(("name", "want"), PLANTED.values(), ids=PLANTED.keys())
def test_a_value_that_aws_would_reject_is_found_before_it_is_sent(name: str, want: Blueprint) -> None:
    body = {
        "web": lambda: deploy.app(want, "web", CONFIG),
        "data": lambda: provision.data(want),
    }[name]()

    assert any(fault.rule.startswith("E") for fault in faults(body, want.region))
