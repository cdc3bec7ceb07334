"""What does a container see in its environment?

Beside what the task definition says, a few variables stand in for what a network namespace and a VPC would give: an address
to bind to, a resolver, a scratch directory. They are documented in ``known_fakes.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ... import resolver
from ..control import Control
from ..wire import AwsError
from . import images
from .model import Container, Task

_PORTS = {"postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379}
_C_CLIENTS = re.compile(rf"^({'|'.join(_PORTS)})://")


class CannotInitializeError(Exception):
    """A secret, a parameter or a log group that the task needs is not there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every task of this world."""

    dns: str
    endpoint: str
    region: Callable[[], str]
    stand_in: Callable[[str, int], Awaitable[str | None]]


def surrounded(task: Task, container: Container, scratch: Path, around: Surroundings) -> dict[str, str]:
    """Return the variables that stand in for the container's own network, disk and metadata."""
    given = {
        "PATH": images.program_path(),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "HOSTNAME": f"ip-{task.address.replace('.', '-')}.ec2.internal",
        "BIND_ADDRESS": task.address,
        "DNS_RESOLVER": around.dns,
        "OFFRAMP_DNS": around.dns,
        "OFFRAMP_CONTAINER": marker(task, container.name).partition("=")[2],
        "AWS_REGION": around.region(),
        "AWS_DEFAULT_REGION": around.region(),
        "AWS_ENDPOINT_URL": around.endpoint,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{around.endpoint}/_rehearsal/credentials/{task.id}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{around.endpoint}/_rehearsal/metadata/{task.id}",
    }
    if container.ports:
        given["GUNICORN_CMD_ARGS"] = f"--bind {task.address}:{container.ports[0]}"
    return given


def marker(task: Task, container: str) -> str:
    """Return the environment entry by which everything that a container started can be found."""
    return f"OFFRAMP_CONTAINER={task.id}/{container}"


async def of(
    task: Task, container: Container, image: Mapping[str, str], scratch: Path, around: Surroundings, control: Control
) -> dict[str, str]:
    """Return a container's whole environment. Raises CannotInitializeError when a secret cannot be had."""
    override = task.overrides.get(container.name)
    own = {**image, **dict(container.environment)}
    for name, reference in container.secrets:
        own[name] = await secret(reference, control)
    own |= dict(override.environment) if override else {}
    own = {name: await _reachable(value, around) for name, value in own.items()}
    everything = {**surrounded(task, container, scratch, around), **own}
    everything["PYTHONPATH"] = ":".join(filter(None, (str(resolver.FOLDER), own.get("PYTHONPATH"))))
    return everything


async def _reachable(value: str, around: Surroundings) -> str:
    """C libraries resolve names where no shim of ours can reach, so a URL for them carries a forwarder's address instead."""
    if not _C_CLIENTS.match(value):
        return value
    parts = urlsplit(value)
    if not parts.hostname or parts.hostname.replace(".", "").isdigit():
        return value
    address = await around.stand_in(parts.hostname, parts.port or _PORTS[parts.scheme])
    if address is None:
        return value
    credentials, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}{address}{port}"))


async def secret(reference: str, control: Control) -> str:
    """Resolve a ``valueFrom``: a secret's ARN with an optional JSON key, a parameter's ARN, or a parameter's name."""
    try:
        if reference.startswith("arn:aws:secretsmanager:"):
            return await _secret(reference, control)
        name = reference.split(":parameter", 1)[1] if reference.startswith("arn:aws:ssm:") else reference
        answer = await control.json("ssm", "AmazonSSM.GetParameter", {"Name": name, "WithDecryption": True})
        return str(answer["Parameter"]["Value"])
    except AwsError as refused:
        raise CannotInitializeError(
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from "
            f"{reference}: {refused}"
        ) from refused


async def _secret(reference: str, control: Control) -> str:
    parts = reference.split(":")
    arn, (key, stage, version) = ":".join(parts[:7]), (*parts[7:10], "", "", "")[:3]
    body: dict[str, object] = {"SecretId": arn}
    body |= {"VersionStage": stage} if stage else {}
    body |= {"VersionId": version} if version else {}
    text = str((await control.json("secretsmanager", "secretsmanager.GetSecretValue", body))["SecretString"])
    if not key:
        return text
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        raise CannotInitializeError(
            f"ResourceInitializationError: unable to pull secrets: retrieved secret from {arn} did not contain json key {key}"
        ) from None
    return value if isinstance(value, str) else json.dumps(value)
