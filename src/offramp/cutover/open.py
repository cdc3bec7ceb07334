"""How does a switch get its hands on both sides of every database, and on the pooler?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from urllib.parse import quote

import psycopg

from ..design.model import Blueprint, DatabasePlan, Wave
from ..errors import OutsideError
from ..kit.secret import Secret
from ..pooler import config as pooler_config
from ..pooler.client import Door
from ..pooler.config import PoolerConfig, Target
from ..postgres import pooler as pgbouncer
from ..provision.model import app_url_secret
from ..pump import Link
from ..replicate.model import Direction
from ..tools import Tools
from .model import destination
from .switching import Pair, Switching

Connection = psycopg.Connection[tuple[object, ...]]
CONTROLLER = "offramp cutover"


def pooler_secret(blueprint: Blueprint) -> str:
    return f"{blueprint.name}/pooler"


def read_pooler(tools: Tools, blueprint: Blueprint) -> PoolerConfig:
    """Return the pooler's document. Raises OutsideError when there is none yet."""
    found = tools.aws.secrets.get(pooler_secret(blueprint))
    if found is None:
        raise OutsideError("The pooler has no configuration yet.", hint="Run `offramp run --until deploy` first.")
    return pooler_config.parse(found.reveal())


def pooler_address(tools: Tools, blueprint: Blueprint) -> str:
    """Return the address of the pooler's task. Raises OutsideError when none runs."""
    addresses = tools.aws.ecs.task_addresses(blueprint.name, "pooler")
    if not addresses:
        raise OutsideError(
            "No task of the ECS service `pooler` runs.", hint="ECS restarts it; look at its events if it does not."
        )
    return addresses[0]


def door(tools: Tools, blueprint: Blueprint, document: PoolerConfig) -> Door:
    return Door(pooler_address(tools, blueprint), blueprint.pooler.control_port, document.control_token)


def console(tools: Tools, blueprint: Blueprint, document: PoolerConfig) -> pgbouncer.Console:
    """Open PgBouncer's admin console."""
    user, password = quote(document.admin_user, safe=""), quote(document.admin_password.reveal(), safe="")
    address = pooler_address(tools, blueprint)
    return pgbouncer.Console(Secret(f"postgres://{user}:{password}@{address}:{blueprint.pooler.port}/pgbouncer"))


def aws_url(tools: Tools, blueprint: Blueprint, database: str) -> Secret:
    """Return the master's URL of a database on RDS, as the link uses it. Raises OutsideError when there is none yet."""
    found = tools.aws.secrets.get(f"{blueprint.name}/link/{database}")
    if found is None:
        raise OutsideError(f"{database} has no link yet.", hint="Run `offramp run --until replicate` first.")
    return found


def aws_target(tools: Tools, blueprint: Blueprint, plan: DatabasePlan, present: Target) -> Target:
    """Return where the pooler's clients of ``plan`` go once RDS is primary: the application's role, not the master's."""
    found = tools.aws.secrets.get(app_url_secret(blueprint, plan.name))
    if found is None:
        raise OutsideError(f"The application's role on {plan.name} has no URL yet.", hint="Run `offramp run` first.")
    return replace(pooler_config.target_from_url(found, "aws"), source=present.source)


def targets(
    tools: Tools, blueprint: Blueprint, wave: Wave, direction: Direction, document: PoolerConfig
) -> Mapping[str, Target]:
    """Return where the clients of each database of the wave go on the side that ``direction`` leads to."""
    found: dict[str, Target] = {}
    for name in wave.databases:
        plan = blueprint.database(name)
        if destination(direction) == "aws":
            found[name] = aws_target(tools, blueprint, plan, document.databases[name])
        else:
            url = tools.source_url(plan.app, plan.config_var)
            found[name] = replace(pooler_config.target_from_url(url, "heroku"), source=(plan.app, plan.config_var))
    return found


def pointed(document: PoolerConfig, there: Mapping[str, Target]) -> PoolerConfig:
    """Return the pooler's document with these databases elsewhere."""
    # Who writes where the clients go lets them go: a pooler that starts from here on need not hold them.
    held = tuple(sorted(set(document.held).difference(there)))
    return replace(document, databases={**document.databases, **there}, held=held)


def held(tools: Tools, blueprint: Blueprint, wave: Wave, *, begun: bool) -> PoolerConfig:
    """Return the pooler's document with this wave's databases held by whatever pooler starts, or not any more."""
    document = read_pooler(tools, blueprint)
    names = set(document.held) | set(wave.databases) if begun else set(document.held) - set(wave.databases)
    return replace(document, held=tuple(sorted(names)))


@contextmanager
def switching(
    tools: Tools, blueprint: Blueprint, wave_name: str, direction: Direction, epoch: int
) -> Iterator[Switching]:
    """Open every connection that the switch needs, before anything is held."""
    wave = blueprint.wave(wave_name)
    document = read_pooler(tools, blueprint)
    with ExitStack() as stack:
        pairs = tuple(_pair(tools, blueprint, name, direction, epoch, stack) for name in sorted(wave.databases))

        # Heroku and AWS are asked now, while nobody waits.
        there = targets(tools, blueprint, wave, direction, document)

        def point_pooler() -> str:
            wanted = pointed(read_pooler(tools, blueprint), there)
            tools.aws.secrets.put(pooler_secret(blueprint), pooler_config.dump(wanted))
            return pooler_config.digest(wanted)

        def mark_held(begun: bool) -> None:
            wanted = held(tools, blueprint, wave, begun=begun)
            tools.aws.secrets.put(pooler_secret(blueprint), pooler_config.dump(wanted))

        yield Switching(
            blueprint=blueprint,
            wave=wave,
            direction=direction,
            epoch=epoch,
            pairs=pairs,
            console=stack.enter_context(console(tools, blueprint, document)),
            door=door(tools, blueprint, document),
            point_pooler=point_pooler,
            mark_held=mark_held,
            clock=tools.clock,
            deadline=tools.clock.monotonic() + blueprint.cutover.deadline_seconds,
        )


def _pair(tools: Tools, blueprint: Blueprint, name: str, direction: Direction, epoch: int, stack: ExitStack) -> Pair:
    plan = blueprint.database(name)
    heroku = stack.enter_context(tools.connect(tools.source_url(plan.app, plan.config_var), CONTROLLER))
    rds = stack.enter_context(tools.connect(aws_url(tools, blueprint, name), CONTROLLER))
    back: Direction = "reverse" if direction == "forward" else "forward"
    return Pair(
        plan=plan,
        origin=heroku if direction == "forward" else rds,
        receiver=rds if direction == "forward" else heroku,
        feeding=Link(name, direction, epoch - 1),
        returning=Link(name, back, epoch),
    )
