"""Is every service up on AWS, with the right image and configuration, and well?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..design.model import Blueprint, Release
from ..engine.stage import Decisions
from ..engine.verdict import Ask, Do, Finding, Met, Refuse, Verdict, Wait
from ..provision.model import Footprint
from ..provision.stacks import judge_stack
from .model import (
    ConfigSeen,
    Deed,
    PoolerDatabase,
    ReleaseSeen,
    RememberRelease,
    Seen,
    StartRelease,
    WriteConfig,
    WritePooler,
    app_stack,
    apps,
    config_secret,
    gateway_stack,
    pooler_secret,
    release_mark,
    released_parameter,
    token_secret,
)

LOOK_AGAIN_SECONDS = 1.0


def judge(want: Blueprint, seen: Seen, decisions: Decisions) -> Sequence[Finding[Deed]]:
    """Judge the goals in order of dependence. While a stack is being changed, that is the only finding."""
    if seen.footprint is None:
        verdict = Wait("the foundations on AWS are not there yet", LOOK_AGAIN_SECONDS)
        return (Finding("deploy/gateway", verdict),)
    for stack in seen.stacks:
        if stack.phase == "working":
            return (Finding(_goal(want, stack.name), Wait(f"{stack.name} is {stack.status}", LOOK_AGAIN_SECONDS)),)
    return tuple(_judge(want, seen, seen.footprint, decisions))


def _goal(want: Blueprint, stack: str) -> str:
    if stack == gateway_stack(want):
        return "deploy/gateway"
    return f"deploy/app/{stack.removeprefix(app_stack(want, ''))}"


def _judge(want: Blueprint, seen: Seen, footprint: Footprint, decisions: Decisions) -> Iterator[Finding[Deed]]:
    yield Finding("deploy/pooler", _pooler(want, seen))
    for app in apps(want):
        yield Finding(f"deploy/config/{app}", _config(want, seen, footprint, app))
    yield Finding("deploy/gateway", _gateway(want, seen, decisions))
    for release in want.releases:
        yield Finding(f"deploy/release/{release.app}", _release(want, seen, footprint, release, decisions))
    for app in apps(want):
        yield Finding(f"deploy/app/{app}", _app(want, seen, app, decisions))


def _pooler(want: Blueprint, seen: Seen) -> Verdict[Deed]:
    pooler = seen.pooler
    if pooler.exists and not pooler.missing and pooler.token_kept and pooler.pool_size == want.pooler.pool_size:
        return Met("every database has a target and a client at the pooler")
    databases = tuple(PoolerDatabase(plan.name, plan.app, plan.config_var) for plan in want.databases)
    deed = WritePooler(pooler_secret(want), token_secret(want), databases, want.pooler.pool_size)
    return Do((deed,), because=_pooler_reason(seen))


def _pooler_reason(seen: Seen) -> str:
    if not seen.pooler.exists:
        return "the pooler has no configuration"
    if seen.pooler.missing:
        return f"the pooler does not know {', '.join(seen.pooler.missing)}"
    return "the pooler's size or the Heroku token has changed"


def _config(want: Blueprint, seen: Seen, footprint: Footprint, app: str) -> Verdict[Deed]:
    config = next((config for config in seen.configs if config.app == app), None)
    if config is None:
        return Wait("the pooler's configuration comes first", LOOK_AGAIN_SECONDS)
    if config.kept == config.wanted:
        return Met(f"version {config.wanted[:8]}")
    reason = "has no configuration on AWS" if config.kept is None else "is to be configured otherwise than it is on AWS"
    return Do((_write_config(want, footprint, config),), because=f"{app} {reason}")


def _write_config(want: Blueprint, footprint: Footprint, config: ConfigSeen) -> WriteConfig:
    caches = tuple(footprint.cache(name) for _, name in config.plan.cached)
    return WriteConfig(
        plan=config.plan,
        pooler_secret=pooler_secret(want),
        pooler_host=f"pooler.{want.namespace}",
        pooler_port=want.pooler.port,
        caches=tuple((cache.name, cache.host, cache.port, cache.secret) for cache in caches),
        fingerprint=config.wanted,
    )


def _gateway(want: Blueprint, seen: Seen, decisions: Decisions) -> Verdict[Deed]:
    verdict = _stack(want, seen, gateway_stack(want), decisions)
    if not isinstance(verdict, Met):
        return verdict
    for name in ("pooler", "gateway"):
        if (unwell := _unwell(seen, name)) is not None:
            return unwell
    if seen.healthy_targets < want.gateway.count:
        return Wait(
            f"{seen.healthy_targets} of {want.gateway.count} gateways pass the load balancer's checks",
            LOOK_AGAIN_SECONDS,
        )
    return Met(f"the pooler and {want.gateway.count} gateways are well")


def _release(
    want: Blueprint, seen: Seen, footprint: Footprint, release: Release, decisions: Decisions
) -> Verdict[Deed]:
    found = next(one for one in seen.releases if one.app == release.app)
    if found.released == found.image:
        return Met(f"ran with {found.image.rpartition('/')[2]}")
    if found.task is None:
        start = _start_release(want, footprint, release, found.image)
        return Do((start,), because=f"the release phase of {release.app} has not run with this image")
    if not found.stopped:
        return Wait(f"the release phase of {release.app} is running", LOOK_AGAIN_SECONDS)
    if found.exit_status == 0:
        remember = RememberRelease(released_parameter(want, release.app), release.app, found.image)
        return Do((remember,), because="its task ended with exit status 0")
    return _failed_release(want, footprint, release, found, decisions)


def _failed_release(
    want: Blueprint, footprint: Footprint, release: Release, found: ReleaseSeen, decisions: Decisions
) -> Verdict[Deed]:
    # The answer belongs to this one task, so that it does not stand for the next failure as well.
    decision = f"release/{(found.task or '')[:8]}"
    if decisions.get(decision) == "again":
        start = _start_release(want, footprint, release, found.image)
        return Do((start,), because="a person asked for another try")
    ended = found.reason or "no reason given" if found.exit_status is None else f"exit status {found.exit_status}"
    where = f"log group {footprint.log_group}, stream {release.app}-release/main/{found.task}"
    return Ask(decision, f"the release phase of {release.app} failed ({ended}); its output is in {where}", ("again",))


def _start_release(want: Blueprint, footprint: Footprint, release: Release, image: str) -> StartRelease:
    services = [service for service in want.services if service.app == release.app]
    like = next((service for service in services if service.web), services[0])
    return StartRelease(
        project=want.name,
        app=release.app,
        image=image,
        command=release.command,
        cpu=like.cpu,
        memory=like.memory,
        env=like.env,
        config_secret=config_secret(want, release.app),
        mark=release_mark(release.app, image),
        footprint=footprint,
    )


def _app(want: Blueprint, seen: Seen, app: str, decisions: Decisions) -> Verdict[Deed]:
    verdict = _stack(want, seen, app_stack(want, app), decisions)
    if not isinstance(verdict, Met):
        return verdict
    services = [service for service in want.services if service.app == app]
    for service in services:
        if (unwell := _unwell(seen, service.name)) is not None:
            return unwell
    return Met(f"{', '.join(service.name for service in services)}: well")


def _stack(want: Blueprint, seen: Seen, name: str, decisions: Decisions) -> Verdict[Deed]:
    template = next((template for template in seen.templates if template.stack == name), None)
    if template is None:
        return Wait(f"{name} needs its configuration first", LOOK_AGAIN_SECONDS)
    return judge_stack(want.name, template, seen.stack(name), decisions)


def _unwell(seen: Seen, name: str) -> Verdict[Deed] | None:
    """Return why a service does not count yet, or None when it is as many as it should be, all of the newest kind."""
    service = seen.service(name)
    if service is None:
        return Refuse(
            f"the service {name} is gone, though its stack is complete",
            hint="Somebody removed it by hand; delete its stack, then run `offramp run` again.",
        )
    if not service.steady:
        failed = f", {service.failed} failed ({service.event})" if service.failed else ""
        return Wait(f"{service.running} of {service.desired} tasks of {name} are well{failed}", LOOK_AGAIN_SECONDS)
    return None
