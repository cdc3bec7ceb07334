"""ECS's order of events, with real processes, judged through boto3."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from cloud_world import Cloud, network_template, probed, running, task_definition, until

from offramp.kit.processes import alive

CLUSTER = "test"
QUICK: dict[str, Any] = {
    "minimumHealthyPercent": 100,
    "maximumPercent": 200,
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as world:
        world.client("ecs").create_cluster(clusterName=CLUSTER)
        yield world


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> dict[str, str]:
    return cloud.deploy("network", network_template())


@pytest.fixture
def ecs(cloud: Cloud) -> Iterator[Any]:
    """A client; services made in a test are gone after it."""
    client = cloud.client("ecs")
    yield client
    for arn in client.list_services(cluster=CLUSTER)["serviceArns"]:
        client.delete_service(cluster=CLUSTER, service=arn, force=True)
    until(lambda: not client.list_services(cluster=CLUSTER)["serviceArns"], "the services to drain")


def register(ecs: Any, **request: Any) -> str:
    return str(ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"])


def create(ecs: Any, name: str, definition: str, count: int = 1, **more: Any) -> None:
    ecs.create_service(
        cluster=CLUSTER, serviceName=name, taskDefinition=definition, desiredCount=count,
        **{"deploymentConfiguration": QUICK, "launchType": "FARGATE", **more},
    )  # fmt: skip


def service(ecs: Any, name: str) -> Any:
    return ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0]


def primary(ecs: Any, name: str) -> Any:
    return next(each for each in service(ecs, name)["deployments"] if each["status"] == "PRIMARY")


def stable(ecs: Any, name: str) -> Any:
    """Wait as boto3's own waiter does: one deployment, all of it running."""

    def ask() -> Any:
        seen = service(ecs, name)
        done = len(seen["deployments"]) == 1 and seen["deployments"][0]["rolloutState"] == "COMPLETED"
        return seen if done and seen["runningCount"] == seen["desiredCount"] else None

    return until(ask, f"{name} to be stable")


def tasks(ecs: Any, name: str, status: str = "RUNNING") -> list[Any]:
    arns = ecs.list_tasks(cluster=CLUSTER, serviceName=name, desiredStatus=status)["taskArns"]
    return list(ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]) if arns else []


def address(task: Any) -> str:
    details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
    return str(details["privateIPv4Address"])


def get(where: str, path: str = "/") -> Any:
    with urllib.request.urlopen(f"http://{where}:8000{path}", timeout=5) as answer:
        return json.load(answer)


def pid_of(cloud: Cloud, arn: str) -> int:
    return int(next(each["pid"] for each in cloud.state()["tasks"] if each["arn"] == arn))


def test_a_service_runs_real_processes_on_addresses_of_their_own(cloud: Cloud, ecs: Any) -> None:
    create(ecs, "web", register(ecs, **task_definition(healthCheck=probed())), 2)
    stable(ecs, "web")

    found = {address(task) for task in tasks(ecs, "web")}
    assert len(found) == 2
    assert {get(where)["address"] for where in found} == found


def test_an_update_is_healthy_before_the_old_task_gets_sigterm(cloud: Cloud, ecs: Any, network: dict[str, str]) -> None:
    registries = [{"registryArn": network["Registry"]}]
    create(ecs, "web", register(ecs, **task_definition(healthCheck=probed())), serviceRegistries=registries)
    stable(ecs, "web")
    (old,) = tasks(ecs, "web")
    ecs.update_service(
        cluster=CLUSTER, service="web", taskDefinition=register(ecs, **task_definition("v2", healthCheck=probed()))
    )
    stable(ecs, "web")

    (new,) = tasks(ecs, "web")
    (stopped,) = [task for task in tasks(ecs, "web", "STOPPED") if task["taskArn"] == old["taskArn"]]
    assert get(address(new))["VERSION"] == "2"
    assert new["startedAt"] < stopped["stoppingAt"]
    assert stopped["containers"][0]["exitCode"] == 0
    assert stopped["stoppedReason"].startswith("Scaling activity initiated by")
    assert {address(new)} == cloud.addresses("web.svc.test.internal")


