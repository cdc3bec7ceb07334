"""How is one deed of deployment done? Secret values pass through here and nowhere else."""

from __future__ import annotations

import secrets as randomness
from typing import TYPE_CHECKING, assert_never

from ..aws.ecs import Placement, TaskSpec
from ..errors import OutsideError
from ..kit.secret import Secret
from ..pooler import config as pooler_config
from ..pooler.config import PoolerConfig, Target
from ..provision.bring import act_on_stack
from ..provision.stacks import ProtectStack, UpdateStack
from . import config
from .model import Deed, PoolerDatabase, RememberRelease, StartRelease, WriteConfig, WritePooler

if TYPE_CHECKING:
    from ..tools import Tools

ADMIN = "offramp"
STOP_SECONDS = 120


def act(deed: Deed, tools: Tools) -> None:
    """Do one deed; safe to repeat. Raises what AWS or Heroku answers."""
    match deed:
        case WritePooler():
            _write_pooler(deed, tools)
        case WriteConfig():
            _write_config(deed, tools)
        case StartRelease():
            _start_release(deed, tools)
        case RememberRelease(parameter, _, image):
            tools.aws.parameters.put(parameter, image)
        case UpdateStack() | ProtectStack():
            act_on_stack(deed, tools.aws.stacks, tools.clock)
        case _:
            assert_never(deed)


def _write_pooler(deed: WritePooler, tools: Tools) -> None:
    """Add what is missing. Targets and passwords that are there stay: a switch may have changed the former."""
    tools.aws.secrets.put(
        deed.token_secret, tools.heroku_token, description="How the pooler asks Heroku for fresh URLs"
    )
    text = tools.aws.secrets.get(deed.secret)
    held = pooler_config.parse(text.reveal()) if text else _empty()
    document = PoolerConfig(
        databases={db.name: held.databases.get(db.name) or _target(tools, db) for db in deed.databases},
        clients={db.name: held.clients.get(db.name) or _password() for db in deed.databases},
        admin_user=held.admin_user,
        admin_password=held.admin_password,
        control_token=held.control_token,
        pool_size=deed.pool_size,
    )
    tools.aws.secrets.put(deed.secret, pooler_config.dump(document), description="Where the pooler sends its clients")


def _empty() -> PoolerConfig:
    return PoolerConfig({}, {}, ADMIN, _password(), _password(), 0)


def _password() -> Secret:
    return Secret(randomness.token_urlsafe(30))


def _target(tools: Tools, database: PoolerDatabase) -> Target:
    """Return Heroku's own database as the first target."""
    url = tools.source_url(database.app, database.config_var)
    found = pooler_config.target_from_url(url, "heroku")
    return Target(
        found.side, found.host, found.port, found.dbname, found.user, found.password, found.sslmode,
        (database.app, database.config_var),
    )  # fmt: skip


def _write_config(deed: WriteConfig, tools: Tools) -> None:
    text = tools.aws.secrets.get(deed.pooler_secret)
    if text is None:
        raise OutsideError(f"The secret {deed.pooler_secret} is not there.", hint="Run `offramp run` again to make it.")
    places = config.Places(
        pooler_host=deed.pooler_host,
        pooler_port=deed.pooler_port,
        clients=pooler_config.parse(text.reveal()).clients,
        caches={
            name: (host, port, config.cache_token(tools.aws.secrets.get(secret), secret))
            for name, host, port, secret in deed.caches
        },
    )
    values = config.resolve(deed.plan, tools.heroku.config_vars(deed.plan.app), places)
    tools.aws.secrets.put(deed.plan.secret, config.dump(values), description=f"Config vars of {deed.plan.app}")


def _start_release(deed: StartRelease, tools: Tools) -> None:
    """Start the task unless one of this image runs already."""
    if any(not task.stopped for task in tools.aws.ecs.tasks(deed.project, deed.mark)):
        return
    text, arn = tools.aws.secrets.get(deed.config_secret), tools.aws.secrets.arn(deed.config_secret)
    if text is None or arn is None:
        raise OutsideError(f"The secret {deed.config_secret} is not there.", hint="Run `offramp run` again to make it.")
    replaced = {name for name, _ in deed.env}
    spec = TaskSpec(
        family=f"{deed.project}-{deed.app}-release",
        image=deed.image,
        command=("sh", "-c", deed.command),
        cpu=deed.cpu,
        memory=deed.memory,
        execution_role=deed.footprint.execution_role,
        task_role=deed.footprint.task_role,
        log_group=deed.footprint.log_group,
        env=deed.env,
        secrets=tuple((name, f"{arn}:{name}::") for name in sorted(config.load(text)) if name not in replaced),
        stop_timeout=STOP_SECONDS,
    )
    placement = Placement(deed.footprint.private_subnets, (deed.footprint.app_security_group,))
    definition = tools.aws.ecs.register(spec)
    tools.aws.ecs.start_task(deed.project, definition, placement, started_by=deed.mark)
