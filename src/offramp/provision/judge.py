"""Does AWS hold what the blueprint's services will stand on?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..design.model import Blueprint
from ..engine.stage import Decisions
from ..engine.verdict import Do, Finding, Met, Verdict, Wait
from .model import (
    CreateRepository,
    CreateRole,
    CreateZone,
    Deed,
    SeedNames,
    Seen,
    app_secret,
    app_url_secret,
    stack_names,
)
from .stacks import LOOK_AGAIN_SECONDS, judge_stack


def judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    """Judge the goals in order of dependence."""
    return tuple(_judge(want, seen, decisions))


def _judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Iterator[Finding[Deed]]:
    network, data, platform = stack_names(want)
    yield Finding("provision/zone", _zone(want, seen))
    yield Finding("provision/images", _repositories(seen))
    yield Finding("provision/network", _stack(want, seen, network, decisions))
    yield Finding("provision/data", _stack(want, seen, data, decisions, after=network))
    yield Finding("provision/platform", _platform(want, seen, platform, decisions, after=network))
    for plan in want.databases:
        yield Finding(f"provision/role/{plan.name}", _role(want, seen, plan.name))
    yield Finding("provision/names", _names(want, seen))


def _zone(want: Blueprint, seen: Seen) -> Verdict[Deed]:
    if seen.zone_id is None:
        return Do((CreateZone(want.zone),), because=f"the account has no public hosted zone {want.zone}")
    return Met(f"the name servers of {want.zone} are {', '.join(seen.zone_servers) or 'not told'}")


def _repositories(seen: Seen) -> Verdict[Deed]:
    if not seen.repositories_missing:
        return Met("every image has its repository")
    deeds = tuple(CreateRepository(name) for name in seen.repositories_missing)
    return Do(deeds, because=f"{len(deeds)} image repositories are missing")


def _stack(want: Blueprint, seen: Seen, name: str, decisions: Decisions, *, after: str | None = None) -> Verdict[Deed]:
    if after is not None and (before := seen.stack(after)).phase != "complete":
        return Wait(f"{name} builds on {after}, which is {before.status or 'not there yet'}", LOOK_AGAIN_SECONDS)
    template = next((template for template in seen.templates if template.stack == name), None)
    if template is None:
        return Wait(f"{name} needs the hosted zone first", LOOK_AGAIN_SECONDS)
    return judge_stack(want.name, template, seen.stack(name), decisions)


def _platform(want: Blueprint, seen: Seen, name: str, decisions: Decisions, *, after: str) -> Verdict[Deed]:
    verdict = _stack(want, seen, name, decisions, after=after)
    if isinstance(verdict, Wait) and seen.stack(name).phase == "working" and seen.zone_servers:
        # The certificate is proved through the zone, so CloudFormation waits until the world asks our name servers.
        servers = ", ".join(seen.zone_servers)
        return Wait(
            f"{verdict.because}; its certificate needs {want.zone} to be delegated to {servers}", verdict.seconds
        )
    return verdict


def _role(want: Blueprint, seen: Seen, database: str) -> Verdict[Deed]:
    role = next((role for role in seen.roles if role.database == database), None)
    if role is None or seen.footprint is None:
        return Wait(f"the database {database} is not there yet", LOOK_AGAIN_SECONDS)
    if role.usable:
        return Met("the application's role can log in")
    endpoint = seen.footprint.database(database)
    deed = CreateRole(endpoint, app_secret(want, database), app_url_secret(want, database))
    return Do((deed,), because=f"no role of {database} can log in with a password that we keep")


def _names(want: Blueprint, seen: Seen) -> Verdict[Deed]:
    if seen.footprint is None or seen.zone_id is None:
        return Wait("the load balancer is not there yet", LOOK_AGAIN_SECONDS)
    bare = {name.hostname for name in seen.names if name.aws_share is None}
    if not bare:
        return Met("every public name has weighted records")
    names = tuple((domain.hostname, domain.heroku_target) for domain in want.domains if domain.hostname in bare)
    deed = SeedNames(seen.zone_id, names, seen.footprint.load_balancer_dns)
    return Do((deed,), because=f"{len(names)} public names have no weighted records")
