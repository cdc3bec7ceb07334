"""How does a CloudFormation property become an ECS request member?

CloudFormation writes ``PascalCase`` and lets numbers arrive as text; ECS wants ``camelCase`` and real numbers.
"""

from __future__ import annotations

from typing import Any

# Maps whose keys belong to the user, not to AWS.
_OPEN_MAPS = frozenset({"Options", "DockerLabels", "DriverOpts", "Labels"})
_NUMBERS = frozenset(
    {
        "DesiredCount", "MinimumHealthyPercent", "MaximumPercent", "ContainerPort", "HostPort", "StopTimeout", "StartTimeout",
        "Interval", "Timeout", "Retries", "StartPeriod", "HealthCheckGracePeriodSeconds", "SoftLimit", "HardLimit", "Weight",
        "Base", "SizeInGiB", "MemoryReservation", "Port", "BakeTimeInMinutes",
    }
)  # fmt: skip
_FLAGS = frozenset(
    {
        "Enable", "Rollback", "Essential", "ReadonlyRootFilesystem", "InitProcessEnabled", "EnableExecuteCommand", "Privileged",
        "EnableECSManagedTags", "Interactive", "PseudoTerminal", "ReadOnly", "Enabled",
    }
)  # fmt: skip


def member(name: str) -> str:
    """Return the ECS spelling of a property name.

    >>> member("TaskDefinition"), member("EnableECSManagedTags")
    ('taskDefinition', 'enableECSManagedTags')
    """
    return name[:1].lower() + name[1:]


def request(properties: Any) -> Any:
    """Translate properties, deeply.

    >>> request({"DesiredCount": "2", "Tags": [{"Key": "a", "Value": "b"}], "Options": {"awslogs-group": "g"}})
    {'desiredCount': 2, 'tags': [{'key': 'a', 'value': 'b'}], 'options': {'awslogs-group': 'g'}}
    """
    if isinstance(properties, list):
        return [request(item) for item in properties]
    if not isinstance(properties, dict):
        return properties
    return {member(name): _value(name, value) for name, value in properties.items()}


def _value(name: str, value: Any) -> Any:
    if name in _OPEN_MAPS:
        return value
    if name in _NUMBERS and isinstance(value, str):
        return int(value)
    if name in _FLAGS and isinstance(value, str):
        return value.lower() == "true"
    return request(value)


def task_definition(properties: dict[str, Any]) -> dict[str, Any]:
    """Translate an ``AWS::ECS::TaskDefinition``: sizes are text for the task and numbers for a container."""
    translated: dict[str, Any] = request(properties)
    for size in ("cpu", "memory"):
        if size in translated:
            translated[size] = str(translated[size])
    for container in translated.get("containerDefinitions", ()):
        for size in ("cpu", "memory"):
            if size in container:
                container[size] = int(container[size])
        for pair in container.get("environment", ()):
            pair["value"] = _text(pair.get("value", ""))
    return translated


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
