"""Where does the traffic go, how does it fare, and where do jobs run?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..aws.dns import Zone
from ..deploy.model import schedule_name
from ..design.model import Blueprint, DomainPlan
from ..provision.model import Footprint, footprint, stack_names
from .model import (
    GroupSeen,
    NameSeen,
    OriginSeen,
    SchedulerSeen,
    ScheduleSeen,
    Seen,
    WorkerSeen,
    groups,
    read_mark,
)

if TYPE_CHECKING:
    from ..tools import Tools

SCHEDULER = "scheduler"
"""Heroku's name of the add-on service behind Scheduler jobs."""


def look(tools: Tools, want: Blueprint) -> Seen:
    """Read the zone, the load balancer's counts, Heroku's config vars and formations, and ECS; write nothing."""
    zone = tools.aws.dns.zone(want.zone)
    foot = footprint(want, {name: tools.aws.stacks.outputs(name) for name in stack_names(want)})
    now = tools.clock.now()
    return Seen(
        now=now,
        zone_id=zone.id if zone else None,
        load_balancer_dns=foot.load_balancer_dns if foot else None,
        origins=tuple(_origins(tools, want)),
        groups=tuple(_group(tools, zone, foot, name, domains, now) for name, domains in groups(want)),
        workers=tuple(_workers(tools, want)),
        schedulers=tuple(_schedulers(tools, want)),
        schedules=tuple(_schedules(tools, want)),
    )


def _origins(tools: Tools, want: Blueprint) -> Iterator[OriginSeen]:
    for app in sorted({origin.app for origin in want.origins}):
        values = tools.heroku.config_vars(app)
        for origin in want.origins:
            if origin.app == app:
                held = values.get(origin.config_var)
                yield OriginSeen(app, origin.config_var, held is not None and held.reveal() == origin.value)


def _group(
    tools: Tools, zone: Zone | None, foot: Footprint | None, name: str, domains: tuple[DomainPlan, ...], now: float
) -> GroupSeen:
    names = tuple(_name(tools, zone, domain.hostname) for domain in domains)
    marks = [seen.mark for seen in names if seen.mark is not None]
    if foot is None or not marks or all(not seen.share for seen in names):
        return GroupSeen(name, names)
    counts = tools.aws.metrics.request_counts(foot.load_balancer_name, max(mark.since for mark in marks), now)
    return GroupSeen(name, names, counts.requests, counts.errors)


def _name(tools: Tools, zone: Zone | None, hostname: str) -> NameSeen:
    if zone is None:
        return NameSeen(hostname, None, None)
    found = tools.aws.dns.name(zone.id, hostname)
    return NameSeen(hostname, found.aws_share, read_mark(found.note))


def _workers(tools: Tools, want: Blueprint) -> Iterator[WorkerSeen]:
    moving = [service for service in want.services if not service.web]
    on_aws = {service.name: service for service in tools.aws.ecs.services(want.name)} if moving else {}
    for app in sorted({service.app for service in moving}):
        wanted: Mapping[str, int] = {one.type: one.quantity for one in tools.heroku.formation(app)}
        alive = [dyno.type for dyno in tools.heroku.dynos(app)]
        for service in moving:
            if service.app == app:
                found = on_aws.get(service.name)
                yield WorkerSeen(
                    app=app,
                    process=service.process,
                    service=service.name,
                    heroku_wanted=wanted.get(service.process, 0),
                    heroku_alive=alive.count(service.process),
                    aws_desired=found.desired if found else 0,
                    aws_running=found.running if found else 0,
                )


def _schedulers(tools: Tools, want: Blueprint) -> Iterator[SchedulerSeen]:
    for app in sorted({service.app for service in want.services}):
        for addon in tools.heroku.addons(app):
            if addon.service == SCHEDULER and addon.app == app:
                yield SchedulerSeen(app, addon.name)


def _schedules(tools: Tools, want: Blueprint) -> Iterator[ScheduleSeen]:
    for job in want.jobs:
        name = schedule_name(want, job)
        yield ScheduleSeen(job.app, name, tools.aws.schedules.enabled(name))
