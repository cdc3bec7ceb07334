"""Where does a name lead at this moment? Asked of one DNS server, as a browser's resolver would."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from dataclasses import dataclass, field

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

# Addresses are believed for their TTL, and never longer than this: the move of a name should be seen at once.
LONGEST_TTL_SECONDS = 1.0
ATTEMPTS = 3
ATTEMPT_SECONDS = 1.0


class UnresolvedError(OSError):
    """A name has no address, or the DNS server does not answer."""


@dataclass
class Names:
    """One resolver with its own cache; ``server`` and ``port`` are the DNS server's."""

    server: str
    port: int
    _known: dict[str, tuple[str, float]] = field(default_factory=dict)
    _asking: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def address(self, host: str) -> str:
        """Return the IPv4 address of ``host``. Raises UnresolvedError."""
        if _numeric(host):
            return host
        async with self._asking.setdefault(host, asyncio.Lock()):
            address, until = self._known.get(host, ("", 0.0))
            if time.monotonic() >= until:
                address, seconds = await self._ask(host)
                self._known[host] = address, time.monotonic() + min(seconds, LONGEST_TTL_SECONDS)
            return address

    async def _ask(self, host: str) -> tuple[str, float]:
        why = ""
        for _ in range(ATTEMPTS):
            try:
                return await self._query(host)
            except (dns.exception.DNSException, OSError) as error:
                why = str(error) or type(error).__name__
        raise UnresolvedError(f"{host}: {why}")

    async def _query(self, host: str) -> tuple[str, float]:
        """Ask once; the answer's TTL is the shortest of its chain."""
        question = dns.message.make_query(host, dns.rdatatype.A)
        answer, _ = await dns.asyncquery.udp_with_fallback(question, self.server, ATTEMPT_SECONDS, self.port)
        addresses = [item.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for item in rrset]
        if not addresses:
            raise UnresolvedError(f"answered {dns.rcode.to_text(answer.rcode())} without an address")
        return addresses[0], float(min(rrset.ttl for rrset in answer.answer))


def _numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