def test_a_replaced_task_leaves_its_name_at_once_and_may_serve_on_until_its_stop_timeout(
    cloud: Cloud, ecs: Any, network: dict[str, str]
) -> None:
    """ECS does not wait for clients that still hold the address, so a container that wants to drain serves on."""
    registries = [{"registryArn": network["Registry"]}]
    stubborn = register(ecs, **task_definition("stubborn", healthCheck=probed(), stopTimeout=4))
    create(ecs, "web", stubborn, serviceRegistries=registries)
    stable(ecs, "web")
    (old,) = tasks(ecs, "web")
    ecs.update_service(
        cluster=CLUSTER, service="web", taskDefinition=register(ecs, **task_definition("v2", healthCheck=probed()))
    )

    def leaving() -> Any:
        seen = ecs.describe_tasks(cluster=CLUSTER, tasks=[old["taskArn"]])["tasks"][0]
        return seen if seen["lastStatus"] in ("DEACTIVATING", "STOPPING") else None

    until(leaving, "the old task to leave", every=0.01)
    assert address(old) not in cloud.addresses("web.svc.test.internal")
    assert cloud.addresses("web.svc.test.internal")
    assert get(address(old))["address"] == address(old)
    assert len(service(ecs, "web")["deployments"]) == 2

    stable(ecs, "web")
    (gone,) = [task for task in tasks(ecs, "web", "STOPPED") if task["taskArn"] == old["taskArn"]]
    assert gone["containers"][0]["exitCode"] == 137


def test_a_crashing_image_trips_the_breaker_and_the_former_one_comes_back(ecs: Any) -> None:
    good = register(ecs, **task_definition(healthCheck=probed()))
    create(ecs, "web", good)
    stable(ecs, "web")
    ecs.update_service(cluster=CLUSTER, service="web", taskDefinition=register(ecs, **task_definition("crash")))
    failed = until(
        lambda: [each for each in service(ecs, "web")["deployments"] if each["rolloutState"] == "FAILED"],
        "a failed deployment",
    )

    assert failed[0]["failedTasks"] == 3
    assert good == stable(ecs, "web")["taskDefinition"]
    assert (
        "rolling back" in primary(ecs, "web")["rolloutStateReason"]
        or primary(ecs, "web")["rolloutState"] == "COMPLETED"
    )


def test_an_image_that_is_not_there_fails_the_deployment_with_its_reason(ecs: Any) -> None:
    create(ecs, "web", register(ecs, **task_definition("missing")))
    until(lambda: primary(ecs, "web")["rolloutState"] == "FAILED", "the breaker")

    reasons = {task["stoppedReason"].split(":")[0] for task in tasks(ecs, "web", "STOPPED")}
    assert "CannotPullContainerError" in reasons


def test_a_health_check_that_fails_keeps_the_old_task(ecs: Any) -> None:
    create(ecs, "web", register(ecs, **task_definition(healthCheck=probed())))
    stable(ecs, "web")
    (old,) = tasks(ecs, "web")
    sick = probed(command=["CMD-SHELL", "exit 1"], startPeriod=0, retries=1)
    ecs.update_service(
        cluster=CLUSTER, service="web", taskDefinition=register(ecs, **task_definition(healthCheck=sick))
    )
    until(lambda: any(task["healthStatus"] == "UNHEALTHY" for task in tasks(ecs, "web", "STOPPED")), "a sick task")

    assert old["taskArn"] in {task["taskArn"] for task in tasks(ecs, "web") if task["lastStatus"] == "RUNNING"}


def test_a_killed_task_is_replaced_within_a_second(cloud: Cloud, ecs: Any) -> None:
    create(ecs, "web", register(ecs, **task_definition()))
    stable(ecs, "web")
    (old,) = tasks(ecs, "web")
    os.kill(pid_of(cloud, old["taskArn"]), signal.SIGKILL)
    until(
        lambda: [t for t in tasks(ecs, "web") if t["taskArn"] != old["taskArn"] and t["lastStatus"] == "RUNNING"],
        "another",
    )

    (gone,) = [task for task in tasks(ecs, "web", "STOPPED") if task["taskArn"] == old["taskArn"]]
    assert (gone["containers"][0]["exitCode"], gone["stopCode"]) == (137, "EssentialContainerExited")


