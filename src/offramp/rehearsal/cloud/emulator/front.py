"""How do resource handlers inside ministack reach the data plane? Over HTTP, as CloudFormation calls other services."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..wire import authorization

TIMEOUT_SECONDS = 120
# A proxy of the machine has no business on loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class CallFailedError(Exception):
    """A service refused; the text becomes the resource's status reason, so it reads like CloudFormation's."""

    def __init__(self, service: str, code: str, message: str, status: int) -> None:
        super().__init__(
            f'Resource handler returned message: "{message} (Service: {service}, Status Code: {status}, {code})"'
        )
        self.code = code


@dataclass(frozen=True, slots=True)
class Front:
    """The rehearsal's one endpoint."""

    url: str

    def ecs(self, action: str, body: Mapping[str, object], region: str) -> dict[str, Any]:
        """Call one ECS operation. Raises CallFailedError."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{action}",
            "Authorization": authorization("ecs", region),
        }
        return self._send("POST", "/", headers, body, "Ecs")

    def operator(self, method: str, path: str, body: Mapping[str, object], service: str) -> dict[str, Any]:
        """Call one of the data plane's own resources. Raises CallFailedError."""
        return self._send(method, f"/_rehearsal/{path}", {"Content-Type": "application/json"}, body, service)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, object], service: str
    ) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}{path}", method=method, headers=dict(headers), data=json.dumps(body).encode()
        )
        try:
            with _DIRECT.open(request, timeout=TIMEOUT_SECONDS) as answer:
                parsed: dict[str, Any] = json.loads(answer.read() or b"{}")
                return parsed
        except urllib.error.HTTPError as refused:
            text = refused.read()
            try:
                said = json.loads(text)
            except ValueError:
                said = {"__type": "InternalFailure", "message": text[:300].decode(errors="replace")}
            raise CallFailedError(service, said.get("__type", "?"), said.get("message", "?"), refused.code) from refused
