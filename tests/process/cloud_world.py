"""An emulated cloud for tests: a process of its own, asked through boto3, which nobody here wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from dns import resolver

from offramp.kit.processes import alive

REGION = "eu-west-1"
PROGRAM = """
import http.server, json, os, signal, sys, threading, time
address, port = os.environ["BIND_ADDRESS"], int(os.environ.get("LISTEN", "8000"))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            os._exit(7)
        if self.path == "/sick":
            Handler.sick = True
        status = 500 if getattr(Handler, "sick", False) and self.path == "/healthz" else 200
        told = {name: os.environ.get(name) for name in ("VERSION", "TOKEN", "PLAIN", "DATABASE_URL", "GUNICORN_CMD_ARGS")}
        body = json.dumps({**told, "address": address, "argv": sys.argv[1:]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        print(json.dumps({"status": "200", "seconds": "0.012", "uri": self.path}), flush=True)
if os.environ.get("CRASH"):
    sys.exit(3)
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: (print("terminated", flush=True), os._exit(0)))
print("serving", flush=True)
http.server.ThreadingHTTPServer((address, port), Handler).serve_forever()
"""
PROBE = "import os, urllib.request as u; u.urlopen('http://%s:8000/healthz' % os.environ['BIND_ADDRESS'], timeout=2)"


@dataclass
class Cloud:
    """One running world and boto3 clients for it."""

    folder: Path
    endpoint: str
    dns: str
    pid: int

    def client(self, name: str) -> Any:
        return boto3.client(
            name,  # type: ignore[call-overload]  # Tests choose the service by name.
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="AKIATEST",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}, inject_host_prefix=False),
        )

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.endpoint}/_rehearsal/state") as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def resolver(self) -> resolver.Resolver:
        made = resolver.Resolver(configure=False)
        host, _, port = self.dns.rpartition(":")
        made.nameservers, made.port = [host], int(port)
        return made

    def addresses(self, name: str) -> set[str]:
        """Return the A records of a name; nothing for one that does not exist."""
        try:
            return {str(each) for each in self.resolver().resolve(name)}
        except (resolver.NXDOMAIN, resolver.NoAnswer, resolver.NoNameservers):
            return set()

    def deploy(self, name: str, template: dict[str, Any], **parameters: str) -> dict[str, str]:
        """Create or update a stack through a change set; return its outputs, or fail with its events."""
        status, outputs, events = self.try_deploy(name, template, **parameters)
        assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), events
        return outputs

    def try_deploy(
        self, name: str, template: dict[str, Any], **parameters: str
    ) -> tuple[str, dict[str, str], list[str]]:
        cloudformation = self.client("cloudformation")
        present = [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]
        made = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"change-{time.time_ns()}",
            ChangeSetType="UPDATE" if name in present else "CREATE",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.execute_change_set(ChangeSetName=made["Id"])
        stack = until(lambda: self._settled(name), "the stack to settle", seconds=60)
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [
            f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason')}"
            for each in events
            if each["ResourceStatus"].endswith("FAILED")
        ]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
        return stack["StackStatus"], outputs, failed

    def _settled(self, name: str) -> Any:
        stack = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack


def until(ask: Callable[[], Any], what: str, *, seconds: float = 20, every: float = 0.05) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(every)
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")


def free_dns_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.53", 0))
        return int(probe.getsockname()[1])


def write_image(images: Path, code: Path, repository: str, **tags: dict[str, str]) -> None:
    """Publish ``code`` under a repository; each tag has an environment of its own."""
    entries = {tag: {"directory": str(code), "env": env} for tag, env in tags.items()}
    (images / f"{repository}.json").write_text(json.dumps({"repository": repository, "tags": entries}))


@contextmanager
def running(scale: float = 0.05) -> Iterator[Cloud]:
    """A cloud in a folder of its own, with the image ``web`` in tags that behave well and badly."""
    with tempfile.TemporaryDirectory(prefix=f"offramp-test-{os.getpid()}-cloud-") as name:
        base = Path(name)
        base.chmod(0o755)
        images, code = base / "images", base / "code"
        images.mkdir()
        code.mkdir()
        (code / "web.py").write_text(PROGRAM)
        write_image(
            images, code, "web",
            v1={"VERSION": "1"}, v2={"VERSION": "2"}, crash={"CRASH": "1"}, stubborn={"STUBBORN": "1"},
        )  # fmt: skip
        dns = f"127.0.0.53:{free_dns_port()}"
        with (base / "out").open("wb") as out:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "offramp.rehearsal.cloud", "--dir", str(base / "cloud"), "--http-port", "18080",
                    "--dns", dns, "--images", str(images), "--scheduler-scale", str(scale), "--seed", "1",
                ],
                stdout=out, stderr=out,
            )  # fmt: skip
        try:
            ready = base / "cloud" / "ready.json"
            until(lambda: process.poll() is not None or ready.exists(), "the cloud to start", seconds=60)
            assert process.poll() is None, (base / "out").read_text()
            yield Cloud(base / "cloud", json.loads(ready.read_text())["endpoint"], dns, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        left = [int(pid.name) for pid in (base / "cloud" / "pids").iterdir() if alive(int(pid.name))]
        assert left == []


def task_definition(tag: str = "v1", family: str = "web", **changes: Any) -> dict[str, Any]:
    """A RegisterTaskDefinition request for the image ``web``; ``changes`` go into its container."""
    container = {
        "name": "web",
        "image": f"123456789012.dkr.ecr.{REGION}.amazonaws.com/web:{tag}",
        "command": ["python", "web.py"],
        "stopTimeout": 2,
        "portMappings": [{"containerPort": 8000}],
        **changes,
    }
    return {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{key: value for key, value in container.items() if value is not None}],
    }


def probed(**changes: Any) -> dict[str, Any]:
    """The container's health check by command."""
    return {
        "command": ["CMD", "python", "-c", PROBE],
        "interval": 5,
        "timeout": 3,
        "retries": 2,
        "startPeriod": 10,
        **changes,
    }


def network_template() -> dict[str, Any]:
    """A VPC, a namespace with one name, a balancer with one target group, a zone with a weighted name."""
    return {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "A": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"}},
            "B": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24"}},
            "Space": {
                "Type": "AWS::ServiceDiscovery::PrivateDnsNamespace",
                "Properties": {"Name": "svc.test.internal", "Vpc": {"Ref": "Vpc"}},
            },
            "Name": {
                "Type": "AWS::ServiceDiscovery::Service",
                "Properties": {
                    "Name": "web",
                    "NamespaceId": {"Ref": "Space"},
                    "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 1}]},
                    "HealthCheckCustomConfig": {"FailureThreshold": 1},
                },
            },
            "Balancer": {
                "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "Properties": {"Name": "test", "Type": "application", "Subnets": [{"Ref": "A"}, {"Ref": "B"}]},
            },
            "Group": {
                "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                "Properties": {
                    "VpcId": {"Ref": "Vpc"}, "Port": 8000, "Protocol": "HTTP", "TargetType": "ip",
                    "HealthCheckPath": "/healthz", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2,
                    "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2,
                    "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}],
                },
            },
            "Listener": {
                "Type": "AWS::ElasticLoadBalancingV2::Listener",
                "Properties": {
                    "LoadBalancerArn": {"Ref": "Balancer"}, "Port": 80, "Protocol": "HTTP",
                    "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}],
                },
            },
            "Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "test.example"}},
            "ToAws": _weighted("aws", "0", {"Fn::GetAtt": ["Balancer", "DNSName"]}),
            "ToHeroku": _weighted("heroku", "255", "obscure-1.herokudns.com"),
        },
        "Outputs": {
            "Registry": {"Value": {"Fn::GetAtt": ["Name", "Arn"]}},
            "Group": {"Value": {"Ref": "Group"}},
            "Balancer": {"Value": {"Fn::GetAtt": ["Balancer", "DNSName"]}},
            "FullName": {"Value": {"Fn::GetAtt": ["Balancer", "LoadBalancerFullName"]}},
            "Zone": {"Value": {"Ref": "Zone"}},
        },
    }  # fmt: skip


def _weighted(identifier: str, weight: str, target: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": {"Ref": "Zone"}, "Name": "www.test.example", "Type": "CNAME", "TTL": "1",
            "SetIdentifier": identifier, "Weight": weight, "ResourceRecords": [target],
        },
    }  # fmt: skip
