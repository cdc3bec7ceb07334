"""Which links run, and what do the databases say of them?"""

from __future__ import annotations

import json
from contextlib import ExitStack

import psycopg

from .. import pump
from ..design.model import Blueprint, DatabasePlan, Wave
from ..provision.model import app_secret
from ..pump import Link
from ..tools import Tools
from .model import LinkProgress, LinkWanted, ReplicaSeen, Seen, Side, direction_from, link_of
from .progress import progress_of

Connection = psycopg.Connection[tuple[object, ...]]


def look(tools: Tools, want: Blueprint) -> Seen:
    """Read every database's replica, wave by wave: the first database of a wave says who is primary in it."""
    services = [link_of(service.name) for service in tools.aws.ecs.services(want.name)]
    links = tuple(link for link in services if link is not None)
    return Seen(tuple(replica for wave in want.waves for replica in _wave(tools, want, wave, links)))


def _wave(tools: Tools, want: Blueprint, wave: Wave, links: tuple[LinkWanted, ...]) -> list[ReplicaSeen]:
    primary: Side = "heroku"
    epoch = 0
    found = []
    for position, name in enumerate(sorted(wave.databases)):
        with ExitStack() as stack:
            url = tools.aws.secrets.get(f"{want.name}/link/{name}")
            rds = stack.enter_context(tools.connect(url, "offramp look")) if url else None
            if position == 0 and rds is not None:
                primary, epoch = _primary(rds)
            mine = tuple(link for link in links if link.database == name)
            found.append(_replica(tools, want.database(name), rds, primary, epoch, mine, want, stack))
    return found


def _primary(rds: Connection) -> tuple[Side, int]:
    """Return who is primary by the last committed switch, and its epoch."""
    record = pump.read_switch(rds)
    if record is None:
        return "heroku", 0
    arrived: Side = "aws" if record.direction == "forward" else "heroku"
    if record.state == "committed":
        return arrived, record.epoch
    return ("heroku" if arrived == "aws" else "aws"), record.epoch - 1


def _replica(
    tools: Tools,
    plan: DatabasePlan,
    rds: Connection | None,
    primary: Side,
    epoch: int,
    links: tuple[LinkWanted, ...],
    want: Blueprint,
    stack: ExitStack,
) -> ReplicaSeen:
    progress: LinkProgress | None = None
    concerns: tuple[str, ...] = ()
    wanted = LinkWanted(plan.name, direction_from(primary), epoch)
    url = tools.source_url_if_any(plan.app, plan.config_var)
    if rds is not None and url is not None:
        link = Link(plan.name, wanted.direction, epoch)
        if primary == "heroku":
            progress = progress_of(rds, link)
        else:
            progress = progress_of(stack.enter_context(tools.connect(url, "offramp look")), link)
        if wanted not in links and epoch == 0:
            heroku = stack.enter_context(tools.connect(url, "offramp preflight"))
            concerns = tuple(
                f"{found.object}: {found.why} ({found.fix})"
                for found in pump.check(heroku, rds, _owner(tools, want, plan.name))
                if found.blocking
            )
    return ReplicaSeen(
        database=plan.name, primary=primary, epoch=epoch, links=links, progress=progress, concerns=concerns
    )


def _owner(tools: Tools, want: Blueprint, database: str) -> str | None:
    """Return the role that is to own the tables on RDS, once provisioning has made it."""
    found = tools.aws.secrets.get(app_secret(want, database))
    return None if found is None else str(json.loads(found.reveal())["username"])