def test_a_task_that_ignores_sigterm_is_killed_after_its_stop_timeout(cloud: Cloud, ecs: Any) -> None:
    arn = ecs.run_task(cluster=CLUSTER, taskDefinition=register(ecs, **task_definition("stubborn")))["tasks"][0][
        "taskArn"
    ]

    def seen() -> Any:
        return ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]

    until(lambda: seen()["lastStatus"] == "RUNNING", "the task to run")
    pid = pid_of(cloud, arn)
    until(lambda: "serving" in (cloud.folder / _log(cloud, arn)).read_text(), "the program to ignore SIGTERM")
    ecs.stop_task(cluster=CLUSTER, task=arn, reason="enough")
    stopped = until(lambda: seen() if seen()["lastStatus"] == "STOPPED" else None, "the task to stop")

    assert (stopped["stoppedAt"] - stopped["stoppingAt"]).total_seconds() >= 2
    assert (stopped["containers"][0]["exitCode"], stopped["stoppedReason"]) == (137, "enough")
    assert not alive(pid)


def _log(cloud: Cloud, arn: str) -> str:
    return str(next(each["log"] for each in cloud.state()["tasks"] if each["arn"] == arn))


def test_a_one_off_task_runs_another_command_and_reports_its_exit(cloud: Cloud, ecs: Any) -> None:
    override = {
        "name": "web",
        "command": ["sh", "-c", 'echo "hello $WHO"; exit 4'],
        "environment": [{"name": "WHO", "value": "world"}],
    }
    arn = ecs.run_task(
        cluster=CLUSTER, taskDefinition=register(ecs, **task_definition()), overrides={"containerOverrides": [override]}
    )["tasks"][0]["taskArn"]

    def seen() -> Any:
        return ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]

    stopped = until(lambda: seen() if seen()["lastStatus"] == "STOPPED" else None, "the task to stop")
    assert stopped["containers"][0]["exitCode"] == 4
    assert (cloud.folder / _log(cloud, arn)).read_text() == "hello world\n"


def test_what_a_container_leaves_running_ends_with_it(cloud: Cloud, ecs: Any) -> None:
    command = ["sh", "-c", "setsid sleep 300 & echo $! > $HOME/../../../left; sleep 300"]
    arn = ecs.run_task(cluster=CLUSTER, taskDefinition=register(ecs, **task_definition(command=command)))["tasks"][0][
        "taskArn"
    ]
    left = cloud.folder / "left"
    until(lambda: left.exists() and left.read_text().strip(), "the child")
    ecs.stop_task(cluster=CLUSTER, task=arn)
    until(lambda: ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]["lastStatus"] == "STOPPED", "the end")

    assert not alive(int(left.read_text()))


def test_secrets_and_parameters_reach_the_environment(cloud: Cloud, ecs: Any) -> None:
    secret = cloud.client("secretsmanager").create_secret(Name="test/config", SecretString='{"TOKEN": "s3cret"}')["ARN"]
    cloud.client("ssm").put_parameter(Name="/test/plain", Value="text", Type="String")
    secrets = [{"name": "TOKEN", "valueFrom": f"{secret}:TOKEN::"}, {"name": "PLAIN", "valueFrom": "/test/plain"}]
    create(ecs, "web", register(ecs, **task_definition(secrets=secrets, healthCheck=probed())))
    stable(ecs, "web")

    told = get(address(tasks(ecs, "web")[0]))
    assert (told["TOKEN"], told["PLAIN"]) == ("s3cret", "text")
    assert told["GUNICORN_CMD_ARGS"] == f"--bind {told['address']}:8000"


def test_a_missing_secret_stops_the_task_before_it_runs(ecs: Any) -> None:
    missing = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:test/none-abcdef"
    definition = register(ecs, **task_definition(secrets=[{"name": "TOKEN", "valueFrom": missing}]))
    arn = ecs.run_task(cluster=CLUSTER, taskDefinition=definition)["tasks"][0]["taskArn"]

    def seen() -> Any:
        return ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]

    stopped = until(lambda: seen() if seen()["lastStatus"] == "STOPPED" else None, "the task to stop")
    assert stopped["stoppedReason"].startswith("ResourceInitializationError")
    assert stopped["stopCode"] == "TaskFailedToStart"


def test_logs_reach_cloudwatch(cloud: Cloud, ecs: Any) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/test/web")
    options = {"awslogs-group": "/test/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web"}
    definition = register(ecs, **task_definition(logConfiguration={"logDriver": "awslogs", "options": options}))
    arn = ecs.run_task(cluster=CLUSTER, taskDefinition=definition)["tasks"][0]["taskArn"]
    stream = f"web/web/{arn.rpartition('/')[2]}"

    def events() -> Any:
        return logs.filter_log_events(logGroupName="/test/web", logStreamNames=[stream])["events"]

    assert until(events, "the first line")[0]["message"] == "serving"
    ecs.stop_task(cluster=CLUSTER, task=arn)


