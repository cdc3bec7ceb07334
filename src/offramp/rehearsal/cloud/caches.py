"""Which Valkey stands behind an ElastiCache replication group? One server per group, with its token and its TLS."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...kit import processes
from ..servers.valkey import Valkey
from .addresses import free_on
from .pidbook import Pidbook
from .wire import AwsError

# Valkey's own spelling of "no password".
_NO_PASSWORD = '""'
_TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]+")


@dataclass
class Cache:
    """One replication group; its replicas are the same server."""

    identifier: str
    server: Valkey
    token: str = field(repr=False)
    status: str = "creating"

    @property
    def endpoint(self) -> dict[str, object]:
        return {"address": self.server.host, "port": self.server.port, "status": self.status}


@dataclass
class Caches:
    """All replication groups of this world."""

    folder: Path
    pids: Pidbook
    addresses: Iterator[str]
    found: dict[str, Cache] = field(default_factory=dict)

    async def put(self, identifier: str, token: str, *, tls: bool, port: int) -> Cache:
        """Make the group be there; returns when it answers. Raises AwsError, also for a token without TLS."""
        if token and not tls:
            message = "The AUTH token modification is only supported when encryption-in-transit is enabled."
            raise AwsError("InvalidParameterCombination", message)
        check_token(token)
        if known := self.found.get(identifier):
            if token != known.token:
                await self._change_token(known, token)
            return known
        made = self.begin(identifier, token, tls=tls, port=port)
        await self.make(made)
        return made

    def begin(self, identifier: str, token: str, *, tls: bool, port: int) -> Cache:
        """Reserve the group's endpoint; ``make`` brings it up."""
        address = next(self.addresses)
        server = Valkey(self.folder / identifier, host=address, tls=tls, password=token or _NO_PASSWORD)
        server.port = free_on(address, port or 6379)
        made = self.found[identifier] = Cache(identifier, server, token)
        return made

    async def make(self, made: Cache) -> None:
        """Start a begun group. Raises AwsError when Valkey will not run."""
        try:
            await asyncio.to_thread(made.server.start)
        except (RuntimeError, TimeoutError, OSError) as failed:
            await asyncio.to_thread(made.server.stop)
            self.found.pop(made.identifier, None)
            raise AwsError("InternalFailure", f"Valkey for {made.identifier} did not start: {failed}", 500) from failed
        for pid in made.server.pids:
            self.pids.write(pid, f"elasticache {made.identifier}")
        made.status = "available"

    async def _change_token(self, known: Cache, token: str) -> None:
        """Restart with the other token on the same port; ElastiCache would keep both for a while."""
        self._strike(known)
        await asyncio.to_thread(known.server.stop)
        known.server.password, known.token = token or _NO_PASSWORD, token
        await self.make(known)

    async def delete(self, identifier: str) -> None:
        """Stop the server and drop its files; an unknown group is gone already."""
        known = self.found.get(identifier)
        if known is None:
            return
        known.status = "deleting"
        self._strike(known)
        await asyncio.to_thread(known.server.stop)
        self.found.pop(identifier, None)
        await asyncio.to_thread(shutil.rmtree, known.server.folder, True)

    def _strike(self, known: Cache) -> None:
        for pid in known.server.pids:
            self.pids.strike(pid)

    def status(self, identifier: str) -> str | None:
        """What DescribeReplicationGroups should say; None for a group that is not ours."""
        known = self.found.get(identifier)
        if known is None:
            return None
        if known.status == "available" and not all(map(processes.alive, known.server.pids)):
            return "create-failed"
        return known.status

    async def end(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(each.server.stop) for each in self.found.values()))


def check_token(token: str) -> None:
    """Refuse a token that ElastiCache would refuse: 16 to 128 characters, of the special ones only ``!&#$^<>-``."""
    if token and not (16 <= len(token) <= 128 and _TOKEN.fullmatch(token)):
        raise AwsError(
            "InvalidParameterValue",
            "Invalid AuthToken provided. It must be between 16 and 128 characters and contain only alphanumeric characters "
            'or symbols (excluding @, ", /, and spaces).',
        )
