"""Do our clients and CloudFormation understand each other, also when something goes wrong?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from provision_fixtures import REGION, emulated

from offramp.aws import Clients
from offramp.aws.templates import faults
from offramp.engine.verdict import Met, Refuse
from offramp.errors import RefusedError
from offramp.kit.clock import SystemClock
from offramp.provision.stacks import Template, judge_stack, update
from offramp.provision.standing import checked, standing

CLOCK = SystemClock()
GOOD = """
Parameters:
  Digest: {Type: String}
  Count: {Type: String, Default: "1"}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: @Topic@}}
  Repository: {Type: AWS::ECR::Repository, Properties: {RepositoryName: @Repository@}}
Outputs:
  Digest: {Value: !Ref Digest}
  Topic: {Value: !Ref Topic}
"""
# A service in a cluster that is not there: the linter cannot know, CloudFormation fails.
FAILING = GOOD.replace(
    "Outputs:",
    """  Service: {Type: AWS::ECS::Service, Properties: {Cluster: nowhere, ServiceName: x, TaskDefinition: "nothing:1"}}
Outputs:""",
)


@pytest.fixture(scope="module")
def aws() -> Iterator[Clients]:
    with emulated() as (clients, _):
        yield clients


def body(text: str, topic: str, repository: str) -> str:
    return text.replace("@Topic@", topic).replace("@Repository@", repository)


def bring(aws: Clients, template: Template) -> None:
    """Do what the judge's deed does, and wait."""
    deed = update("test", template)
    aws.stacks.bring(
        deed.stack,
        deed.body,
        parameters=dict(deed.parameters),
        tags={"offramp": "test"},
        token=deed.digest,
        clock=CLOCK,
    )
    aws.stacks.wait(deed.stack, clock=CLOCK, seconds=60)


def outputs(aws: Clients, name: str) -> Mapping[str, str]:
    found = aws.stacks.outputs(name)
    assert found is not None
    return found


def test_a_stack_that_is_not_there_is_none(aws: Clients) -> None:
    assert aws.stacks.get("nobody") is None
    assert standing(aws.stacks, "nobody").phase == "absent"


def test_a_stack_is_made_carries_its_digest_and_is_then_left_alone(aws: Clients) -> None:
    template = Template("made", body(GOOD, "made", "made"))
    bring(aws, template)

    assert standing(aws.stacks, "made").digest == template.digest
    assert "made" in outputs(aws, "made")["Topic"]

    bring(aws, template)

    seen = standing(aws.stacks, "made")
    assert (seen.phase, seen.status) == ("complete", "CREATE_COMPLETE")


def test_a_change_is_shown_with_before_and_after(aws: Clients) -> None:
    before = Template("shown", body(GOOD, "shown-1", "shown"))
    bring(aws, before)
    after = update("test", Template("shown", body(GOOD, "shown-2", "shown")))

    planned = aws.stacks.plan(
        "shown", after.body, parameters=dict(after.parameters), tags={}, token=after.digest, clock=CLOCK
    )

    (change,) = (change for change in planned.changes if change.resource == "Topic")
    assert [(p.path, p.before, p.after) for p in change.properties] == [("TopicName", '"shown-1"', '"shown-2"')]
    assert standing(aws.stacks, "shown").digest == before.digest


def test_a_change_set_that_a_killed_run_left_is_in_nobodys_way(aws: Clients) -> None:
    template = Template("left", body(GOOD, "left", "left"))
    deed = update("test", template)
    aws.stacks.plan("left", deed.body, parameters=dict(deed.parameters), tags={}, token=deed.digest, clock=CLOCK)
    assert aws.stacks.get("left") is None

    bring(aws, template)

    assert standing(aws.stacks, "left").phase == "complete"


def test_a_failed_creation_is_refused_with_its_reason_and_made_anew_when_the_template_changes(aws: Clients) -> None:
    failing = Template("dead", body(FAILING, "dead", "dead"))
    bring(aws, failing)
    seen = standing(aws.stacks, "dead")

    assert (seen.phase, seen.failed_digest) == ("failed", failing.digest)
    assert "Service" in seen.reason
    assert "Service" in judge_stack("test", failing, seen, {}).because

    better = Template("dead", body(GOOD, "dead", "dead"))
    bring(aws, better)

    assert standing(aws.stacks, "dead").digest == better.digest


def test_a_failed_update_leaves_what_was_there(aws: Clients) -> None:
    before = Template("back", body(GOOD, "back", "back"))
    bring(aws, before)
    failing = Template("back", body(FAILING, "back", "back"))
    bring(aws, failing)
    seen = standing(aws.stacks, "back")

    assert (seen.phase, seen.digest, seen.failed_digest) == ("complete", before.digest, failing.digest)
    assert isinstance(judge_stack("test", failing, seen, {}), Refuse)


def test_a_wish_taken_back_after_a_failed_update_is_met(aws: Clients) -> None:
    before = Template("taken", body(GOOD, "taken", "taken"))
    bring(aws, before)
    bring(aws, Template("taken", body(FAILING, "taken", "taken")))
    aws.stacks.protect("taken")

    assert isinstance(judge_stack("test", before, standing(aws.stacks, "taken"), {}), Met)


def test_what_holds_data_is_not_replaced_by_the_way(aws: Clients) -> None:
    before = Template("kept", body(GOOD, "kept", "kept"))
    bring(aws, before)

    with pytest.raises(RefusedError, match="Repository"):
        bring(aws, Template("kept", body(GOOD, "kept", "renamed")))

    assert standing(aws.stacks, "kept").digest == before.digest


def test_what_holds_data_is_not_removed_by_the_way(aws: Clients) -> None:
    bring(aws, Template("held", body(GOOD, "held", "held")))
    lines = body(GOOD, "held", "held").splitlines()
    without = "\n".join(line for line in lines if "Repository" not in line)

    with pytest.raises(RefusedError, match="remove"):
        bring(aws, Template("held", without))


def test_a_protected_stack_says_so(aws: Clients) -> None:
    bring(aws, Template("safe", body(GOOD, "safe", "safe")))
    assert not standing(aws.stacks, "safe").protected

    aws.stacks.protect("safe")

    assert standing(aws.stacks, "safe").protected


def test_a_template_is_checked_until_it_is_deployed(aws: Clients) -> None:
    wrong = Template("checked", body(GOOD, "x", "y").replace("TopicName", "TopikName"))

    found = checked(wrong, REGION, standing(aws.stacks, "checked"))

    assert any("TopikName" in fault for fault in found.faults)
    assert faults(body(GOOD, "x", "y"), REGION) != faults(wrong.body, REGION)
