"""How do ministack's records of databases and caches get to know the servers that are really there?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .registry import Handler, Made, Properties, Registry


@dataclass(frozen=True, slots=True)
class Original:
    """ministack's own handlers of a type, behind our protocol; ``named_by`` is the property that names a resource."""

    handlers: Mapping[str, Any]
    named_by: str

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        physical_id, attributes = self.handlers["create"](logical_id, dict(properties), stack)
        return str(physical_id), dict(attributes)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        # A generated name is made from the logical id, which our handlers are not given; the old name stands in for it.
        generated = {self.named_by: physical_id}
        made, attributes = self.handlers["update"](physical_id, {**generated, **old}, {**generated, **new}, stack)
        return str(made), dict(attributes)

    def delete(self, physical_id: str, properties: Properties) -> None:
        self.handlers["delete"](physical_id, dict(properties))


def original(registry: Registry, name: str, *, named_by: str) -> Handler:
    """Return ministack's handler of a type that we are about to replace."""
    return Original(dict(registry.handlers[name]), named_by)


def database(properties: Properties) -> dict[str, object]:
    """What the data plane must know of a database instance."""
    return {
        "engine": properties.get("Engine", "postgres"),
        "version": str(properties.get("EngineVersion", "")),
        "user": properties.get("MasterUsername", "postgres"),
        "password": properties.get("MasterUserPassword", ""),
        "database": properties.get("DBName", ""),
        "port": int(properties.get("Port") or 0),
        "parameters": parameters(properties.get("DBParameterGroupName", "")),
    }


def parameters(group: str) -> dict[str, str]:
    """Return what a parameter group's user set in it."""
    from ministack.services import rds

    values = (rds._param_groups.get(group) or {}).get("Parameters") or {}
    return {str(name): str(each["ParameterValue"]) for name, each in values.items() if each.get("ParameterValue")}


def point_database(physical_id: str, endpoint: Mapping[str, Any]) -> None:
    """Write the real address into ministack's record, from which SecretTargetAttachment and others read it."""
    from ministack.services import rds

    rds._instances[physical_id]["Endpoint"] |= {"Address": endpoint["address"], "Port": int(endpoint["port"])}


def refuse_protected(physical_id: str) -> None:
    """Deletion protection holds for CloudFormation too. Raises ValueError."""
    from ministack.services import rds

    if (rds._instances.get(physical_id) or {}).get("DeletionProtection"):
        raise ValueError("Cannot delete protected DB Instance, please disable deletion protection and try again.")


def cache(properties: Properties) -> dict[str, object]:
    """What the data plane must know of a replication group."""
    return {
        "password": properties.get("AuthToken", ""),
        "tls": str(properties.get("TransitEncryptionEnabled", False)).lower() == "true",
        "port": int(properties.get("Port") or 0),
    }


def point_cache(physical_id: str, endpoint: Mapping[str, Any]) -> None:
    from ministack.services import elasticache

    where = {"Address": endpoint["address"], "Port": int(endpoint["port"])}
    for group in elasticache._replication_groups[physical_id].get("NodeGroups") or ():
        for name in ("PrimaryEndpoint", "ReaderEndpoint"):
            group[name] = dict(where)
