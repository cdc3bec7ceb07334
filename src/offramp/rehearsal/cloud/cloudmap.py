"""Which addresses stand behind a name of a private namespace? Cloud Map's answer, kept by what tasks really do."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import aiohttp

from .control import Control
from .wire import AwsError

log = logging.getLogger(__name__)
_TARGET = "Route53AutoNaming_v20170314"


@dataclass(slots=True)
class Instance:
    """One registered address."""

    address: str
    healthy: bool


@dataclass(slots=True)
class Registry:
    """One Cloud Map service: its full DNS name and who is registered."""

    name: str
    instances: dict[str, Instance] = field(default_factory=dict)


@dataclass
class CloudMap:
    """Registrations, effective at once for DNS and mirrored into ministack, so that DiscoverInstances agrees."""

    control: Control
    registries: dict[str, Registry] = field(default_factory=dict)
    _mirror: asyncio.Queue[tuple[str, dict[str, object]]] = field(default_factory=asyncio.Queue)

    async def learn(self, arn: str) -> str:
        """Look up a service's DNS name once and return it. Raises AwsError when there is no such service."""
        identifier = service_id(arn)
        if identifier not in self.registries:
            service = (await self.control.json("servicediscovery", f"{_TARGET}.GetService", {"Id": identifier}))[
                "Service"
            ]
            found = await self.control.json(
                "servicediscovery", f"{_TARGET}.GetNamespace", {"Id": service["NamespaceId"]}
            )
            name = f"{service['Name']}.{found['Namespace']['Name']}".rstrip(".").lower()
            self.registries.setdefault(identifier, Registry(name))
        return self.registries[identifier].name

    async def covers(self, name: str) -> bool:
        """Whether ``name`` lies in a private namespace, registered or not."""
        listing = await self.control.json("servicediscovery", f"{_TARGET}.ListNamespaces", {})
        spaces = [str(each["Name"]).rstrip(".").lower() for each in listing.get("Namespaces") or ()]
        return any(name.endswith(f".{space}") for space in spaces)

    def register(self, arn: str, instance: str, address: str, *, mirror: bool = True) -> None:
        """Put an address behind a learned service's name; a second call for the same instance changes nothing."""
        identifier = service_id(arn)
        registry = self.registries[identifier]
        if instance in registry.instances:
            return
        registry.instances[instance] = Instance(address, True)
        if mirror:
            attributes = {"AWS_INSTANCE_IPV4": address}
            body: dict[str, object] = {"ServiceId": identifier, "InstanceId": instance, "Attributes": attributes}
            self._mirror.put_nowait(("RegisterInstance", body))

    def deregister(self, arn: str, instance: str, *, mirror: bool = True) -> None:
        """Take an address away; unknown ones are gone already."""
        identifier = service_id(arn)
        registry = self.registries.get(identifier)
        if registry and registry.instances.pop(instance, None) and mirror:
            self._mirror.put_nowait(("DeregisterInstance", {"ServiceId": identifier, "InstanceId": instance}))

    def lookup(self, name: str) -> list[str] | None:
        """Return the healthy addresses behind ``name``; None when no service has that name."""
        wanted = name.rstrip(".").lower()
        found: list[str] | None = None
        for registry in self.registries.values():
            if registry.name == wanted:
                found = (found or []) + [each.address for each in registry.instances.values() if each.healthy]
        return found

    async def mirror(self) -> None:
        """Tell ministack about registrations, in order, for ever."""
        while True:
            action, body = await self._mirror.get()
            try:
                await self.control.json("servicediscovery", f"{_TARGET}.{action}", body)
            except (AwsError, OSError, aiohttp.ClientError) as refused:
                log.warning("%s of %s was not mirrored: %s", action, body["InstanceId"], refused)


def service_id(arn: str) -> str:
    """
    >>> service_id("arn:aws:servicediscovery:us-east-1:123456789012:service/srv-abc")
    'srv-abc'
    """
    return arn.rpartition("/")[2]
