"""The answers of the emulated AWS, judged by boto3, which parses them by AWS's own models."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloud_world import Cloud, running, task_definition, until

from offramp.rehearsal.cloud.emulator import records


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as world:
        world.client("ecs").create_cluster(clusterName="test")
        yield world


@pytest.fixture(scope="module")
def ecs(cloud: Cloud) -> Any:
    client = cloud.client("ecs")
    client.register_task_definition(**task_definition())
    return client


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def test_a_task_definition_is_echoed_and_numbered(ecs: Any) -> None:
    first = ecs.register_task_definition(**task_definition(family="numbered"), tags=[{"key": "a", "value": "b"}])
    second = ecs.register_task_definition(**task_definition("v2", "numbered"))["taskDefinition"]
    latest = ecs.describe_task_definition(taskDefinition="numbered", include=["TAGS"])["taskDefinition"]
    tagged = ecs.describe_task_definition(taskDefinition="numbered:1", include=["TAGS"])["tags"]

    assert [first["taskDefinition"]["revision"], second["revision"]] == [1, 2]
    assert second == latest
    assert latest["containerDefinitions"][0]["image"].rpartition("/")[2] == "web:v2"
    assert tagged == [{"key": "a", "value": "b"}]


def test_a_deregistered_definition_is_listed_as_inactive_and_starts_nothing(ecs: Any) -> None:
    arn = ecs.register_task_definition(**task_definition(family="old"))["taskDefinition"]["taskDefinitionArn"]
    ecs.deregister_task_definition(taskDefinition=arn)

    assert ecs.list_task_definitions(familyPrefix="old")["taskDefinitionArns"] == []
    assert [arn] == ecs.list_task_definitions(familyPrefix="old", status="INACTIVE")["taskDefinitionArns"]
    assert code_of(lambda: ecs.run_task(cluster="test", taskDefinition=arn)) == "ClientException"


REFUSALS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "an unknown cluster": ("ClusterNotFoundException", "list_tasks", {"cluster": "none"}),
    "an unknown service": ("ServiceNotFoundException", "update_service", {"cluster": "test", "service": "none"}),
    "an unknown definition": ("ClientException", "describe_task_definition", {"taskDefinition": "none"}),
    "a service without a definition": (
        "ClientException", "create_service", {"cluster": "test", "serviceName": "x", "taskDefinition": "none:7"},
    ),
    "a blocked deployment": (
        "InvalidParameterException", "create_service",
        {
            "cluster": "test", "serviceName": "x", "taskDefinition": "web",
            "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100},
        },
    ),
    "an unknown target group": (
        "InvalidParameterException", "create_service",
        {
            "cluster": "test", "serviceName": "x", "taskDefinition": "web",
            "loadBalancers": [{"targetGroupArn": "arn:none", "containerName": "web", "containerPort": 8000}],
        },
    ),
    "an override of no container": (
        "InvalidParameterException", "run_task",
        {"cluster": "test", "taskDefinition": "web", "overrides": {"containerOverrides": [{"name": "none"}]}},
    ),
    "Fargate sizes that do not exist": (
        "ClientException", "register_task_definition", {**task_definition(), "cpu": "512", "memory": "9999"},
    ),
    "an operation that is not emulated": (
        "UnsupportedOperationException", "list_service_deployments", {"service": "x"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "operation", "request_"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_ecs_would_refuse_is_refused(ecs: Any, code: str, operation: str, request_: dict[str, Any]) -> None:
    assert code == code_of(lambda: getattr(ecs, operation)(**request_))


def test_missing_things_are_failures_not_errors(ecs: Any) -> None:
    assert ecs.describe_services(cluster="test", services=["none"])["failures"][0]["reason"] == "MISSING"
    assert ecs.describe_tasks(cluster="test", tasks=["0" * 32])["failures"][0]["reason"] == "MISSING"
    assert ecs.describe_clusters(clusters=["none"])["failures"][0]["reason"] == "MISSING"


def test_a_service_has_one_life_per_name(ecs: Any) -> None:
    wanted = {"cluster": "test", "serviceName": "twice", "taskDefinition": "web", "desiredCount": 0}
    made = ecs.create_service(**wanted, tags=[{"key": "owner", "value": "us"}])["service"]
    assert made["status"] == "ACTIVE"
    assert code_of(lambda: ecs.create_service(**wanted)) == "InvalidParameterException"
    assert ecs.list_tags_for_resource(resourceArn=made["serviceArn"])["tags"] == [{"key": "owner", "value": "us"}]
    assert code_of(lambda: ecs.delete_cluster(cluster="test")) == "ClusterContainsServicesException"

    ecs.delete_service(cluster="test", service="twice")
    until(
        lambda: ecs.describe_services(cluster="test", services=["twice"])["services"][0]["status"] == "INACTIVE",
        "the service to go",
    )
    assert code_of(lambda: ecs.update_service(cluster="test", service="twice")) == "ServiceNotActiveException"
    assert ecs.create_service(**wanted)["service"]["status"] == "ACTIVE"
    ecs.delete_service(cluster="test", service="twice")


def test_listings_come_in_pages(ecs: Any) -> None:
    arns = [
        ecs.register_task_definition(**task_definition(family="paged"))["taskDefinition"]["taskDefinitionArn"]
        for _ in range(5)
    ]
    pages = list(
        ecs.get_paginator("list_task_definitions").paginate(familyPrefix="paged", PaginationConfig={"PageSize": 2})
    )

    assert [len(page["taskDefinitionArns"]) for page in pages] == [2, 2, 1]
    assert arns == [arn for page in pages for arn in page["taskDefinitionArns"]]


def test_an_unsigned_request_is_refused(cloud: Cloud) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(cloud.endpoint)
    with refused.value:
        assert refused.value.code == 403


def test_the_types_that_ministack_lacks_deploy_as_records(cloud: Cloud) -> None:
    properties: dict[str, dict[str, Any]] = {
        "AWS::IAM::OIDCProvider": {"Url": "https://token.actions.githubusercontent.com", "ClientIdList": ["sts.amazonaws.com"]},
        "AWS::ApplicationAutoScaling::ScalableTarget": {
            "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": "service/a/b",
            "MinCapacity": 1, "MaxCapacity": 2,
        },
        "AWS::CloudWatch::CompositeAlarm": {"AlarmName": "any", "AlarmRule": "FALSE"},
    }  # fmt: skip
    resources_ = {
        f"R{number}": {"Type": name, "Properties": properties.get(name, {})}
        for number, name in enumerate(records.types())
    }
    cloud.deploy("records", {"Resources": resources_})

    seen = cloud.client("cloudformation").describe_stack_resources(StackName="records")["StackResources"]
    assert set(records.types()) == {each["ResourceType"] for each in seen}


def test_a_type_that_nobody_knows_is_refused(cloud: Cloud) -> None:
    body = json.dumps({"Resources": {"X": {"Type": "AWS::Nothing::AtAll"}}})
    create = cloud.client("cloudformation").create_stack

    assert code_of(lambda: create(StackName="nothing", TemplateBody=body)) == "ValidationError"


def test_the_reference_of_a_secret_is_its_arn(cloud: Cloud) -> None:
    options = {"SecretStringTemplate": '{"user": "u"}', "GenerateStringKey": "password", "ExcludeCharacters": '"@/\\'}
    template = {
        "Resources": {
            "S": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"Name": "one/two", "GenerateSecretString": options},
            }
        },
        "Outputs": {"S": {"Value": {"Ref": "S"}}},
    }
    arn = cloud.deploy("secret", template)["S"]
    text = cloud.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]

    assert arn.startswith("arn:aws:secretsmanager:eu-west-1:123456789012:secret:one/two-")
    assert len(json.loads(text)["password"]) == 32
    assert not set(json.loads(text)["password"]) & set('"@/\\')


def test_a_secret_keeps_its_value_when_something_else_of_it_changes(cloud: Cloud) -> None:
    def template(description: str) -> dict[str, Any]:
        properties = {"Name": "kept", "Description": description, "GenerateSecretString": {"ExcludePunctuation": True}}
        return {"Resources": {"S": {"Type": "AWS::SecretsManager::Secret", "Properties": properties}}}

    secrets = cloud.client("secretsmanager")
    cloud.deploy("kept", template("one"))
    before = secrets.get_secret_value(SecretId="kept")["SecretString"]
    cloud.deploy("kept", template("two"))

    assert secrets.describe_secret(SecretId="kept")["Description"] == "two"
    assert before == secrets.get_secret_value(SecretId="kept")["SecretString"]


def test_other_services_pass_through_unchanged(cloud: Cloud) -> None:
    assert cloud.client("sts").get_caller_identity()["Account"] == "123456789012"
    store = cloud.client("s3")
    store.create_bucket(Bucket="plain", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    store.put_object(Bucket="plain", Key="a key", Body=b"content" * 1000)
    assert store.get_object(Bucket="plain", Key="a key")["Body"].read() == b"content" * 1000
    assert store.head_object(Bucket="plain", Key="a key")["ContentLength"] == 7000


def test_every_recorded_type_is_listed_among_the_known_fakes() -> None:
    text = resources.files("offramp.rehearsal.cloud").joinpath("known_fakes.json").read_text("utf-8")
    fakes = json.loads(text)["fakes"]

    assert {"area", "fake", "real"} == set().union(*fakes)
    assert [name for name in records.types() if name not in text] == []
