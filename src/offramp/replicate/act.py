"""How is one deed of replication done? A link is an ECS service with one task; it keeps no state of its own."""

from __future__ import annotations

import json
from typing import assert_never
from urllib.parse import quote

from ..aws.ecs import Placement, TaskSpec
from ..design.model import Blueprint
from ..errors import OutsideError
from ..kit.secret import Secret
from ..provision.model import Footprint, app_secret
from ..tools import Tools
from .model import Deed, LinkWanted, StartLink, StopLink

CPU, MEMORY = 512, 1024


def act(deed: Deed, tools: Tools) -> None:
    """Do one deed; safe to repeat."""
    match deed:
        case StartLink(wanted, source, blueprint):
            _start(tools, wanted, source, blueprint)
        case StopLink(link, cluster):
            tools.aws.ecs.remove_service(cluster, link.service)
        case _:
            assert_never(deed)


def _start(tools: Tools, wanted: LinkWanted, source: tuple[str, str], blueprint: Blueprint) -> None:
    footprint = Footprint.of(tools.aws.stacks, blueprint)
    master = _master_url(tools, blueprint, wanted.database, footprint)
    tools.aws.secrets.put(f"{blueprint.name}/link/{wanted.database}", master)
    tools.aws.secrets.put(f"{blueprint.name}/heroku-token", tools.heroku_token)
    owner = _document(tools, app_secret(blueprint, wanted.database))
    heroku, rds = ("SOURCE", "TARGET") if wanted.direction == "forward" else ("TARGET", "SOURCE")
    app, config_var = source
    spec = TaskSpec(
        family=wanted.service,
        image=blueprint.offramp_image,
        command=wanted.command,
        cpu=CPU,
        memory=MEMORY,
        execution_role=footprint.execution_role,
        task_role=footprint.task_role,
        log_group=footprint.log_group,
        env=(
            (f"{heroku}_URL_COMMAND", f"python -m offramp.heroku.url {app} {config_var}"),
            ("HEROKU_API_URL", tools.settings.heroku.api),
            ("TARGET_OWNER", owner["username"]),
        ),
        secrets=(
            (f"{rds}_URL", _arn(tools, f"{blueprint.name}/link/{wanted.database}")),
            ("HEROKU_API_KEY", _arn(tools, f"{blueprint.name}/heroku-token")),
        ),
        stop_timeout=30,
    )
    placement = Placement(footprint.private_subnets, (footprint.app_security_group,))
    tools.aws.ecs.ensure_service(blueprint.name, spec, placement, desired=1, single=True)


def _master_url(tools: Tools, blueprint: Blueprint, database: str, footprint: Footprint) -> Secret:
    """Return the master's libpq URL of a database on RDS, as links and the controller use it."""
    place = footprint.database(database)
    master = _document(tools, place.master_secret)
    return _url(tools, place.host, place.port, {**master, "dbname": place.dbname})


def _url(tools: Tools, host: str, port: int, document: dict[str, str]) -> Secret:
    user, password = quote(document["username"], safe=""), quote(document["password"], safe="")
    return Secret(
        f"postgres://{user}:{password}@{host}:{port}/{document['dbname']}?sslmode={tools.settings.aws.database_tls}"
    )


def _document(tools: Tools, name: str) -> dict[str, str]:
    found = tools.aws.secrets.get(name)
    if found is None:
        raise OutsideError(f"The secret {name} is not there.", hint="Run `offramp run --until deploy` to make it.")
    document: dict[str, str] = json.loads(found.reveal())
    return document


def _arn(tools: Tools, name: str) -> str:
    arn = tools.aws.secrets.arn(name)
    if arn is None:
        raise OutsideError(f"The secret {name} is not there.", hint="Run `offramp run` again to make it.")
    return arn
