"""Which templates follow from the blueprint?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from golden import same_as_golden
from mentoring import REGISTRY, blueprint

from offramp.aws import rules
from offramp.aws.templates import parse, resources_of
from offramp.errors import UsageError
from offramp.provision import templates
from offramp.provision.model import Footprint, footprint, stack_names

WANT = blueprint()
BODIES = {
    "network.yaml": templates.network(WANT),
    "data.yaml": templates.data(WANT),
    "platform.yaml": templates.platform(WANT, "Z123"),
}


@pytest.mark.parametrize("name", BODIES)
def test_the_template_is_the_one_that_was_read(name: str) -> None:
    assert same_as_golden(f"provision-{name}", BODIES[name])


@pytest.mark.parametrize("name", BODIES)
def test_our_own_rules_have_nothing_against_it(name: str) -> None:
    assert rules.check(BODIES[name]) == ()


def test_databases_and_caches_outlive_their_stack() -> None:
    keeping = {
        name: resource.get("DeletionPolicy")
        for name, resource in resources_of(parse(BODIES["data.yaml"])).items()
        if resource["Type"] in ("AWS::RDS::DBInstance", "AWS::ElastiCache::ReplicationGroup")
    }

    assert keeping == dict.fromkeys(keeping, "Snapshot")
    assert len(keeping) == 4


def test_every_public_name_is_in_the_certificate() -> None:
    properties = resources_of(parse(BODIES["platform.yaml"]))["Certificate"]["Properties"]

    assert isinstance(properties, dict)
    assert properties["DomainName"] == "mentors.mentoring.example"
    assert properties["SubjectAlternativeNames"] == ["sessions.mentoring.example"]


def test_without_public_names_there_is_no_certificate() -> None:
    bare = parse(templates.platform(replace(WANT, domains=()), "Z123"))

    assert "Certificate" not in resources_of(bare)


@pytest.mark.parametrize("cidr", ["10.0.0.0/28", "10.0.0.0/8", "10.0.0.1/16", "nonsense"])
def test_an_address_range_that_cannot_be_divided_is_refused(cidr: str) -> None:
    with pytest.raises(UsageError, match="cidr"):
        templates.network(replace(WANT, cidr=cidr))


def test_only_images_in_ecr_need_a_repository() -> None:
    elsewhere = replace(
        WANT, offramp_image="ghcr.io/offramp/offramp:1", gateway=replace(WANT.gateway, image=f"{REGISTRY}/a/b@sha256:1")
    )

    assert templates.repositories(elsewhere) == ("a/b", "mentors-api", "offramp-pgbouncer", "sessions-api", "web")


class Outputs:
    """Stacks that answer with the outputs of their templates."""

    def __init__(self, missing: str = "") -> None:
        bodies = dict(zip(stack_names(WANT), BODIES.values(), strict=True))
        self.found = {
            stack: {key: "6379" if key.endswith("Port") else f"{key},x" for key in _outputs(body) if key != missing}
            for stack, body in bodies.items()
        }

    def outputs(self, name: str) -> dict[str, str] | None:
        return self.found.get(name)


def _outputs(body: str) -> tuple[str, ...]:
    found = parse(body)["Outputs"]
    assert isinstance(found, dict)
    return tuple(found)


def test_the_templates_give_every_output_that_the_footprint_reads() -> None:
    found = Footprint.of(Outputs(), WANT)

    assert [database.host for database in found.databases] == ["DatabaseMentorsApiHost,x", "DatabaseSessionsApiHost,x"]


def test_a_footprint_with_an_output_missing_is_none() -> None:
    stacks = Outputs(missing="CacheMentorsApiHost")

    assert footprint(WANT, {name: stacks.outputs(name) for name in stack_names(WANT)}) is None
