"""What can a person, or a fault, see and touch behind the API? The resources under ``/_rehearsal/``.

``state`` shows which process is which, so that faults can kill the right one; ``databases`` and ``caches`` are how
CloudFormation's handlers reach the data plane; ``metadata`` and ``credentials`` are what ECS offers inside a task.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from . import wire
from .caches import Caches
from .databases import Databases, Wanted
from .ecs import render
from .ecs import task as tasks_module
from .ecs.model import Task
from .ecs.tasks import Tasks
from .wire import AwsError
from .zones import Zones, normal

Work = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Operator:
    """The rehearsal's own endpoint."""

    tasks: Tasks
    databases: Databases
    caches: Caches
    zones: Zones
    outside: dict[str, str]

    def routes(self, app: web.Application) -> None:
        for method, path, work in (
            ("GET", "state", self.state),
            ("POST", "names", self.names),
            ("PUT", "outside", self.put_outside),
            ("PUT", "databases/{name}", self.put_database),
            ("DELETE", "databases/{name}", self.delete_database),
            ("PUT", "caches/{name}", self.put_cache),
            ("DELETE", "caches/{name}", self.delete_cache),
            ("GET", "credentials/{task}", self.credentials),
            ("GET", "metadata/{task}", self.metadata),
            ("GET", "metadata/{task}/task", self.metadata),
        ):
            app.router.add_route(method, f"/_rehearsal/{path}", _answering(work))

    async def state(self, _request: web.Request) -> web.Response:
        """All tasks, databases and caches with their processes and addresses."""
        tasks = [self._task(life.task) for life in self.tasks.lives.values()]
        databases = [
            {"identifier": each.identifier, "pid": each.server.pid, "admin": each.server.admin, **each.endpoint}
            for each in self.databases.found.values()
        ]
        caches = [
            {"identifier": each.identifier, "pids": list(each.server.pids), **each.endpoint}
            for each in self.caches.found.values()
        ]
        return web.json_response({"tasks": tasks, "databases": databases, "caches": caches})

    def _task(self, task: Task) -> dict[str, Any]:
        pids = {each.name: each.pid for each in task.containers if each.pid and each.exit_code is None}
        return {
            "arn": task.arn,
            "cluster": task.cluster,
            "group": task.group,
            "service": task.group.removeprefix("service:") if task.group.startswith("service:") else None,
            "task_definition": task.definition.arn,
            "status": task.status.value,
            "health": task.health,
            "address": task.address,
            "pid": next(iter(pids.values()), None),
            "pids": pids,
            "stopped_reason": task.stopped_reason,
            "log": f"tasks/{tasks_module.file_name(task)}.log",
        }

    async def names(self, _request: web.Request) -> web.Response:
        """Somebody changed what names lead to."""
        self.zones.invalidate()
        return web.json_response({})

    async def put_outside(self, request: web.Request) -> web.Response:
        """Set what the customer's present DNS provider answers: ``{"www.shop.example": "shop-1a2b.herokuapp.com"}``."""
        self.outside.clear()
        self.outside.update({normal(name): normal(target) for name, target in (await request.json()).items()})
        return web.json_response({})

    async def put_database(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not str(body["engine"]).startswith("postgres"):
            raise AwsError("InvalidParameterValue", f"the rehearsal runs only engine postgres, not {body['engine']}")
        wanted = Wanted(body["user"], body["password"], body["database"], body["port"], body["parameters"])
        made = await self.databases.put(request.match_info["name"], wanted)
        return web.json_response(made.endpoint)

    async def delete_database(self, request: web.Request) -> web.Response:
        await self.databases.delete(request.match_info["name"])
        return web.json_response({})

    async def put_cache(self, request: web.Request) -> web.Response:
        body = await request.json()
        made = await self.caches.put(request.match_info["name"], body["password"], tls=body["tls"], port=body["port"])
        return web.json_response(made.endpoint)

    async def delete_cache(self, request: web.Request) -> web.Response:
        await self.caches.delete(request.match_info["name"])
        return web.json_response({})

    async def credentials(self, request: web.Request) -> web.Response:
        return web.json_response(tasks_module.credentials(self._life(request).task))

    async def metadata(self, request: web.Request) -> web.Response:
        """The task metadata endpoint, version 4, as far as programs read it."""
        task = self._life(request).task
        seen = render.task(task)
        return web.json_response(
            {
                "Cluster": task.cluster,
                "TaskARN": task.arn,
                "Family": task.definition.family,
                "Revision": str(task.definition.revision),
                "DesiredStatus": task.desired,
                "KnownStatus": seen["lastStatus"],
                "Containers": [
                    {"Name": each.name, "Image": each.image, "KnownStatus": each.last_status,
                     "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": [task.address]}]}
                    for each in task.containers
                ],
            }
        )  # fmt: skip

    def _life(self, request: web.Request) -> tasks_module.Life:
        life = self.tasks.lives.get(request.match_info["task"])
        if life is None:
            raise AwsError("ResourceNotFoundException", "there is no such task", 404)
        return life


def _answering(work: Work) -> Work:
    async def answer(request: web.Request) -> web.Response:
        try:
            return await work(request)
        except AwsError as refused:
            return refused.json()
        except (KeyError, ValueError) as wrong:
            return wire.AwsError("ValidationException", f"malformed request: {wrong}").json()

    return answer
