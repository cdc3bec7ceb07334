"""What runs on AWS, with which configuration, and is it well?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..design.model import Blueprint
from ..kit.secret import Secret
from ..pooler import config as pooler_config
from ..pooler.config import PoolerConfig
from ..provision.model import Footprint, footprint, stack_names
from ..provision.stacks import StackSeen, Template
from ..provision.standing import checked, standing
from . import config, templates
from .model import (
    ConfigPlan,
    ConfigSeen,
    PoolerSeen,
    ReleaseSeen,
    Seen,
    ServiceSeen,
    Side,
    app_stack,
    apps,
    cache_side_parameter,
    config_plan,
    gateway_stack,
    image_of,
    pooler_secret,
    release_mark,
    released_parameter,
    schedule_name,
    token_secret,
)

if TYPE_CHECKING:
    from ..tools import Tools


def look(tools: Tools, want: Blueprint) -> Seen:
    """Read stacks, services, secrets' fingerprints and Heroku's config vars; write nothing.

    While a stack is being changed only the stacks are read: it takes minutes, and Heroku counts our calls.
    """
    names = (gateway_stack(want), *(app_stack(want, app) for app in apps(want)))
    stacks = {name: standing(tools.aws.stacks, name) for name in names}
    foot = footprint(want, {name: tools.aws.stacks.outputs(name) for name in stack_names(want)})
    if foot is None or any(stack.phase == "working" for stack in stacks.values()):
        return Seen(foot, PoolerSeen(exists=False), (), tuple(stacks.values()), (), (), (), 0)
    document = _document(tools, want)
    configs = tuple(_configs(tools, want, foot, document)) if document else ()
    services = _services(tools, want)
    return Seen(
        footprint=foot,
        pooler=_pooler(tools, want, document),
        configs=configs,
        stacks=tuple(stacks.values()),
        templates=tuple(_templates(tools, want, stacks, services, configs)),
        services=services,
        releases=tuple(_release(tools, want, release.app) for release in want.releases),
        healthy_targets=sum(target.healthy for target in tools.aws.health.targets(foot.gateway_targets)),
    )


def _document(tools: Tools, want: Blueprint) -> PoolerConfig | None:
    text = tools.aws.secrets.get(pooler_secret(want))
    return None if text is None else pooler_config.parse(text.reveal())


def _pooler(tools: Tools, want: Blueprint, document: PoolerConfig | None) -> PoolerSeen:
    kept = tools.aws.secrets.get(token_secret(want))
    token_kept = kept is not None and kept.reveal() == tools.heroku_token.reveal()
    if document is None:
        return PoolerSeen(exists=False, token_kept=token_kept)
    served = set(document.databases) & set(document.clients)
    missing = tuple(plan.name for plan in want.databases if plan.name not in served)
    return PoolerSeen(True, missing, token_kept, document.pool_size)


def _configs(tools: Tools, want: Blueprint, foot: Footprint, document: PoolerConfig) -> Iterator[ConfigSeen]:
    sides = cache_sides(tools, want)
    tokens = {cache.name: cache.secret for cache in foot.caches if sides.get(cache.name) == "aws"}
    places = config.Places(
        pooler_host=f"pooler.{want.namespace}",
        pooler_port=want.pooler.port,
        clients=document.clients,
        caches={
            name: (
                foot.cache(name).host,
                foot.cache(name).port,
                config.cache_token(tools.aws.secrets.get(secret), secret),
            )
            for name, secret in tokens.items()
        },
    )
    for app in apps(want):
        plan = config_plan(want, app, sides)
        if all(database in document.clients for _, database in plan.pooled):
            yield _config(tools, plan, places, document.control_token)


def _config(tools: Tools, plan: ConfigPlan, places: config.Places, key: Secret) -> ConfigSeen:
    wanted = config.resolve(plan, tools.heroku.config_vars(plan.app), places)
    kept = tools.aws.secrets.get(plan.secret)
    names = tuple(sorted(config.load(kept))) if kept else ()
    arn = tools.aws.secrets.arn(plan.secret) if kept else None
    print_of_kept = config.fingerprint(config.load(kept), key) if kept else None
    return ConfigSeen(plan.app, config.fingerprint(wanted, key), print_of_kept, plan, arn, names)


def cache_sides(tools: Tools, want: Blueprint) -> Mapping[str, Side]:
    """Return where each cache's applications look for it now."""
    sides: dict[str, Side] = {}
    for wave in want.waves:
        moved = tools.aws.parameters.get(cache_side_parameter(want, wave.name)) == "aws"
        sides |= dict.fromkeys(wave.caches, "aws" if moved else "heroku")
    return sides


def _services(tools: Tools, want: Blueprint) -> tuple[ServiceSeen, ...]:
    return tuple(
        ServiceSeen(one.name, one.desired, one.running, one.steady, one.failed, next(iter(one.events), ""))
        for one in tools.aws.ecs.services(want.name)
    )


def _templates(
    tools: Tools,
    want: Blueprint,
    stacks: Mapping[str, StackSeen],
    services: tuple[ServiceSeen, ...],
    configs: tuple[ConfigSeen, ...],
) -> Iterator[Template]:
    token_arn = tools.aws.secrets.arn(token_secret(want))
    if token_arn is not None:
        name = gateway_stack(want)
        body = templates.gateway(want, token_arn=token_arn, heroku_api=tools.settings.heroku.api)
        yield checked(Template(name, body), want.region, stacks[name])
    for seen in configs:
        if seen.arn is None or seen.kept is None:
            continue
        name = app_stack(want, seen.app)
        body = templates.app(want, seen.app, templates.Config(seen.arn, seen.names))
        template = Template(
            stack=name,
            body=body,
            parameters=(("ConfigVersion", seen.kept),),
            kept=tuple(_kept(tools, want, seen.app, services)),
        )
        yield checked(template, want.region, stacks[name])


def _kept(tools: Tools, want: Blueprint, app: str, services: tuple[ServiceSeen, ...]) -> Iterator[tuple[str, str]]:
    """Yield what ``shift`` decides: workers and jobs stay as they are, and stay still until Heroku's have stopped."""
    running = {service.name: service.desired for service in services}
    for service in want.services:
        if service.app == app and not service.web:
            yield templates.worker_parameter(service), str(running.get(service.name, 0))
    for job in want.jobs:
        if job.app == app:
            on = tools.aws.schedules.enabled(schedule_name(want, job))
            yield templates.job_parameter(want, job), "ENABLED" if on else "DISABLED"


def _release(tools: Tools, want: Blueprint, app: str) -> ReleaseSeen:
    image = image_of(want, app)
    released = tools.aws.parameters.get(released_parameter(want, app))
    if released == image:
        return ReleaseSeen(app, image, released)
    tasks = tools.aws.ecs.tasks(want.name, release_mark(app, image))
    if not tasks:
        return ReleaseSeen(app, image, released)
    last = tasks[-1]
    return ReleaseSeen(app, image, released, last.id, last.stopped, last.exit_status, last.reason)
