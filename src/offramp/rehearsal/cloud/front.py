"""Who answers a request? Our data plane where ministack's answer would be fiction, ministack for everything else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4
from xml.sax.saxutils import escape

import aiohttp
from aiohttp import web
from yarl import URL

from . import rewrite, wire
from .balancers import Balancers
from .caches import Caches
from .cloudmap import CloudMap
from .control import Control
from .databases import Databases, Wanted
from .ecs.api import PREFIX, Ecs
from .operator import Operator
from .wire import AwsError, Scope
from .zones import Zones

log = logging.getLogger(__name__)
# Services without a region: what they are signed for says nothing about where the world is.
_GLOBAL = frozenset({"route53", "iam", "cloudfront", "sts", "s3"})
_HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "keep-alive", "accept-encoding"})
_BODY_LIMIT = 64 * 1024 * 1024

Handler = Callable[[web.Request, bytes, Scope], Awaitable[web.Response]]


@dataclass
class Front:
    """The endpoint that boto3 talks to."""

    control: Control
    ecs: Ecs
    balancers: Balancers
    databases: Databases
    caches: Caches
    cloudmap: CloudMap
    zones: Zones
    operator: Operator
    region: str = ""
    _making: set[asyncio.Task[None]] = field(default_factory=set, repr=False)

    def app(self) -> web.Application:
        made = web.Application(client_max_size=_BODY_LIMIT)
        self.operator.routes(made)
        made.router.add_route("*", "/{path:.*}", self.handle)
        return made

    async def handle(self, request: web.Request) -> web.Response:
        """Route one request by the service that it was signed for."""
        body = await request.read()
        scope = wire.scope_of(request.headers, request.query)
        if scope is None:
            return AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403).json()
        self._learn_region(scope)
        handlers: Mapping[str, Handler] = {
            "ecs": self._ecs,
            "elasticloadbalancing": self._balancing,
            "rds": self._rds,
            "elasticache": self._elasticache,
            "route53": self._route53,
            "servicediscovery": self._servicediscovery,
        }
        try:
            return await handlers.get(scope.service, self._proxy)(request, body, scope)
        except AwsError as refused:
            return refused.json() if scope.service in ("ecs", "servicediscovery") else refused.xml()
        except aiohttp.ClientError as broken:
            log.exception("ministack did not answer %s %s", request.method, request.path)
            return AwsError("ServiceUnavailable", f"the control plane did not answer: {broken}", 503).xml()

    def _learn_region(self, scope: Scope) -> None:
        if not self.region and scope.service not in _GLOBAL:
            self.region = self.control.region = scope.region

    async def _proxy(self, request: web.Request, body: bytes, scope: Scope) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url = f"{self.control.url}{request.raw_path}"
        async with self.control.http.request(
            request.method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        ) as answer:
            text = await answer.read()
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            if request.method == "HEAD" and "Content-Length" in answer.headers:
                kept["Content-Length"] = answer.headers["Content-Length"]
            kept.pop("Content-Encoding", None)
            return web.Response(status=answer.status, body=text, headers=kept)

    async def _ecs(self, request: web.Request, body: bytes, _scope: Scope) -> web.Response:
        target = request.headers.get("X-Amz-Target", "")
        if not target.startswith(PREFIX):
            raise AwsError("UnknownOperationException", f"{target or 'no operation'} is not an ECS operation.")
        try:
            parsed = json.loads(body or b"{}")
        except ValueError:
            raise AwsError("SerializationException", "the body is not JSON") from None
        return wire.json_answer(await self.ecs.call(target.removeprefix(PREFIX), parsed))

    async def _balancing(self, request: web.Request, body: bytes, scope: Scope) -> web.Response:
        params = wire.form(body)
        action = params.get("Action", "")
        if action == "DescribeTargetHealth":
            return await self._target_health(params)
        answer = await self._proxy(request, body, scope)
        if answer.status < 400 and action in ("RegisterTargets", "DeregisterTargets"):
            await self._move_targets(action, params)
        if answer.status < 400 and not action.startswith("Describe"):
            if action in ("ModifyTargetGroup", "ModifyTargetGroupAttributes"):
                await self.balancers.learn(params["TargetGroupArn"], again=True)
            self.zones.invalidate()
        return answer

    async def _move_targets(self, action: str, params: Mapping[str, str]) -> None:
        arn = params["TargetGroupArn"]
        await self.balancers.learn(arn)
        for index in range(1, 1001):
            address = params.get(f"Targets.member.{index}.Id")
            if address is None:
                return
            port = int(params.get(f"Targets.member.{index}.Port") or 80)
            if action == "RegisterTargets":
                self.balancers.register(arn, address, port)
            else:
                self.balancers.deregister(arn, address, port)

    async def _target_health(self, params: Mapping[str, str]) -> web.Response:
        group = await self.balancers.learn(params.get("TargetGroupArn", ""), again=True)
        entries = []
        for target in group.targets.values():
            said = "".join(
                f"<{name}>{escape(text)}</{name}>"
                for name, text in (("Reason", target.reason), ("Description", target.description))
                if text
            )
            entries.append(
                f"<member><Target><Id>{target.address}</Id><Port>{target.port}</Port></Target>"
                f"<HealthCheckPort>{group.check.port or target.port}</HealthCheckPort>"
                f"<TargetHealth><State>{target.state}</State>{said}</TargetHealth></member>"
            )
        return wire.xml_answer(
            '<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">'
            f"<DescribeTargetHealthResult><TargetHealthDescriptions>{''.join(entries)}</TargetHealthDescriptions>"
            f"</DescribeTargetHealthResult><ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata>"
            "</DescribeTargetHealthResponse>"
        )

    async def _rds(self, request: web.Request, body: bytes, scope: Scope) -> web.Response:
        params = wire.form(body)
        action, identifier = params.get("Action", ""), params.get("DBInstanceIdentifier", "")
        answer = await self._proxy(request, body, scope)
        if answer.status < 400:
            await self._rds_effect(action, identifier, params)
        if answer.status < 400 and isinstance(answer.body, bytes) and b"<DBInstance>" in answer.body:
            look = self._database_endpoint
            return wire.xml_answer(rewrite.databases(answer.body, look).decode(), answer.status)
        return answer

    async def _rds_effect(self, action: str, identifier: str, params: Mapping[str, str]) -> None:
        known = self.databases.found.get(identifier)
        if action == "CreateDBInstance" and known is None:
            made = self.databases.begin(identifier, _wanted(params))
            self._later(self.databases.make(made))
        elif action == "DeleteDBInstance":
            self._later(self.databases.delete(identifier))
        elif action == "ModifyDBInstance" and known and params.get("MasterUserPassword"):
            wanted = Wanted(
                known.wanted.user, params["MasterUserPassword"], known.wanted.database, known.wanted.port,
                known.wanted.parameters,
            )  # fmt: skip
            await self.databases.put(identifier, wanted)
        elif action == "RebootDBInstance" and known:
            self._later(self.databases.restart(identifier))

    def _database_endpoint(self, identifier: str) -> rewrite.Endpoint | None:
        known = self.databases.found.get(identifier)
        return None if known is None else {**known.endpoint, "status": self.databases.status(identifier)}

    async def _elasticache(self, request: web.Request, body: bytes, scope: Scope) -> web.Response:
        params = wire.form(body)
        action, identifier = params.get("Action", ""), params.get("ReplicationGroupId", "")
        answer = await self._proxy(request, body, scope)
        if answer.status < 400 and action == "CreateReplicationGroup" and identifier not in self.caches.found:
            tls = params.get("TransitEncryptionEnabled", "").lower() == "true"
            made = self.caches.begin(
                identifier, params.get("AuthToken", ""), tls=tls, port=int(params.get("Port") or 0)
            )
            self._later(self.caches.make(made))
        elif answer.status < 400 and action == "DeleteReplicationGroup":
            self._later(self.caches.delete(identifier))
        if answer.status < 400 and isinstance(answer.body, bytes) and b"<ReplicationGroup>" in answer.body:
            return wire.xml_answer(rewrite.caches(answer.body, self._cache_endpoint).decode(), answer.status)
        return answer

    def _cache_endpoint(self, identifier: str) -> rewrite.Endpoint | None:
        known = self.caches.found.get(identifier)
        return None if known is None else {**known.endpoint, "status": self.caches.status(identifier)}

    async def _route53(self, request: web.Request, body: bytes, scope: Scope) -> web.Response:
        answer = await self._proxy(request, body, scope)
        if request.method != "GET":
            self.zones.invalidate()
        return answer

    async def _servicediscovery(self, request: web.Request, body: bytes, scope: Scope) -> web.Response:
        answer = await self._proxy(request, body, scope)
        action = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if answer.status < 400 and action in ("RegisterInstance", "DeregisterInstance"):
            parsed = json.loads(body)
            await self.cloudmap.learn(parsed["ServiceId"])
            address = (parsed.get("Attributes") or {}).get("AWS_INSTANCE_IPV4")
            if action == "RegisterInstance" and address:
                self.cloudmap.register(parsed["ServiceId"], parsed["InstanceId"], address, mirror=False)
            elif action == "DeregisterInstance":
                self.cloudmap.deregister(parsed["ServiceId"], parsed["InstanceId"], mirror=False)
        return answer

    def _later(self, work: Awaitable[None]) -> None:
        async def finish() -> None:
            try:
                await work
            except AwsError as failed:
                log.warning("%s", failed)

        task = asyncio.ensure_future(finish())
        self._making.add(task)
        task.add_done_callback(self._making.discard)


def _wanted(params: Mapping[str, str]) -> Wanted:
    return Wanted(
        params.get("MasterUsername", "postgres"),
        params.get("MasterUserPassword", ""),
        params.get("DBName", ""),
        int(params.get("Port") or 0),
        {},
    )
