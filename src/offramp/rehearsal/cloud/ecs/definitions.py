"""Is a RegisterTaskDefinition request sound, and what does it mean for processes? Times are seconds."""

from __future__ import annotations

from typing import Any

from ..wire import AwsError
from .model import Container, HealthCommand, LogTarget, Registration, Rules, Wire

# Fargate kills a container at the latest two minutes after SIGTERM; 30 s when the definition says nothing.
DEFAULT_STOP_TIMEOUT, MAXIMUM_STOP_TIMEOUT = 30, 120
# Fargate's table of CPU units and the memory (MiB) that may go with them.
_FARGATE: dict[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}


def _refuse(message: str) -> AwsError:
    return AwsError("ClientException", message)


def containers(body: Wire) -> tuple[Container, ...]:
    """Parse and check a request's containers. Raises AwsError as ECS would."""
    if not body.get("family"):
        raise _refuse("Family should not be null or empty.")
    definitions = body.get("containerDefinitions") or []
    if not definitions:
        raise _refuse("Container list cannot be empty.")
    if "FARGATE" in (body.get("requiresCompatibilities") or ()):
        _check_fargate(body)
    parsed = tuple(_container(each) for each in definitions)
    if len({each.name for each in parsed}) < len(parsed):
        raise _refuse("Container names must be unique within a task definition.")
    if not any(each.essential for each in parsed):
        raise _refuse("At least one container must be essential.")
    return parsed


def _check_fargate(body: Wire) -> None:
    if body.get("networkMode") != "awsvpc":
        raise _refuse("Fargate only supports network mode ‘awsvpc’.")
    try:
        cpu, memory = int(body.get("cpu") or 0), int(body.get("memory") or 0)
    except ValueError:
        raise _refuse("Invalid 'cpu' or 'memory' setting for task.") from None
    if not cpu or not memory:
        raise _refuse("Fargate requires that 'cpu' and 'memory' be defined at the task level.")
    if cpu not in _FARGATE or memory not in _FARGATE[cpu]:
        raise _refuse(f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")


def _container(each: dict[str, Any]) -> Container:
    name, image = each.get("name"), each.get("image")
    if not name or not image:
        raise _refuse("Container.image and Container.name should not be null or empty.")
    stop = float(each.get("stopTimeout", DEFAULT_STOP_TIMEOUT))
    if stop > MAXIMUM_STOP_TIMEOUT:
        raise _refuse(f"Container stopTimeout must be at most {MAXIMUM_STOP_TIMEOUT} seconds.")
    return Container(
        name=name,
        image=image,
        entry_point=tuple(each.get("entryPoint") or ()),
        command=tuple(each.get("command") or ()),
        environment=tuple((str(pair["name"]), str(pair.get("value", ""))) for pair in each.get("environment") or ()),
        secrets=tuple((str(pair["name"]), str(pair["valueFrom"])) for pair in each.get("secrets") or ()),
        ports=tuple(int(port["containerPort"]) for port in each.get("portMappings") or ()),
        essential=bool(each.get("essential", True)),
        stop_timeout=stop,
        health=_health(each.get("healthCheck")),
        log=_log(each.get("logConfiguration")),
        working_directory=str(each.get("workingDirectory") or ""),
    )


def _health(check: dict[str, Any] | None) -> HealthCommand | None:
    if not check:
        return None
    command = tuple(check.get("command") or ())
    if not command or command[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise _refuse("Health check command must start with CMD or CMD-SHELL.")
    if command[0] == "NONE":
        return None
    if len(command) < 2:
        raise _refuse("Health check command must say what to run.")
    interval, timeout = int(check.get("interval", 30)), int(check.get("timeout", 5))
    retries, start = int(check.get("retries", 3)), int(check.get("startPeriod", 0))
    for what, value, low, high in (
        ("interval", interval, 5, 300),
        ("timeout", timeout, 2, 60),
        ("retries", retries, 1, 10),
        ("startPeriod", start, 0, 300),
    ):
        if not low <= value <= high:
            raise _refuse(f"Health check {what} must be between {low} and {high}, not {value}.")
    return HealthCommand(command, interval, timeout, retries, start)


def _log(configuration: dict[str, Any] | None) -> LogTarget | None:
    if not configuration or configuration.get("logDriver") != "awslogs":
        return None
    options = configuration.get("options") or {}
    if "awslogs-group" not in options:
        raise _refuse("Log driver awslogs requires options: awslogs-group.")
    return LogTarget(
        str(options["awslogs-group"]),
        str(options.get("awslogs-stream-prefix", "ecs")),
        str(options.get("awslogs-create-group", "")).lower() == "true",
    )


def rules(configuration: dict[str, Any] | None) -> Rules:
    """Parse a deploymentConfiguration. Raises AwsError for percentages that can never make progress."""
    given = configuration or {}
    breaker = given.get("deploymentCircuitBreaker") or {}
    parsed = Rules(
        int(given.get("minimumHealthyPercent", 100)),
        int(given.get("maximumPercent", 200)),
        bool(breaker.get("enable", False)),
        bool(breaker.get("rollback", False)),
    )
    if parsed.maximum_percent <= parsed.minimum_percent <= 100:
        message = "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
        raise AwsError("InvalidParameterException", message)
    return parsed


def registrations(balancers: list[dict[str, Any]] | None) -> tuple[Registration, ...]:
    """Parse a service's loadBalancers."""
    return tuple(
        Registration(str(each["targetGroupArn"]), str(each.get("containerName", "")), int(each["containerPort"]))
        for each in balancers or ()
        if each.get("targetGroupArn")
    )
