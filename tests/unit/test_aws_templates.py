"""Are templates stamped, compared and held to our own rules?"""

from __future__ import annotations

import pytest

from offramp.aws import rules
from offramp.aws.templates import Difference, differences, identifier, literal, parse, stamp
from offramp.errors import BugError


def test_a_token_without_a_value_is_a_bug() -> None:
    with pytest.raises(BugError, match="Port"):
        stamp("Port: @Port@")


def test_a_value_without_a_token_is_a_bug() -> None:
    with pytest.raises(BugError, match="Prot"):
        stamp("Port: 80", Prot=80)


@pytest.mark.parametrize("text", ["plain", 'say "hi": yes', "a # b", "- x", "${not} {{a}}", "tab\tand\nline", "naïve"])
def test_a_literal_means_exactly_its_text(text: str) -> None:
    template = parse(f"Description: {literal(text)}\nResources: {{}}\n")

    assert template["Description"] == text


def test_a_logical_id_has_only_letters_and_digits() -> None:
    assert identifier("mentors-api", "web_2") == "MentorsApiWeb2"


BEFORE = """
Resources:
  Kept: {Type: AWS::SNS::Topic, Properties: {TopicName: a}}
  Changed: {Type: AWS::ECS::Service, Properties: {DesiredCount: 1, Network: {Group: x}}}
  Gone: {Type: AWS::SNS::Topic, Properties: {TopicName: b}}
"""
AFTER = """
Resources:
  Kept: {Type: AWS::SNS::Topic, Properties: {TopicName: a}}
  Changed: {Type: AWS::ECS::Service, Properties: {DesiredCount: 2, Network: {Group: !Ref New}}}
  New: {Type: AWS::SNS::Topic, Properties: {TopicName: c}}
"""


def test_every_property_that_differs_is_told_with_before_and_after() -> None:
    found = differences(parse(BEFORE), parse(AFTER))

    assert found == (
        Difference("Changed", "DesiredCount", "1", "2"),
        Difference("Changed", "Network.Group", '"x"', '{"Ref": "New"}'),
        Difference("Gone", "(all)", '{"TopicName": "b"}', None),
        Difference("New", "(all)", None, '{"TopicName": "c"}'),
    )


GOOD = """
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: main
          PortMappings: [{ContainerPort: 80}]
          StopTimeout: 90
          HealthCheck: {Command: [CMD-SHELL, x], StartPeriod: 60}
          Environment: [{Name: PORT, Value: "80"}]
          LogConfiguration: {LogDriver: awslogs, Options: {mode: non-blocking}}
  Service:
    Type: AWS::ECS::Service
    Properties:
      DeploymentConfiguration:
        MinimumHealthyPercent: 100
        MaximumPercent: 200
        DeploymentCircuitBreaker: {Enable: true, Rollback: true}
  Database: {Type: AWS::RDS::DBInstance, Properties: {PubliclyAccessible: false, StorageEncrypted: true, MultiAZ: true}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}
  A: {Type: AWS::EC2::Subnet, Properties: {AvailabilityZone: a}}
  B: {Type: AWS::EC2::Subnet, Properties: {AvailabilityZone: b}}
"""

PLANTED = {
    "a stop timeout shorter than drain and request": ("StopTimeout: 90", "StopTimeout: 44", "OFF1"),
    "a drain that outgrew the stop timeout": ('PORT, Value: "80"', 'OFFRAMP_DRAIN, Value: "70"', "OFF1"),
    "no time to start": ("StartPeriod: 60", "StartPeriod: 5", "OFF2"),
    "no health check": ("          HealthCheck: {Command: [CMD-SHELL, x], StartPeriod: 60}\n", "", "OFF2"),
    "a breaker that does not roll back": ("Rollback: true", "Rollback: false", "OFF3"),
    "fewer tasks while deploying": ("MinimumHealthyPercent: 100", "MinimumHealthyPercent: 50", "OFF4"),
    "a secret by its name": ("Name: PORT", "Name: API_TOKEN", "OFF5"),
    "a secret in a URL": ('"80"}]', '"postgres://u:p@h/d"}]', "OFF5"),
    "a public database": ("PubliclyAccessible: false", "PubliclyAccessible: true", "OFF6"),
    "a database without encryption": ("StorageEncrypted: true, ", "", "OFF6"),
    "one zone": ("AvailabilityZone: b", "AvailabilityZone: a", "OFF7"),
    "a database in one zone": ("MultiAZ: true", "MultiAZ: false", "OFF7"),
    "logs for ever": ("RetentionInDays: 30", "LogGroupName: x", "OFF8"),
    "a log driver that blocks": ("mode: non-blocking", "mode: blocking", "OFF8"),
}


def test_a_good_template_breaks_no_rule() -> None:
    assert rules.check(GOOD) == ()


@pytest.mark.parametrize(("old", "new", "rule"), PLANTED.values(), ids=PLANTED.keys())
def test_each_rule_notices_a_planted_fault(old: str, new: str, rule: str) -> None:
    assert old in GOOD
    found = rules.check(GOOD.replace(old, new))

    assert [fault.rule for fault in found] == [rule]