def test_a_missing_log_group_stops_the_task(ecs: Any) -> None:
    options = {"awslogs-group": "/test/none", "awslogs-region": "eu-west-1"}
    definition = register(ecs, **task_definition(logConfiguration={"logDriver": "awslogs", "options": options}))
    arn = ecs.run_task(cluster=CLUSTER, taskDefinition=definition)["tasks"][0]["taskArn"]

    def seen() -> Any:
        return ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0]

    stopped = until(lambda: seen() if seen()["lastStatus"] == "STOPPED" else None, "the task to stop")
    assert "log group does not exist" in stopped["stoppedReason"]


def test_target_health_is_what_the_process_answers(cloud: Cloud, ecs: Any, network: dict[str, str]) -> None:
    elb = cloud.client("elbv2")
    balancers = [{"targetGroupArn": network["Group"], "containerName": "web", "containerPort": 8000}]
    one_at_a_time = QUICK | {"maximumPercent": 100, "minimumHealthyPercent": 0}
    create(
        ecs, "web", register(ecs, **task_definition()), loadBalancers=balancers, deploymentConfiguration=one_at_a_time
    )
    stable(ecs, "web")

    def states() -> dict[str, str]:
        found = elb.describe_target_health(TargetGroupArn=network["Group"])["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in found}

    (old,) = tasks(ecs, "web")
    assert states()[address(old)] == "healthy"
    get(address(old), "/sick")
    until(lambda: states().get(address(old)) != "healthy", "the balancer to notice")
    stopped = until(
        lambda: [t for t in tasks(ecs, "web", "STOPPED") if t["taskArn"] == old["taskArn"]], "the replacement"
    )
    assert "failed ELB health checks" in stopped[0]["stoppedReason"]


def test_the_same_service_through_cloudformation_and_its_failure_rolls_the_stack_back(cloud: Cloud, ecs: Any) -> None:
    template = _stack()
    outputs = cloud.deploy("app", template, Tag="v1")
    seen = service(ecs, "stacked")
    assert outputs["Service"] == seen["serviceArn"]
    assert primary(ecs, "stacked")["rolloutState"] == "COMPLETED"
    before = seen["taskDefinition"]

    cloud.deploy("app", template, Tag="v2")
    after = service(ecs, "stacked")["taskDefinition"]
    assert before != after
    assert get(address(tasks(ecs, "stacked")[0]))["VERSION"] == "2"

    status, _, failed = cloud.try_deploy("app", template, Tag="crash")
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Circuit Breaker" in each for each in failed)
    assert after == stable(ecs, "stacked")["taskDefinition"]
    assert get(address(tasks(ecs, "stacked")[0]))["VERSION"] == "2"

    cloud.client("cloudformation").delete_stack(StackName="app")
    until(lambda: service(ecs, "stacked")["status"] == "INACTIVE", "the service to go")


def _stack() -> dict[str, Any]:
    container = {
        "Name": "web", "Image": {"Fn::Sub": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:${Tag}"},
        "Command": ["python", "web.py"], "StopTimeout": "2", "PortMappings": [{"ContainerPort": "8000"}],
        "HealthCheck": {"Command": probed()["command"], "Interval": 5, "Timeout": 3, "Retries": 2, "StartPeriod": 10},
    }  # fmt: skip
    definition = {
        "Family": "stacked", "RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc", "Cpu": "256", "Memory": "512",
        "ContainerDefinitions": [container],
    }  # fmt: skip
    wanted = {
        "Cluster": CLUSTER, "ServiceName": "stacked", "TaskDefinition": {"Ref": "Definition"}, "DesiredCount": {"Ref": "Count"},
        "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
    }  # fmt: skip
    return {
        "Parameters": {"Tag": {"Type": "String"}, "Count": {"Type": "Number", "Default": 1}},
        "Resources": {
            "Definition": {"Type": "AWS::ECS::TaskDefinition", "Properties": definition},
            "Service": {"Type": "AWS::ECS::Service", "Properties": wanted},
        },
        "Outputs": {"Service": {"Value": {"Ref": "Service"}}},
    }
