"""What breaks a move from Heroku that no linter of AWS's looks for? Rules over a parsed template, ids beginning with ``OFF``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from .templates import Fault, Json, parse, resources_of

REQUEST_SECONDS = 30
"""How long one request may take: Heroku's H12."""
DEFAULT_DRAIN_SECONDS = 15
START_SECONDS = 60
"""How long a container may start before a failed check counts."""

_SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS)")
_URL_WITH_PASSWORD = re.compile(r"^[a-z][a-z0-9+]*://[^/\s:@]*:[^/\s@]+@")

Rule = Callable[[Json], Iterator[Fault]]


def check(body: str) -> tuple[Fault, ...]:
    """Return what the rules have against a template, in the order of rules and resources."""
    template = parse(body)
    return tuple(fault for rule in RULES for fault in rule(template))


def drains(template: Json) -> Iterator[Fault]:
    """OFF1: a task that answers requests must be left alone until its drain time and its last request have ended."""
    for name, container in _containers(template):
        if not container.get("PortMappings"):
            continue
        drain = int(_environment(container).get("OFFRAMP_DRAIN", DEFAULT_DRAIN_SECONDS))
        needed, given = drain + REQUEST_SECONDS, _number(container.get("StopTimeout"), 30)
        if given < needed:
            yield Fault(
                "OFF1", f"Resources/{name}", f"StopTimeout is {given} s, drain and last request need {needed} s"
            )


def grace(template: Json) -> Iterator[Fault]:
    """OFF2: a container that answers requests needs time to start before failed checks count."""
    for name, container in _containers(template):
        check_ = container.get("HealthCheck")
        if container.get("PortMappings") and not isinstance(check_, dict):
            yield Fault("OFF2", f"Resources/{name}", "a container that answers requests has no health check")
        elif isinstance(check_, dict) and _number(check_.get("StartPeriod"), 0) < START_SECONDS:
            yield Fault("OFF2", f"Resources/{name}", f"its health check's StartPeriod is under {START_SECONDS} s")


def breaker(template: Json) -> Iterator[Fault]:
    """OFF3: a deployment that fails must go back by itself."""
    for name, service in _of_type(template, "AWS::ECS::Service"):
        found = _dict(_dict(service.get("DeploymentConfiguration")).get("DeploymentCircuitBreaker"))
        if not (found.get("Enable") is True and found.get("Rollback") is True):
            yield Fault("OFF3", f"Resources/{name}", "its deployment circuit breaker does not roll back")


def surge(template: Json) -> Iterator[Fault]:
    """OFF4: a new task must be well before an old one goes."""
    for name, service in _of_type(template, "AWS::ECS::Service"):
        found = _dict(service.get("DeploymentConfiguration"))
        if (found.get("MinimumHealthyPercent"), found.get("MaximumPercent")) != (100, 200):
            yield Fault("OFF4", f"Resources/{name}", "MinimumHealthyPercent and MaximumPercent are not 100 and 200")


def open_secrets(template: Json) -> Iterator[Fault]:
    """OFF5: everybody who may look at a task definition reads its Environment."""
    for name, container in _containers(template):
        for variable, value in _environment(container).items():
            if _SECRET_NAME.search(variable) or _URL_WITH_PASSWORD.match(value):
                yield Fault("OFF5", f"Resources/{name}", f"{variable} looks like a secret and is in Environment")


def closed_databases(template: Json) -> Iterator[Fault]:
    """OFF6: a database is reachable from the private network only, and encrypted."""
    for name, database in _of_type(template, "AWS::RDS::DBInstance"):
        if database.get("PubliclyAccessible") is not False:
            yield Fault("OFF6", f"Resources/{name}", "PubliclyAccessible is not false")
        if database.get("StorageEncrypted") is not True:
            yield Fault("OFF6", f"Resources/{name}", "StorageEncrypted is not true")


def two_zones(template: Json) -> Iterator[Fault]:
    """OFF7: one availability zone may fail."""
    zones = {str(subnet.get("AvailabilityZone")) for _, subnet in _of_type(template, "AWS::EC2::Subnet")}
    if len(zones) == 1:
        yield Fault("OFF7", "Resources", "all subnets are in one availability zone")
    for name, database in _of_type(template, "AWS::RDS::DBInstance"):
        if database.get("MultiAZ") is not True:
            yield Fault("OFF7", f"Resources/{name}", "MultiAZ is not true")


def logs(template: Json) -> Iterator[Fault]:
    """OFF8: logs are kept for a stated time, and a full log driver must not stop a container."""
    for name, group in _of_type(template, "AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group:
            yield Fault("OFF8", f"Resources/{name}", "RetentionInDays is not set")
    for name, container in _containers(template):
        options = _dict(_dict(container.get("LogConfiguration")).get("Options"))
        if options.get("mode") != "non-blocking":
            yield Fault("OFF8", f"Resources/{name}", "its log driver's mode is not non-blocking")


RULES: tuple[Rule, ...] = (drains, grace, breaker, surge, open_secrets, closed_databases, two_zones, logs)


def _of_type(template: Json, kind: str) -> Iterator[tuple[str, Json]]:
    for name, resource in resources_of(template).items():
        if resource.get("Type") == kind:
            yield name, _dict(resource.get("Properties"))


def _containers(template: Json) -> Iterator[tuple[str, Json]]:
    for name, definition in _of_type(template, "AWS::ECS::TaskDefinition"):
        found = definition.get("ContainerDefinitions")
        for container in found if isinstance(found, list) else ():
            yield name, _dict(container)


def _environment(container: Json) -> Mapping[str, str]:
    """Return the variables whose values stand in the template."""
    found = container.get("Environment")
    pairs = found if isinstance(found, list) else []
    return {str(pair["Name"]): pair["Value"] for pair in pairs if isinstance(pair.get("Value"), str)}


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _number(value: object, default: int) -> int:
    return int(str(value)) if value is not None else default
