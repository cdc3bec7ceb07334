"""How is ministack, the control plane, started, stopped and asked?"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import aiohttp

from ...kit import processes
from ..servers.ports import free_port
from .wire import ACCOUNT, AwsError, authorization, strip_namespaces

# Touching a service loads its module, so the list is also what keeps ministack below 100 MB.
SERVICES = (
    "acm", "autoscaling", "cloudformation", "cloudwatch", "ec2", "ecr", "ecs", "elasticache", "elasticloadbalancing",
    "events", "iam", "kms", "logs", "monitoring", "rds", "resource-groups", "route53", "s3", "scheduler", "secretsmanager",
    "servicediscovery", "sns", "sqs", "ssm", "sts", "tagging", "wafv2",
)  # fmt: skip


@dataclass
class Control:
    """The ministack child: its process, and calls to it in the three protocols that AWS speaks."""

    folder: Path
    front: str
    region: str = "us-east-1"
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _http: aiohttp.ClientSession | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def http(self) -> aiohttp.ClientSession:
        assert self._http is not None, "the control plane has not been started"
        return self._http

    def _environment(self) -> dict[str, str]:
        scratch = self.folder / "ministack"
        scratch.mkdir(parents=True, exist_ok=True)
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DOCKER_"))},
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "SERVICES": ",".join(SERVICES),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "LOG_LEVEL": "WARNING",
            "TMPDIR": str(scratch),
            "OFFRAMP_FRONT": self.front,
        }

    async def start(self) -> None:
        """Start ministack and wait for its first answer. Raises TimeoutError, or RuntimeError when it dies."""
        self.port = free_port()
        self._process = processes.spawn(
            [sys.executable, "-m", "offramp.rehearsal.cloud.emulator"],
            env=self._environment(),
            log=self.folder / "ministack.log",
        )
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64))
        for _ in range(600):
            if self._process.poll() is not None:
                raise RuntimeError(f"ministack ended with status {self._process.returncode}; see ministack.log")
            try:
                async with self._http.get(f"{self.url}/_ministack/health") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
        raise TimeoutError("ministack did not answer within 30 s")

    async def stop(self) -> None:
        if self._http:
            await self._http.close()
        if self._process:
            await asyncio.to_thread(processes.stop, self._process, seconds=5)

    async def _post(self, service: str, headers: Mapping[str, str], body: bytes) -> bytes:
        sent = {"Authorization": authorization(service, self.region), **headers}
        async with self.http.post(f"{self.url}/", headers=sent, data=body) as answer:
            text = await answer.read()
            if answer.status >= 400:
                raise _error(text, answer.status)
            return text

    async def json(self, service: str, target: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Call a JSON 1.1 operation, say ``("logs", "Logs_20140328.PutLogEvents", {...})``. Raises AwsError."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        text = await self._post(service, headers, json.dumps(body).encode())
        answer = json.loads(text or b"{}")
        assert isinstance(answer, dict)
        return answer

    async def query(self, service: str, action: str, **params: str) -> ElementTree.Element:
        """Call a query-protocol operation and return its XML without namespaces. Raises AwsError."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return strip_namespaces(await self._post(service, headers, urlencode({"Action": action, **params}).encode()))

    async def get(self, service: str, path: str) -> bytes:
        """Read a REST resource. Raises AwsError."""
        headers = {"Authorization": authorization(service, self.region)}
        async with self.http.get(f"{self.url}{path}", headers=headers) as answer:
            text = await answer.read()
            if answer.status >= 400:
                raise _error(text, answer.status)
            return text


def _error(text: bytes, status: int) -> AwsError:
    try:
        if text.lstrip().startswith(b"<"):
            root = strip_namespaces(text)
            return AwsError(
                root.findtext(".//Code") or "InternalFailure", root.findtext(".//Message") or "no message", status
            )
        body = json.loads(text)
        code = str(body.get("__type") or body.get("code") or "InternalFailure").rpartition("#")[2]
        return AwsError(code, str(body.get("message") or body.get("Message") or "no message"), status)
    except (ValueError, ElementTree.ParseError):
        return AwsError("InternalFailure", text[:300].decode(errors="replace"), status)
