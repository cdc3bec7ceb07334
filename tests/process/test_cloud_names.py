"""Where names lead, and what a balancer would have counted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloud_world import Cloud, free_dns_port, network_template, probed, running, task_definition, until
from dns import message, query, rcode

from offramp.rehearsal import resolver as shim

CLUSTER = "test"
GATEWAY = """daemon off; worker_processes 1; pid {tmp}/nginx.pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    log_format offramp_json escape=json '{{"time":"$time_iso8601","host":"$host","method":"$request_method","uri":"$request_uri",'
        '"status":"$status","seconds":"$request_time","request_id":"$request_id","upstream":"$upstream_addr"}}';
    access_log /dev/stdout offramp_json;
    client_body_temp_path {tmp}/a; proxy_temp_path {tmp}/b; fastcgi_temp_path {tmp}/c; uwsgi_temp_path {tmp}/d;
    scgi_temp_path {tmp}/e;
    server {{ listen {address}:8000; location / {{ return 200 "well"; }} location /bad {{ return 503; }} }}
}}"""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as world:
        world.client("ecs").create_cluster(clusterName=CLUSTER)
        yield world


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> dict[str, str]:
    return cloud.deploy("network", network_template())


@pytest.fixture(scope="module")
def web(cloud: Cloud, network: dict[str, str]) -> set[str]:
    """Two tasks behind a Cloud Map name; their addresses."""
    ecs = cloud.client("ecs")
    ecs.register_task_definition(**task_definition(healthCheck=probed()))
    ecs.create_service(
        cluster=CLUSTER, serviceName="web", taskDefinition="web", desiredCount=2,
        serviceRegistries=[{"registryArn": network["Registry"]}],
    )  # fmt: skip
    until(lambda: len(cloud.addresses("web.svc.test.internal")) == 2, "both tasks to be registered")
    return cloud.addresses("web.svc.test.internal")


@pytest.fixture(scope="module")
def gateway(cloud: Cloud, network: dict[str, str]) -> str:
    """One Nginx task behind the balancer; its address."""
    ecs = cloud.client("ecs")
    script = f"cat > $TMPDIR/nginx.conf <<CONF\n{_for_shell(GATEWAY)}\nCONF\nexec nginx -e stderr -c $TMPDIR/nginx.conf"
    container = task_definition(family="gateway", image="offramp-nginx:1", command=["sh", "-c", script])
    ecs.register_task_definition(**container)
    ecs.create_service(
        cluster=CLUSTER, serviceName="gateway", taskDefinition="gateway", desiredCount=1,
        loadBalancers=[{"targetGroupArn": network["Group"], "containerName": "web", "containerPort": 8000}],
    )  # fmt: skip
    return str(until(lambda: cloud.addresses(network["Balancer"]), "the gateway to be healthy").pop())


def _for_shell(configuration: str) -> str:
    """Let the shell fill in the task's own address and folder, and nothing of Nginx's variables."""
    text = configuration.replace("$", "\\$").replace("{tmp}", "$TMPDIR").replace("{address}", "$BIND_ADDRESS")
    return text.replace("{{", "{").replace("}}", "}")


def test_a_private_name_answers_the_tasks_that_are_well(cloud: Cloud, web: set[str]) -> None:
    running_tasks = {each["address"] for each in cloud.state()["tasks"] if each["service"] == "web" and each["pid"]}
    assert running_tasks == web


def test_cloud_map_itself_agrees(cloud: Cloud, web: set[str]) -> None:
    discovery = cloud.client("servicediscovery")

    def found() -> set[str]:
        seen = discovery.discover_instances(NamespaceName="svc.test.internal", ServiceName="web")["Instances"]
        return {each["Attributes"]["AWS_INSTANCE_IPV4"] for each in seen}

    until(lambda: found() == web, "the mirror")


def test_the_balancer_name_leads_to_healthy_targets(cloud: Cloud, network: dict[str, str], gateway: str) -> None:
    assert {gateway} == cloud.addresses(network["Balancer"])


def test_herokus_names_lead_to_the_router(cloud: Cloud) -> None:
    assert {"127.0.0.2"} == cloud.addresses("mentors-1a2b.herokuapp.com")
    assert {"127.0.0.2"} == cloud.addresses("obscure-1.herokudns.com")


def _shift(cloud: Cloud, network: dict[str, str], aws: int) -> None:
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": "www.test.example", "Type": "CNAME", "TTL": 1, "SetIdentifier": identifier, "Weight": weight,
                "ResourceRecords": [{"Value": target}],
            },
        }
        for identifier, weight, target in (
            ("aws", aws, network["Balancer"]), ("heroku", 100 - aws, "obscure-1.herokudns.com"),
        )
    ]  # fmt: skip
    cloud.client("route53").change_resource_record_sets(HostedZoneId=network["Zone"], ChangeBatch={"Changes": changes})


def test_a_weight_is_a_share_of_the_answers(cloud: Cloud, network: dict[str, str], gateway: str) -> None:
    _shift(cloud, network, 25)
    asker = cloud.resolver()
    counts = Counter(str(asker.resolve("www.test.example")[0]) for _ in range(400))

    assert {gateway, "127.0.0.2"} == set(counts)
    assert 60 <= counts[gateway] <= 140


def test_a_changed_weight_counts_at_once(cloud: Cloud, network: dict[str, str], gateway: str) -> None:
    for weight, expected in ((100, {gateway}), (0, {"127.0.0.2"}), (100, {gateway})):
        _shift(cloud, network, weight)
        assert expected == {address for _ in range(20) for address in cloud.addresses("www.test.example")}


def test_an_answer_follows_the_name_to_its_address_and_lives_a_second(cloud: Cloud, network: dict[str, str]) -> None:
    _shift(cloud, network, 0)
    answer = cloud.resolver().resolve("www.test.example").response.answer

    assert [rrset.to_text().split()[3] for rrset in answer] == ["CNAME", "A"]
    assert {1} == {rrset.ttl for rrset in answer}


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("nothing.test.example", "A", rcode.NXDOMAIN),
        ("www.test.example", "AAAA", rcode.NOERROR),
        ("gone.eu-west-1.elb.amazonaws.com", "A", rcode.NXDOMAIN),
        ("example.org", "A", rcode.REFUSED),
    ],
)
@pytest.mark.usefixtures("network")
def test_other_questions_get_their_proper_code(cloud: Cloud, name: str, kind: str, expected: rcode.Rcode) -> None:
    host, _, port = cloud.dns.rpartition(":")
    for ask in (query.udp, query.tcp):
        assert expected == ask(message.make_query(name, kind), host, port=int(port), timeout=5).rcode()


def test_python_programs_resolve_through_the_shim(cloud: Cloud, web: set[str]) -> None:
    script = (
        "import socket; print(sorted({a[4][0] for a in socket.getaddrinfo('web.svc.test.internal', 80)}));"
        "print(socket.getaddrinfo('localhost', 80, socket.AF_INET)[0][4][0], socket.getaddrinfo('127.0.0.9', 80)[0][4][0])"
    )
    environment = {**os.environ, "PYTHONPATH": str(shim.FOLDER), "OFFRAMP_DNS": cloud.dns}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert f"{sorted(web)}\n127.0.0.1 127.0.0.9\n" == told.stdout


def test_the_shim_falls_back_when_no_server_answers() -> None:
    environment = {**os.environ, "PYTHONPATH": str(shim.FOLDER), "OFFRAMP_DNS": f"127.0.0.53:{free_dns_port()}"}
    script = (
        "import socket\ntry: socket.getaddrinfo('nothing.invalid', 80)\nexcept socket.gaierror: print('no such name')"
    )
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert told.stdout == "no such name\n"


def test_requests_through_the_gateway_become_balancer_metrics(
    cloud: Cloud, network: dict[str, str], gateway: str
) -> None:
    for path in ("/", "/", "/", "/bad"):
        with socket.create_connection((gateway, 8000), 5) as channel:
            channel.sendall(f"GET {path} HTTP/1.0\r\nHost: www.test.example\r\n\r\n".encode())
            while channel.recv(4096):
                pass

    def total(metric: str, statistic: str) -> float:
        now = datetime.now(UTC)
        points = cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApplicationELB", MetricName=metric, Statistics=[statistic], Period=60,
            Dimensions=[{"Name": "LoadBalancer", "Value": network["FullName"]}],
            StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=1),
        )["Datapoints"]  # fmt: skip
        return float(sum(each[statistic] for each in points))

    until(lambda: total("HTTPCode_Target_5XX_Count", "Sum") == 1, "the failed request to be counted")
    assert total("HTTPCode_Target_2XX_Count", "Sum") == 3
    assert total("RequestCount", "Sum") == 4
    assert total("TargetResponseTime", "Maximum") < 1


def _told_host(cloud: Cloud, name: str) -> str:
    """Run a task that prints its database URL; return the host that stands in for ``name``."""
    ecs = cloud.client("ecs")
    url = [{"name": "DATABASE_URL", "value": f"postgres://u:p%40@{name}:8000/d?sslmode=disable"}]
    command = ["sh", "-c", 'echo "$DATABASE_URL"']
    ecs.register_task_definition(**task_definition(family="once", environment=url, command=command))
    arn = ecs.run_task(cluster=CLUSTER, taskDefinition="once")["tasks"][0]["taskArn"]

    def said() -> str:
        task = next(each for each in cloud.state()["tasks"] if each["arn"] == arn)
        log = cloud.folder / task["log"]
        return log.read_text() if task["status"] == "STOPPED" and log.exists() else ""

    told = str(until(said, "the task to end")).strip()
    host = told.partition("@")[2].partition(":")[0]
    assert told == f"postgres://u:p%40@{host}:8000/d?sslmode=disable"
    return host


def test_a_url_for_a_c_library_follows_the_name(cloud: Cloud, web: set[str]) -> None:
    host = _told_host(cloud, "web.svc.test.internal")
    answer = until(lambda: _ask(host), "an answer through the forwarder")

    assert host not in web
    assert answer["address"] in web


def test_a_url_may_name_what_is_registered_later(cloud: Cloud, web: set[str]) -> None:
    discovery = cloud.client("servicediscovery")
    (space,) = [each for each in discovery.list_namespaces()["Namespaces"] if each["Name"] == "svc.test.internal"]
    host = _told_host(cloud, "later.svc.test.internal")
    assert _ask(host) is None

    made = discovery.create_service(
        Name="later", NamespaceId=space["Id"], DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 1}]}
    )["Service"]["Id"]
    address = min(web)
    discovery.register_instance(ServiceId=made, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": address})
    assert cloud.addresses("later.svc.test.internal") == {address}
    answer = until(lambda: _ask(host), "an answer through the forwarder")
    assert answer["address"] == address

    discovery.deregister_instance(ServiceId=made, InstanceId="one")
    assert cloud.addresses("later.svc.test.internal") == set()


def _ask(host: str) -> Any:
    try:
        with socket.create_connection((host, 8000), 5) as channel:
            channel.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b"".join(iter(lambda: channel.recv(4096), b""))
        return json.loads(text.partition(b"\r\n\r\n")[2])
    except (OSError, ValueError):
        return None


def test_a_schedule_runs_its_task_in_time_lapse(cloud: Cloud) -> None:
    ecs, scheduler = cloud.client("ecs"), cloud.client("scheduler")
    arn = ecs.register_task_definition(**task_definition(family="job"))["taskDefinition"]["taskDefinitionArn"]
    override = {"containerOverrides": [{"name": "web", "command": ["echo", "ran"]}]}
    scheduler.create_schedule(
        Name="job", ScheduleExpression="rate(1 minute)", FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:ecs:eu-west-1:123456789012:cluster/{CLUSTER}", "RoleArn": "arn:aws:iam::123456789012:role/r",
            "EcsParameters": {"TaskDefinitionArn": arn}, "Input": json.dumps(override),
        },
    )  # fmt: skip
    ran = until(
        lambda: [
            each for each in cloud.state()["tasks"] if each["group"] == "family:job" and each["status"] == "STOPPED"
        ],
        "the schedule to fire",
    )

    assert (cloud.folder / ran[0]["log"]).read_text() == "ran\n"
    scheduler.delete_schedule(Name="job")


def test_a_task_can_use_its_role(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    command = ["python", "-c", script]
    ecs.register_task_definition(**task_definition(family="role", image="offramp:1", command=command))
    arn = ecs.run_task(cluster=CLUSTER, taskDefinition="role")["tasks"][0]["taskArn"]

    def ended() -> Any:
        return next((t for t in cloud.state()["tasks"] if t["arn"] == arn and t["status"] == "STOPPED"), None)

    assert (cloud.folder / until(ended, "the task to end")["log"]).read_text() == "123456789012\n"
