"""Where is a drain's host? Asked of the rehearsal's own DNS server, so that drains can have names of the emulated cloud."""

from __future__ import annotations

import asyncio
import socket

import dns.asyncresolver
import dns.exception
from aiohttp.abc import AbstractResolver, ResolveResult

LIFETIME_SECONDS = 2.0


class DrainResolver(AbstractResolver):
    """Resolve names at one DNS server; what it does not know, the machine's own resolver is asked."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [server[0]]
        self._resolver.port = server[1]
        self._resolver.lifetime = LIFETIME_SECONDS

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            found = [record.to_text() for record in await self._resolver.resolve(host, "A")]
        except dns.exception.DNSException:
            rows = await asyncio.get_running_loop().getaddrinfo(
                host, port, family=socket.AF_INET, type=socket.SOCK_STREAM
            )
            found = [str(row[4][0]) for row in rows]
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
            for address in found
        ]

    async def close(self) -> None:
        return None
