"""Do our other clients and AWS understand each other?"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from cloud_world import Cloud
from provision_fixtures import emulated

from offramp.aws import Clients
from offramp.aws.dns import Weighted
from offramp.aws.ecs import Placement, TaskSpec
from offramp.errors import RefusedError
from offramp.kit.clock import SystemClock
from offramp.kit.secret import Secret

CLOCK = SystemClock()
HERE = Placement(("subnet-1",), ("sg-1",))


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Clients, Cloud]]:
    with emulated() as found:
        yield found


@pytest.fixture(scope="module")
def aws(world: tuple[Clients, Cloud]) -> Clients:
    return world[0]


@pytest.fixture(scope="module")
def cluster(world: tuple[Clients, Cloud]) -> str:
    clients, _ = world
    body = """
Resources:
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: test}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /test, RetentionInDays: 1}}
"""
    clients.stacks.bring("cluster", body, parameters={}, tags={}, token="1", clock=CLOCK)
    clients.stacks.wait("cluster", clock=CLOCK, seconds=30)
    return "test"


def spec(family: str, *command: str, **changes: object) -> TaskSpec:
    made = {
        "family": family,
        "image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/web:v1",
        "command": command,
        "cpu": 256,
        "memory": 512,
        "execution_role": "arn:aws:iam::111122223333:role/execution",
        "task_role": "arn:aws:iam::111122223333:role/task",
        "log_group": "/test",
        "stop_timeout": 2,
        **changes,
    }
    return TaskSpec(**made)  # type: ignore[arg-type]


def test_the_account_is_told(aws: Clients) -> None:
    assert aws.account().isdigit()


def test_a_secret_is_made_changed_found_and_forgotten(aws: Clients) -> None:
    assert aws.secrets.get("test/a") is None
    assert aws.secrets.arn("test/a") is None

    aws.secrets.put("test/a", Secret("one"))
    aws.secrets.put("test/a", Secret("two"))

    held = aws.secrets.get("test/a")
    assert held is not None
    assert held.reveal() == "two"
    assert ":secret:test/a" in (aws.secrets.arn("test/a") or "")

    aws.secrets.delete("test/a")

    assert aws.secrets.get("test/a") is None


def test_a_parameter_is_written_over(aws: Clients) -> None:
    assert aws.parameters.get("/test/p") is None

    aws.parameters.put("/test/p", "1")
    aws.parameters.put("/test/p", "2")

    assert aws.parameters.get("/test/p") == "2"


def test_repositories_are_made_once(aws: Clients) -> None:
    assert aws.images.missing(("one", "two")) == ("one", "two")

    aws.images.create("one")
    aws.images.create("one")

    assert aws.images.missing(("one", "two")) == ("two",)


def test_a_zone_is_made_once(aws: Clients) -> None:
    assert aws.dns.zone("zone.example") is None

    made = aws.dns.create_zone("zone.example")

    assert aws.dns.create_zone("zone.example") == made
    assert aws.dns.zone("zone.example") == made
    assert made.servers
    assert aws.dns.zone("example") is None


def test_names_move_together_and_keep_the_note(aws: Clients) -> None:
    zone = aws.dns.create_zone("moving.example").id
    names = [
        Weighted("a.moving.example", "a.heroku.example", "lb"),
        Weighted("b.moving.example", "b.heroku.example", "lb"),
    ]
    assert aws.dns.name(zone, "a.moving.example").aws_share is None

    aws.dns.set_weights(zone, names, aws_percent=0, note="share=0 since=1")
    aws.dns.set_weights(zone, names, aws_percent=10, note="share=10 since=2")

    found = [aws.dns.name(zone, name.hostname) for name in names]
    assert [(name.aws_share, name.note) for name in found] == [(10, "share=10 since=2")] * 2
    assert aws.dns.weights(zone, "b.moving.example") == {"heroku": 90, "aws": 10}


def test_a_plain_record_becomes_the_weighted_pair(world: tuple[Clients, Cloud]) -> None:
    aws, cloud = world
    zone = aws.dns.create_zone("plain.example").id
    record = {
        "Name": "www.plain.example.",
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": "x.heroku.example"}],
    }
    cloud.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )

    aws.dns.set_weights(zone, [Weighted("www.plain.example", "x.heroku.example", "lb")], aws_percent=0, note="n")

    assert aws.dns.weights(zone, "www.plain.example") == {"heroku": 100, "aws": 0}


def test_address_records_are_a_persons_to_replace(world: tuple[Clients, Cloud]) -> None:
    aws, cloud = world
    zone = aws.dns.create_zone("apex.example").id
    record = {"Name": "apex.example.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    cloud.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )

    with pytest.raises(RefusedError, match="A records"):
        aws.dns.set_weights(zone, [Weighted("apex.example", "x", "lb")], aws_percent=0, note="n")


def test_requests_and_errors_are_summed_over_the_window(aws: Clients) -> None:
    now = time.time()
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "LoadBalancer", "Value": "app/x/1"}],
            "Value": value,
            "Timestamp": now,
        }
        for name, value in (("RequestCount", 40.0), ("RequestCount", 60.0), ("HTTPCode_Target_5XX_Count", 3.0))
    ]
    # Our clients' region, since CloudWatch keeps each region's metrics apart.
    cloudwatch = aws.metrics._client
    cloudwatch.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)  # type: ignore[arg-type]

    found = aws.metrics.request_counts("app/x/1", now - 5, now + 5)

    assert (found.requests, found.errors, found.error_share) == (100, 3, 0.03)
    assert aws.metrics.request_counts("app/other/1", now - 5, now + 5).error_share == 0


def test_the_slowest_percent_of_a_window_is_told_over_its_whole_minutes(aws: Clients) -> None:
    minute = time.time() // 60 * 60
    data = [
        {
            "MetricName": "TargetResponseTime",
            "Dimensions": [{"Name": "LoadBalancer", "Value": "app/slow/1"}],
            "Value": milliseconds / 1000,
            "Timestamp": at,
        }
        # The first is of the minute in which the window begins: some of that minute was before it.
        for at, values in ((minute - 140, (9000,)), (minute - 90, range(1, 51)), (minute - 30, range(51, 101)))
        for milliseconds in values
    ]
    aws.metrics._client.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)  # type: ignore[arg-type]

    assert aws.metrics.slowest_percent("app/slow/1", minute - 150, minute) == pytest.approx(0.099, abs=0.001)
    assert aws.metrics.slowest_percent("app/slow/1", minute - 30, minute - 10) is None
    assert aws.metrics.slowest_percent("app/other/1", minute - 150, minute) is None


def test_a_task_runs_to_its_end_and_tells_its_exit_status(aws: Clients, cluster: str) -> None:
    definition = aws.ecs.register(spec("once", "sh", "-c", "exit 3"))

    ended = aws.ecs.run_task(cluster, definition, HERE, started_by="once-1", clock=CLOCK, seconds=30)

    assert (ended.stopped, ended.exit_status) == (True, 3)
    assert [task.id for task in aws.ecs.tasks(cluster, "once-1")] == [ended.id]


def test_a_task_whose_image_is_missing_says_so(aws: Clients, cluster: str) -> None:
    definition = aws.ecs.register(
        spec("missing", "true", image="111122223333.dkr.ecr.us-east-1.amazonaws.com/nothing:1")
    )

    ended = aws.ecs.run_task(cluster, definition, HERE, started_by="missing-1", clock=CLOCK, seconds=30)

    assert ended.exit_status is None
    assert "CannotPullContainerError" in ended.reason


def test_the_same_task_definition_is_registered_once(aws: Clients) -> None:
    first = aws.ecs.register(spec("same", "true"))

    assert aws.ecs.register(spec("same", "true")) == first
    assert aws.ecs.register(spec("same", "false")) != first


def steady(aws: Clients, cluster: str, name: str) -> None:
    deadline = time.monotonic() + 30
    while not ((found := aws.ecs.service(cluster, name)) and found.steady):
        assert time.monotonic() < deadline, found
        CLOCK.sleep(0.1)


def test_a_service_is_ensured_once_found_by_address_and_removed(aws: Clients, cluster: str) -> None:
    wanted = spec("kept", "sleep", "600")
    aws.ecs.ensure_service(cluster, wanted, HERE)
    steady(aws, cluster, "kept")
    (address,) = aws.ecs.task_addresses(cluster, "kept")

    aws.ecs.ensure_service(cluster, wanted, HERE)
    steady(aws, cluster, "kept")

    assert aws.ecs.task_addresses(cluster, "kept") == (address,)
    assert "kept" in [service.name for service in aws.ecs.services(cluster)]

    aws.ecs.remove_service(cluster, "kept")
    aws.ecs.remove_service(cluster, "kept")

    assert aws.ecs.service(cluster, "kept") is None


def test_another_spec_replaces_the_task(aws: Clients, cluster: str) -> None:
    aws.ecs.ensure_service(cluster, spec("changed", "sleep", "600"), HERE)
    steady(aws, cluster, "changed")
    before = aws.ecs.task_addresses(cluster, "changed")

    aws.ecs.ensure_service(cluster, spec("changed", "sleep", "601"), HERE)
    steady(aws, cluster, "changed")

    assert aws.ecs.task_addresses(cluster, "changed") != before
    aws.ecs.remove_service(cluster, "changed")


def test_a_cluster_that_is_not_there_has_no_services(aws: Clients) -> None:
    assert aws.ecs.services("nowhere") == ()
    assert aws.ecs.service("nowhere", "x") is None


def test_a_schedule_that_is_not_there_cannot_be_switched(aws: Clients) -> None:
    assert aws.schedules.enabled("nothing") is None
    with pytest.raises(RefusedError):
        aws.schedules.switch("nothing", on=True)
